"""What a configuration may ask for. The author of a pull request writes the configuration at its head. The base's was
merged by somebody with the right to merge, and a file that --config names was chosen by the user of the command.
"""

from __future__ import annotations

from checker.errors import ConfigurationError
from checker.settings import FILE_NAMES, Configuration, PostgresSettings, Settings, read_configuration
from checker.source.comparison import Comparison
from checker.source.snapshot import SnapshotReader


def read_configuration_of(tree: str, reader: SnapshotReader) -> Configuration:
    """The configuration of a tree; the defaults where it has none. Raises ConfigurationError where it is not valid."""
    name = next((name for name in (*FILE_NAMES, "pyproject.toml") if reader.has(tree, name)), None)
    return read_configuration(reader.read(tree, name).decode("utf-8", "replace"), name) if name else Configuration()


def trusted_configuration(
    settings: Settings, configuration: Configuration, comparison: Comparison, reader: SnapshotReader
) -> Configuration:
    """The configuration that may name variables, servers and rights: the base's, unless the user named a file.

    A base whose configuration is not valid has none: this change may be its repair.
    """
    if settings.config:
        return configuration
    try:
        return read_configuration_of(comparison.base_tree, reader)
    except ConfigurationError:
        return Configuration()


def restrict_postgres(asked: PostgresSettings, trusted: PostgresSettings, settings: Settings) -> PostgresSettings:
    """What is asked for, without rights on a server that only this change asks for.

    Raises ConfigurationError for a server that only this change names: it would be sent a password.
    """
    if asked.url and asked.url != trusted.url and not settings.postgres:
        raise ConfigurationError(
            "postgres.url is not in the base's configuration, which alone may name a server",
            "Until it is merged, give the server with --postgres.",
        )
    return asked.model_copy(update={"privileged": asked.privileged and trusted.privileged})
