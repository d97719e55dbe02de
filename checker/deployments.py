"""What the user's `environments:` have run, and which project that concerns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from checker.checks.base import Deployed, Subject
from checker.files import resolve_inside
from checker.findings import Skipped
from checker.postgres.interface import ProviderUnavailable
from checker.settings import DeployedAt
from checker.source.comparison import Comparison
from checker.source.snapshot import SnapshotReader


@dataclass(frozen=True)
class Deployments:
    """What each environment reports, and which could not be asked."""

    known: tuple[Deployed, ...]
    skipped: tuple[Skipped, ...]


def read_deployments(
    environments: Mapping[str, DeployedAt],
    read: Callable[[str], bytes | None],
    environ: Mapping[str, str],
    trusted: Iterable[DeployedAt],
) -> Deployments:
    """Ask every environment. `read` gives a file of the repository; an environment that does not answer is skipped, and
    that is never green.

    A variable that holds a URL is read only if one of the `trusted` entries names it: the author of a pull request may
    write any variable's name into the configuration.
    """
    known: list[Deployed] = []
    skipped = []
    variables = {place.url_env for place in trusted}
    for name, place in environments.items():
        if place.url_env and place.url_env not in variables:
            reason = f"url_env: {place.url_env} is not yet in the base's configuration, which alone may name a variable"
            skipped.append(Skipped(f"environment {name}", reason, wanted=False))
            continue
        try:
            known += [Deployed(name, revision) for revision in _ask(place, read, environ)]
        except ProviderUnavailable as error:
            skipped.append(Skipped(f"environment {name}", f"which revision it has run is not known: {error}"))
    return Deployments(tuple(known), tuple(skipped))


def _ask(place: DeployedAt, read: Callable[[str], bytes | None], environ: Mapping[str, str]) -> Iterable[str]:
    if place.revision is not None:
        return [place.revision]
    if place.file is not None:
        content = read(place.file)
        if content is None:
            raise ProviderUnavailable(f"there is no file {place.file}", "Name a file of the repository.")
        return _words(content)
    url = environ.get(place.url_env or "")
    if not url:
        raise ProviderUnavailable(f"{place.url_env} is not set", "Give it to this run.")
    from checker.postgres.deployed import deployed_revisions

    return deployed_revisions(url, environ.get("PGPASSWORD", ""))


def _words(content: bytes) -> Iterable[str]:
    """The first word of each line, as `alembic current` writes them; what begins with # is a comment."""
    lines = (line.split() for line in content.decode("utf-8", "replace").splitlines())
    return [words[0] for words in lines if words and not words[0].startswith("#")]


def file_reader(root: Path | None, reader: SnapshotReader, tree: str) -> Callable[[str], bytes | None]:
    """Reads a file as it lies on disk, where a job may just have written it, else as the tree has it."""

    def read(path: str) -> bytes | None:
        if root and (root / path).is_file():
            return resolve_inside(root, path, "the environment's file").read_bytes()
        return reader.read(tree, path) or None

    return read


def assign(
    deployed: Sequence[Deployed], subjects: Sequence[Subject], reader: SnapshotReader, comparison: Comparison
) -> list[Subject]:
    """The subjects, each with the revisions that its databases report.

    Which project an environment is of, its revision says. One that none of the repository's projects has or had at the
    base is told once, by the first.
    """
    lost = {
        one
        for one in deployed
        if not any(_knows(subject, one.revision) for subject in subjects)
        and one.revision not in all_revisions(reader, comparison)
    }
    return [
        replace(
            subject,
            deployed=tuple(
                one for one in deployed if _knows(subject, one.revision) or (one in lost and subject is subjects[0])
            ),
        )
        for subject in subjects
    ]


def _knows(subject: Subject, revision: str) -> bool:
    return revision in subject.base.graph or revision in subject.result.graph


def all_revisions(reader: SnapshotReader, comparison: Comparison) -> frozenset[str]:
    """Every revision id of the base and of the merge result, in whatever environment."""
    return frozenset(_revisions(reader, comparison.base_tree)) | frozenset(_revisions(reader, comparison.result_tree))


def _revisions(reader: SnapshotReader, tree: str) -> Iterator[str]:
    for environment in reader.environments(tree):
        yield from reader.snapshot(tree, environment).graph.nodes
