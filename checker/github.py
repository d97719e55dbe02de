"""The sticky comment on a pull request: found by a hidden marker and updated in place."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from github import Github
    from github.IssueComment import IssueComment

PUBLIC_API = "https://api.github.com"
_SECONDS = 20


class NoComment(Exception):
    """Why there is no comment, in half a sentence: never what a run fails for."""


@dataclass(frozen=True)
class PullRequest:
    """The pull request that a workflow runs for."""

    api: str
    repository: str
    """OWNER/NAME"""
    number: int
    job: str
    """What tells the comments of several jobs apart."""

    @property
    def marker(self) -> str:
        """The comment's first line, which nobody sees."""
        return f"<!-- alembic-premerge {hashlib.sha256(self.job.encode()).hexdigest()[:16]} -->"


def read_payload(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """The event's payload; nothing where the runner gives none, or something else than it promises."""
    try:
        payload = json.loads(Path(environ.get("GITHUB_EVENT_PATH", "")).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return payload if isinstance(payload, dict) else {}


def find_pull_request(environ: Mapping[str, str], job: str) -> PullRequest:
    """The pull request of this workflow's event. Raises NoComment where it is none."""
    payload = read_payload(environ)
    pull = payload.get("pull_request")
    number = pull.get("number") if isinstance(pull, dict) else None
    repository = environ.get("GITHUB_REPOSITORY", "")
    if not isinstance(number, int) or repository.count("/") != 1:
        raise NoComment("this event has no pull request")
    name = "\0".join((environ.get("GITHUB_WORKFLOW", ""), environ.get("GITHUB_JOB", ""), job))
    return PullRequest(environ.get("GITHUB_API_URL") or PUBLIC_API, repository, number, name)


def put_comment(pull: PullRequest, token: str, body: str, *, worth_a_new_one: bool) -> None:
    """Write the comment, or bring the one that is there up to date. `body` is Markdown of at most 65,000 characters.

    Raises NoComment where GitHub does not let us, or does not answer.
    """
    import requests
    from github import Auth, Github, GithubException

    if not token:
        raise NoComment("there is no token")
    client = Github(
        auth=Auth.Token(token),
        base_url=pull.api,
        timeout=_SECONDS,
        lazy=True,
        retry=None,
        seconds_between_requests=None,
    )
    try:
        _put(client, pull, f"{pull.marker}\n{body}", worth_a_new_one=worth_a_new_one)
    except GithubException as error:
        said = error.data.get("message") if isinstance(error.data, dict) else None
        hint = (
            "; the job needs `permissions: pull-requests: write`, which a fork's has not"
            if error.status in (401, 403, 404)
            else ""
        )
        raise NoComment(f"GitHub answered {error.status} ({said or 'no reason'}){hint}") from None
    except (requests.RequestException, AssertionError, KeyError, TypeError, ValueError) as error:
        raise NoComment(f"GitHub's API at {pull.api} does not answer as it should ({type(error).__name__})") from None
    finally:
        client.close()


def _put(client: Github, pull: PullRequest, body: str, *, worth_a_new_one: bool) -> None:
    issue = client.get_repo(pull.repository).get_issue(pull.number)
    mine = [comment for comment in issue.get_comments() if (comment.body or "").startswith(pull.marker)]
    own = next((comment for comment in mine if _is_ours(client, comment)), None)
    if own is None:
        if worth_a_new_one:
            issue.create_comment(body)
    elif own.body != body:
        own.edit(body)


def _is_ours(client: Github, comment: IssueComment) -> bool:
    """Anybody can write our marker: only what this token's own account wrote is ours to edit."""
    from github import GithubException

    try:
        return comment.user.login == client.get_user().login
    except GithubException:  # a workflow's token stands for an app, and may not ask who it is
        return comment.user.type == "Bot"
