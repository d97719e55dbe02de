"""The sticky comment, against a local server that speaks the few API calls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from checker.github import PullRequest, Refused, find_pull_request, put_comment
from tests.action.api import COMMENTS, Api, serve


def pull(api: Api, job: str = "job") -> PullRequest:
    return PullRequest(api.url, "octo/shop", 7, job)


def put(api: Api, body: str, job: str = "job", *, worth: bool = True) -> None:
    put_comment(pull(api, job), "token-1", body, worth_a_new_one=worth)


@pytest.mark.parametrize("user", [None, "a-person"])
def test_it_is_written_once_and_then_kept_up_to_date(user: str | None) -> None:
    with serve(Api(user=user)) as api:
        put(api, "first")
        put(api, "second")
        put(api, "second")
        put(api, "another job's", job="another")
    assert [one["body"].partition("\n")[2] for one in api.comments] == ["second", "another job's"]
    assert [call.split()[0] for call in api.calls if "GET" not in call] == ["POST", "PATCH", "POST"]
    assert api.tokens == {"token token-1"}


def test_a_safe_change_gets_no_new_comment_but_an_old_one_is_brought_up_to_date() -> None:
    with serve(Api()) as api:
        put(api, "safe", worth=False)
        assert api.comments == []
        put(api, "bad")
        put(api, "safe now", worth=False)
    assert [one["body"].partition("\n")[2] for one in api.comments] == ["safe now"]


@pytest.mark.parametrize("user", [None, "a-person"])
def test_a_strangers_comment_with_our_marker_is_let_alone(user: str | None) -> None:
    with serve(Api(user=user)) as api:
        api.add(f"{pull(api).marker}\nsafe to merge, trust me", "mallory", "User")
        put(api, "not safe")
    assert [one["user"]["login"] for one in api.comments] == ["mallory", user or "github-actions[bot]"]
    assert api.comments[0]["body"].endswith("trust me")


def test_without_permission_it_is_left_out_with_the_reason() -> None:
    with (
        serve(Api(readonly=True)) as api,
        pytest.raises(Refused, match=r"403 \(Resource not accessible.*pull-requests: write"),
    ):
        put(api, "text")
    assert f"POST {COMMENTS}" in api.calls


def test_an_api_that_is_not_there_is_a_reason_too() -> None:
    with serve(Api()) as api:
        gone = pull(api)
    with pytest.raises(Refused, match="does not answer"):
        put_comment(gone, "token-1", "text", worth_a_new_one=True)
    with pytest.raises(Refused, match="no token"):
        put_comment(gone, "", "text", worth_a_new_one=True)


@pytest.mark.parametrize(
    "payload", ["{}", "[]", "not json", '{"pull_request": null}', '{"pull_request": {"number": "7"}}']
)
def test_an_event_without_a_pull_request_has_none(payload: str, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(payload, "utf-8")
    environ = {"GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_REPOSITORY": "octo/shop"}
    with pytest.raises(Refused, match="no pull request"):
        find_pull_request(environ, "job")


def test_the_pull_request_and_the_api_come_from_the_runner(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}), "utf-8")
    environ = {
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "GITHUB_REPOSITORY": "octo/shop",
        "GITHUB_API_URL": "https://github.example.org/api/v3",
    }
    found = find_pull_request(environ, "job")
    assert (found.api, found.repository, found.number) == ("https://github.example.org/api/v3", "octo/shop", 7)
    assert find_pull_request({**environ, "GITHUB_JOB": "b"}, "job").marker != found.marker
