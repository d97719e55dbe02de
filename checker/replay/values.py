"""What to put into a variable of which little is known: values to be tried, the likeliest first."""

from __future__ import annotations

import re

from checker.replay.protocol import Variable

PLACEHOLDER = "1"
"""A number, a truth and a text at once: most settings can be read from it."""
FERNET_KEY = "cHJlbWVyZ2UtcHJlbWVyZ2UtcHJlbWVyZ2UtcHJlbTE="
"""32 bytes in base64, as cryptography's Fernet and AES want them; it protects nothing."""
_LONG = "not-a-secret-not-a-secret-not-a-secret-not-a-secret-not-a-secret"
_OF_DATABASE = re.compile(r"DATABASE|DB|POSTGRES|^PG|SQL")
_SOUNDS_LIKE_DATABASE = re.compile(r"(?i)database|db|sql|postgres|pg|dsn|conn")
_SOUNDS_LIKE_URL = re.compile(r"(?i)ur[il]$|link$|address$")
_DATABASE_URL = re.compile(r"(?i)^(postgres|sqlite|mysql)[\w+]*:")
_OTHER_DATABASE = re.compile(r"(?i)^(\w*sqlite\w*|mysql|mariadb|oracle|mssql|memory|in[-_]?memory)$")
_KIND = re.compile(
    r"(?i)(engine|dialect|backend|adapter|(db|database|storage|store)_?(type|kind|driver|provider|vendor))$"
)
_PASSWORD_LIKE = re.compile(r"PASS(WORD|WD|PHRASE)?$")
_FOLDER = "/tmp"  # noqa: S108 - a value to be tried, and no file of ours
_TAIL = (
    PLACEHOLDER,
    "https://example.com",
    FERNET_KEY,
    "{}",
    "[]",
    "{user}:{password}",
    _LONG,
    "premerge@example.com",
    _FOLDER,
)
_BY_NAME = (
    (re.compile(r"CREDENTIAL"), "{user}:{password}"),
    (re.compile(r"E?MAIL(_(FROM|ADDRESS))?$|SENDER$"), "premerge@example.com"),
    (re.compile(r"(URL|URI|ENDPOINT|ORIGIN)S?$"), "https://example.com"),
    (re.compile(r"FERNET|ENCRYPTION_?KEY"), FERNET_KEY),
    (re.compile(r"(DIR|DIRECTORY|FOLDER|PATH)$"), _FOLDER),
)


def candidates(variable: Variable) -> tuple[str, ...]:
    """What to try for it, one after the other; never empty."""
    return tuple(dict.fromkeys((*likely_values(variable), *_TAIL)))


def likely_values(variable: Variable) -> tuple[str, ...]:
    """What its type, its name or its default speak for."""
    found = [*variable.values]
    if of_database := database_value(variable.name):
        found.insert(0, of_database)
    upper = variable.name.upper()
    found += [value for pattern, value in _BY_NAME if not of_database and pattern.search(upper)]
    opposite = {"true": "false", "false": "true", "1": "0", "0": "1"}.get((variable.default or "").lower())
    found += [opposite] if opposite else []
    return tuple(dict.fromkeys(found))


def database_value(name: str) -> str | None:
    """The part of the temporary database that a variable of this name is for, if it sounds like one."""
    upper = name.upper()
    if _is_url(upper):
        return "{url}"
    if not _OF_DATABASE.search(upper):
        return None
    if re.search(r"CREDENTIAL", upper):
        return "{user}:{password}"
    if _PASSWORD_LIKE.search(upper):
        return "{password}"
    for ending, value in (
        ("HOST", "host"),
        ("SERVER", "host"),
        ("ENDPOINT", "host"),
        ("PORT", "port"),
        ("USER", "user"),
    ):
        if upper.endswith((ending, ending + "NAME")):
            return f"{{{value}}}"
    return "{database}" if re.search(r"(NAME|_DB|DATABASE)$", upper) else None


def _is_url(name: str) -> bool:
    """DATABASE_URL, SQLALCHEMY_URI, PG_MAIN_DSN, POSTGRES_CONNECTION_STRING."""
    endings = ("URL", "URI", "DSN", "CONNECTION", "CONNECTION_STRING", "DATABASE_STRING", "DB_STRING")
    ending = next((one for one in endings if name.endswith(one)), None)
    stem = name.removesuffix(ending or "")
    if not ending or (ending.startswith("D") and ending.endswith("STRING")) or "SQL" in stem or "POSTGRES" in stem:
        return ending is not None
    return stem.endswith(("DATABASE", "DB", "PG", "_")) and any(one in stem for one in ("DATABASE", "DB", "PG"))


def likely_url(variable: Variable) -> int:
    """How likely the database's URL is read from it, by its name and by what the code has for it otherwise: 2, 1 or 0."""
    if variable.values and "{url}" not in variable.values:
        return 0
    default = variable.default or ""
    if _SOUNDS_LIKE_DATABASE.search(variable.name) or _DATABASE_URL.search(default):
        return 2
    return 1 if _SOUNDS_LIKE_URL.search(variable.name) or "://" in default or "sqlite" in default else 0


def switch_values(variable: Variable) -> tuple[str, ...]:
    """What chooses PostgreSQL, where the variable chooses the kind of database; () where it does not."""
    options = [one for one in variable.values if re.search(r"(?i)postgres|^pg", one)]
    if options:
        return tuple(options)
    default = variable.default or ""
    if not variable.values and (_OTHER_DATABASE.match(default) or _KIND.search(variable.name)):
        found = ("postgres", "postgresql")
        return tuple(one.upper() for one in found) if default.isupper() else found
    return ()
