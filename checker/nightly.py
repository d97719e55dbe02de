"""What a scheduled workflow asks of GitHub: which of its runs last succeeded, and one issue that says what is wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checker.github import PUBLIC_API, Refused, github_client, is_ours

if TYPE_CHECKING:
    from github import Github
    from github.Issue import Issue
    from github.Repository import Repository

ISSUE_BYTES = 65_000  # GitHub takes 65,536 characters; the marker is ours to add
_READS = "actions: read`"
_WRITES = "issues: write`"
_BOT = "github-actions[bot]"


@dataclass(frozen=True)
class Workflow:
    """The workflow that this run is of."""

    api: str
    repository: str
    """OWNER/NAME"""
    file: str
    """The name of its file, by which GitHub's API knows it."""
    branch: str
    job: str
    """What tells the issues of several jobs apart."""
    run: str = ""
    """Where a person looks at this run; "" where that is not known."""

    @property
    def marker(self) -> str:
        """The issue's first line, which nobody sees."""
        return f"<!-- alembic-premerge-nightly {hashlib.sha256(self.job.encode()).hexdigest()[:16]} -->"


def find_workflow(environ: Mapping[str, str], job: str) -> Workflow:
    """The workflow as the runner tells of it. Raises Refused where there is none."""
    repository = environ.get("GITHUB_REPOSITORY", "")
    file = environ.get("GITHUB_WORKFLOW_REF", "").partition("@")[0].rpartition("/")[2]
    if repository.count("/") != 1 or not file:
        raise Refused("this is no run of a workflow")
    server, run = environ.get("GITHUB_SERVER_URL"), environ.get("GITHUB_RUN_ID")
    return Workflow(
        api=environ.get("GITHUB_API_URL") or PUBLIC_API,
        repository=repository,
        file=file,
        branch=environ.get("GITHUB_REF_NAME", ""),
        job="\0".join((file, environ.get("GITHUB_JOB", ""), job)),
        run=f"{server}/{repository}/actions/runs/{run}" if server and run else "",
    )


def last_success(workflow: Workflow, token: str) -> str:
    """The commit of the newest run on this branch that succeeded; of the very first run where none has.

    So nothing is passed over, and what landed before the workflow was there is not held against anybody. Raises Refused.
    """
    with github_client(workflow.api, token, _READS) as client:
        runs = client.get_repo(workflow.repository).get_workflow(workflow.file)
        for run in runs.get_runs(branch=workflow.branch, status="success"):
            return str(run.head_sha)
        for run in runs.get_runs(branch=workflow.branch).reversed:
            return str(run.head_sha)
    raise Refused("GitHub knows no run of this workflow")


def keep_issue(workflow: Workflow, token: str, title: str, body: str, *, wrong: bool) -> None:
    """Open the issue, or bring the open one up to date, while something is wrong; close it when all is right again.

    `body` is Markdown of at most ISSUE_BYTES. Raises Refused.
    """
    with github_client(workflow.api, token, _WRITES) as client:
        repository = client.get_repo(workflow.repository)
        issue = _own_issue(client, repository, workflow)
        text = f"{workflow.marker}\n{body}"
        if wrong and issue is None:
            repository.create_issue(title, text)
        elif wrong and issue is not None and (issue.title, issue.body) != (title, text):
            issue.edit(title=title, body=text)
        elif issue is not None and not wrong:
            where = f" ([this run]({workflow.run}))" if workflow.run else ""
            issue.create_comment(f"All is right again{where}.")
            issue.edit(state="closed", state_reason="completed")


def _own_issue(client: Github, repository: Repository, workflow: Workflow) -> Issue | None:
    """The open issue of this job, among those that this token's own account has opened."""
    from github import GithubException

    try:
        login = client.get_user().login
    except GithubException:  # a workflow's token stands for an app, and may not ask who it is
        login = _BOT
    for issue in repository.get_issues(state="open", creator=login):  # type: ignore[arg-type] # takes a login too
        if (issue.body or "").startswith(workflow.marker) and is_ours(client, issue):
            return issue
    return None
