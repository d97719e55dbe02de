"""`fix` from top to bottom: the work tree and its base → what mends each project → the files → the check once more."""

from __future__ import annotations

import datetime as dt
import posixpath
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from checker.errors import CheckerError, RepositoryError
from checker.mending import Files, Mending, Rewrite, mend
from checker.mergescript import FILE_TEMPLATE, Manner, merge_script, read_options
from checker.pipeline import Progress, configure, find_subjects
from checker.settings import Settings
from checker.source.comparison import Comparison, compare_refs
from checker.source.events import Asked
from checker.source.project import Environment
from checker.source.repository import open_repository
from checker.source.snapshot import Snapshot, SnapshotReader
from checker.source.tree import join

_STAGED = ".alembic-premerge-new"


@dataclass(frozen=True)
class Survey:
    """What is to be done in the repository, and where its files lie."""

    root: Path
    base: str
    mendings: tuple[Mending, ...]

    @property
    def rewrites(self) -> tuple[Rewrite, ...]:
        """Every file that is to be written."""
        return tuple(one for mending in self.mendings for one in mending.rewrites)

    @property
    def verdict(self) -> Literal["pass", "fail"]:
        """pass where nothing is left to do."""
        return "fail" if self.rewrites or any(mending.left for mending in self.mendings) else "pass"


def survey(
    settings: Settings, environ: Mapping[str, str], progress: Progress, now: dt.datetime, *, merge: bool = False
) -> Survey:
    """What mends the work tree. Nothing of it is touched.

    Raises CheckerError where that cannot be known, and where there is no work tree.
    """
    with open_repository(settings.directory, environ, progress.tell) as repository:
        root = repository.root
        if root is None:
            raise RepositoryError("this repository has no work tree", "Run this in a checkout of the branch.")
        comparison = compare_refs(repository, Asked((settings.base,) if settings.base else ()))
        reader = SnapshotReader(repository)
        configuration = configure(settings, repository, reader, comparison)
        subjects = find_subjects(settings, configuration, repository, reader, comparison)
        mendings = [
            mend(subject, _files(root, reader, comparison, subject.result, now), merge=merge)
            for subject in subjects
            if not subject.removed
        ]
        return Survey(root, comparison.base.ref, tuple(mendings))


def _files(root: Path, reader: SnapshotReader, comparison: Comparison, result: Snapshot, now: dt.datetime) -> Files:
    def write_merge(revision: str, heads: tuple[str, ...], folder: str) -> tuple[str, bytes]:
        manner = _manner(reader, comparison, result)
        name, content = merge_script(revision, heads, manner, now)
        if not result.environment.holds(posixpath.join(folder, name)):
            name, content = merge_script(revision, heads, Manner(manner.template, example=manner.example), now)
        return name, content

    return Files(
        read=lambda path: _read(root / path),
        is_merged=reader.files(comparison.base_tree).__contains__,
        is_here=reader.files(comparison.head_tree).__contains__,
        merge_script=write_merge,
    )


def _manner(reader: SnapshotReader, comparison: Comparison, result: Snapshot) -> Manner:
    """The project's ways, as the base has them: its template is a program that nobody has reviewed on a branch."""
    environment: Environment = result.environment
    template = reader.read(comparison.base_tree, join(environment.script_location, "script.py.mako"))
    ini = reader.read(comparison.base_tree, environment.config_file) if environment.config_file else b""
    options = read_options(environment, ini)
    return Manner(
        template.decode("utf-8", "replace") or None,
        options.get("file_template") or FILE_TEMPLATE,
        options,
        result.scripts[-1].source if result.scripts else b"",
    )


def _read(path: Path) -> bytes | None:
    try:
        return None if path.is_symlink() else path.read_bytes()
    except OSError:
        return None


# --- writing


def write(root: Path, rewrites: Sequence[Rewrite]) -> None:
    """Put the files in their places, each at once and with its mode. Raises CheckerError, with nothing written, where one
    is not as it was read, or cannot be written."""
    staged: list[tuple[Path, Rewrite]] = []
    try:
        for one in rewrites:
            _refuse_changed(root, one)
            file = root / f"{one.target}{_STAGED}"
            with file.open("xb") as out:
                staged.append((file, one))
                out.write(one.after)
            if one.before is not None:
                file.chmod(stat.S_IMODE((root / one.path).stat().st_mode))
        for file, one in staged:
            file.replace(root / one.target)
            if one.new_path:
                (root / one.path).unlink()
    except OSError as error:
        raise CheckerError(
            f"{error.filename} cannot be written: {error.strerror}", "Mend that, and run this again."
        ) from None
    finally:
        _tidy(file for file, _ in staged)


def _refuse_changed(root: Path, one: Rewrite) -> None:
    if _read(root / one.path) != one.before or (one.new_path and (root / one.new_path).exists()):
        raise CheckerError(f"{one.path} changed meanwhile, so nothing was written", "Run this again.")


def _tidy(files: Iterable[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
