"""`locate`, from top to bottom: the ids that are asked for → what git saw of each → what became of it → the ways out."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from checker.checks.base import listing
from checker.errors import ProjectError, UsageError
from checker.gathering import Sources, Witness, gather
from checker.lost.answer import Kind, Located
from checker.lost.calling import caller, fetch_lines
from checker.lost.locating import Facts, kind_of, made_again, resolve, similar, standing
from checker.lost.recovery import Ways, ways_to_look
from checker.pipeline import Progress, configure_at, wanted_projects
from checker.replay.flask import asks_flask, find_application
from checker.replay.interpreter import upwards
from checker.settings import Configuration, Settings
from checker.source.effects import WayBack, way_back
from checker.source.merging import work_tree_commit
from checker.source.project import Environment
from checker.source.refs import tips
from checker.source.repository import Repository
from checker.source.sightings import ScriptHistory, Sighting, read_history
from checker.source.snapshot import Snapshot, SnapshotReader
from checker.source.tree import join

RELATIVE = ("head", "heads", "base", "current")
"""What Alembic takes in the place of an id."""


@dataclass(frozen=True)
class Asked:
    """The ids that are asked for, as they were written; those in `together` are of one database."""

    revisions: tuple[str, ...]
    together: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """An answer; where the revision is not here, the facts and the ways out that it was made from, for a proof."""

    located: Located
    ways: Ways | None = None


@dataclass(frozen=True)
class Found:
    """The answers, and the checkout that they are about."""

    answers: tuple[Answer, ...]
    configuration: Configuration
    tree: str
    checked_out: bool
    """Whether that tree is what the user has on disk."""


def find(settings: Settings, asked: Asked, repository: Repository, progress: Progress) -> Found:
    """The answer for each id, in the order asked.

    Raises UsageError for an id that could be several, RepositoryError and ProjectError where there is nothing to look in.
    """
    search = Search(settings, repository, progress)
    revisions = tuple(dict.fromkeys(search.meant(text) for text in asked.revisions))
    answers = tuple(search.answer(one, tuple(other for other in asked.together if other != one)) for one in revisions)
    return Found(answers, search.configuration, search.tree, checked_out=settings.head is None)


class Search:
    """A look into one repository: the checkout's environments, and all that git knows of their scripts."""

    def __init__(self, settings: Settings, repository: Repository, progress: Progress) -> None:
        self._repository = repository
        self._tell = progress.tell
        self._reader = SnapshotReader(repository)
        self._head = repository.resolve(settings.head or "HEAD")
        bare = repository.root is None
        self.tree = repository.tree_of(self._head if settings.head or bare else work_tree_commit(repository))
        self.configuration = configure_at(self.tree, settings, repository, self._reader)
        wanted = wanted_projects(settings, self.configuration)
        environments = self._reader.environments(self.tree, wanted)
        self._snapshots = tuple(self._reader.snapshot(self.tree, one) for one in environments)
        if not self._snapshots:
            raise ProjectError(
                "there is no Alembic environment in this checkout",
                "Look at another commit with --head, or name its folder with --project.",
            )
        self._some = bool(settings.projects)
        self._was_shallow = repository.is_shallow()
        self._fetched: Path | None = None
        self._asked_remotes = False

    # --- ids

    def meant(self, text: str) -> str:
        """The id that is meant. Raises UsageError where it could be several, or is none."""
        if text in RELATIVE or not text.strip():
            raise UsageError(f"'{text}' is no revision id", "Give the id that cannot be located.")
        here = {revision for one in self._snapshots for revision in one.graph.nodes}
        labels = {label: revision for one in self._snapshots for label, revision in one.graph.labels.items()}
        found = resolve(text, here, () if text in here or text in labels else self._history.ids, labels)
        if found.candidates:
            raise UsageError(
                f"{text} could be any of {', '.join(found.candidates)}", "Give as much of the id as tells them apart."
            )
        return found.revision

    @cached_property
    def _history(self) -> ScriptHistory:
        """All that the commits did to scripts; read anew once more has been fetched."""
        self._tell("reading the history of the revision scripts")
        folders = [folder for one in self._snapshots for folder in one.environment.places]
        further = [tip.commit for tip in tips(self._repository, git_dir=self._fetched)] if self._fetched else []
        return read_history(self._repository, folders, [self._head, *further])

    # --- answers

    def answer(self, revision: str, others: tuple[str, ...]) -> Answer:
        """What became of this id, and what there is to do. `others` are what the same database stands on besides."""
        here = next((one for one in self._snapshots if revision in one.graph), None)
        if here:
            return Answer(self._here(revision, here))
        sightings = self._sightings(revision)
        if (not sightings or self._was_shallow) and self._fetch():
            sightings = self._sightings(revision)
        if not sightings:
            return Answer(self._unknown(revision))
        ways = self._ways(gather(self._sources, revision, sightings), others)
        return Answer(_missing(ways, (*self._notes(), *_how_it_is_called(ways), *_how_it_came_back(ways))), ways)

    @property
    def _sources(self) -> Sources:
        return Sources(self._repository, self._reader, self._history, self._head, self._snapshots, self._fetched)

    def _sightings(self, revision: str) -> tuple[Sighting, ...]:
        """Those of the projects that are looked at: the same id, made by hand, turns up in several."""
        found = self._history.sightings(revision)
        return tuple(one for one in found if not self._some or self._sources.home(one.path))

    def _fetch(self) -> bool:
        """Fetch all that the remotes have, once. Whether there is more to be seen than before."""
        if self._asked_remotes or not self._repository.remotes:
            return False
        self._asked_remotes = True
        self._fetched = self._repository.fetch_everything()
        self.__dict__.pop("_history", None)
        return self._fetched is not None

    def _ways(self, facts: Facts, others: tuple[str, ...]) -> Ways:
        environment = facts.here.environment
        call = caller(environment, self._application(environment))
        return Ways(facts, call, kind_of(facts), others, self._fetch_lines(facts))

    def _application(self, environment: Environment) -> tuple[str, str | None] | None:
        """Where `flask db` is run, and with which application; None where the environment is not Flask-Migrate's."""
        location, root = environment.script_location, self._repository.root
        if not asks_flask(self._reader.read(self.tree, join(location, "env.py"))):
            return None
        stated = environment.settings.flask_app if environment.settings else None
        if root is None or not (root / location).is_dir():
            return posixpath.dirname(location) or ".", stated
        folder, app = find_application(upwards(root / location, root), stated)
        found_by_flask = any((folder / name).is_file() for name in ("wsgi.py", "app.py", ".flaskenv"))
        return folder.relative_to(root).as_posix(), stated if found_by_flask else app

    def _here(self, revision: str, here: Snapshot) -> Located:
        script, graph = here.by_revision[revision], here.graph
        cut = self._was_shallow and self._fetched is None  # where it seems to come is where history begins
        sightings = (
            [] if cut else [one for one in self._history.sightings(revision) if here.environment.holds(one.path)]
        )
        witness = Witness(self._sources, revision, here, sightings)
        above = graph.descendants([revision])
        broken = graph.broken & (above | {revision})
        return Located(
            revision=revision,
            kind=Kind.HERE,
            project=here.environment.path,
            message=script.message,
            path=script.path,
            events=tuple(witness.event(one) for one in sightings),
            parents=script.down_revisions,
            children=graph.children[revision],
            notes=tuple(_upgrade_from_here(graph.surplus_heads(), broken)),
            remedies=ways_to_look(revision),
        )

    def _unknown(self, revision: str) -> Located:
        cut = self._was_shallow and self._fetched is None
        known = {one for snapshot in self._snapshots for one in snapshot.graph.nodes} | self._history.ids
        lines = fetch_lines(self._remote, shallow=self._was_shallow)
        return Located(
            revision=revision,
            kind=Kind.SHALLOW if cut else Kind.NEVER,
            project=None,
            similar=similar(revision, known),
            elsewhere=self._elsewhere(revision),
            notes=self._notes(),
            remedies=ways_to_look(revision, fetch=lines if self._fetched is None and self._remote else ()),
        )

    # --- beside the point

    @property
    def _remote(self) -> str:
        return next(iter(self._repository.remotes), "")

    def _notes(self) -> tuple[str, ...]:
        if self._fetched:
            return ("all that the remotes have was fetched to look (into a folder that is gone again)",)
        if self._asked_remotes:
            cut = ", and this clone's history is cut off" if self._was_shallow else ""
            return (
                f"the remote {shlex.quote(self._remote)} could not be asked{cut}: this is what is known without it",
            )
        return ()

    def _elsewhere(self, revision: str) -> tuple[str, ...]:
        """The projects that are not looked at and have it."""
        if not self._some:
            return ()
        others = (self._reader.snapshot(self.tree, one) for one in self._reader.environments(self.tree))
        return tuple(one.environment.path for one in others if revision in one.graph)

    def _fetch_lines(self, facts: Facts) -> tuple[str, ...]:
        """What brings the commits that were only fetched to look into the user's own repository."""
        if self._fetched is None:
            return ()
        pulls = [one.ref for one in facts.places if one.alive and one.pull_request] if facts.places else []
        return fetch_lines(self._remote, shallow=self._was_shallow, pull=next(iter(pulls), None))


