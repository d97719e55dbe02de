"""What comes of a stairway, and how two of them are joined. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from checker.replay.outcome import FailureKind, Landing, Pass, Unverified


@dataclass(frozen=True)
class Climbed:
    """What came of a stairway. `unverified` are the revisions that it did not come to."""

    result: Pass
    landings: tuple[Landing, ...] = ()
    unverified: tuple[Unverified, ...] = ()

    def with_rest(self, rest: Climbed) -> Climbed:
        """This stairway, completed by one from the base's heads over what it did not come to."""
        missing = {one.revision: one for one in self.unverified}
        found = [replace(one, from_base=True) for one in rest.landings if one.revision in missing]
        still = {one.revision: one for one in rest.unverified}
        seen = {one.revision for one in found}
        unverified = tuple(still.get(name, one) for name, one in missing.items() if name not in seen)
        foreign = tuple(dict.fromkeys((*self.result.foreign, *rest.result.foreign)))
        strange = tuple(dict.fromkeys((*self.result.strange, *rest.result.strange)))
        result = replace(
            self.result,
            seconds=self.result.seconds + rest.result.seconds,
            steps=(*self.result.steps, *rest.result.steps),
            failure=self.result.failure or rest.result.failure,
            stopped_at=self.result.stopped_at or rest.result.stopped_at,
            foreign=foreign,
            strange=strange,
        )
        return Climbed(result, (*self.landings, *found), unverified)


def is_faulty(landing: Landing) -> bool:
    """Whether something is wrong with it. A downgrade that says that there is no way back, or does nothing, is not."""
    failures = [step.failure for step in (landing.upgrade, landing.downgrade, landing.reupgrade) if step]
    failed = any(one is not None and one.kind is not FailureKind.IRREVERSIBLE for one in failures)
    return failed or bool(landing.not_restored and not landing.does_nothing_down) or bool(landing.not_repeated)
