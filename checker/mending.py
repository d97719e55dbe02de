"""From what is judged to the files that mend it, and the proof that they do. Pure: nothing is read or written here.

What is planned is never taken for right: the merge result with the new files laid over it is judged by the same checks.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from checker.checks.base import Subject
from checker.checks.registry import STATIC
from checker.errors import CheckerError
from checker.findings import Finding, Severity
from checker.source.changes import find_changes
from checker.source.drafts import Draft, Left
from checker.source.moving import Plan, plan
from checker.source.rewriting import NotRewritable, refuse_unwritable, rewrite
from checker.source.script import Script, read_script
from checker.source.snapshot import Snapshot
from checker.source.twins import ID_LENGTH

# What rewriting ids can mend, or break.
GRAPH = frozenset({"G201", "G202", "G203", "G204", "G205", "G209"})
CHECKED = tuple(one for one in STATIC if one.info.id in GRAPH or one.info.id.startswith("H"))
HEADS = frozenset({"G201", "G202"})


@dataclass(frozen=True)
class Rewrite:
    """A file, and what becomes of it."""

    path: str
    before: bytes | None
    """None for a file that is new."""
    after: bytes
    new_path: str | None = None
    """Where it lies afterwards, if that is elsewhere."""

    @property
    def target(self) -> str:
        """Where it lies afterwards."""
        return self.new_path or self.path


@dataclass(frozen=True)
class Mending:
    """What is to be written for one project, what was decided on the way, and what is left to do by hand."""

    project: str
    rewrites: tuple[Rewrite, ...] = ()
    told: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()


@dataclass(frozen=True)
class Files:
    """What a mending asks of the work tree and of the base."""

    read: Callable[[str], bytes | None]
    """A file as it lies on disk; None where it does not."""
    is_merged: Callable[[str], bool]
    """Whether the base has a file of that path."""
    is_here: Callable[[str], bool]
    """Whether the branch itself has a file of that path, without what the merge brings."""
    merge_script: Callable[[str, tuple[str, ...], str], tuple[str, bytes]]
    """The name and the content of a merge revision, from its id, the heads, and the folder that it will lie in."""


class WouldNotMend(CheckerError):
    """What was planned does not mend it: a fault of ours, and nothing is written."""


def mend(subject: Subject, files: Files, *, merge: bool = False) -> Mending:
    """What mends this project. Raises CheckerError where merging conflicts in its scripts, and WouldNotMend."""
    _refuse_conflicts(subject)
    planned = plan(
        subject.base,
        subject.result,
        subject.changes,
        subject.expected_heads,
        merge=merge,
        known_here=files.is_here,
    )
    found = judge(subject)
    try:
        rewrites = (*_rewrites(subject, planned, files), *_merge_scripts(subject, planned, files))
    except NotRewritable as reason:
        by_hand = Left(reason.reason, "change that by hand; nothing of this project is rewritten")
        return Mending(subject.project, left=(by_hand, *planned.left))
    assert not any(files.is_merged(one.path) or files.is_merged(one.target) for one in rewrites), "a merged script"
    after = judge(with_files(subject, rewrites)) if rewrites else found
    # A twin hides the heads that its own id makes: what is left of them, and said, is not the mending's doing.
    _refuse_worse(found, [one for one in after if not (planned.left and one.id in HEADS)])
    left = (*planned.left, *_remaining(after, told=bool(planned.left)))
    return Mending(subject.project, rewrites, (*planned.told, *_not_here(subject, planned, files)), left)


def judge(subject: Subject) -> tuple[Finding, ...]:
    """What history and graph have against the change."""
    found = (finding for registered in CHECKED for finding in registered.check(subject))
    return tuple(finding for finding in found if finding.introduced and finding.severity is not Severity.NOTE)


def with_files(subject: Subject, rewrites: Iterable[Rewrite]) -> Subject:
    """The subject as it will be with these files in the merge result."""
    scripts = {script.path: script for script in subject.result.scripts}
    for one in rewrites:
        scripts.pop(one.path, None)
        scripts[one.target] = read_script(
            one.target, hashlib.sha1(one.after, usedforsecurity=False).hexdigest(), one.after
        )
    result = Snapshot(subject.result.environment, tuple(scripts[path] for path in sorted(scripts)))
    return replace(subject, result=result, changes=find_changes(subject.base, result))


def _refuse_conflicts(subject: Subject) -> None:
    if subject.conflicting:
        raise CheckerError(
            f"merging {subject.base_ref} conflicts in {', '.join(subject.conflicting)}, so what the merge will be is not known",
            f"Merge or rebase onto {subject.base_ref} and resolve that first, then run `alembic-premerge fix` again.",
        )


# --- files


def _rewrites(subject: Subject, planned: Plan, files: Files) -> Iterator[Rewrite]:
    known = {*subject.base.graph.nodes, *subject.result.graph.nodes}
    for draft in planned.drafts:
        path = draft.script.path
        source = files.read(path)
        if source is None:
            raise NotRewritable(
                f"{path} is not in the work tree (merging {subject.base_ref} would put it there: merge or rebase first)"
            )
        if _ids(read_script(path, "", source)) != _ids(draft.script):
            raise NotRewritable(f"{path} on disk is not what git would commit")
        try:
            after = rewrite(draft.script, source, draft.wanted, known)
        except NotRewritable as reason:
            should = "; ".join(draft.assignments)
            raise NotRewritable(
                f"{path}:{reason.line} cannot be rewritten: {reason.reason}. It should say: {should}"
            ) from None
        yield Rewrite(path, source, after, _new_path(draft, subject, files))


def _ids(script: Script) -> tuple[object, ...]:
    return script.revision, script.down_revisions, script.depends_on


def _new_path(draft: Draft, subject: Subject, files: Files) -> str | None:
    """Where a renumbered script lies, if its name has the old id in it."""
    folder, name = posixpath.split(draft.script.path)
    old = str(draft.script.revision)
    if not draft.renumbered:
        return None
    renamed = re.sub(rf"(?<![0-9A-Za-z]){re.escape(old)}(?![0-9A-Za-z])", draft.revision, name)
    path = posixpath.join(folder, renamed)
    free = path != draft.script.path and files.read(path) is None and not files.is_merged(path)
    return path if free and subject.result.environment.holds(path) else None


def _merge_scripts(subject: Subject, planned: Plan, files: Files) -> Iterator[Rewrite]:
    taken = {*subject.base.graph.nodes, *subject.result.graph.nodes, *(draft.revision for draft in planned.drafts)}
    for heads in planned.merges:
        for head in heads:
            refuse_unwritable(head)
        revision = merge_id(heads, taken)
        folder = _folder(subject, planned, heads)
        name, content = files.merge_script(revision, heads, folder)
        path = posixpath.join(folder, name)
        if files.read(path) is not None or files.is_merged(path):
            raise NotRewritable(f"the merge revision's file {path} is there already")
        yield Rewrite(path, None, content)


def merge_id(heads: Sequence[str], taken: Iterable[str]) -> str:
    """The id of the merge revision of these heads: the same for everybody who merges them."""
    known = set(taken)
    seed = "\0".join(sorted(heads))
    number = 0
    while True:
        made = hashlib.sha256(f"{seed}\0{number}".encode("utf-8", "surrogatepass")).hexdigest()[:ID_LENGTH]
        if made not in known:
            return made
        number += 1


def _folder(subject: Subject, planned: Plan, heads: Sequence[str]) -> str:
    """Where the script of an own head lies, else that of the last head."""
    renamed = {draft.revision: draft.script for draft in planned.drafts}
    scripts = [renamed.get(head) or subject.result.by_revision[head] for head in heads]
    merged = {script.path for script in subject.base.scripts}
    own = [script for script in scripts if script.path not in merged]
    return posixpath.dirname((own or scripts)[-1].path)


def _not_here(subject: Subject, planned: Plan, files: Files) -> Iterator[str]:
    """What a developer would run into who runs Alembic on the branch as it is."""
    named = [name for draft in planned.drafts for name in draft.down_revisions]
    named += [head for heads in planned.merges for head in heads]
    scripts = [subject.base.by_revision[name] for name in dict.fromkeys(named) if name in subject.base.by_revision]
    for script in scripts:
        if not files.is_here(script.path):
            yield (
                f"{script.revision} is not on this branch yet: merge or rebase onto {subject.base_ref} before you run alembic "
                "here"
            )


# --- proof


def _remaining(after: Iterable[Finding], *, told: bool) -> Iterator[Left]:
    for finding in after:
        if finding.id in GRAPH and not (told and finding.id in HEADS):
            yield Left(f"{finding.id}: {finding.message}", finding.fix or "see `alembic-premerge check`")


def _refuse_worse(before: Sequence[Finding], after: Sequence[Finding]) -> None:
    """Raises WouldNotMend where a fault is there that was not before."""
    worse = Counter(map(_kind, after)) - Counter(map(_kind, before))
    if worse:
        kinds = ", ".join(f"{check} of {revision or 'the chain'}" for check, revision in sorted(worse, key=str))
        raise WouldNotMend(
            f"what was planned would not mend it ({kinds}), so nothing was written",
            "Please report this, and mend it by hand as `alembic-premerge check` says.",
        )


def _kind(finding: Finding) -> tuple[str, str | None]:
    """What a fault is known by; of heads there is one fault, whichever they are."""
    return ("G201", None) if finding.id in HEADS else (finding.id, finding.revision)
