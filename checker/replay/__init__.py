"""Runs the chain on a throwaway PostgreSQL, in the project's own Python."""
