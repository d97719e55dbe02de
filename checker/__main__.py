"""`python -m checker` is `alembic-premerge`."""

from checker.cli import main

if __name__ == "__main__":
    main()
