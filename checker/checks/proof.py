"""What the replay makes of the static findings: an edit is proved harmless, or shown statement by statement. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from checker.checks.base import Subject, listing, name
from checker.checks.live_code import acts_unseen, code_not_run, reads_rows, same_live_code
from checker.checks.statements import count, lines_run, recorded, same, side_by_side
from checker.findings import Finding, Severity
from checker.replay.outcome import Direction, FailureKind
from checker.source.changes import Pair


@dataclass(frozen=True)
class Proof:
    """What was seen of one edited script. `doubt` says why it is not harmless all the same; None where it is."""

    statements: int
    doubt: str | None = None
    shown: str | None = None
    """The statements before and after, where they differ."""


def prove(subject: Subject, findings: Iterable[Finding]) -> Iterator[Finding]:
    """All the findings, those of this subject's edits and deletions with what the replay says of them."""
    edited = {pair.after.revision: pair for pair in subject.changes.edited}
    for finding in findings:
        if subject.replay is None or finding.project != subject.project:
            yield finding
        elif finding.id == "H101" and (pair := edited.get(finding.revision)):
            yield _judged(subject, finding, pair)
        elif (
            finding.id == "D402" and _only_edited(subject, finding.revision) and (pair := edited.get(finding.revision))
        ):
            yield _harmless_there_too(subject, finding, pair)
        elif finding.id in ("H102", "H107"):
            yield _with_refusal(subject, finding)
        else:
            yield finding


def proof_of(subject: Subject, pair: Pair) -> Proof | None:
    """What the replay says of an edit; None where one of the two scripts was not run to its end.

    Of an env.py that migrates several databases, what it says in each that the base migrates as well.
    """
    replayed = [one for one in subject.by_database() if not _is_new(one)]
    proofs = [(one.replayed.database, _proof_in(one, pair)) for one in replayed]
    found = [(database, proof) for database, proof in proofs if proof]
    if len(found) < len(proofs) or not found:
        return None
    shown = [f"database {name}, {proof.shown}" if name else proof.shown for name, proof in found if proof.shown]
    doubt = next((proof.doubt for _, proof in found if proof.doubt), None)
    sent = sum(proof.statements for _, proof in found)
    return Proof(sent, doubt or _untried(replayed, pair), "\n\n".join(shown) or None)


def _is_new(subject: Subject) -> bool:
    """Whether the base's env.py does not migrate this database: then none exists that ran the old script."""
    one = subject.replayed
    known = {database.name for database in subject.by_database()[0].replayed.base_databases}
    return one.database is not None and bool(known) and one.database not in known and not one.base_steps


def _untried(subjects: Sequence[Subject], pair: Pair) -> str | None:
    """Why the same statements are no proof for the code that did not run in any of the databases."""
    before, after = (
        code_not_run(script, pair.changed_parts, lines_run(subjects, script, script is pair.before))
        for script in (pair.before, pair.after)
    )
    return "code that changed did not run" if before != after else None


def _proof_in(subject: Subject, pair: Pair) -> Proof | None:
    directions: list[Direction] = ["upgrade"]
    if pair.changed_parts != ("upgrade()",):
        directions.append("downgrade")
    sent, shown = 0, list[str]()
    for direction in directions:
        steps = recorded(subject, str(pair.after.revision), direction)
        if steps is None:
            if direction == "upgrade":
                return None
            return Proof(
                sent, "its downgrade() was not recorded at the base and after the merge", "\n".join(shown) or None
            )
        if not same(subject, *steps):
            shown.append(f"{direction}():\n{side_by_side(*steps)}")
        sent += len(steps[1].statements)
    if shown:
        return Proof(sent, "it sends other statements", "\n\n".join(shown))
    return Proof(sent, _doubt(subject, pair))


def _doubt(subject: Subject, pair: Pair) -> str | None:
    """Why the same statements on an empty database are not yet a proof."""
    deploy = subject.replayed.get("deploy")
    if deploy is None or deploy.outcome != "passed" or subject.replayed.diverged:
        return "an upgraded database does not end as a fresh one does"
    if acts_unseen(pair.before, pair.after):
        return "it works past SQLAlchemy, where nothing is recorded"
    if reads_rows(pair.before, pair.after) and not same_live_code(pair.before, pair.after):
        return "it looks at rows, and a replay has none"
    return None


def _judged(subject: Subject, finding: Finding, pair: Pair) -> Finding:
    proof = proof_of(subject, pair)
    if proof is None:
        return finding
    where = f"PostgreSQL {subject.replayed.server_version}"
    if proof.doubt is None:
        what = listing(pair.changed_parts)
        message = f"{what} of merged revision {name(pair.after)} changed; proved harmless on {where}: {count(proof.statements)}"
        return replace(finding, severity=Severity.NOTE, message=message, fix=None)
    told = f"On {where}, before and after:\n{proof.shown}" if proof.shown else _same_but(proof, where)
    return replace(finding, details="\n\n".join(filter(None, (finding.details, told))))


def _only_edited(subject: Subject, revision: str | None) -> bool:
    changes = subject.changes
    moved = {pair.after.revision for pair in changes.reparented}
    stood_on = {script.revision for inserted in changes.inserted for script in inserted.above}
    return revision not in moved | stood_on


def _harmless_there_too(subject: Subject, finding: Finding, pair: Pair) -> Finding:
    """An edit that does nothing does nothing to an environment that has run it."""
    proof = proof_of(subject, pair)
    if proof is None or proof.doubt is not None:
        return finding
    return replace(finding, severity=Severity.NOTE, message=f"{finding.message}: proved harmless", fix=None)


def _same_but(proof: Proof, where: str) -> str:
    return f"On {where} it sends {count(proof.statements)} before and after, but that is no proof: {proof.doubt}."


def _with_refusal(subject: Subject, finding: Finding) -> Finding:
    """With Alembic's own words, where the deployment stopped at the revision that is gone."""
    deploy = subject.replayed.get("deploy")
    failure = deploy.failure if deploy else None
    gone = finding.revision if finding.id == "H102" else _old_id(subject, finding.revision)
    if (
        failure is None
        or failure.kind is not FailureKind.UNKNOWN_REVISION
        or gone is None
        or gone not in failure.message
    ):
        return finding
    told = (
        f"Proved on PostgreSQL {subject.replayed.server_version}: a database at {subject.base_ref}'s head stops with: "
    )
    return replace(finding, details="\n\n".join(filter(None, (finding.details, told + failure.message))))


def _old_id(subject: Subject, revision: str | None) -> str | None:
    return next((one.before.revision for one in subject.changes.renumbered if one.after.revision == revision), None)
