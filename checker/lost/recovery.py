"""The ways out for a database that stands on a revision which is not here, safest first. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from checker.checks.base import listing
from checker.lost.answer import Kind, Missing, Place, Remedy
from checker.lost.calling import SHORT, Caller, Step, backup, restore_lines
from checker.lost.locating import Facts, Standing, ahead, made_again, restored, standing, standing_at, topmost
from checker.source.effects import WayBack, way_back
from checker.source.sightings import What

FEW = 4


# --- which ways there are


@dataclass(frozen=True)
class Ways:
    """Makes the remedies for one revision. `others` are further revisions that the same database stands on."""

    facts: Facts
    call: Caller
    kind: Kind
    others: tuple[str, ...] = ()
    fetch: tuple[str, ...] = ()
    """What brings the commits into the user's own repository, where they were only fetched to look."""

    def all(self) -> tuple[Remedy, ...]:
        """All that there are, safest first."""
        found: Iterable[Remedy | None]
        match self.kind:
            case Kind.RENUMBERED:
                found = self._renumbered()
            case Kind.SQUASHED:
                found = (self._through_squash(),)
            case _ if not _loose(self.facts) and self.facts.nearest:
                found = (self._deploy(), self._stamp(), self._restore())
            case _:
                found = (self._deploy(), self._restore(), self._downgrade(), self._stamp())
        return tuple(one for one in found if one) or (self._roll_back(),)

    @property
    def _top(self) -> Missing:
        return self.facts.missing[0]

    @property
    def _first(self) -> tuple[str, ...]:
        """What must be done before git can give the script: fetch it, or keep from the next gc what no ref has."""
        if self.kind is Kind.UNMERGED_BRANCH and not self.facts.places:
            name = re.sub(r"[^\w-]", "-", f"keep-{self.facts.revision}")
            return (shlex.join(["git", "branch", name, self._top.commit[:SHORT]]),)
        return self.fetch

    @property
    def _head(self) -> str:
        return "heads" if len(self.facts.here.graph.heads) > 1 else "head"

    @property
    def _upgrade(self) -> str:
        return self.call.line("upgrade", self._head)

    @cached_property
    def _standing(self) -> Standing:
        return standing(self.facts)

    # deploy

    def _deploy(self) -> Remedy | None:
        place = self._place()
        if place is None:
            return None
        commands = (*self._first, shlex.join(["git", "checkout", "--detach", place.name]))
        risk = (
            f"{self._since()}The database is as that code expects it: nothing is lost."
            if self.kind is Kind.AHEAD
            else "Right where that branch is what should run there; if it should not, the next way."
        )
        return Remedy(f"Deploy {describe(place)}", risk, (*commands, self.call.line("upgrade", "heads")))

    def _roll_back(self) -> Remedy:
        """Where nothing else can be said."""
        return Remedy(
            f"Go back to {self._top.commit[:SHORT]}, the last code that knows it",
            "It ends the outage. From there on it is work by hand: what such a database has and this chain makes are too far "
            "apart for a stamp.",
            (*self._first, shlex.join(["git", "checkout", "--detach", self._top.commit[:SHORT]])),
        )

    def _since(self) -> str:
        came = [one for one in self.facts.events if one.what is What.CAME and not one.here]
        return f"That is {came[0].commit[:SHORT]} or any commit after it. " if came else ""

    def _place(self) -> Place | None:
        if self.kind not in (Kind.AHEAD, Kind.UNMERGED_BRANCH):
            return None  # what still has it is an old branch, and no way forward
        newer = ahead(self.facts)
        alive = [one for one in self.facts.places if one.alive and one.ref != "refs/stash"]
        tags = [one for one in newer if one.is_tag]
        return next(iter([*tags[:1], *sorted(newer, key=lambda one: not one.default), *alive]), None)

    # restore

    def _restore(self) -> Remedy | None:
        facts = self.facts
        graph = restored(facts)
        rearranged = set(self._standing.goal) != set(facts.nearest) or self._standing.lacking
        if rearranged or made_again(facts) or graph.broken - facts.here.graph.broken:
            return None
        commands = [*self._first, *restore_lines(facts.missing)]
        heads = [one for one in graph.heads if one not in facts.here.graph.heads]
        why = "The chain is whole again with it. Commit the file."
        if facts.here.graph.heads and len(graph.heads) > len(facts.here.graph.heads):
            other = topmost(facts.here.graph.heads, facts.here.graph)[0]
            commands.append(self.call.line("merge", "--message", f"keep {facts.revision}", heads[0], other))
            why = f"It makes a second head beside {other}, so a merge revision comes with it. Commit both."
        if self.kind in (Kind.AHEAD, Kind.UNMERGED_BRANCH):
            why += " The older code then runs on the newer schema."
        files = "the script" if len(facts.missing) == 1 else f"the {len(facts.missing)} scripts"
        return Remedy(f"Put {files} back into this code", why, (*commands, self._upgrade))

    # downgrade

    def _downgrade(self) -> Remedy | None:
        facts = self.facts
        ways = {one.revision: way_back(one.script) for one in facts.missing if one.does_something}
        if WayBack.NONE in ways.values() or facts.revision not in facts.old:
            return None
        targets = topmost(facts.nearest, facts.old)
        then_at = standing_at(facts, targets)
        direct = set(then_at.goal) == set(targets) and not then_at.lacking
        then = () if direct else self._stamps(then_at)
        if not direct and not then:
            return None
        folder = f"../{facts.revision}"
        commands = (
            *self._first,
            *backup("before-downgrade.dump"),
            shlex.join(["git", "worktree", "add", "--detach", folder, self._top.commit[:SHORT]]),
            *(self.call.line("downgrade", one, root=folder) for one in targets or ("base",)),
            shlex.join(["git", "worktree", "remove", "--force", folder]),
            *then,
            self._upgrade,
        )
        return Remedy(
            f"Downgrade to {listing(targets) or 'nothing'} with the code that knows {facts.revision}, then upgrade",
            " ".join([_what_downgrading_costs(ways), "What git ignores (.env, .venv) is not in the new folder."]),
            commands,
        )

    # stamp

    def _stamp(self) -> Remedy | None:
        facts = self.facts
        stamps = self._stamps(self._standing)
        if not stamps or made_again(facts):
            return None
        stays = _loose(facts)
        if not stays:
            names = [one.revision for one in facts.missing]
            why = f"Only the name is lost: {listing(names)} {'changes' if len(names) == 1 else 'change'} nothing."
        else:
            why = f"Alembic then believes that {listing(stays)} never ran, while what it made stays in the database."
            if self.kind in (Kind.AHEAD, Kind.UNMERGED_BRANCH):
                why += " The next deployment of the code that has it will run it a second time and fail."
        goal, between = listing(self._standing.goal), self._standing.lacking
        if between:
            why += f" {_some(between)} below it never ran there, so the way leads through that."
        stamp = f"stamp step by step up to {goal}" if between else f"stamp {goal}"
        title = f"As a last resort, {stamp}" if stays else stamp[0].upper() + stamp[1:]
        return Remedy(title, why, (*backup("before-stamp.dump"), *stamps, self._upgrade))

    def _steps(self, at: Standing) -> tuple[Step, ...]:
        """What lets a database go on from there, whatever its version table says now: a stamp; where it never ran some of
        what is below, that is run and only the rest stamped. () where that cannot be said."""
        if not at.lacking:
            return (Step((*at.goal, *self.others)),) if at.goal else ()
        found = [Step(one.tops, run=not one.ran) for one in at.stretches]
        return (Step((*found[0].revisions, *self.others)), *found[1:]) if found else ()

    def _stamps(self, at: Standing) -> tuple[str, ...]:
        steps = self._steps(at)
        return tuple(line for number, one in enumerate(steps) for line in self.call.take(one, purge=number == 0))

    @property
    def road(self) -> tuple[Step, ...]:
        """How its stamp goes, for a proof of where that leads; () where none is offered."""
        if self.kind is Kind.SQUASHED:
            return (Step(self.facts.squashed_into),)
        blocked = _loose(self.facts) if self.kind is Kind.RENUMBERED else made_again(self.facts)
        return () if blocked else self._steps(self._standing)

    # renumbered

    def _renumbered(self) -> Iterator[Remedy | None]:
        facts, new = self.facts, str(self._top.now)
        between, stamps = self._standing.lacking, self._stamps(self._standing)
        if _loose(facts) or not stamps:
            yield self._downgrade() if between else None
            return
        title = (
            f"Go up step by step, and stamp {new} where its body would run a second time" if between else f"Stamp {new}"
        )
        why = (
            f"Keeps all data. The database lacks {_some(between)}, which is run; {new} it has run under its old id, so that "
            "is only stamped."
            if between
            else f"{new} is the same script under another id, and all below it has run: nothing but the name changes."
        )
        stamp = Remedy(title, why, (*backup("before-stamp.dump"), *stamps, self._upgrade))
        # A way down that drops data is never the safer one.
        yield from (stamp, self._downgrade()) if not between or self._loses_data else (self._downgrade(), stamp)

    @property
    def _loses_data(self) -> bool:
        return any(way_back(one.script) is WayBack.LOSES for one in self.facts.missing if one.does_something)

    # squashed

    def _through_squash(self) -> Remedy | None:
        facts = self.facts
        if facts.gone is None:
            return None
        folder = f"../{facts.revision}"
        heads = facts.gone.before.graph.heads
        commands = (
            *self._first,
            *backup("before-stamp.dump"),
            shlex.join(["git", "worktree", "add", "--detach", folder, self._top.commit[:SHORT]]),
            self.call.line("upgrade", "heads", root=folder),
            shlex.join(["git", "worktree", "remove", "--force", folder]),
            *self.call.take(Step((*facts.squashed_into, *self.others)), purge=True),
            self._upgrade,
        )
        return Remedy(
            f"Run the old chain to its end, then stamp {listing(facts.squashed_into)}",
            f"{listing(facts.squashed_into)} makes at once what the old chain made up to {listing(heads)}: a database must be "
            "there before it is stamped.",
            commands,
        )


