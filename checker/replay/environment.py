"""The environment that a worker is started with: nothing that could lead to a real database or let a secret out."""

from __future__ import annotations

import re
from collections.abc import Mapping

from checker.parsing import is_text

# By whole names: a prefix would let through whatever somebody calls LC_TOKEN.
_PASSED = (
    *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT"),
    *("LANG", "LANGUAGE", "LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "DYLD_FRAMEWORK_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHASHSEED"),
)
_FOR_INSTALLERS = re.compile(
    r"(UV|PIP|XDG)_\w+|GIT_(SSH|CONFIG|ASKPASS)\w*|NETRC|(?i:https?_proxy|all_proxy|no_proxy)|SSH_AUTH_SOCK|CC|CXX|C(XX)?FLAGS|LDFLAGS|PKG_CONFIG_PATH"
)
_SETS = re.compile(r"\s*(?:export\s+)?([\w.]+)\s*=\s*")
_QUOTED = re.compile(r"""(?:"((?:\\.|[^"\\])*+)"|'([^']*)')\s*+(?:(?<!\S)#.*)?""")
_COMMENT = re.compile(r"(?<!\S)#")
_URL = re.compile(r"(postgres(?:ql)?(?:\+\w+)?)://")

_SQLALCHEMY_NAMES = "DATABASE_URL SQLALCHEMY_DATABASE_URI SQLALCHEMY_DATABASE_URL SQLALCHEMY_URL DB_URL POSTGRES_URL"
USUAL_NAMES: Mapping[str, str] = {
    **dict.fromkeys(f"{_SQLALCHEMY_NAMES} POSTGRES_DSN DATABASE_URI".split(), "{url}"),
    **dict.fromkeys(("PGHOST", "POSTGRES_HOST", "POSTGRES_SERVER", "DB_HOST"), "{host}"),
    **dict.fromkeys(("PGPORT", "POSTGRES_PORT", "DB_PORT"), "{port}"),
    **dict.fromkeys(("PGUSER", "POSTGRES_USER", "DB_USER", "DB_USERNAME"), "{user}"),
    **dict.fromkeys(("PGPASSWORD", "POSTGRES_PASSWORD", "DB_PASS", "DB_PASSWORD"), "{password}"),
    **dict.fromkeys(("PGDATABASE", "POSTGRES_DB", "DB_NAME", "DB_DATABASE"), "{database}"),
}
"""Where projects look for their database when nobody says otherwise, each with what is to stand there."""


def for_a_question(environ: Mapping[str, str]) -> dict[str, str]:
    """What an interpreter needs in order to start and to answer, and nothing of the user's."""
    return {name: environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in environ}


def passed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """What a worker may see of `environ`. What it starts itself leaves no compiled files behind in the user's tree."""
    kept = {name: value for name, value in environ.items() if name in _PASSED}
    # Two runs of one script are to send the same SQL: the order of a set of strings must not differ between them.
    return {"PYTHONHASHSEED": "0", **kept, "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def installer_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What uv and pip may see: the same, and where packages come from. Python itself is downloaded only if the user says so."""
    kept = {name: value for name, value in environ.items() if _FOR_INSTALLERS.fullmatch(name)}
    own = {name: value for name, value in passed_on(environ).items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    own.pop("PYTHONDONTWRITEBYTECODE")
    return {"UV_PYTHON_DOWNLOADS": "never", **own, **kept}


def templates(env_file: str, configured: Mapping[str, str]) -> dict[str, str]:
    """The variables that the worker sets, as templates: `env:` before the usual names before the text of `env_file`.

    A PostgreSQL URL in the file keeps its scheme, since a project may take the driver from it, and nothing else.
    """
    found = read_env_file(env_file)
    urls = {name: f"{url[1]}://{{login}}/{{database}}" for name, value in found.items() if (url := _URL.match(value))}
    return {**found, **USUAL_NAMES, **urls, **configured}


def read_env_file(text: str) -> dict[str, str]:
    """KEY=VALUE lines, with `export`, quotes and comments as in a shell, but no substitution."""
    values = {}
    for line in text.splitlines():
        if found := _SETS.match(line):
            value = _value(line, found.end())
            if is_text(value):
                values[found[1]] = value
    return values


def _value(line: str, start: int) -> str:
    """What stands after the `=`."""
    if quoted := _QUOTED.fullmatch(line, start):
        return next(part for part in quoted.groups() if part is not None)
    comment = _COMMENT.search(line, start)
    return line[start : comment.start() if comment else len(line)].strip()
