"""Both forms of the Action, run by act from this checkout on the example shop, with the workflow that docs/ tells to copy."""

from __future__ import annotations

import os
import re
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.action.act import DOCKER, HOST, SHOW, Ran, documented_workflow, run_act, shop

pytestmark = [pytest.mark.act, pytest.mark.timeout(900)]
NO_DOCKER = {**os.environ, "DOCKER_HOST": "unix:///nonexistent/docker.sock"}
Form = Callable[[Path, bool], Ran]


def composite(tmp_path: Path, good: bool) -> Ran:
    folder = shop(tmp_path / "shop", documented_workflow() + SHOW.lstrip("\n"), good=good)
    return run_act(folder, HOST, tmp_path, "pull_request", NO_DOCKER)


def composite_in_a_container(tmp_path: Path, good: bool) -> Ran:
    folder = shop(tmp_path / "shop", documented_workflow() + SHOW.lstrip("\n"), good=good)
    return run_act(folder, DOCKER, tmp_path, "pull_request", os.environ)


def container(tmp_path: Path, good: bool) -> Ran:
    workflow = documented_workflow().replace("alembic-premerge@v1", "alembic-premerge/docker@v1")
    folder = shop(tmp_path / "shop", workflow + SHOW.lstrip("\n"), good=good)
    return run_act(folder, DOCKER, tmp_path, "pull_request", os.environ)


SERVERS = {
    composite: ("(machine)", "(embedded)"),
    composite_in_a_container: ("(container)",),
    container: ("(container)",),
}
FORMS = [composite, *(pytest.param(form, marks=pytest.mark.docker) for form in (composite_in_a_container, container))]


@pytest.mark.parametrize("form", FORMS)
def test_a_bad_branch_fails_and_is_told_where_people_look(form: Form, tmp_path: Path) -> None:
    ran = form(tmp_path, False)
    assert not ran.succeeded, ran.log
    errors = {line["kvPairs"]["title"]: line["kvPairs"] for line in ran.commands("error")}
    assert {"G202 diverged-branch", "H101 edited-revision", "R303 downgrade-does-not-restore"} <= errors.keys(), ran.log
    assert errors["H101 edited-revision"]["file"] == "migrations/versions/b7e2d1c6f302_products.py"
    assert errors["H101 edited-revision"]["line"] == "16"
    outputs = ran.outputs
    assert (outputs["verdict"], int(outputs["errors"])) == ("fail", len(errors))
    assert outputs["new-revisions"] == "e5b6a4f9c605"
    assert set(outputs["heads"].split()) == {"d1a4f3e8b504", "e5b6a4f9c605"}
    assert outputs["reports"] in ran.log.rpartition("}")[2]  # the file lies in the job's workspace
    assert ran.summary.startswith("## ✗ not safe to merge")
    assert "```mermaid\nflowchart TD" in ran.summary
    assert "CREATE TYPE tier AS ENUM" in ran.summary
    assert any(server in ran.summary for server in SERVERS[form]), ran.log  # type: ignore[index]
    # act has no token to comment with, and that fails nobody
    assert [line["kvPairs"]["title"] for line in ran.commands("notice")][-1:] == ["no comment"]


def test_the_nightly_run_judges_all_audits_and_leaves_its_reports(tmp_path: Path) -> None:
    workflow = documented_workflow(1).replace('audit: "true"', 'audit: "2001-02-03"')  # act has no runs to ask for
    workflow = workflow.replace("            postgres:16\n", "")  # nor, here, a daemon
    folder = shop(tmp_path / "shop", workflow, good=True)
    ran = run_act(folder, HOST, tmp_path, "schedule", NO_DOCKER)
    assert ran.succeeded, ran.log
    assert "✓ nothing in this past still stands against a database" in ran.summary
    for name in ("migrations.html", "migrations.json", "migrations-audit.html", "migrations-audit.json"):
        assert name in ran.log
    assert [line["kvPairs"]["title"] for line in ran.commands("warning")] == ["no issue"]


def test_without_docker_nothing_is_installed_into_the_developers_python(tmp_path: Path) -> None:
    own = tmp_path / "own"
    venv.create(own, with_pip=True)
    before = {path for path in own.rglob("*") if "__pycache__" not in path.parts}
    workflow = re.sub(
        r"      - uses: actions/setup-python.*?(?=      - uses)", "", documented_workflow(), flags=re.DOTALL
    )
    folder = shop(tmp_path / "shop", workflow + SHOW.lstrip("\n"), good=True)
    environ = {**NO_DOCKER, "PATH": os.pathsep.join((str(own / "bin"), os.environ["PATH"]))}
    ran = run_act(folder, HOST, tmp_path, "pull_request", environ)
    assert ran.succeeded, ran.log
    assert (ran.outputs["verdict"], ran.outputs["errors"]) == ("pass", "0")
    assert "fresh passed" in ran.summary
    assert {path for path in own.rglob("*") if "__pycache__" not in path.parts} == before


def test_an_action_that_cannot_be_installed_has_the_verdict_fail_and_says_why(tmp_path: Path) -> None:
    nowhere = "env: {PIP_INDEX_URL: 'file:///nowhere', PIP_NO_CACHE_DIR: '1'}"
    workflow = documented_workflow().replace("        id: migrations\n", f"        id: migrations\n        {nowhere}\n")
    folder = shop(tmp_path / "shop", workflow + SHOW.lstrip("\n"), good=True)
    ran = run_act(folder, HOST, tmp_path, "pull_request", NO_DOCKER)
    assert not ran.succeeded
    assert ran.outputs["verdict"] == "fail", ran.log
    assert "could not be installed" in ran.summary


@pytest.mark.parametrize("form", [FORMS[0], FORMS[2]])
def test_a_good_branch_passes(form: Form, tmp_path: Path) -> None:
    ran = form(tmp_path, True)
    assert ran.succeeded, ran.log
    assert ran.commands("error") == []
    assert (ran.outputs["verdict"], ran.outputs["errors"]) == ("pass", "0")
    assert ran.outputs["new-revisions"] == "f6c7a5b0d706"
    assert ran.summary.startswith("## ✓ safe to merge")
    assert "CREATE TABLE discounts" in ran.summary
