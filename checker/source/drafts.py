"""What own scripts shall say, and what cannot be brought about by rewriting them."""

from __future__ import annotations

from dataclasses import dataclass

from checker.source.rewriting import Wanted
from checker.source.script import Script


@dataclass(frozen=True)
class Draft:
    """An own script, and what it shall say."""

    script: Script
    revision: str
    down_revisions: tuple[str, ...]
    depends_on: tuple[str, ...]

    @property
    def renumbered(self) -> bool:
        """Whether it gets another id."""
        return self.revision != self.script.revision

    @property
    def wanted(self) -> Wanted:
        """What the script shall say where it does not say so already."""
        script = self.script
        depends = dict(zip(script.depends_on, self.depends_on, strict=True))
        return Wanted(
            self.revision if self.renumbered else None,
            self.down_revisions if self.down_revisions != script.down_revisions else None,
            {old: new for old, new in depends.items() if old != new},
        )

    @property
    def assignments(self) -> tuple[str, ...]:
        """The same as a developer would write it."""
        now, before = self, self.script
        parts = [
            ("revision", (now.revision,), (before.revision,)),
            ("down_revision", now.down_revisions, before.down_revisions),
            ("depends_on", now.depends_on, before.depends_on),
        ]
        return tuple(f"{name} = {new[0] if len(new) == 1 else new!r}" for name, new, old in parts if new != old)

    @property
    def differs(self) -> bool:
        """Whether there is anything to do."""
        script = self.script
        return self.renumbered or (self.down_revisions, self.depends_on) != (script.down_revisions, script.depends_on)


@dataclass(frozen=True)
class Left:
    """What rewriting cannot mend: why, and what to do instead."""

    problem: str
    remedy: str
