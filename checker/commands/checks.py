"""Checks as a user names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checker.errors import UsageError

if TYPE_CHECKING:
    from checker.checks.registry import Registered


def check_ids(stated: list[str] | None) -> frozenset[str]:
    """The ids of the checks that are named by id or slug. Raises UsageError for one that does not exist."""
    return frozenset(registered_check(text).info.id for text in stated or ())


def registered_check(text: str) -> Registered:
    """The check of this id or slug. Raises UsageError where there is none."""
    from checker.checks.registry import find

    registered = find(text)
    if registered is None:
        raise UsageError(f"there is no check called {text}", "`alembic-premerge explain` lists them.")
    return registered
