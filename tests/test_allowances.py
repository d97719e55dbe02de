"""What the user lets pass, through real repositories: shown as allowed, and told where it is without effect."""

from __future__ import annotations

import datetime as dt

import pytest

from checker.errors import ConfigurationError
from checker.findings import Finding, Severity
from tests.gitrepo import VERSIONS, Checkout, ids, only, project, script

SHOP = project("a <- b")
CONFIG = ".alembic-premerge.yml"
TODAY = dt.date(2026, 11, 22)


def edit(*revisions: str) -> dict[str, bytes]:
    """The shop with these revisions edited."""
    down = {"a": None, "b": "a"}
    return SHOP | {f"{VERSIONS}/{one}_.py": script(one, down[one], "op.execute('SELECT 1')") for one in revisions}


def allow(revision: str, check: str = "H101", until: str = "") -> dict[str, bytes]:
    entry = (
        f"{{check: {check}, revision: {revision}, reason: never ran anywhere{f', until: {until}' if until else ''}}}"
    )
    return {CONFIG: f"# ours\nallow:\n  - {entry}\n".encode()}


@pytest.fixture
def shop(checkout: Checkout) -> Checkout:
    """Merged is the shop; the branch is to be written."""
    checkout.commit(SHOP)
    checkout.branch("branch")
    return checkout


def sources(findings: tuple[Finding, ...]) -> list[tuple[str, str | None]]:
    return [(one.id, one.allowed.source if one.allowed else None) for one in findings]


def test_an_entry_lets_one_finding_on_one_revision_pass(shop: Checkout) -> None:
    shop.commit({**edit("a", "b"), **allow("b")})
    report = shop.check()
    assert (report.verdict, sources(report.findings)) == ("fail", [("H101", None), ("H101", f"{CONFIG}:3")])
    shop.commit({**edit("b"), **allow("b")})
    report = shop.check()
    assert (report.verdict, only(report).severity) == ("pass", Severity.ERROR)
    shop.commit({**edit("b"), **allow("b", check="H102")})
    assert shop.check().verdict == "fail"


@pytest.mark.parametrize(("until", "verdict"), [("2026-11-22", "pass"), ("2026-11-21", "fail")])
def test_an_entry_holds_to_the_end_of_its_last_day(shop: Checkout, until: str, verdict: str) -> None:
    shop.commit({**edit("b"), **allow("b", until=until)})
    report = shop.check(today=TODAY)
    assert report.verdict == verdict
    assert ids(report) == (["H101", "C601"] if verdict == "fail" else ["H101"])


def test_an_expired_entry_is_told_to_whom_it_concerns(shop: Checkout) -> None:
    old = allow("b", until="2020-01-01")
    shop.branch("main", "main")
    shop.commit({**SHOP, **old})
    shop.branch("branch", "main")
    shop.commit({**project("a <- b <- c"), **old})
    assert shop.check().findings == ()
    stale = only(shop.check(judge_all=True))
    assert (stale.id, stale.path, stale.line, stale.severity) == ("C601", CONFIG, 3, "warning")
    shop.commit({**edit("b"), **old})
    assert ids(shop.check()) == ["H101", "C601"]


def test_an_entry_for_what_does_not_exist_is_told_to_who_brings_it(shop: Checkout) -> None:
    shop.commit({**project("a <- b <- c"), **allow("bb")})
    stale = only(shop.check())
    assert (stale.id, stale.line, shop.check().verdict) == ("C601", 3, "pass")
    assert shop.check(fail_on=Severity.WARNING).verdict == "fail"
    shop.commit({**project("a <- b <- c"), **allow("b")})
    assert shop.check().findings == ()


def test_an_entry_that_has_done_its_work_is_nobody_elses_business(shop: Checkout) -> None:
    tree = {**project("a"), **allow("b", check="H102")}
    shop.commit(tree)
    assert (shop.check().verdict, ids(shop.check())) == ("pass", ["H102"])
    shop.branch("main", "branch")
    shop.branch("next", "main")
    shop.commit({**tree, **project("a <- n")})
    assert shop.check().findings == ()
    assert only(shop.check(judge_all=True)).id == "C601"


def test_a_trailer_lets_every_history_finding_on_its_revision_pass(shop: Checkout) -> None:
    commit = shop.commit(edit("b"), "Mend b\n\nAllow-Migration-Edit: b it never left\n  my laptop\n")
    finding = only(shop.check())
    assert finding.allowed is not None
    assert (finding.allowed.reason, finding.allowed.source) == ("it never left my laptop", f"commit {commit[:10]}")
    assert shop.check().verdict == "pass"


