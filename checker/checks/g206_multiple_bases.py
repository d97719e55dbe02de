"""G206: more chains than one, and no label that says so."""

from __future__ import annotations

from collections.abc import Iterator

from checker.checks.base import CheckInfo, Subject, listing, name, point
from checker.findings import Finding, Severity

INFO = CheckInfo(
    id="G206",
    slug="multiple-bases",
    severity=Severity.WARNING,
    says="More than one revision stands on nothing, and has no branch label to say that this is meant.",
    breaks="Whether the one chain runs before the other is left to chance, and a `down_revision = None` is most often one "
    "that was forgotten: the script was made where no other was.",
    mend="Put the revision on the base's head, or give the chain of its own a branch label (`branch_labels`).",
)


def check(subject: Subject) -> Iterator[Finding]:
    """At most one finding. Nothing where the new base also makes a new head: that is G201, and the same mistake.

    A merged revision that was put on nothing is H103's.
    """
    bases = subject.result.graph.surplus_bases(subject.expected_heads)
    before = subject.base.graph.surplus_bases(subject.expected_heads)
    introduced = len(bases) > len(before)
    new = [base for base in bases if subject.is_new(base)]
    if not bases or (introduced and (not new or subject.result.graph.surplus_heads(subject.expected_heads))):
        return
    scripts = [subject.result.by_revision[base] for base in bases]
    newest = next((script for script in scripts if script.revision in new), scripts[0])
    yield INFO.finding(
        subject,
        f"{listing(name(script) for script in scripts)} each begin a chain, without a branch label",
        script=newest,
        at="down_revision",
        fix=f"set the down_revision of {newest.revision}, or give it branch_labels" if introduced else None,
        introduced=introduced,
        related=[point(script, "begins a chain too", "down_revision") for script in scripts if script is not newest],
    )
