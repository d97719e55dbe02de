"""The SQL that a revision sent before and after the change, compared. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from checker.checks.base import Subject
from checker.checks.step_comparison import Outcome, compare_steps, only_reordered
from checker.diff import unified
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


def lines_run(subjects: Iterable[Subject], script: Script, before: bool) -> frozenset[int]:
    """The lines of an edited script that were executed in any of its runs, at the base (`before`) or after the merge."""
    lines: frozenset[int] = frozenset()
    for replay in (subject.replayed for subject in subjects):
        if before:
            steps = [*replay.base_steps, *replay.base_downgrades]
        else:
            landings = [step for one in replay.landings for step in (one.upgrade, one.downgrade, one.reupgrade) if step]
            chain = [step for name in ("fresh", "downgrade") if (one := replay.get(name)) for step in one.steps]
            steps = [*chain, *landings]
        lines = lines.union(*(step.lines or () for step in steps if step.revision == script.revision))
    return lines


def same(subject: Subject, before: Step, after: Step) -> bool:
    """Whether both sent the same statements with the same values, but for values that are new in each run."""
    return compare_steps(before, after, repeats(subject, after)) is Outcome.SAME


def repeats(subject: Subject, step: Step) -> list[Step]:
    """The other runs of the same script after the change, each in another database or at another time."""
    landing = next((one for one in subject.replayed.landings if one.revision == step.revision), None)
    if step.direction == "upgrade":
        found = [landing.upgrade, landing.reupgrade] if landing else []
    else:
        down = subject.replayed.get("downgrade")
        found = [_step(down.steps if down else (), step.revision)]
    return [one for one in found if one and not one.failure]


def changed_behaviour(subject: Subject) -> Iterator[tuple[Script, Step, Step]]:
    """Each merged script that is the same and sends other statements, with its step before and after.

    Nothing is concluded from a script that was run only once after the change, or whose runs differ in more than values.
    """
    for script, steps in unchanged_scripts(subject):
        if steps and not only_reordered(*steps) and compare_steps(*steps, repeats(subject, steps[1])) is Outcome.OTHER:
            yield script, *steps


def unchanged_scripts(subject: Subject) -> Iterator[tuple[Script, tuple[Step, Step] | None]]:
    """Each merged script that is the same before and after, with its upgrade at the base and after the change."""
    for script in subject.result.scripts:
        before = subject.base.by_revision.get(script.revision or "")
        if script.revision is not None and before is not None and before.blob == script.blob:
            yield script, recorded(subject, script.revision, "upgrade")


def are_known(subject: Subject) -> bool:
    """Whether it is known of every script that did not change if it sends what it sent before."""
    return all(
        steps is not None
        and (only_reordered(*steps) or compare_steps(*steps, repeats(subject, steps[1])) is not Outcome.UNKNOWN)
        for _, steps in unchanged_scripts(subject)
    )


def side_by_side(before: Step, after: Step) -> str:
    """The statements that were sent before and after, as a readable diff."""
    return "\n".join(
        line.rstrip()
        for line in unified(_lines(before), _lines(after), "before", "after", context=2)
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
