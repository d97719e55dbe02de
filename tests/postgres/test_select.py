from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from checker.errors import PostgresUnavailable
from checker.postgres import container, embedded, machine, start_server
from checker.postgres.select import PROVIDERS, Provider
from checker.settings import PostgresSettings

NOWHERE = (
    Provider("container", container.start),
    Provider("machine", partial(machine.start, places=())),
    Provider("embedded", partial(embedded.start, wheel="no_such_wheel")),
)


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    return {"PATH": str(tmp_path), "HOME": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/docker.sock"}


def test_the_error_lists_every_provider_with_its_reason(bare: dict[str, str]) -> None:
    told: list[str] = []
    with pytest.raises(PostgresUnavailable) as caught:
        start_server(PostgresSettings(), environ=bare, tell=told.append, providers=NOWHERE)
    reasons = dict(caught.value.tried)
    assert list(reasons) == ["container", "machine", "embedded"]
    assert "docker.sock does not exist" in reasons["container"]
    assert "initdb" in reasons["machine"]
    assert "embedded" in reasons["embedded"]
    assert "alembic-premerge[embedded]" in caught.value.remedy
    assert told == []


@pytest.mark.parametrize("name", ["container", "machine", "embedded"])
def test_a_provider_that_is_named_is_the_only_one_asked(bare: dict[str, str], name: str) -> None:
    with pytest.raises(PostgresUnavailable) as caught:
        start_server(PostgresSettings(provider=name), environ=bare, tell=print, providers=NOWHERE)  # type: ignore[arg-type]
    assert [tried for tried, _ in caught.value.tried] == [name]


@pytest.mark.postgres
def test_without_docker_the_next_serves(bare: dict[str, str]) -> None:
    environ = {**bare, "PATH": os.environ["PATH"]}
    with start_server(PostgresSettings(), environ=environ, tell=print) as server:
        assert server.provider == "machine"
    assert [provider.name for provider in PROVIDERS] == ["container", "machine", "embedded"]


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """pytest's own folders are closed to the account that a server of root's runs as."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.postgres
def test_binaries_that_do_not_start_are_reported(bare: dict[str, str], open_to_all: Path) -> None:
    folder = open_to_all / "bin"
    folder.mkdir()
    folder.chmod(0o755)
    for program in ("initdb", "postgres"):
        (folder / program).write_text(
            '#!/bin/sh\n[ "$1" = --version ] && exec echo postgres 17.1\necho no luck; exit 3\n'
        )
        (folder / program).chmod(0o755)
    broken = Provider("machine", partial(machine.start, places=(f"{open_to_all}/b*n",)))
    told: list[str] = []
    with pytest.raises(PostgresUnavailable, match=r"initdb failed: .*no luck"):
        start_server(PostgresSettings(), environ=bare, tell=told.append, providers=(broken, NOWHERE[2]))
    assert "no luck" in told[-1]
