"""G211: two revisions carry one branch label."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, name, point
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="G211",
    slug="duplicate-branch-label",
    severity=Severity.ERROR,
    says="A branch label is carried by two revisions, or is another revision's id.",
    breaks="Alembic cannot read the chain at all: every command ends with Branch name already used by revision, on every "
    "database.",
    mend="A label belongs on one revision, the first of its branch: take it off the other, or give that one its own.",
)


def check(subject: Subject) -> Iterator[Finding]:
    """One finding for each label; it points to the revision that is not merged."""
    before = subject.base.graph.duplicate_labels
    for label, revisions in subject.result.graph.duplicate_labels.items():
        scripts = [subject.result.by_revision[revision] for revision in revisions]
        if any("branch_labels" in script.unknown for script in scripts):
            continue  # the label is source text, and what it comes to is not known
        first = next((script for script in scripts if _labels(subject, script.revision, label)), scripts[-1])
        others = [script for script in scripts if script is not first]
        yield INFO.finding(
            subject,
            f"branch label {label} of {name(first)} is also that of {listing(map(name, others)) or 'itself'}: Alembic "
            "cannot read the chain",
            script=first,
            at="branch_labels",
            fix=f"take {label} out of the branch_labels of {first.revision}",
            introduced=before.get(label) != revisions,
            related=[point(script, "the same label", "branch_labels") for script in others],
        )


def _labels(subject: Subject, revision: str | None, label: str) -> bool:
    """Whether it is this change that put the label there."""
    merged = subject.base.by_revision.get(revision or "")
    script = subject.result.by_revision[revision or ""]
    return label in script.branch_labels and (merged is None or label not in merged.branch_labels)
