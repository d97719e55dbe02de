"""Which branches will not fit together: each is fine by itself, and the second to be merged is not. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from checker.source.script import Script
from checker.source.snapshot import graph_of


@dataclass(frozen=True)
class OpenBranch:
    """A branch that is not merged, and the scripts that it would bring, by their ids."""

    name: str
    new: Mapping[str, Script]


@dataclass(frozen=True)
class Collision:
    """Two branches that both bring a script on one revision, or both one of the same id."""

    kind: Literal["parent", "id"]
    revision: str
    branches: tuple[str, str]
    scripts: tuple[Script, Script]


def find_collisions(
    trunk: OpenBranch, branches: Sequence[OpenBranch], expected: Collection[str] = ()
) -> Iterator[Collision]:
    """Each pair once, `trunk` first: what it has is merged, and a branch beside it is stale already.

    A branch that is built on another one has its scripts too: those two fit, and so do two of which one brings the heads
    together. `expected`: the heads that stand apart on purpose.
    """

    def heads(*together: OpenBranch) -> int:
        scripts = {name: script for one in (trunk, *together) for name, script in one.new.items()}
        return len(graph_of(scripts.values()).surplus_heads(expected))

    for one, other in [*((trunk, one) for one in branches), *combinations(branches, 2)]:
        for collision in _beside(one, other):
            if collision.kind == "id" or heads(one, other) > max(heads(one), heads(other) if one is not trunk else 0):
                yield collision


def _beside(one: OpenBranch, other: OpenBranch) -> Iterator[Collision]:
    names = (one.name, other.name)
    for revision in one.new.keys() & other.new.keys():
        scripts = (one.new[revision], other.new[revision])
        if scripts[0].path != scripts[1].path:  # one file on two branches is one script, on its way on both
            yield Collision("id", revision, names, scripts)
    standing: dict[str, list[Script]] = {}
    for script in one.new.values():
        for lower in script.down_revisions if script.revision not in other.new else ():
            standing.setdefault(lower, []).append(script)
    for script in other.new.values():
        for lower in script.down_revisions if script.revision not in one.new else ():
            for beside in standing.get(lower, ())[:1]:
                yield Collision("parent", lower, names, (beside, script))