def test_a_trailer_at_the_base_allows_nothing_here(shop: Checkout) -> None:
    shop.branch("main", "main")
    shop.commit({**SHOP, "README": b""}, "Mend b\n\nAllow-Migration-Edit: b it never left my laptop\n")
    shop.branch("branch", "main")
    shop.commit(edit("b"), "Mend b\n\nThe trailer would be Allow-Migration-Edit: b because\n\nof that")
    assert shop.check().verdict == "fail"


@pytest.mark.parametrize("trailer", ["b", "nowhere because it was"])
def test_a_trailer_without_effect_is_told(shop: Checkout, trailer: str) -> None:
    shop.commit(edit("b"), f"Mend b\n\nAllow-Migration-Edit: {trailer}\n")
    report = shop.check()
    assert (report.verdict, sorted(sources(report.findings))) == ("fail", [("C601", None), ("H101", None)])


def test_a_renumbered_revision_may_be_named_by_its_old_id(shop: Checkout) -> None:
    text = SHOP[f"{VERSIONS}/b_.py"].replace(b"revision = 'b'", b"revision = 'c'")
    tree = {**project("a"), f"{VERSIONS}/b_.py": text}
    shop.commit({**tree, **allow("b", check="H107")})
    assert (ids(shop.check())[:1], shop.check().verdict) == (["H107"], "pass")
    shop.commit({**tree, **allow("a", check="H107")})
    assert shop.check().verdict == "fail"


@pytest.mark.parametrize(
    ("level", "verdict", "found"),
    [("off", "pass", []), ("note", "pass", ["note"]), ("warning", "pass", ["warning"]), ("error", "fail", ["error"])],
)
def test_severity(shop: Checkout, level: str, verdict: str, found: list[str]) -> None:
    shop.commit({**edit("b"), CONFIG: f"severity: {{H101: {level}}}".encode()})
    report = shop.check()
    assert (report.verdict, [one.severity for one in report.findings]) == (verdict, found)


def test_severity_raises_but_not_what_a_check_has_lowered(checkout: Checkout) -> None:
    checkout.commit(project("a <- b; a <- c"))
    checkout.branch("branch")
    checkout.commit({**project("a <- b <- c"), CONFIG: b"severity: {H103: error, H105: warning}"})
    assert [(one.id, one.severity) for one in checkout.check().findings if one.id == "H103"] == [("H103", "warning")]
    cosmetic = {f"{VERSIONS}/{one}_.py": text + b"# comment\n" for one, text in (("a", script("a")),)}
    checkout.commit({**project("a <- b; a <- c"), **cosmetic, CONFIG: b"severity: {H105: warning}"})
    assert ("H105", "warning") in [(one.id, one.severity) for one in checkout.check().findings]


@pytest.mark.parametrize("text", ["severity: {H999: off}", "allow:\n- {check: H999, revision: a, reason: x}"])
def test_a_check_that_does_not_exist_is_a_mistake(shop: Checkout, text: str) -> None:
    shop.write({CONFIG: text.encode()})
    with pytest.raises(ConfigurationError) as error:
        shop.check()
    assert "H999" in error.value.mistakes[0]


def test_until_a_tag_holds_it_an_edit_only_warns(shop: Checkout) -> None:
    shop.git("tag", "v1", "main")
    shop.git("tag", "nightly", "branch")
    shop.branch("main", "main")
    config = {CONFIG: b"locked: released\ntags: v*\n"}
    shop.commit({**project("a <- b <- c"), **config})
    shop.git("tag", "nightly2")
    shop.branch("branch", "main")
    edited = {f"{VERSIONS}/c_.py": script("c", "b", "op.execute('SELECT 1')")}
    shop.commit({**project("a <- b <- c"), **config, **edited})
    finding = only(shop.check())
    assert (finding.id, finding.severity, shop.check().verdict) == ("H101", "warning", "pass")
    shop.commit({**project("a <- b <- c"), **config, **edit("b")})
    assert shop.check().verdict == "fail"
    shop.git("tag", "v2", "main")
    shop.commit({**project("a <- b <- c"), **config, **edited})
    assert (only(shop.check()).severity, shop.check().verdict) == ("error", "fail")
