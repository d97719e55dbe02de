"""Whether a Docker daemon answers: asked cheaply, before half a second goes into importing its client."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from checker.postgres.interface import ProviderAbsent, ProviderUnavailable

DEFAULT_HOST = "unix:///var/run/docker.sock"
_SECONDS = 2.0


def find_daemon(environ: Mapping[str, str]) -> str:
    """The address of a Docker daemon that answers; takes two seconds at most. Raises ProviderUnavailable."""
    host = _host(environ)
    parts = urlsplit(host)
    if parts.scheme == "unix":
        _ask_socket(parts.path)
    elif parts.scheme in ("tcp", "http", "https"):
        _ask_port(host, parts.hostname or "localhost", parts.port or 2375)
    return host  # ssh and npipe: only the client itself can ask


def _host(environ: Mapping[str, str]) -> str:
    if host := environ.get("DOCKER_HOST"):
        return host
    home = Path(environ.get("HOME") or "/")
    configured = environ.get("DOCKER_CONTEXT") or any(
        (home / name).is_file() for name in (".docker/config.json", ".testcontainers.properties")
    )
    if configured:
        from testcontainers.core.docker_client import get_docker_host

        return get_docker_host() or DEFAULT_HOST
    return DEFAULT_HOST


def _ask_socket(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(_SECONDS)
        try:
            one.connect(path)
            one.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            answer = one.recv(64)
        except FileNotFoundError:
            raise ProviderAbsent(f"there is no Docker daemon: {path} does not exist") from None
        except OSError as error:
            raise ProviderUnavailable(f"no Docker daemon answers on {path}: {error.strerror or error}") from None
    if b" 200 " not in answer.partition(b"\r\n")[0] + b" ":
        raise ProviderUnavailable(f"what answers on {path} is not a Docker daemon that is well")


def _ask_port(host: str, name: str, port: int) -> None:
    try:
        socket.create_connection((name, port), _SECONDS).close()
    except OSError as error:
        raise ProviderUnavailable(f"no Docker daemon answers at {host}: {error.strerror or error}") from None
