"""From findings to a verdict and an exit code: what is wrong is 1, what could not be judged is 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker import cli
from checker.postgres import Server
from tests.gitrepo import PROJECT, VERSIONS, Checkout, chain, script

BROKEN = {"migrations/env.py": b"from alembic import context\nimport a_module_that_is_nowhere\n"}


@pytest.mark.parametrize(
    ("edit", "status", "verdict", "sentence", "found"),
    [
        ({}, 2, "inconclusive", "✗ could not judge: 1 error", ["R313"]),
        (
            {f"{VERSIONS}/a_.py": script("a", None, "pass")},
            1,
            "fail",
            "✗ not safe to merge: 2 errors",
            ["H101", "R313"],
        ),
    ],
    ids=["not judged", "not judged, and an error"],
)
def test_an_environment_that_does_not_load_could_not_be_judged(
    checkout: Checkout,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    edit: dict[str, bytes],
    status: int,
    verdict: str,
    sentence: str,
    found: list[str],
) -> None:
    checkout.commit({**PROJECT, **BROKEN, **chain("a")})
    checkout.branch("branch")
    checkout.commit({**PROJECT, **BROKEN, **chain("a <- b"), **edit})
    monkeypatch.chdir(checkout.root)
    arguments = ["--base", "main", "--postgres", server.create_database().url(), "--report", "json=report.json"]
    assert cli.run(["check", *arguments, "--report", "sarif=report.sarif"]) == status
    assert sentence in capsys.readouterr().out
    report = json.loads(Path("report.json").read_text("utf-8"))
    assert report["verdict"] == verdict
    assert [one["id"] for one in report["findings"] if one["severity"] == "error"] == found
    invocation = json.loads(Path("report.sarif").read_text("utf-8"))["runs"][0]["invocations"][0]
    assert (invocation["exitCode"], invocation["executionSuccessful"]) == (status, verdict == "fail")