def _loose(facts: Facts) -> list[str]:
    """Missing revisions that did something and live on under no other id: what they made stays whatever is stamped."""
    return [one.revision for one in facts.missing if not one.now and one.does_something]


def _some(revisions: Sequence[str]) -> str:
    return listing(revisions) if len(revisions) <= FEW else f"{len(revisions)} revisions"


def _what_downgrading_costs(ways: dict[str, WayBack]) -> str:
    loses = [one for one, way in ways.items() if way is WayBack.LOSES]
    empty = [one for one, way in ways.items() if way is WayBack.EMPTY]
    words = []
    if loses:
        words.append(f"Drops what {listing(loses)} made, with the data in it.")
    if empty:
        words.append(f"The downgrade of {listing(empty)} does nothing, so what it made stays.")
    return " ".join(words) or "Its own downgrade takes back what it made."


def describe(place: Place) -> str:
    """A ref in words."""
    if place.pull_request is not None:
        return f"pull request #{place.pull_request}"
    return f"tag {place.name}" if place.is_tag else f"branch {place.name}"


# --- beside the database


def ways_to_look(revision: str, fetch: Sequence[str] = ()) -> tuple[Remedy, ...]:
    """What to do where the database is not what is wrong, or nothing is known: look where the answer must be."""
    again = shlex.join(["alembic-premerge", "locate", revision])
    found = []
    if fetch:
        found.append(Remedy("Fetch the whole history, and look again", "Nothing of yours is changed.", (*fetch, again)))
    deployed = shlex.join(["grep", "-rlw", "--include=*.py", revision, "."])
    found.append(
        Remedy(
            "Look into the code that says it",
            "Run this in the container or on the machine where the error appears, in the application's folder: what is "
            "deployed there is another commit than this one, or lacks the file.",
            (deployed,),
        )
    )
    return tuple(found)
