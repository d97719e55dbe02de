"""Reads PostgreSQL's catalog and tells two catalogs apart."""

from checker.replay.catalog.compare import compare, describe, describe_deployed
from checker.replay.catalog.model import Catalog, Entry, Key
from checker.replay.catalog.watch import CatalogWatch, read_catalog

__all__ = ["Catalog", "CatalogWatch", "Entry", "Key", "compare", "describe", "describe_deployed", "read_catalog"]
