"""`python -m checker` is `alembic-premerge`."""

from checker.door import main

if __name__ == "__main__":
    main()
