from checker.replay.outcome import Difference


def describe(d: Difference) -> str:
    return d.identity
