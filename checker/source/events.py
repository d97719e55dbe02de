"""What a GitHub event would have compared. Pure, but for reading the event's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from checker.parsing import Unreadable, is_text, parse_json


@dataclass(frozen=True)
class Event:
    """An event as the runner tells of it: its name, the commit and ref that it is about, and its payload."""

    name: str
    sha: str = ""
    ref: str = ""
    base_ref: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)

    def text(self, *path: str) -> str:
        """A text in the payload; "" where it is not there, or is nothing that git could be asked for."""
        value: Any = self.payload
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        return value if isinstance(value, str) and is_text(value) else ""


@dataclass(frozen=True)
class Asked:
    """What is to be compared."""

    bases: tuple[str, ...] = ()
    """Where the base may be found, the best first; none: the default branch."""
    head: str | None = None
    """None is the work tree."""
    merged: bool = False
    """Whether the head is the result already, and nothing is to be merged."""
    judge_all: bool = False
    shown: str | None = None
    """What a reader calls the base, where that is not how it is found."""
    default: bool = False
    """Whether the base is the default branch: what a developer's own command compares with when none is named."""


def read_event(environ: Mapping[str, str]) -> Event | None:
    """The event that this run is for; None outside of GitHub. A payload that cannot be read is an empty one."""
    name = environ.get("GITHUB_EVENT_NAME")
    if not name:
        return None
    try:
        payload = parse_json(Path(environ.get("GITHUB_EVENT_PATH") or "/").read_bytes())
    except (OSError, Unreadable):
        payload = {}
    return Event(
        name,
        sha=environ.get("GITHUB_SHA", ""),
        ref=environ.get("GITHUB_REF", ""),
        base_ref=environ.get("GITHUB_BASE_REF", ""),
        payload=payload if isinstance(payload, dict) else {},
    )


def asked_by(event: Event, head: str, parents: tuple[str, ...]) -> Asked | None:
    """What the event asks for where the commit `head`, with these parents, is checked out.

    None where it says nothing of this checkout (another repository's, say): then it is as without an event.
    """
    if event.name in ("pull_request", "pull_request_target", "pull_request_review"):
        return _pull_request(event, head, parents)
    if head not in (event.sha, event.text("merge_group", "head_sha")):
        return None
    match event.name:
        case "merge_group":
            return _merge_group(event)
        case "push":
            return _push(event)
        case "schedule" | "workflow_dispatch" | "repository_dispatch":
            return _whole_tree(event)
        case _:
            return None


def _pull_request(event: Event, head: str, parents: tuple[str, ...]) -> Asked | None:
    theirs, base = event.text("pull_request", "head", "sha"), event.text("pull_request", "base", "sha")
    branch = event.base_ref or event.text("pull_request", "base", "ref")
    # The tip of the base as it is now is worth more than the one at which the event was made.
    bases = tuple(name for name in (_remote(branch), base, branch) if name)
    # Without the pull request's own head (act's events may lack it) a commit with two parents can as well be the branch's
    # own merge of its base: then it is merged into the base, which of a merge that is made already makes nothing else.
    if len(parents) == 2 and theirs and parents[1] == theirs:
        return Asked((parents[0],), merged=True, shown=_remote(branch), default=_is_default(event, branch))
    if head == theirs or (head == event.sha and event.name != "pull_request_target"):
        return Asked(bases, default=_is_default(event, branch)) if bases else None
    if event.name == "pull_request_target" and theirs and head in (event.sha, base):
        # What is checked out is the base: of the pull request only git's objects are read, and nothing of it is run.
        return Asked(bases, head=theirs, default=_is_default(event, branch))
    return None


def _push(event: Event) -> Asked:
    before, default = event.text("before"), event.text("repository", "default_branch")
    if before and before.strip("0"):
        return Asked((before,), merged=True)  # a forced push too: what it left out is gone
    if default and event.ref == f"refs/heads/{default}":
        return Asked(("HEAD",), judge_all=True)  # the first push of all: there is nothing to compare it with
    return Asked((f"origin/{default}",) if default else ())


def _merge_group(event: Event) -> Asked | None:
    base, ref = event.text("merge_group", "base_sha"), _branch(event.text("merge_group", "base_ref"))
    return Asked((base,), merged=True, shown=_remote(ref), default=_is_default(event, ref)) if base else None


def _whole_tree(event: Event) -> Asked:
    """By the clock, or by hand on the default branch; by hand on another one, what merging it would do."""
    default = event.text("repository", "default_branch")
    if event.name == "schedule" or not default or event.ref in (f"refs/heads/{default}", ""):
        return Asked(("HEAD",), judge_all=True)
    return Asked((f"origin/{default}",))


def _is_default(event: Event, branch: str) -> bool:
    return bool(branch) and branch == event.text("repository", "default_branch")


def _branch(ref: str) -> str:
    return ref.removeprefix("refs/heads/")


def _remote(branch: str) -> str | None:
    return f"origin/{branch}" if branch else None
