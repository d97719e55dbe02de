"""Every check's example is a real repository in which that check speaks, and the good twin one in which none does."""

from __future__ import annotations

import pytest

from checker.checks.base import CheckInfo
from checker.checks.registry import CHECKS
from checker.examples import Variant, example
from checker.findings import Finding, Report, Severity
from checker.postgres import Server
from tests.gitrepo import Checkout

# Where the finding points, if not to what the branch wrote: to what is gone, or to what was wrong before.
ELSEWHERE = {
    "H102": "migrations/versions/2e9b4c7d1a02_create_orders.py",
    "D401": "migrations/versions/2e9b4c7d1a02_create_orders.py",
    "G212": None,
    "R309": "migrations/versions/2e9b4c7d1a02_create_orders.py",
    "R306": None,
    "R312": None,
    "R313": "migrations/env.py",
    "R316": None,
    "R315": "migrations/versions/3d8a5b6c2f03_settings.py",
}
# What is bound to be said as well: R308 shows what an edit (H101) does, and R315 where a change came from that R308 shows.
# An env.py that does nothing keeps Alembic from comparing the models as well (R306).
ALONGSIDE = {"R308": {"H101"}, "R315": {"R308"}, "R316": {"R306"}}
# What stands on the line that a static finding points to, where that is not the revision id.
POINTS_TO = {
    "H101": "def upgrade",
    "G207": "depends_on",
    "G208": "<<<<<<<",
    "G211": "branch_labels",
    "C601": "  - {check: H101",
} | dict.fromkeys(("H103", "H104", "G202", "G203", "G205", "G206", "G210"), "down_revision")

every_check = pytest.mark.parametrize("info", [one.info for one in CHECKS], ids=lambda info: info.id)


def judge(checkout: Checkout, info: CheckInfo, variant: Variant, server: Server) -> tuple[Report, set[str]]:
    """The report, and the paths that the branch wrote."""
    merged, branch = example(info.id, variant)
    checkout.commit(merged)
    checkout.branch("branch")
    checkout.commit(branch)
    postgres = server.create_database().url()
    return checkout.check(replay=info.replay, postgres=postgres), {
        path for path in branch if branch[path] != merged.get(path)
    }


@every_check
def test_bad_example_shows_its_check_and_nothing_worse(checkout: Checkout, info: CheckInfo, server: Server) -> None:
    report, written = judge(checkout, info, "bad", server)
    finding = next(one for one in report.findings if one.id == info.id)
    assert (finding.slug, finding.severity, finding.introduced) == (info.slug, info.severity, True)
    others = {one.id for one in report.findings if grave(one)} - {info.id}
    assert others == ALONGSIDE.get(info.id, set())
    failed = "inconclusive" if info.inconclusive else "fail"
    assert report.verdict == (failed if info.severity is Severity.ERROR else "fail" if others else "pass")
    if info.id in ELSEWHERE:
        assert finding.path == ELSEWHERE[info.id]
    else:
        assert finding.path in written
        source = (checkout.root / str(finding.path)).read_text().splitlines()
        line = source[(finding.line or 0) - 1]
        assert line.strip() if info.replay else line.startswith(POINTS_TO.get(info.id, "revision"))


@every_check
def test_good_example_is_silent(checkout: Checkout, info: CheckInfo, server: Server) -> None:
    report, written = judge(checkout, info, "good", server)
    assert written, "an example in which nothing changes shows nothing"
    assert report.findings == ()
    assert report.verdict == "pass"


def grave(finding: Finding) -> bool:
    return finding.severity is not Severity.NOTE and finding.allowed is None
