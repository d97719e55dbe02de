"""What a check leaves behind that is killed with SIGKILL at some moment: nothing, once the next one has run.

`make faults` kills 200 on all providers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LONG = {"given": 70, "machine": 60, "embedded": 40, "container": 30}
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets one process adopt what another leaves"),
]


def killed(provider: str, kills: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.killer", provider, str(kills)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_a_few_killed_runs_leave_nothing() -> None:
    result = killed("given", 6)
    assert (result["kills"], result["alive"], result["left"]) == (6, [], []), result


@pytest.mark.skipif(not os.environ.get("LONG"), reason="`make faults` runs this")
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("provider", [*list(LONG)[:-1], pytest.param("container", marks=pytest.mark.docker)])
def test_200_killed_runs_leave_nothing(provider: str) -> None:
    result = killed(provider, LONG[provider])
    assert (result["kills"], result["alive"], result["left"]) == (LONG[provider], [], []), result
