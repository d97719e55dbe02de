"""alembic-premerge: would a database that exists today survive this merge?"""

__version__ = "0.1.0"
