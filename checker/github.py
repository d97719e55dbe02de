"""What stands on a pull request: one comment, and suggestions at the lines. Found by hidden markers, and kept up to date."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker.parsing import Unreadable, parse_json

if TYPE_CHECKING:
    from github import Github
    from github.Issue import Issue
    from github.IssueComment import IssueComment
    from github.PullRequest import PullRequest as GitHubPullRequest
    from github.PullRequestComment import PullRequestComment

PUBLIC_API = "https://api.github.com"
_SECONDS = 20
_NOT_IN_THE_DIFF = 422
_NEEDS = "pull-requests: write`, which a fork's has not"


class Refused(Exception):
    """Why GitHub was not written to or read from, in half a sentence."""


@dataclass(frozen=True)
class PullRequest:
    """The pull request that a workflow runs for."""

    api: str
    repository: str
    """OWNER/NAME"""
    number: int
    job: str
    """What tells the comments of several jobs apart."""
    head: str = ""
    """The commit that its lines are those of."""

    @property
    def marker(self) -> str:
        """The comment's first line, which nobody sees."""
        return f"<!-- alembic-premerge {self._job_hash} -->"

    @property
    def suggestion_marker(self) -> str:
        """How the first line of each suggestion begins; what tells one from the others follows."""
        return f"<!-- alembic-premerge-suggestion {self._job_hash} "

    @property
    def _job_hash(self) -> str:
        return hashlib.sha256(self.job.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Remark:
    """What is written at lines of a file that the pull request brings."""

    key: str
    """What it is known by from run to run: letters and digits."""
    path: str
    start_line: int
    end_line: int
    body: str
    """Markdown."""


def read_payload(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """The event's payload; nothing where the runner gives none, or something else than it promises."""
    try:
        payload = parse_json(Path(environ.get("GITHUB_EVENT_PATH", "")).read_bytes())
    except (OSError, Unreadable):
        return {}
    return payload if isinstance(payload, dict) else {}


def find_pull_request(environ: Mapping[str, str], job: str) -> PullRequest:
    """The pull request of this workflow's event. Raises Refused where it is none."""
    payload = read_payload(environ)
    pull = payload.get("pull_request")
    number = pull.get("number") if isinstance(pull, dict) else None
    repository = environ.get("GITHUB_REPOSITORY", "")
    if not isinstance(number, int) or repository.count("/") != 1:
        raise Refused("this event has no pull request")
    name = "\0".join((environ.get("GITHUB_WORKFLOW", ""), environ.get("GITHUB_JOB", ""), job))
    head = pull.get("head") if isinstance(pull, dict) else None
    commit = head.get("sha") if isinstance(head, dict) else None
    api = environ.get("GITHUB_API_URL") or PUBLIC_API
    return PullRequest(api, repository, number, name, commit if isinstance(commit, str) else "")


def put_comment(pull: PullRequest, token: str, body: str, *, worth_a_new_one: bool) -> None:
    """Write the comment, or bring the one that is there up to date. `body` is Markdown of at most 65,000 characters.

    Raises Refused where GitHub does not let us, or does not answer.
    """
    text = f"{pull.marker}\n{body}"
    with github_client(pull.api, token, _NEEDS) as client:
        _put(client, pull, text, worth_a_new_one=worth_a_new_one)


def put_remarks(pull: PullRequest, token: str, remarks: Sequence[Remark]) -> None:
    """Write each at its lines, or leave it there; delete those of ours that are not among them any more.

    Lines that are not in the pull request's diff are passed over. Raises Refused as `put_comment` does.
    """
    with github_client(pull.api, token, _NEEDS) as client:
        _put_remarks(client, pull, remarks)


@contextmanager
def github_client(api: str, token: str, needs: str) -> Iterator[Github]:
    """GitHub's API. Whatever it refuses comes out as Refused, with the permissions that the work `needs`."""
    import requests
    from github import Auth, Github, GithubException

    if not token:
        raise Refused("there is no token")
    client = Github(
        auth=Auth.Token(token),
        base_url=api,
        timeout=_SECONDS,
        lazy=True,
        retry=None,
        seconds_between_requests=None,
    )
    try:
        yield client
    except GithubException as error:
        said = error.data.get("message") if isinstance(error.data, dict) else None
        hint = f"; the job needs `permissions: {needs}" if error.status in (401, 403, 404) else ""
        raise Refused(f"GitHub answered {error.status} ({said or 'no reason'}){hint}") from None
    except (requests.RequestException, AssertionError, KeyError, TypeError, ValueError) as error:
        raise Refused(f"GitHub's API at {api} does not answer as it should ({type(error).__name__})") from None
    finally:
        client.close()


def _put(client: Github, pull: PullRequest, body: str, *, worth_a_new_one: bool) -> None:
    issue = client.get_repo(pull.repository).get_issue(pull.number)
    mine = [comment for comment in issue.get_comments() if (comment.body or "").startswith(pull.marker)]
    own = next((comment for comment in mine if is_ours(client, comment)), None)
    if own is None:
        if worth_a_new_one:
            issue.create_comment(body)
    elif own.body != body:
        own.edit(body)


def _put_remarks(client: Github, pull: PullRequest, remarks: Sequence[Remark]) -> None:
    wanted = {f"{pull.suggestion_marker}{remark.key} -->": remark for remark in remarks}
    request = client.get_repo(pull.repository).get_pull(pull.number)
    for comment in request.get_review_comments():
        if (comment.body or "").startswith(pull.suggestion_marker) and is_ours(client, comment):
            marker, _, body = comment.body.replace("\r\n", "\n").partition("\n")
            remark = wanted.get(marker)
            if remark is None or not _is_there(comment, remark):
                comment.delete()
                continue
            if body.rstrip() != remark.body.rstrip():
                comment.edit(f"{marker}\n{remark.body}")
            del wanted[marker]
    for marker, remark in wanted.items():
        _write_remark(request, pull.head, remark, f"{marker}\n{remark.body}")


def _is_there(comment: PullRequestComment, remark: Remark) -> bool:
    """Whether it still stands at these lines: GitHub gives an outdated one no line at all."""
    found = (comment.path, comment.start_line or comment.line, comment.line)
    return found == (remark.path, remark.start_line, remark.end_line)


def _write_remark(request: GitHubPullRequest, commit: str, remark: Remark, body: str) -> None:
    from github import GithubException

    several: dict[str, Any] = {}
    if remark.start_line != remark.end_line:
        several = {"start_line": remark.start_line, "start_side": "RIGHT"}
    try:
        request.create_review_comment(body, commit, remark.path, line=remark.end_line, side="RIGHT", **several)
    except GithubException as error:
        if error.status != _NOT_IN_THE_DIFF:
            raise


def is_ours(client: Github, comment: IssueComment | PullRequestComment | Issue) -> bool:
    """Anybody can write our marker: only what this token's own account wrote is ours to edit."""
    from github import GithubException

    try:
        return comment.user.login == client.get_user().login
    except GithubException:  # a workflow's token stands for an app, and may not ask who it is
        return comment.user.type == "Bot"
