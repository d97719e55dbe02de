"""Reads PostgreSQL's catalog and tells two catalogs apart."""
