"""The image, as `docker run … check` has it: for GitLab and others."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checker import demo

ROOT = Path(__file__).parents[2]
SOCKET = "/var/run/docker.sock"
TAG = "premerge-test:latest"

pytestmark = [pytest.mark.docker, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """A Docker client that has built the image."""
    import docker

    one = docker.from_env()
    one.images.build(path=str(ROOT), tag=TAG, rm=True)
    yield one
    one.close()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The shop, as somebody else's files."""
    folder = demo.make(tmp_path / "shop")
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 12345, 12345)
    return folder


def check(client: Any, shop: Path, *options: str, socket: bool = True, **how: Any) -> tuple[int, dict[str, Any]]:
    """The exit code of `check` in the image, and the report."""
    mounts = {str(shop): {"bind": "/repo", "mode": "rw"}}
    mounts |= {SOCKET: {"bind": SOCKET, "mode": "rw"}} if socket else {}
    command = ["check", "--base", "main", "--report", "json=report.json", *options]
    container = client.containers.run(TAG, command, volumes=mounts, working_dir="/repo", detach=True, **how)
    try:
        status = container.wait()["StatusCode"]
        report = shop / "report.json"
        assert report.is_file(), container.logs().decode()
        return status, json.loads(report.read_text("utf-8"))
    finally:
        container.remove(force=True)


@pytest.mark.parametrize(
    "how", [{}, {"network_mode": "host"}, {"environment": {"DOCKER_HOST": f"unix://{SOCKET}"}}], ids=str
)
def test_postgresql_comes_up_beside_it(how: dict[str, Any], client: Any, shop: Path) -> None:
    status, report = check(client, shop, "--postgres", "container", **how)
    assert status == 1
    assert [one["server"]["provider"] for one in report["replay"]] == ["container"]
    assert {"G202", "H101", "R303"} <= {one["id"] for one in report["findings"]}


def test_on_a_network_of_the_users_too(client: Any, shop: Path) -> None:
    network = client.networks.create("premerge-test-network")
    try:
        status, report = check(client, shop, "--postgres", "container", network=network.name)
    finally:
        network.remove()
    assert (status, report["replay"][0]["server"]["provider"]) == (1, "container")


def test_without_a_daemon_it_brings_its_own(client: Any, shop: Path) -> None:
    status, report = check(client, shop, socket=False)
    assert (status, report["replay"][0]["server"]["provider"]) == (1, "embedded")
    assert {"G202", "H101", "R303"} <= {one["id"] for one in report["findings"]}
