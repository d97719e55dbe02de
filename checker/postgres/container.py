"""PostgreSQL in a container of its own, by testcontainers."""

from __future__ import annotations

import contextlib
import logging
import secrets
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from checker import temporary
from checker.postgres.databases import DatabaseServer, one_line, throwaway_arguments, wait_until_ready
from checker.postgres.docker_probe import find_daemon
from checker.postgres.guard import Guard
from checker.postgres.interface import Address, ProviderUnavailable, Request

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.docker_client import DockerClient

    import docker

USER = "postgres"
DATA = "/premerge"
"""A place of our own: the images' volume lies below /var/lib/postgresql, and moved with version 18."""
OPEN_BY_SQL = "a limit on programs and connections by SQL in the container (COPY TO PROGRAM, dblink)"
_PORT = 5432
_SECONDS = 60.0
_HINT = (
    "; in a container, TESTCONTAINERS_CONNECTION_MODE says how to reach another (bridge_ip, gateway_ip, docker_host)"
)
_REMOVE = "import docker, sys; docker.from_env().containers.get(sys.argv[1]).remove(force=True, v=True)"
_OWNER, _VIEW = "alembic-premerge.owner", "alembic-premerge.view"
"""Labels: the run folder of the process that the container belongs to, and where that path means something."""


def start(request: Request) -> DatabaseServer:
    """A server from `settings.image`, else ProviderUnavailable."""
    find_daemon(request.environ)
    import docker.errors
    import requests

    for name in ("testcontainers", "docker", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        return _start(request)
    except (docker.errors.DockerException, requests.RequestException, OSError, RuntimeError) as error:
        reason = getattr(error, "explanation", None) or one_line(error)
        raise ProviderUnavailable(f"Docker cannot run {request.settings.image}: {reason}") from None


def _start(request: Request) -> DatabaseServer:
    import docker.errors
    import requests
    from testcontainers.core.config import testcontainers_config

    # Our own guard takes the container away even when we are killed: Ryuk would be one more image to pull, and a
    # container with the daemon's socket in it.
    testcontainers_config.ryuk_disabled = True
    name = f"premerge-{secrets.token_hex(6)}"
    password = secrets.token_hex(16)
    guard = Guard()
    owner = guard.new_folder(Path(tempfile.gettempdir()), None).parent
    try:
        container = _container(request.settings.image, name, password, owner)
        _remove_ownerless(container.get_docker_client().client)
        _announce(container, request)
    except BaseException:
        guard.close()
        raise

    def stop() -> None:
        with contextlib.suppress(docker.errors.DockerException, requests.RequestException):
            container.stop()
            guard.run_last(None)
        guard.close()

    try:
        guard.run_last([sys.executable, "-I", "-c", _REMOVE, name])
        container.start()
        address = _address(container, password)
        wait_until_ready(address, _SECONDS, lambda seconds: _exited(container, seconds), _HINT)
        server = DatabaseServer("container", address, request, stop=stop)
        server.open_to_workers = OPEN_BY_SQL
        return server
    except BaseException:
        stop()
        raise


def _container(image: str, name: str, password: str, owner: Path) -> DockerContainer:
    # Not testcontainers' PostgresContainer: that one asks psql inside the container once a second whether it is ready,
    # where we have to see it from outside anyway.
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(image)
    options: dict[str, object] = {"shm_size": "256m"}  # parallel queries need more than Docker's 64 MB
    options["labels"] = {_OWNER: str(owner), _VIEW: _view()}
    # Said here the network holds where DOCKER_HOST is set too, which testcontainers takes for a word about networks.
    if network := _our_network(container.get_docker_client()):
        options["network"] = network
    return (
        container.with_kwargs(**options)
        .with_name(name)
        .with_exposed_ports(_PORT)
        .with_envs(POSTGRES_USER=USER, POSTGRES_PASSWORD=password, POSTGRES_DB=USER)
        .with_env("POSTGRES_INITDB_ARGS", "--no-sync")
        .with_env("PGDATA", f"{DATA}/data")
        .with_tmpfs_mount(DATA)
        .with_command(["postgres", *throwaway_arguments()])
    )


def _view() -> str:
    """Which file system paths are meant in: other machines, and other containers, may use the same Docker daemon."""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/mnt').readlink()}"
    return socket.gethostname()


def _remove_ownerless(client: docker.DockerClient) -> None:
    """Remove the containers of runs that were killed together with their supervisor."""
    import docker.errors
    import requests

    for one in client.containers.list(all=True, filters={"label": f"{_VIEW}={_view()}"}, ignore_removed=True):
        if not temporary.has_owner(Path(one.labels.get(_OWNER, "/"))):
            with contextlib.suppress(docker.errors.DockerException, requests.RequestException):
                one.remove(force=True, v=True)


def _our_network(client: DockerClient) -> str | None:
    """The network to be in where we are in a container ourselves."""
    network = client.find_host_network()
    while network and network.startswith("container:"):  # we share another's
        network = client.network_name(network.removeprefix("container:"))
    return "bridge" if network == "host" else network  # on the host's own, no port could be mapped


def _announce(container: DockerContainer, request: Request) -> None:
    import docker.errors

    try:
        container.get_docker_client().client.images.get(container.image)
    except docker.errors.ImageNotFound:
        request.tell(f"pulling {container.image}")
    else:
        request.tell(f"starting {container.image} in a container")


def _address(container: DockerContainer, password: str) -> Address:
    host = container.get_container_host_ip()
    # Docker may map ::1 to another port than 127.0.0.1, and `localhost` is both.
    host = "127.0.0.1" if host == "localhost" else host
    return Address(host, container.get_exposed_port(_PORT), USER, password, USER)


def _exited(container: DockerContainer, seconds: float) -> str | None:
    container.reload()
    if container.status not in ("exited", "dead"):
        time.sleep(seconds)
        return None
    output, errors = container.get_logs()
    lines = (errors or output).decode("utf-8", "replace").strip().splitlines()
    return f"the container ended: {' | '.join(lines[-3:]) or 'it said nothing'}"
