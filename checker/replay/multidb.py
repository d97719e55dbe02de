"""An env.py that migrates several databases: one replay for each, in temporary databases of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from checker.replay.base import BasePlan
from checker.replay.outcome import Database, Pass, Replay
from checker.replay.plan import Plan
from checker.replay.runner import Launch

Progress = Callable[[str, int, int, str], None]


def replay_each(plan: Plan, replay: Callable[[Plan, Progress], Replay], progress: Progress) -> tuple[Replay, ...]:
    """The replay of every database that env.py migrates. Which there are is only known when env.py has run."""
    first = replay(plan, progress)
    names = [one.name for one in first.databases]
    if len(names) < 2:
        return (first,)
    bases = [one.name for one in first.base_databases]
    replays = []
    for number, name in enumerate(names):
        at_base = _at_base(name, bases, names, number)
        if number == 0 and (not bases or at_base == bases[0]):
            done = first  # without a name both sides take their first
        else:
            done = replay(_for_database(plan, name, at_base), partial(_named, progress, name))
        replays.append(_without_own(replace(done, database=name), first.databases))
    return tuple(replays)


def _at_base(name: str, bases: list[str], names: list[str], number: int) -> str | None:
    """What the base's env.py calls the database; None where it does not migrate it."""
    if not bases or name in bases:
        return name
    only_one = number == 0 and len(bases) == 1 and bases[0] not in names  # it had no name before there was a second
    return bases[0] if only_one else None


def _for_database(plan: Plan, name: str, at_base: str | None) -> Plan:
    chosen = replace(plan, launch=_choose(plan.launch, name))
    if plan.base is None:
        return chosen
    if at_base is None:
        return replace(chosen, base=None, no_base=f"env.py does not migrate the database {name} at the base")
    return replace(chosen, base=_choose_at_base(plan.base, at_base))


def _choose_at_base(base: BasePlan, name: str) -> BasePlan:
    def chosen(make: Callable[[], Launch]) -> Launch:
        return _choose(make(), name)

    return replace(base, launches=tuple(partial(chosen, make) for make in base.launches))


def _choose(launch: Launch, name: str) -> Launch:
    return replace(launch, job=replace(launch.job, database=name))


def _named(progress: Progress, name: str, what: str, done: int, total: int, revision: str) -> None:
    progress(f"{what} of {name}", done, total, revision)


def _without_own(replay: Replay, databases: tuple[Database, ...]) -> Replay:
    """Without the databases that are replayed among those that were reached for beside it."""
    asked = {text for one in databases for text in one.asked}

    def without(one: Pass) -> Pass:
        return replace(one, strange=tuple(wanted for wanted in one.strange if wanted not in asked))

    return replace(replay, passes=tuple(map(without, replay.passes)))
