"""What the user lets pass: `allow:` entries, commit trailers, `severity:` and `locked: released`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from checker.checks.base import Stale, Subject, listing
from checker.checks.causes import Cause, causes_of, history_causes
from checker.checks.registry import find
from checker.errors import ConfigurationError
from checker.findings import Allowed, Finding, Severity
from checker.settings import AllowEntry, Configuration, Level, read_configuration
from checker.source.comparison import Comparison
from checker.source.history import released as is_released
from checker.source.history import trailers
from checker.source.repository import Repository
from checker.source.snapshot import SnapshotReader

# What `locked: released` lowers: findings on a merged script that a release may or may not hold.
LOCKED = frozenset({"H101", "H102", "H103", "H104", "H107"})
# What a change of merged scripts causes: allowed where every cause is.
FOLLOW = frozenset({"R308", "R315"})
TRAILER = "Allow-Migration-Edit"


@dataclass(frozen=True)
class Permission:
    """One finding that may pass: of this check, or of every history check where it is None, on this revision."""

    check: str | None
    revision: str
    reason: str
    source: str
    until: dt.date | None = None
    path: str | None = None
    line: int | None = None
    new: bool = True
    """Whether this change brings it."""

    def covers(self, finding: Finding, revisions: frozenset[str | None], today: dt.date) -> bool:
        """Whether it lets this finding on one of these revisions pass, on that day."""
        return self.covers_check(finding.id, revisions, today)

    def covers_check(self, check: str, revisions: frozenset[str | None], today: dt.date) -> bool:
        """As `covers`, of a finding of this check."""
        named = check == self.check if self.check else check.startswith("H")
        return named and self.revision in revisions and bool(self.reason) and not self.expired(today)

    def expired(self, today: dt.date) -> bool:
        """Whether its last day has gone by."""
        return self.until is not None and self.until < today


@dataclass(frozen=True)
class Lenience:
    """All that the user lets pass. `released` says whether a release holds a revision of a subject; None: never ask."""

    permissions: tuple[Permission, ...] = ()
    severity: Mapping[str, Level] = field(default_factory=dict)
    released: Callable[[Subject, str], bool] | None = None
    today: dt.date = dt.date.min

    def applied(self, finding: Finding, subject: Subject) -> Finding | None:
        """The finding as the user wants it; None where it is turned off."""
        ask = self.released
        released = (lambda revision: ask(subject, revision)) if ask else None
        found = self.applied_to(finding, subject.merged_behind(finding.revision), released)
        if found is None or found.id not in FOLLOW or found.allowed or not found.introduced:
            return found
        return self._as_its_causes(found, subject, released)

    def _as_its_causes(self, finding: Finding, subject: Subject, released: Callable[[str], bool] | None) -> Finding:
        """What follows from allowed edits only is allowed with them; else with the entry that would allow it."""
        causes = causes_of(finding, subject)
        allowed = [self._allowed(cause, subject) for cause in causes or history_causes(subject)]
        if causes and all(allowed):
            return replace(finding, allowed=allowed[0])
        unlocked = [
            one is not None
            or (cause.check in LOCKED and _is_unlocked(subject.merged_behind(cause.script.revision), released))
            for cause, one in zip(causes, allowed, strict=False)
        ]
        if causes and all(unlocked):
            behind = [revision for cause in causes for revision in subject.merged_behind(cause.script.revision)]
            return _unlocked(finding, behind)
        return _with_entry(finding) if any(allowed) else finding

    def _allowed(self, cause: Cause, subject: Subject) -> Allowed | None:
        """The permission that lets the finding on this cause pass."""
        revision = cause.script.revision
        revisions = frozenset({revision, *subject.merged_behind(revision)})
        for permission in self.permissions:
            if permission.covers_check(cause.check, revisions, self.today):
                return Allowed(permission.reason, permission.source)
        return None

    def applied_to(
        self, finding: Finding, merged: Collection[str], released: Callable[[str], bool] | None
    ) -> Finding | None:
        """As `applied`, of a finding that is about these merged revisions; `released` says whether a release has one."""
        level = self.severity.get(finding.id)
        if level == "off":
            return None
        if level:
            finding = replace(finding, severity=_overridden(finding, Severity(level)))
        if finding.id in LOCKED and finding.introduced and _is_unlocked(merged, released):
            finding = _unlocked(finding, merged)
        revisions = frozenset({finding.revision, *merged})
        for permission in self.permissions:
            if permission.covers(finding, revisions, self.today):
                return replace(finding, allowed=Allowed(permission.reason, permission.source))
        return finding


def _is_unlocked(merged: Collection[str], released: Callable[[str], bool] | None) -> bool:
    """Whether it is known that no release has any of these merged revisions."""
    return bool(released and merged and not any(map(released, merged)))


def _unlocked(finding: Finding, merged: Collection[str]) -> Finding:
    if finding.severity is not Severity.ERROR:
        return finding
    message = f"{finding.message} (no release has {listing(merged)} yet)"
    return replace(finding, severity=Severity.WARNING, message=message)


def _with_entry(finding: Finding) -> Finding:
    """With the entry that lets it pass as well: what allows the edit does not allow all that it follows from."""
    if finding.revision is None:
        return finding
    entry = f'{{check: {finding.id}, revision: {finding.revision}, reason: "…"}}'
    told = f"The edit is allowed, but this may have other causes. To allow it as well, add to `allow:`: {entry}"
    return replace(finding, details="\n\n".join(filter(None, (finding.details, told))))


def _overridden(finding: Finding, level: Severity) -> Severity:
    """The user's level, or the milder one to which a check lowered this very finding (a repair, say)."""
    registered = find(finding.id)
    lowered = registered is not None and finding.severity.rank > registered.info.severity.rank
    return max(finding.severity, level, key=lambda severity: severity.rank) if lowered else level