def _missing(ways: Ways, notes: tuple[str, ...]) -> Located:
    facts, kind = ways.facts, ways.kind
    at = standing(facts)
    return Located(
        revision=facts.revision,
        kind=kind,
        project=facts.here.environment.path,
        message=facts.script.message,
        path=facts.script.path,
        events=facts.events,
        places=facts.places,
        parents=facts.script.down_revisions,
        nearest=tuple(one for one in facts.nearest if one not in facts.here.graph.ancestors(facts.nearest)),
        goes_on_from=at.goal,
        missing=tuple(one.revision for one in facts.missing),
        never_run=at.lacking,
        no_way_down=tuple(one.revision for one in facts.missing if way_back(one.script) is WayBack.NONE),
        made_again=made_again(facts) if kind is Kind.DELETED else (),
        renamed=facts.renamed,
        squashed_into=facts.squashed_into,
        uncommitted=bool(facts.gone and not facts.gone.commit),
        notes=notes,
        remedies=ways.all(),
    )


def _how_it_is_called(ways: Ways) -> list[str]:
    if ways.call.flask or ways.facts.here.environment.config_file:
        return []
    return ["no alembic.ini names this environment: call Alembic as your project does"]


def _how_it_came_back(ways: Ways) -> list[str]:
    if ways.kind is not Kind.AHEAD or not ways.facts.changed:
        return []
    return [f"it came back with another {listing(ways.facts.changed)}: a database that ran it before has not run that"]


def _upgrade_from_here(surplus: Sequence[str], broken: frozenset[str]) -> list[str]:
    """What would keep `alembic upgrade` from going on from a revision that is here."""
    if broken:
        return [f"the chain above it is broken at {', '.join(sorted(broken)[:5])}: `alembic-premerge check` says how"]
    if surplus:
        return [
            f"there are {len(surplus)} heads ({', '.join(surplus)}): `upgrade head` does not know which, `heads` runs all"
        ]
    return []
