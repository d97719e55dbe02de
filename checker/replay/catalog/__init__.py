"""Reads PostgreSQL's catalog and tells two catalogs apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from checker.replay.catalog.compare import compare, describe, describe_deployed
from checker.replay.catalog.model import Catalog, Entry, Key

if TYPE_CHECKING:
    from checker.replay.catalog.watch import CatalogWatch, read_catalog

__all__ = ["Catalog", "CatalogWatch", "Entry", "Key", "compare", "describe", "describe_deployed", "read_catalog"]


def __getattr__(name: str) -> Any:
    # What reads a catalog brings PostgreSQL's driver along. A check that only words a difference does without.
    if name in ("CatalogWatch", "read_catalog"):
        from checker.replay.catalog import watch

        return getattr(watch, name)
    raise AttributeError(name)
