"""Which environment of the merge result is which of the base."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from checker.errors import ProjectError
from checker.settings import ProjectSettings
from checker.source.comparison import Comparison
from checker.source.project import Environment, no_environment, refuse_hidden
from checker.source.snapshot import Snapshot, SnapshotReader

# Which part of the smaller chain's ids the larger must have to be the same environment in another place.
SHARED = 0.5


@dataclass(frozen=True)
class EnvironmentPair:
    """One environment before and after. New ones have no scripts before, removed ones none after."""

    before: Snapshot
    after: Snapshot
    removed: bool = False


def pair_environments(
    reader: SnapshotReader, comparison: Comparison, wanted: Sequence[ProjectSettings], *, unchanged: bool
) -> list[EnvironmentPair]:
    """The environments that the change concerns; with `unchanged`, the others as well.

    A configured environment without a script is always there: it is most likely a mistake in the configuration.
    Raises ProjectError where a wanted environment is not there, or no environment at all.
    """
    base, result = comparison.base_tree, comparison.result_tree
    environments = reader.environments(result, wanted)
    at_base = reader.environments(base)
    if not environments and not at_base:
        raise no_environment()
    changed = _changed_paths(reader.files(base), reader.files(result))
    changed += _changed_paths(reader.others(base), reader.others(result))
    folders = {folder for environment in environments for folder in environment.version_locations}
    gone = [environment for environment in at_base if not folders & set(environment.version_locations)]
    matched: set[Environment] = set()
    pairs = []
    for environment in environments:
        before = _before(environment, at_base, reader, base)
        if not before.scripts:
            after = reader.snapshot(result, environment)
            before = _moved_from(after, gone, reader, base) or before
        matched.add(before.environment)
        touched = any(one.concerns(path) for one in (environment, before.environment) for path in changed)
        if touched or unchanged:
            refuse_hidden(environment)
            refuse_hidden(before.environment)
            _refuse_conflicts(environment, reader, comparison)
        if touched or unchanged or comparison.merge.conflicts or environment.settings:
            after = reader.snapshot(result, environment)
            if touched or unchanged or comparison.merge.conflicts or not after.scripts:
                pairs.append(EnvironmentPair(before, after))
    return pairs if wanted else pairs + list(_removed(at_base, matched, reader, comparison))


def _refuse_conflicts(environment: Environment, reader: SnapshotReader, comparison: Comparison) -> None:
    """Raises ProjectError where merging conflicts in a link to scripts: to which of them it will lead is not known."""
    links = reader.others(comparison.result_tree).keys() & environment.reached
    for path in sorted(links & set(comparison.merge.conflicts)):
        raise ProjectError(
            f"the scripts of {environment.path} cannot be judged: merging conflicts in the symbolic link {path}",
            f"Merge {comparison.base.ref} and resolve the conflict.",
        )


def _changed_paths(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    return [path for path in before.keys() | after.keys() if before.get(path) != after.get(path)]


def _before(environment: Environment, at_base: Sequence[Environment], reader: SnapshotReader, base: str) -> Snapshot:
    """The environment as the base has it: what lay in the same folders."""
    folders = set(environment.version_locations)
    same = next((other for other in at_base if folders & set(other.version_locations)), None)
    same = same or environment.without_links()
    return reader.snapshot(base, same)


def _moved_from(after: Snapshot, gone: Iterable[Environment], reader: SnapshotReader, base: str) -> Snapshot | None:
    """Where an environment that is new in its place lay at the base: the one with most of its revisions, or its ini."""

    def likeness(before: Snapshot) -> tuple[int, bool]:
        here, there = after.environment, before.environment
        shared = sum(revision in after.graph for revision in before.graph.nodes)
        return shared, (there.config_file, there.section) == (here.config_file or "", here.section)

    before = max((reader.snapshot(base, other) for other in gone), key=likeness, default=None)
    if before is None:
        return None
    shared, same_ini = likeness(before)
    enough = shared and shared >= SHARED * min(len(before.graph), len(after.graph))
    return before if same_ini or enough else None


def _removed(
    at_base: Sequence[Environment], matched: set[Environment], reader: SnapshotReader, comparison: Comparison
) -> Iterator[EnvironmentPair]:
    for environment in at_base:
        if environment not in matched:
            after = reader.snapshot(comparison.result_tree, environment.without_links())
            yield EnvironmentPair(reader.snapshot(comparison.base_tree, environment), after, removed=not after.scripts)
