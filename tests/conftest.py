from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from checker.postgres import Server, start_server
from checker.postgres.select import PROVIDERS
from checker.settings import PostgresSettings
from tests.gitrepo import checkout, git_of_our_own

__all__ = ["checkout", "git_of_our_own"]


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A real server for whoever needs databases; what starts quickest first."""
    quickest = (*PROVIDERS[1:], PROVIDERS[0])
    with start_server(PostgresSettings(), environ=os.environ, tell=print, providers=quickest) as one:
        yield one
