"""The last line of defence: values that are known to be secret come out of every report and text before it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import unquote

T = TypeVar("T")

STAND_IN = "***"
LEAST = 8
"""A shorter value stands in too many other words."""
_NAMES = re.compile(r"PGPASSWORD|.*_(TOKEN|PASSWORD|SECRET|PASSWD|API_KEY)", re.IGNORECASE)
_LOGIN = re.compile(r"://(?P<user>[^/@:\s]*):(?P<password>[^/@\s]+)@[^/\s]*(?:/(?P<database>[^?\s]*))?")
_PARAMETER = re.compile(r"[?&]password=(?P<password>[^&\s]+)")
_USUAL = frozenset(("postgres", "postgresql", "password", "changeme", "alembic-premerge"))
"""No secret is one of these, and reports are full of them."""


class Redaction:
    """What is to be hidden: the values of variables that sound like it, and passwords in URLs."""

    def __init__(self, environ: Mapping[str, str], *urls: str | None) -> None:
        named = {value for name, value in environ.items() if _NAMES.fullmatch(name)}
        texts = [*environ.values(), *(url for url in urls if url)]
        secrets = {
            form
            for value in (*named, *(password for text in texts for password in _passwords(text)))
            for form in (value, unquote(value))
            if len(form) >= LEAST and form.lower() not in _USUAL
        }
        # The longest first: one may hold another.
        words = "|".join(map(re.escape, sorted(secrets, key=len, reverse=True)))
        self._pattern = re.compile(words) if words else None

    def text(self, text: str) -> str:
        """The text without them."""
        return self._pattern.sub(STAND_IN, text) if self._pattern else text

    def over(self, value: T) -> T:
        """A dataclass with every text in it redacted, at any depth; itself where there is nothing to hide."""
        redacted: T = self._over(value)
        return redacted

    def _over(self, value: Any) -> Any:
        if self._pattern is None or isinstance(value, Enum):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, tuple):
            return tuple(map(self._over, value))
        if is_dataclass(value) and not isinstance(value, type):
            return replace(
                value, **{one.name: self._over(getattr(value, one.name)) for one in fields(value) if one.init}
            )
        return value


def _passwords(text: str) -> Iterator[str]:
    for match in _LOGIN.finditer(text):
        if match["password"] not in (match["user"], match["database"]):  # as in a test's own URL
            yield match["password"]
    for match in _PARAMETER.finditer(text):
        yield match["password"]
