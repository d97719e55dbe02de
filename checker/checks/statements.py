"""The SQL that a revision sent before and after the change, compared. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from checker.checks.base import Subject
from checker.replay.outcome import Direction, Step
from checker.source.script import Script


def recorded(subject: Subject, revision: str, direction: Direction) -> tuple[Step, Step] | None:
    """The revision's step at the base and after the merge, where both were run to their end."""
    replay = subject.replayed
    landing = next((one for one in replay.landings if one.revision == revision), None)
    if direction == "upgrade":
        fresh = replay.get("fresh")
        before, after = _step(replay.base_steps, revision), _step(fresh.steps if fresh else (), revision)
    else:
        before, after = _step(replay.base_downgrades, revision), landing.downgrade if landing else None
    return (before, after) if before and after and not after.failure else None


def _step(steps: Sequence[Step], revision: str) -> Step | None:
    return next((one for one in steps if one.revision == revision and not one.failure), None)


def same(subject: Subject, before: Step, after: Step) -> bool:
    """Whether both sent the same statements with the same values, but for values that are new each time (an id, the
    time): those are what two runs of one and the same script do not share.
    """
    if before.statements != after.statements or len(before.values) != len(after.values):
        return False
    moving = _moving_values(subject, after)
    return all(
        len(one) == len(other)
        and all(a == b or (statement, place) in moving for place, (a, b) in enumerate(zip(one, other, strict=True)))
        for statement, one, other in zip(before.statements, before.values, after.values, strict=True)
    )


def is_steady(subject: Subject, step: Step) -> bool:
    """Whether the script sends the same text each time it is run: one that writes the time into its SQL does not."""
    first, *others = _runs(subject, step)
    return all(first.statements == other.statements for other in others)


def _moving_values(subject: Subject, step: Step) -> set[tuple[str, int]]:
    """Which values differ between the runs of the merge result's own script, by statement and place."""
    first, *others = _runs(subject, step)
    return {
        (statement, place)
        for run in others
        if run.statements == first.statements
        for statement, one, other in zip(first.statements, first.values, run.values, strict=True)
        for place, (a, b) in enumerate(zip(one, other, strict=False))
        if a != b
    }


def _runs(subject: Subject, step: Step) -> list[Step]:
    """The step and, of an upgrade, what else ran it: the stairway, once or twice.

    That is another database, in which a table has another oid: SQLAlchemy's inspector asks by oid.
    """
    landing = next((one for one in subject.replayed.landings if one.revision == step.revision), None)
    if landing is None or step.direction == "downgrade":
        return [step]
    return [step, *(one for one in (landing.upgrade, landing.reupgrade) if one and not one.failure)]


def changed_behaviour(subject: Subject) -> Iterator[tuple[Script, Step, Step]]:
    """Each merged script that is the same and sends other statements, with its step before and after. One that puts a
    new value into its text each time (an id, the time) says nothing.
    """
    for script in subject.result.scripts:
        before = subject.base.by_revision.get(script.revision or "")
        if script.revision is None or before is None or before.blob != script.blob:
            continue
        steps = recorded(subject, script.revision, "upgrade")
        if steps is not None and not same(subject, *steps) and is_steady(subject, steps[1]):
            yield script, *steps


def side_by_side(before: Step, after: Step) -> str:
    """The statements that were sent before and after, as a readable diff."""
    return "\n".join(
        line.rstrip()
        for line in difflib.unified_diff(_lines(before), _lines(after), "before", "after", lineterm="", n=2)
        if not line.startswith("@@ ")
    )


def _lines(step: Step) -> list[str]:
    lines = []
    for number, statement in enumerate(step.statements):
        text = [line.rstrip() for line in statement.strip().splitlines() if line.strip()]
        values = step.values[number] if number < len(step.values) else ()
        lines += [*text[:-1], f"{text[-1]};" if text else ";"]
        lines += [f"  -- with {', '.join(values)}"] if values else []
    return lines


def count(number: int) -> str:
    """As in "the same 4 statements"."""
    return (
        "no statement at all"
        if number == 0
        else "the same statement"
        if number == 1
        else f"the same {number} statements"
    )
