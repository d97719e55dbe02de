"""Exit codes, and the one clear sentence for every way of asking wrongly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from checker import __version__, cli, pipeline
from checker.checks.registry import CHECKS
from tests.gitrepo import VERSIONS, Checkout, project, script

SHOP = project("a <- b")


@pytest.fixture
def shop(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A merged project, in whose folder the command is called."""
    checkout.commit(SHOP)
    checkout.branch("branch")
    monkeypatch.chdir(checkout.root)
    return checkout


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command line that ends with exit code 2 says; nothing of it is a report."""
    assert cli.run(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    return err


def test_pass_is_0(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["check", "--no-replay", "--base", "main"]) == 0
    assert "✓ safe to merge" in capsys.readouterr().out
    assert cli.run(["check", "--no-replay", "--base", "main", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_findings_are_1(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write({f"{VERSIONS}/b_.py": script("b", "a", "op.execute('SELECT 1')")})
    assert cli.run(["check", "--no-replay", "--base", "main", "--quiet"]) == 1
    out, _ = capsys.readouterr()
    assert f"error H101 edited-revision  {VERSIONS}/b_.py:" in out
    assert f"git checkout main -- {VERSIONS}/b_.py" in out
    assert "✗ not safe to merge: 1 error" in out


def test_reports_are_written_where_they_are_wanted(shop: Checkout, tmp_path: Path) -> None:
    file = tmp_path / "a new folder" / "report.json"
    assert cli.run(["check", "--no-replay", "--base", "main", "--report", f"json={file}"]) == 0
    assert json.loads(file.read_text("utf-8"))["verdict"] == "pass"


def test_fail_on_warning(shop: Checkout) -> None:
    shop.commit({"README": b""})
    assert cli.run(["check", "--no-replay", "--base", "main"]) == 0
    assert cli.run(["check", "--no-replay", "--base", "main", "--fail-on", "warning"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--base", "nowhere"], "git knows no commit called 'nowhere'"),
        (["--head", "--upload-pack=x"], "git knows no commit called '--upload-pack=x'"),
        (["--only", "X999"], "there is no check called X999"),
        (["--ignore", "h10"], "there is no check called h10"),
        (["--report", "json"], "--report json is not FORMAT=FILE"),
        (["--report", "pdf=report.pdf"], "--report pdf=report.pdf is not FORMAT=FILE"),
        (["--config", "nowhere.yml"], "nowhere.yml cannot be read: No such file or directory"),
        (["--project", "nowhere"], "project nowhere: there is no Alembic environment there (found: .)"),
        (["--fail-on", "note"], "'note' is not one of 'error', 'warning'"),
        (["--no-such-option"], "No such option"),
        (["an argument"], "unexpected extra argument"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_bad_input_is_2(shop: Checkout, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert said in refused(capsys, "check", "--no-replay", "--base", "main", *arguments)


def test_a_report_that_cannot_be_written_is_2(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "check", "--no-replay", "--base", "main", "--report", f"json={shop.root}")
    assert f"the report cannot be written to {shop.root}: Is a directory" in said


def test_outside_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert "is not in a git repository" in refused(capsys, "check", "--no-replay")


def test_without_an_alembic_environment(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.commit({"README": b""})
    monkeypatch.chdir(checkout.root)
    assert "no Alembic environment was found" in refused(capsys, "check", "--no-replay", "--base", "main")


def test_every_mistake_of_the_configuration_at_once(shop: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    shop.write({".alembic-premerge.yml": b"lokked: merged\ntimeouts:\n  step: never\n"})
    said = refused(capsys, "check", "--no-replay", "--base", "main")
    assert ".alembic-premerge.yml:1: lokked: there is no such setting\n" in said
    assert ".alembic-premerge.yml:3: timeouts.step: " in said
    assert "alembic-premerge: .alembic-premerge.yml has 2 mistakes.\n" in said


def test_no_command_and_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No such command" in refused(capsys, "chekc")
    assert cli.run([]) == 2
    assert "check" in capsys.readouterr().out


def test_a_bug_of_ours_is_3(
    shop: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stumble(*_: object) -> None:
        raise KeyError("[bold]nothing there[/bold]")

    monkeypatch.setattr(pipeline, "compare_refs", stumble)
    assert cli.run(["check", "--no-replay"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" in err
    assert "[bold]nothing there[/bold]" in err
    assert cli.ISSUES in err


def test_interrupted_is_130(shop: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "compare_refs", interrupt)
    assert cli.run(["check", "--no-replay"]) == 130


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["explain"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == [one.info.id for one in CHECKS]
    assert cli.run(["explain", "h101"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("H101 edited-revision (error)\n")
    assert cli.run(["explain", "edited-revision"]) == 0
    assert capsys.readouterr().out == page
    assert "there is no check called H1" in refused(capsys, "explain", "H1")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"alembic-premerge {__version__}\n"


def test_as_a_process(shop: Checkout) -> None:
    """From a git hook, with its variables set, into a pipe: UTF-8 or not."""
    (shop.root / VERSIONS / "b_.py").unlink()
    command = [sys.executable, "-m", "checker", "check", "--no-replay", "--base", "main"]
    hook = {"GIT_INDEX_FILE": "/nowhere/index", "GIT_PREFIX": "migrations/", "PYTHONIOENCODING": "ascii"}
    hook["PYTHONPATH"] = str(Path(cli.__file__).parents[1])
    done = subprocess.run(
        command, cwd=shop.root, env={**os.environ, **hook}, capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 1, done.stderr
    assert b"H102 deleted-revision" in done.stdout
    assert done.stderr == b""
