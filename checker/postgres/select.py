"""Which throwaway PostgreSQL serves: the one that the user names, else the first that is to be had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from checker.errors import PostgresUnavailable
from checker.postgres import container, embedded, given, machine
from checker.postgres.databases import DatabaseServer
from checker.postgres.interface import InitScript, ProviderAbsent, ProviderUnavailable, Request, Server
from checker.settings import PostgresSettings

REMEDY = "Start Docker, or `pip install 'alembic-premerge[embedded]'`, or give --postgres URL."


@dataclass(frozen=True)
class Provider:
    """A way to a server. `start` raises ProviderUnavailable where it is none."""

    name: str
    start: Callable[[Request], DatabaseServer]


GIVEN = Provider("given", given.start)
PROVIDERS = (
    Provider("container", container.start),
    Provider("machine", machine.start),
    Provider("embedded", embedded.start),
)
"""In the order in which `auto` asks them."""


def start_server(
    settings: PostgresSettings,
    *,
    environ: Mapping[str, str],
    tell: Callable[[str], None],
    init: tuple[InitScript, ...] = (),
    providers: tuple[Provider, ...] = PROVIDERS,
) -> Server:
    """A running server whose empty databases have `settings.extensions` and what `init` made; close it in the end.

    `init` is the content of the files that `settings.init` names. `tell` gets a line of progress now and then. Raises
    PostgresUnavailable with what was tried; also when an extension or a script of `init` fails.
    """
    server = _first(Request(settings, environ, tell), _asked(settings, providers))
    try:
        server.prepare(settings.extensions, init)
    except BaseException:
        server.close()
        raise
    return server


def _asked(settings: PostgresSettings, providers: tuple[Provider, ...]) -> tuple[Provider, ...]:
    if settings.provider != "auto":
        return tuple(provider for provider in providers if provider.name == settings.provider)
    # A server that the user names is the only one that will do: another might lack what it has.
    return (GIVEN,) if settings.url else providers


def _first(request: Request, providers: tuple[Provider, ...]) -> DatabaseServer:
    tried: list[tuple[str, str]] = []
    remedy = None
    for provider in providers:
        try:
            return provider.start(request)
        except ProviderUnavailable as error:
            tried.append((provider.name, str(error)))
            remedy = error.remedy
            if provider is not providers[-1] and not isinstance(error, ProviderAbsent):
                request.tell(f"PostgreSQL: not from {provider.name}: {error}")
    what = (
        "The PostgreSQL that was given cannot be used"
        if providers == (GIVEN,)
        else "No throwaway PostgreSQL is to be had"
    )
    raise PostgresUnavailable(what, remedy or REMEDY, tuple(tried))
