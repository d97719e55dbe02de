"""A monorepo's check over several jobs: what is planned, and what comes of their reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from checker import cli
from tests.gitrepo import Checkout, project, script

Folder = dict[str, bytes]


def below(folder: str, files: Folder) -> Folder:
    return {f"{folder}/{name}": text for name, text in files.items()}


@pytest.fixture
def monorepo(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Three environments; the branch touches two."""
    tree = {**below("api", project("a <- b")), **below("svc/mail", project("m")), **below("old", project("o"))}
    checkout.commit(tree)
    checkout.branch("branch")
    changed = {
        "api/migrations/versions/c_.py": script("c", "b"),
        "svc/mail/migrations/versions/m_.py": script("m", None, "op.execute('SELECT 1')"),
    }
    checkout.commit({**tree, **changed})
    monkeypatch.chdir(checkout.root)
    return checkout


def planned(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, str]]:
    assert cli.run(["plan", "--base", "main", *options]) == 0
    out, _ = capsys.readouterr()
    assert out.count("\n") == 1  # one line: it goes into an output
    plan: dict[str, list[dict[str, str]]] = json.loads(out)
    assert list(plan) == ["include"]
    return plan["include"]


def report(name: str, *options: str) -> dict[str, Any]:
    cli.run(["check", "--base", "main", "--no-replay", "--quiet", "--report", f"json=reports/{name}.json", *options])
    found: dict[str, Any] = json.loads(Path(f"reports/{name}.json").read_text("utf-8"))
    return found


def test_only_what_the_change_touches_is_planned(monorepo: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    static, *jobs = planned(capsys)
    assert static == {"name": "static", "project": "", "postgres-image": "", "replay": "false"}
    assert [(job["name"], job["project"], job["postgres-image"]) for job in jobs] == [
        ("api-postgres-17", "api", "postgres:17"),
        ("svc-mail-postgres-17", "svc/mail", "postgres:17"),
    ]
    assert len(planned(capsys, "--all")) == 4
    images = ("--postgres-image", "postgres:16", "--postgres-image", "registry.example.org/a/postgres:17")
    assert [job["name"] for job in planned(capsys, *images)][1:3] == ["api-postgres-16", "api-postgres-17"]
    monorepo.git("checkout", "--quiet", "main")
    assert planned(capsys) == [static]


def test_jobs_never_share_a_name(
    checkout: Checkout, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.commit({"README": b""})
    checkout.branch("branch")
    checkout.commit({**below("a b", project("a")), **below("a-b", project("b")), **below("a+b", project("c"))})
    monkeypatch.chdir(checkout.root)
    names = [job["name"] for job in planned(capsys)]
    assert len(set(names)) == len(names) == 4


def test_the_jobs_reports_make_the_verdict_of_one_run(monorepo: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    plan = planned(capsys)
    whole = report("whole")
    Path("reports/whole.json").unlink()
    for job in plan:
        report(job["name"], *(("--project", job["project"]) if job["project"] else ()))
    files = sorted(str(path) for path in Path("reports").iterdir())
    wanted = ["--plan", json.dumps({"include": plan}), "--report", "json=merged.json"]
    capsys.readouterr()
    assert cli.run(["merge-reports", *wanted, *files]) == 1
    assert "✗ not safe to merge: 1 error" in capsys.readouterr().out
    merged = json.loads(Path("merged.json").read_text("utf-8"))
    assert merged["verdict"] == whole["verdict"] == "fail"
    assert merged["findings"] == whole["findings"]
    assert sorted(one["path"] for one in merged["projects"]) == ["api", "svc/mail"]
    api = [name for name in files if "api" in name]
    assert cli.run(["merge-reports", *api]) == 0


def test_a_job_without_a_report_is_never_green(monorepo: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    plan = json.dumps({"include": planned(capsys)})
    report("api-postgres-17", "--project", "api")
    capsys.readouterr()
    assert cli.run(["merge-reports", "--plan", plan, "reports/api-postgres-17.json"]) == 2
    out, _ = capsys.readouterr()
    assert "✗ could not judge" in out
    assert "not run: static: its job wrote no report" in out
    assert "not run: svc-mail-postgres-17: its job wrote no report" in out


def test_what_is_no_report_or_of_another_run_is_refused(monorepo: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    report("one", "--project", "api")
    monorepo.write({"api/migrations/versions/d_.py": script("d", "c")})
    report("two", "--project", "api")
    Path("bad.json").write_text('{"version": 1}', "utf-8")
    for arguments, said in (
        (["reports/one.json", "reports/two.json"], "the reports are on different commits"),
        (["bad.json"], "bad.json is no report of ours"),
        (["missing.json"], "missing.json cannot be read"),
        (["--plan", "[]", "reports/one.json"], "--plan is not what"),
    ):
        assert cli.run(["merge-reports", *arguments]) == 2
        assert said in capsys.readouterr().err
