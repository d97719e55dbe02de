from __future__ import annotations

import os

import pytest

from checker.errors import PostgresUnavailable
from checker.postgres import start_server
from checker.postgres.select import PROVIDERS
from checker.settings import PostgresSettings
from tests.postgres import helpers

pytestmark = pytest.mark.docker


def _ours() -> set[str]:
    import docker

    client = docker.from_env()
    try:
        return {one.name for one in client.containers.list(all=True, filters={"name": "premerge-"})}
    finally:
        client.close()


def test_a_container_serves_and_is_gone_afterwards() -> None:
    before = _ours()
    told: list[str] = []
    with start_server(PostgresSettings(), environ=os.environ, tell=told.append) as server:
        first = server.create_database()
        helpers.run(first, "CREATE TABLE t ()")
        assert helpers.ask(server.create_database(first), "SELECT count(*) FROM t") == 0
        assert (server.provider, server.version.split(".")[0]) == ("container", "17")
        assert helpers.ask(first, "SHOW fsync") == "off"
        started = _ours() - before
    assert started
    assert not started & _ours()
    assert "postgres:17" in told[0]


def test_a_killed_owner_leaves_no_container() -> None:
    before = _ours()
    process, _, _ = helpers.start_owner("container")
    started = _ours() - before
    assert started
    process.kill()
    helpers.end_owner(process)
    assert helpers.comes_true(lambda: not started & _ours())


@pytest.mark.parametrize("image", ["localhost:1/none:17", "python:3.13-slim"])
def test_an_image_that_does_not_serve_is_told_and_the_next_provider_serves(image: str) -> None:
    before = _ours()
    told: list[str] = []
    with start_server(PostgresSettings(image=image), environ=os.environ, tell=told.append) as server:
        assert server.provider in ("machine", "embedded")
    assert any(image in line and line.startswith("PostgreSQL: not from container") for line in told)
    with pytest.raises(PostgresUnavailable, match="container: Docker cannot run"):
        start_server(
            PostgresSettings(image=image, provider="container"), environ=os.environ, tell=print, providers=PROVIDERS
        )
    assert _ours() <= before
