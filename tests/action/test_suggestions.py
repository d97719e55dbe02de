"""Suggestions at the lines of a pull request: what is offered, and that it is kept up to date."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from checker.findings import Suggestion
from checker.github import PullRequest, Refused, Remark, put_remarks
from checker.reports.suggestions import render
from tests.action.api import Api, serve
from tests.action.test_step import run
from tests.gitrepo import VERSIONS, Checkout, project, script
from tests.reports.samples import EDITED, SAMPLE, STRANGERS

FIRST = Remark("k1", "v/x.py", 4, 12, "first")
SECOND = Remark("k2", "v/y.py", 9, 9, "second")


def put(api: Api, *remarks: Remark, job: str = "job", token: str = "t") -> None:
    put_remarks(PullRequest(api.url, "octo/shop", 7, job, "c0ffee"), token, remarks)


def written(api: Api) -> list[tuple[str, int | None, int, str]]:
    return [
        (one["path"], one["start_line"], one["line"], one["body"].partition("\n")[2]) for one in api.remarks.values()
    ]


@pytest.mark.parametrize("user", [None, "a-person"])
def test_each_is_written_once_at_its_lines(user: str | None) -> None:
    with serve(Api(user=user)) as api:
        put(api, FIRST, SECOND)
        put(api, SECOND, FIRST)
    assert written(api) == [("v/x.py", 4, 12, "first"), ("v/y.py", None, 9, "second")]
    assert [call.split()[0] for call in api.calls if "GET" not in call] == ["POST", "POST"]
    assert {(one["commit_id"], one["side"]) for one in api.remarks.values()} == {("c0ffee", "RIGHT")}


def test_it_is_kept_up_to_date_where_it_stands_and_moved_where_its_lines_moved() -> None:
    with serve(Api()) as api:
        put(api, FIRST, SECOND)
        put(api, replace(FIRST, body="other words"), replace(SECOND, start_line=10, end_line=10))
        next(iter(api.remarks.values()))["line"] = None  # GitHub calls it outdated
        put(api, FIRST, SECOND)
    assert sorted(written(api)) == [("v/x.py", 4, 12, "first"), ("v/y.py", None, 9, "second")]
    changes = [call.split()[0] for call in api.calls if "GET" not in call]
    assert changes == ["POST", "POST", "PATCH", "DELETE", "POST", "DELETE", "DELETE", "POST", "POST"]


def test_an_obsolete_one_of_ours_is_deleted_and_nobody_elses() -> None:
    with serve(Api()) as api:
        put(api, FIRST)
        put(api, SECOND, job="another")
        marker = next(iter(api.remarks.values()))["body"].partition("\n")[0]
        api.remark({"path": "v/x.py", "line": 4, "body": f"{marker}\nmine"}, "mallory", "User")
        api.remark({"path": "v/x.py", "line": 4, "body": "hello"}, "github-actions[bot]", "Bot")
        put(api)
    assert [words for *_, words in written(api)] == ["second", "mine", ""]


def test_lines_that_are_not_in_the_diff_are_passed_over() -> None:
    with serve(Api()) as api:
        put(api, replace(FIRST, end_line=41), SECOND)
    assert [words for *_, words in written(api)] == ["second"]


def test_without_permission_it_is_left_out_with_the_reason() -> None:
    with serve(Api(readonly=True)) as api, pytest.raises(Refused, match="pull-requests: write"):
        put(api, FIRST)
    with pytest.raises(Refused, match="no token"):
        put(api, FIRST, token="")


# --- what is offered


def offered(lines: tuple[str, ...], message: str = "said") -> list[str]:
    finding = replace(EDITED, message=message, suggestion=Suggestion("v/x.py", 1, 2, lines))
    return [offer.body for offer in render(replace(SAMPLE, findings=(finding,)))]


@example(("x", "```", "   ````` ", "~~~", "<!-- -->"))
@given(st.lists(st.text(st.characters(codec="utf-8")) | st.text("`~ -"), max_size=4).map(tuple))
def test_no_line_gets_out_of_the_fence(lines: tuple[str, ...]) -> None:
    for body in offered(lines):
        tokens = MarkdownIt("commonmark").parse(body)
        assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close", "fence"]
        assert (tokens[-1].info, tokens[-1].content) == ("suggestion", "".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize("text", STRANGERS.values(), ids=STRANGERS)
def test_nothing_of_a_strangers_becomes_markup(text: str) -> None:
    for body in offered(("x = 1",), text):
        assert body.count("suggestion\n") == 1
        assert [token.type for token in MarkdownIt("commonmark").parse(body)].count("fence") == 1
        assert not re.search(r"<(?!code>|/code>|span>|/span>)", body)


@pytest.mark.parametrize("line", ["a\u202eb", "a\x1bb", "a\nb", "\ud800"])
def test_what_a_reader_cannot_see_is_not_offered(line: str) -> None:
    assert offered((line,)) == []
    assert len(offered(("all is plain", "\ttoo"))) == 1


def test_the_action_offers_what_fix_would_write(checkout: Checkout, tmp_path: Path) -> None:
    checkout.commit(project("a <- b"))
    checkout.branch("branch")
    own = script("x", "a").replace(b"Revision ID: x\n", b"Revision ID: x\nRevises: a\n")
    checkout.commit({**project("a <- b"), f"{VERSIONS}/x_.py": own})
    payload = {"pull_request": {"number": 7, "head": {"sha": checkout.git("rev-parse", "HEAD")}}}
    (tmp_path / "event.json").write_text(json.dumps(payload), "utf-8")
    environ = {"GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_REPOSITORY": "octo/shop"}
    with serve(Api()) as api:
        step = run(checkout, tmp_path, {**environ, "GITHUB_API_URL": api.url}, comment="true", token="t")
        [told] = [line for line in step.obeyed if "G202" in line]
        assert "set down_revision = 'b' in migrations/versions/x_.py (or: alembic-premerge fix --apply" in told
        [(path, start, end, body)] = written(api)
        lines = own.decode().splitlines()
        mended = (
            own.decode().replace("Revises: a", "Revises: b").replace("revision = 'a'", "revision = 'b'").splitlines()
        )
        assert (path, start, end) == (f"{VERSIONS}/x_.py", 4, 9)
        assert body.partition("```suggestion\n")[2] == "\n".join((*mended[3:9], "```"))
        assert lines[:3] + mended[3:9] + lines[9:] == mended
        checkout.commit({**project("a <- b"), f"{VERSIONS}/x_.py": "\n".join((*mended, "")).encode()})
        step = run(checkout, tmp_path, {**environ, "GITHUB_API_URL": api.url}, comment="true", token="t")
    assert (step.status, api.remarks) == (0, {})