def refuse_unknown_checks(configuration: Configuration) -> None:
    """Raises ConfigurationError where `severity:` or `allow:` names a check that does not exist."""
    mistakes = [
        f"severity.{check}: there is no check {check}" for check in configuration.severity if find(check) is None
    ]
    for number, entry in enumerate(configuration.allow):
        if find(entry.check) is None:
            path, line = configuration.allow_place(number)
            mistakes.append(f"{path}:{line}: allow.{number}.check: there is no check {entry.check}")
    if mistakes:
        raise ConfigurationError(
            f"the configuration names {len(mistakes)} unknown check{'s' if len(mistakes) > 1 else ''}",
            "`alembic-premerge explain` lists them.",
            tuple(mistakes),
        )
    _refuse_fixed_checks(configuration)


def _refuse_fixed_checks(configuration: Configuration) -> None:
    """Raises ConfigurationError where `severity:` or `allow:` names a check that says what could not be verified."""
    named = [f"severity.{check}" for check in configuration.severity if _is_fixed(check)]
    for number, entry in enumerate(configuration.allow):
        if _is_fixed(entry.check):
            path, line = configuration.allow_place(number)
            named.append(f"{path}:{line}: allow.{number}.check")
    if named:
        raise ConfigurationError(
            "the configuration turns off a check that cannot be turned off",
            "`alembic-premerge explain R316` says what to do instead.",
            tuple(named),
        )


def _is_fixed(check: str) -> bool:
    registered = find(check)
    return registered is not None and registered.info.fixed


def from_configuration(configuration: Configuration, at_base: Collection[AllowEntry]) -> Iterator[Permission]:
    """The `allow:` entries; those that the base has too are not this change's."""
    for number, entry in enumerate(configuration.allow):
        path, line = configuration.allow_place(number)
        yield Permission(
            check=entry.check,
            revision=entry.revision,
            reason=entry.reason,
            source=f"{path}:{line}",
            until=entry.until,
            path=path,
            line=line,
            new=entry not in at_base,
        )


def from_trailers(trailers: Iterable[tuple[str, str]]) -> Iterator[Permission]:
    """The trailers of this change's commits, each (commit, value)."""
    for commit, text in trailers:
        revision, _, reason = text.strip().partition(" ")
        yield Permission(check=None, revision=revision, reason=reason.strip(), source=f"commit {commit[:10]}")


def edits_history(subject: Subject) -> bool:
    """Whether the change touches anything merged, so that a trailer could be about it."""
    changes = subject.changes
    return bool(
        changes.edited
        or changes.cosmetic
        or changes.deleted
        or changes.renumbered
        or changes.reparented
        or changes.inserted
        or changes.moved
    )


def find_stale(
    permissions: Sequence[Permission],
    subjects: Sequence[Subject],
    known: Callable[[], frozenset[str]],
    today: dt.date,
    *,
    judge_all: bool,
) -> Iterator[Stale]:
    """The permissions that are without effect, as far as this change is to be told.

    An entry that matches nothing here is normal: it is about another change, or has done its work. It is told where it can
    match nothing at all (its revision is in no project, at the base or after), and by whoever brings it: nobody else's
    pull request is to hear of it. One that has expired is told to whoever touches its revision as well. The nightly run
    hears of all.
    """
    for permission in permissions:
        told = judge_all or permission.new
        touched = any(permission.revision in subject.touched_revisions for subject in subjects)
        if permission.expired(today) and (told or touched):
            yield _stale(permission, f"has expired on {permission.until}, and no longer allows anything")
        elif told and not permission.reason:
            yield _stale(permission, "gives no reason, and so allows nothing")
        elif told and permission.revision not in known():
            yield _stale(permission, "names a revision that is neither at the base nor in the merge result")


def _stale(permission: Permission, what: str) -> Stale:
    name = (
        f"allow: {permission.check} of {permission.revision}"
        if permission.check
        else f"{TRAILER}: {permission.revision}"
    )
    place = "" if permission.path else f" ({permission.source})"
    return Stale(f"`{name}`{place} {what}", permission.path, permission.line)


def gather(
    configuration: Configuration,
    subjects: Sequence[Subject],
    repository: Repository,
    reader: SnapshotReader,
    comparison: Comparison,
    today: dt.date,
) -> Lenience:
    """All of it, for these subjects. The commits are only read where one of them edits what is merged."""
    permissions = list(from_configuration(configuration, _allowed_at_base(configuration, reader, comparison)))
    if any(edits_history(subject) for subject in subjects):
        commits = (comparison.base.commit or "", comparison.head.commit or "HEAD")
        permissions += from_trailers(trailers(repository, TRAILER, *commits))

    def released(subject: Subject, revision: str) -> bool:
        folders = subject.base.environment.places
        return is_released(repository, revision, folders, configuration.tags)

    return Lenience(
        permissions=tuple(permissions),
        severity=configuration.severity,
        released=released if configuration.locked == "released" else None,
        today=today,
    )


def _allowed_at_base(
    configuration: Configuration, reader: SnapshotReader, comparison: Comparison
) -> Collection[AllowEntry]:
    """The entries that the same file has at the base; none where it cannot be read there."""
    path = configuration.allow_place(0)[0]
    text = reader.read(comparison.base_tree, path) if configuration.allow else b""
    try:
        return read_configuration(text.decode("utf-8", "replace"), path).allow if text else ()
    except ConfigurationError:
        return ()
