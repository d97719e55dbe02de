"""The short form of the fuzzer: `make faults` runs the long one."""

from __future__ import annotations

from tests.faults.fuzz import fuzz, fuzz_commands


def test_parsers_answer_or_refuse() -> None:
    outcome = fuzz(range(1_000))
    assert outcome.faults == []
    assert outcome.inputs == 1_000
    assert 50 < outcome.refused < 500  # else the inputs are too good, or so bad that nothing is read of them


def test_commands_answer_or_refuse() -> None:
    assert fuzz_commands(range(4)).faults == []
