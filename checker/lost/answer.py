"""The answer of `locate`: what became of a revision, how that is known, and the ways out. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from checker.source.effects import does_something
from checker.source.script import Script
from checker.source.sightings import What


class Kind(StrEnum):
    """What became of a revision."""

    HERE = "here"
    AHEAD = "ahead"
    """It lives in commits that are newer than this checkout: the database is ahead of the code."""
    UNMERGED_BRANCH = "unmerged-branch"
    DELETED = "deleted"
    RENUMBERED = "renumbered"
    """Its script lives on under another id."""
    SQUASHED = "squashed"
    """It was deleted together with others, and one script took their place."""
    SHALLOW = "shallow"
    """Not found, in a history that is cut off."""
    NEVER = "never"


@dataclass(frozen=True)
class Place:
    """A ref whose history has the revision."""

    ref: str
    """In full: refs/heads/main."""
    commit: str
    date: str
    author: str
    alive: bool
    """Whether the script is there at its tip."""
    newer: bool
    """Whether its history has all of this checkout."""
    default: bool = False

    @property
    def name(self) -> str:
        """As git takes it in a command."""
        for prefix in ("refs/heads/", "refs/tags/", "refs/remotes/"):
            if self.ref.startswith(prefix):
                return self.ref.removeprefix(prefix)
        return self.ref

    @property
    def pull_request(self) -> int | None:
        """Its number, where the ref is the head of one."""
        words = self.ref.split("/")
        return int(words[2]) if words[:2] == ["refs", "pull"] and words[2].isdigit() else None

    @property
    def is_tag(self) -> bool:
        """Whether it is a tag: a release, as a rule."""
        return self.ref.startswith("refs/tags/")


@dataclass(frozen=True)
class Event:
    """What a commit did to the revision."""

    what: What
    commit: str
    date: str
    author: str
    subject: str
    pull_request: int | None
    path: str
    in_merge: bool
    """Whether it was the merge's own doing, and neither of its parents'."""
    here: bool
    """Whether this checkout's history has the commit."""
    landed: str | None = None
    """The merge by which it came to this checkout's branch, where it is another commit."""


@dataclass(frozen=True)
class Missing:
    """A revision that a database has run and this checkout has not: the one that is asked for, or one below it."""

    script: Script
    commit: str
    """The newest commit that has it."""
    now: str | None = None
    """The revision of this checkout that its script is called now."""

    @property
    def revision(self) -> str:
        """Its id."""
        assert self.script.revision is not None
        return self.script.revision

    @property
    def does_something(self) -> bool:
        """Whether its upgrade has any statement."""
        return does_something(self.script)


@dataclass(frozen=True)
class Remedy:
    """One way out."""

    title: str
    why: str
    """One sentence or two: when this is right, and what it risks."""
    commands: tuple[str, ...]
    """Commands for a shell in the repository's root. Each one is run only if the one before it succeeded."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The commands as they are printed: chained, so that pasting them all runs nothing after a failure."""
        return (*(f"{one} &&" for one in self.commands[:-1]), *self.commands[-1:])


@dataclass(frozen=True)
class Proof:
    """What a replay of both roads on throwaway databases found."""

    old: str
    """How the database is that ran the old scripts: the commit and the revision."""
    new: str
    differences: tuple[str, ...] = ()
    """In words: what such a database has besides, lacks or has otherwise."""
    problem: str | None = None
    """Why there is no answer."""


@dataclass(frozen=True)
class Located:
    """The answer for one revision id. Everything that is shown or written is made from it."""

    revision: str
    kind: Kind
    project: str | None
    message: str = ""
    path: str | None = None
    events: tuple[Event, ...] = ()
    """The newest first."""
    places: tuple[Place, ...] = ()
    parents: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()
    """The first revisions below it that this checkout has; () where there are none."""
    missing: tuple[str, ...] = ()
    """It and those below it that this checkout has not, from the top."""
    goes_on_from: tuple[str, ...] = ()
    """What such a database has run of this checkout, the topmost; renumbered ones by their names of today."""
    never_run: tuple[str, ...] = ()
    """Revisions of this checkout that stand below those, and that such a database never ran."""
    no_way_down: tuple[str, ...] = ()
    """Those of `missing` whose downgrade() raises."""
    made_again: tuple[tuple[str, str], ...] = ()
    """(revision of this checkout, what it makes that such a database has already)."""
    renamed: tuple[str, ...] = ()
    """What it was called one after the other; the last is here."""
    squashed_into: tuple[str, ...] = ()
    similar: tuple[str, ...] = ()
    """The ids most like it, of those that there are or ever were."""
    elsewhere: tuple[str, ...] = ()
    """The projects of this repository that were not looked at and have it."""
    uncommitted: bool = False
    """Whether its deletion is only in the work tree."""
    notes: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    proof: Proof | None = None
