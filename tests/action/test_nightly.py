"""The scheduled run: the audit since the last success, every PostgreSQL, and one issue that comes and goes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from checker.examples import files
from checker.github import Refused
from checker.nightly import Workflow, find_workflow, keep_issue, last_success
from tests.action.api import Api, serve
from tests.action.test_step import Step, run
from tests.gitrepo import VERSIONS, Checkout, project, script

SHOP = project("a <- b")
EDIT = {f"{VERSIONS}/b_.py": script("b", "a", "op.execute('SELECT 1')")}


def workflow(api: Api, job: str = "job") -> Workflow:
    return Workflow(api.url, "octo/shop", "nightly.yml", "main", job, "https://example.org/octo/shop/actions/runs/1")


def keep(api: Api, body: str, *, wrong: bool, job: str = "job") -> None:
    keep_issue(workflow(api, job), "token-1", "Migrations: something is wrong", body, wrong=wrong)


@pytest.mark.parametrize("user", [None, "a-person"])
def test_one_issue_is_opened_kept_up_to_date_and_closed(user: str | None) -> None:
    with serve(Api(user=user)) as api:
        keep(api, "", wrong=False)
        assert api.issues == []
        keep(api, "two errors", wrong=True)
        keep(api, "one error", wrong=True)
        keep(api, "one error", wrong=True)
        keep(api, "another job's", wrong=True, job="another")
        keep(api, "", wrong=False)
        keep(api, "", wrong=False)
        keep(api, "again", wrong=True)
    first, second, third = api.issues
    assert (first["body"].partition("\n")[2], first["state"], first["state_reason"]) == (
        "one error",
        "closed",
        "completed",
    )
    assert first["said"] == ["All is right again ([this run](https://example.org/octo/shop/actions/runs/1))."]
    assert (second["state"], third["state"]) == ("open", "open")
    assert [call.split()[0] for call in api.calls].count("PATCH") == 2


def test_a_strangers_issue_with_our_marker_is_let_alone() -> None:
    with serve(Api()) as api:
        api.open_issue("hello", f"{workflow(api).marker}\nall is well", "mallory", "User")
        keep(api, "one error", wrong=True)
        keep(api, "", wrong=False)
    assert [one["state"] for one in api.issues] == ["open", "closed"]


def test_the_last_success_is_the_newest_run_that_succeeded_else_the_first_of_all() -> None:
    with serve(Api(runs=[("c3", "failure"), ("c2", "success"), ("c1", "success")])) as api:
        assert last_success(workflow(api), "token") == "c2"
        api.runs = [("c3", "failure"), ("c2", "failure")]
        assert last_success(workflow(api), "token") == "c2"
        api.runs = []
        with pytest.raises(Refused, match="knows no run of this workflow"):
            last_success(workflow(api), "token")
        with pytest.raises(Refused, match="there is no token"):
            last_success(workflow(api), "")


def test_the_workflow_is_what_the_runner_tells() -> None:
    told = {
        "GITHUB_REPOSITORY": "octo/shop",
        "GITHUB_WORKFLOW_REF": "octo/shop/.github/workflows/nightly.yml@refs/heads/main",
        "GITHUB_REF_NAME": "main",
    }
    found = find_workflow(told, "job")
    assert (found.file, found.branch, found.run) == ("nightly.yml", "main", "")
    with pytest.raises(Refused):
        find_workflow({}, "job")


# --- the step


def nightly(
    checkout: Checkout, scratch: Path, api: Api, environ: Mapping[str, str] | None = None, **inputs: str
) -> Step:
    runner = {
        "GITHUB_EVENT_NAME": "schedule",
        "GITHUB_SHA": checkout.git("rev-parse", "HEAD"),
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_REPOSITORY": "octo/shop",
        "GITHUB_SERVER_URL": "https://example.org",
        "GITHUB_RUN_ID": "1",
        "GITHUB_WORKFLOW_REF": "octo/shop/.github/workflows/nightly.yml@refs/heads/main",
        "GITHUB_API_URL": api.url,
    }
    given = {"token": "token-1", "audit": "true", "issue": "true", **inputs}
    return run(checkout, scratch, {**runner, **(environ or {})}, **given)


def test_what_came_in_since_the_last_success_opens_the_issue_and_its_end_closes_it(
    checkout: Checkout, tmp_path: Path
) -> None:
    old = checkout.land(SHOP, 0)
    checkout.land({**SHOP, **EDIT}, 24, "Quicker (#2)", author="Bob")
    with serve(Api(runs=[("0" * 40, "failure"), (old, "success")])) as api:
        step = nightly(checkout, tmp_path, api, report="json=report.json")
        assert (step.status, step.outputs["verdict"], step.outputs["errors"]) == (1, "fail", "1")
        assert step.outputs["reports"] == "report.json\nreport-audit.json"
        assert "b edited in upgrade()" in step.summary
        assert [line.partition("title=")[2].partition("::")[0] for line in step.obeyed] == ["H101 edited-revision"]
        [issue] = api.issues
        assert "edited in upgrade" in issue["body"]
        assert "[The run that found it](https://example.org/octo/shop/actions/runs/1)" in issue["body"]
        checkout.land(SHOP, 48, "Back again (#3)")
        step = nightly(checkout, tmp_path, api)
        assert (step.status, step.outputs["verdict"], step.obeyed) == (0, "pass", [])
        assert issue["state"] == "closed"


def test_what_landed_before_the_last_success_is_held_against_nobody(checkout: Checkout, tmp_path: Path) -> None:
    checkout.land(SHOP, 0)
    edited = checkout.land({**SHOP, **EDIT}, 24)
    with serve(Api(runs=[(edited, "success")])) as api:
        assert nightly(checkout, tmp_path, api).status == 0
        assert nightly(checkout, tmp_path, api, audit="2001-01-01").status == 1


def test_where_the_last_success_is_not_known_nothing_is_green(checkout: Checkout, tmp_path: Path) -> None:
    checkout.land(SHOP, 0)
    with serve(Api()) as api:
        step = nightly(checkout, tmp_path, api)
    assert (step.status, step.outputs["verdict"], step.outputs["errors"]) == (2, "fail", "0")
    assert "since which commit it should be is not known" in step.summary


def test_without_permission_the_run_says_so_and_its_verdict_stays(checkout: Checkout, tmp_path: Path) -> None:
    old = checkout.land(SHOP, 0)
    checkout.land({**SHOP, **EDIT}, 24)
    with serve(Api(runs=[(old, "success")], readonly=True)) as api:
        step = nightly(checkout, tmp_path, api)
    assert step.status == 1
    assert any("::warning title=no issue" in line and "issues: write" in line for line in step.obeyed)


def test_what_keeps_us_from_judging_opens_the_issue_too(checkout: Checkout, tmp_path: Path) -> None:
    checkout.land({**SHOP, ".alembic-premerge.yml": b"lokked: merged\n"}, 0)
    with serve(Api(runs=[("c1", "success")])) as api:
        step = nightly(checkout, tmp_path, api)
    assert step.status == 2
    assert [issue["title"] for issue in api.issues] == ["Migrations could not be judged"]


@pytest.mark.postgres
def test_several_images_need_a_docker_daemon(checkout: Checkout, tmp_path: Path) -> None:
    checkout.land(project("a"), 0)
    with serve(Api()) as api:
        step = nightly(
            checkout,
            tmp_path,
            api,
            {"VIRTUAL_ENV": ""},
            audit="false",
            issue="false",
            replay="true",
            postgres="embedded",
            postgres_image="postgres:16\npostgres:17",
        )
    assert step.status == 2
    assert "replay on postgres:17: an image needs a Docker daemon" in step.log.replace("\n", " ")


@pytest.mark.docker
def test_all_is_replayed_on_every_image(checkout: Checkout, tmp_path: Path) -> None:
    checkout.land(files("shop/first"), 0)
    with serve(Api()) as api:
        step = nightly(
            checkout,
            tmp_path,
            api,
            {**os.environ, "VIRTUAL_ENV": sys.prefix},
            audit="false",
            issue="false",
            replay="true",
            postgres="container",
            postgres_image="postgres:17\ndocker.io/library/postgres:17",
            report="json=report.json",
        )
    assert step.status == 0, step.log
    assert "and on docker.io/library/postgres:17" in step.log
    written = json.loads((checkout.root / "report.json").read_text("utf-8"))
    assert [one["server"]["provider"] for one in written["replay"]] == ["container", "container"]
