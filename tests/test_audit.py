"""A branch's past, told from real repositories: who, when, in which commit, and what still stands."""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import jsonschema
import pytest

from checker import auditing, cli
from checker.errors import UsageError
from checker.findings import AuditReport
from checker.reports import json_report
from checker.reports.registry import FORMATS
from checker.reports.terminal import render
from checker.settings import Settings
from tests.gitrepo import PROJECT, VERSIONS, Checkout, Silent, chain, project, script

SHOP = project("a <- b <- c")
CONFIG = ".alembic-premerge.yml"


def edited(revision: str, down: str | None, statement: str = "op.execute('SELECT 1')") -> dict[str, bytes]:
    return {f"{VERSIONS}/{revision}_.py": script(revision, down, statement)}


def audit(root: Path, *, since: str | None = None, branches: bool = False, **settings: object) -> AuditReport:
    chosen = Settings(directory=root, **settings)  # type: ignore[arg-type]
    return auditing.audit(chosen, os.environ, Silent(), since=since, branches=branches)


def told(report: AuditReport) -> list[tuple[str, str | None, bool]]:
    return [(one.kind, one.revision, one.still_stands) for one in report.events]


@pytest.fixture
def past(checkout: Checkout) -> Checkout:
    """Somebody edits a script a day after it landed, and somebody else puts two heads together."""
    checkout.land(SHOP, 0, "A shop (#1)", author="Ann")
    checkout.land({**SHOP, **edited("b", "a")}, 24, "Quicker (#2)", author="Bob")
    two = {**project("a <- b <- c; b <- x"), **edited("b", "a")}
    checkout.land(two, 48, "More (#3)", author="Cem")
    checkout.land({**two, f"{VERSIONS}/m_.py": script("m", ("c", "x"))}, 51, "Together (#4)", author="Dee")
    return checkout


def test_every_event_says_who_when_and_in_which_pull_request(past: Checkout) -> None:
    report = audit(past.root)
    edit, heads = report.events
    assert (edit.kind, edit.revision, edit.author, edit.pull_request, edit.still_stands) == (
        "edited",
        "b",
        "Bob",
        2,
        True,
    )
    assert edit.date == dt.datetime.fromtimestamp(1_772_000_000 + 24 * 3600, dt.UTC).isoformat()
    assert (heads.kind, heads.author, heads.hours, heads.still_stands) == ("heads", "Cem", 3.0, False)
    assert heads.message == "2 heads: c, x; merged by m"
    assert [(one.revision, one.author, one.pull_request) for one in report.log] == [
        ("a", "Ann", 1),
        ("b", "Ann", 1),
        ("c", "Ann", 1),
        ("x", "Cem", 3),
        ("m", "Dee", 4),
    ]
    [finding] = report.findings
    assert (finding.id, finding.revision, report.verdict) == ("H101", "b", "fail")
    assert "(#2) by Bob" in finding.message


def test_only_what_landed_since_then(past: Checkout) -> None:
    day = dt.datetime.fromtimestamp(1_772_000_000 + 30 * 3600, dt.UTC)
    for since in ("HEAD~2", day.isoformat(timespec="seconds")):
        report = audit(past.root, since=since)
        assert (told(report), [one.revision for one in report.log]) == ([("heads", None, False)], ["x", "m"])
        assert report.verdict == "pass"
    assert audit(past.root, since="HEAD").commits == 0
    assert len(audit(past.root, since="2001-02-03").log) == 5
    with pytest.raises(UsageError, match="neither a commit that git knows nor a date"):
        audit(past.root, since="last success")


def test_what_is_allowed_by_an_entry_or_a_trailer_passes(past: Checkout) -> None:
    entry = b"allow: [{check: H101, revision: b, reason: never ran}]\n"
    past.write({CONFIG: entry})
    report = audit(past.root)
    assert (report.verdict, [one.allowed is not None for one in report.findings]) == ("pass", [True])
    past.write({CONFIG: b"severity: {H101: off}\n"})
    assert audit(past.root).findings == ()
    past.write({CONFIG: b"locked: released\n"})
    assert audit(past.root).verdict == "pass"  # no tag holds it yet
    past.git("tag", "v1")
    assert audit(past.root).verdict == "fail"


def test_a_trailer_lets_the_landing_pass_that_has_it(checkout: Checkout) -> None:
    checkout.land(SHOP, 0)
    message = "Quicker\n\nAllow-Migration-Edit: b never ran anywhere"
    checkout.land({**SHOP, **edited("b", "a")}, 24, message)
    [finding] = audit(checkout.root).findings
    assert finding.allowed is not None
    assert finding.allowed.reason == "never ran anywhere"


def test_a_merged_branch_lands_at_once_and_its_author_is_named(checkout: Checkout) -> None:
    checkout.land(SHOP, 0)
    checkout.branch("feature")
    checkout.land({**SHOP, **edited("d", "c")}, 1, author="Eve")
    checkout.land({**SHOP, **edited("d", "c", "op.execute('SELECT 2')")}, 2, author="Eve")
    checkout.git("checkout", "--quiet", "main")
    checkout.git("merge", "--quiet", "--no-ff", "-m", "Merge pull request #7 from eve/feature", "feature")
    report = audit(checkout.root)
    assert report.events == ()
    last = report.log[-1]
    assert (last.revision, last.author, last.pull_request) == ("d", "Eve", 7)
    assert last.commit == checkout.git("rev-parse", "main")


def test_scripts_are_followed_to_where_they_lay_before(checkout: Checkout) -> None:
    old = {path.replace("migrations/", "db/"): text for path, text in SHOP.items()}
    old = {**old, "alembic.ini": b"[alembic]\nscript_location = db\n"}
    checkout.land(old, 0)
    checkout.land({**old, "db/versions/b_.py": script("b", "a", "op.execute('SELECT 1')")}, 24)
    checkout.land({**SHOP, **edited("b", "a")}, 48)
    assert told(audit(checkout.root)) == [("edited", "b", True)]


def test_a_shallow_clone_gets_the_history_that_it_lacks(past: Checkout, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    past.git("clone", "--quiet", "--depth=1", f"file://{past.root}", str(clone))
    assert told(audit(clone)) == told(audit(past.root))
    past.root.rename(tmp_path / "gone")
    report = audit(clone)
    assert (report.verdict, report.skipped[0].what) == ("inconclusive", "the history before this clone's first commit")


def test_a_user_who_has_git_show_signatures_is_told_the_same(checkout: Checkout, tmp_path: Path) -> None:
    checkout.land(SHOP, 0)
    checkout.land({**SHOP, **edited("b", "a")}, 24)
    head, _, message = checkout.git("cat-file", "commit", "HEAD").partition("\n\n")
    (tmp_path / "signed").write_text(
        f"{head}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n x\n -----END PGP SIGNATURE-----\n\n{message}\n"
    )
    checkout.git(
        "reset", "--quiet", "--soft", checkout.git("hash-object", "-t", "commit", "-w", str(tmp_path / "signed"))
    )
    gpg = tmp_path / "gpg"
    gpg.write_text("#!/bin/sh\necho 'gpg: Good signature from Ann' >&2\necho '[GNUPG:] GOODSIG 1 Ann'\n")
    gpg.chmod(0o755)
    for name, value in {"gpg.program": str(gpg), "log.showSignature": "true", "color.ui": "always"}.items():
        checkout.git("config", name, value)
    assert "gpg: Good signature" in checkout.git("log", "-1")
    assert told(audit(checkout.root)) == [("edited", "b", True)]


def test_heads_on_purpose_are_no_event(checkout: Checkout) -> None:
    config = {CONFIG: b"projects: [{path: ., heads: [c, x]}]"}
    checkout.land({**SHOP, **config}, 0)
    checkout.land({**project("a <- b <- c; b <- x"), **config}, 1)
    assert audit(checkout.root).events == ()


def test_several_heads_that_stand_are_a_finding(checkout: Checkout) -> None:
    checkout.land(SHOP, 0)
    checkout.land(project("a <- b <- c; b <- x"), 1)
    [finding] = audit(checkout.root).findings
    assert (finding.id, finding.fix) == ("G201", "alembic merge -m 'merge heads' c x")


def test_a_zone_that_there_is_not_stops_nobody(checkout: Checkout) -> None:
    checkout.land(SHOP, 0)
    checkout.land(project("a <- b <- c; b <- x"), 1)
    for tree, message in (("HEAD^{tree}", "odd"), ("HEAD~2^{tree}", "back")):
        odd = f"tree {checkout.git('rev-parse', tree)}\nparent {checkout.git('rev-parse', 'HEAD')}\n"
        odd += f"author A <a> 1772010000 -7200\ncommitter A <a> 1772010000 -7200\n\n{message}\n"
        (checkout.root / "commit").write_text(odd)
        made = checkout.git("hash-object", "-t", "commit", "-w", "--literally", "commit")
        checkout.git("reset", "--quiet", "--soft", made)
    [heads, gone] = audit(checkout.root).events
    assert (heads.kind, gone.kind) == ("heads", "deleted")
    assert render(audit(checkout.root)).plain


# --- open branches


@pytest.fixture
def branches(checkout: Checkout, tmp_path: Path) -> Checkout:
    """A clone of a repository with branches: two on one revision, one built on another, one stale, one merged."""
    origin = Checkout(tmp_path / "origin")
    origin.land(SHOP, 0)
    for number, (name, at, words) in enumerate(
        [
            ("one", "main", "c <- d"),
            ("two", "main", "c <- e"),
            ("on-two", "two", "e <- f"),
            ("stale", "main", "b <- s"),
            ("same-id", "main", "c <- g; g <- h"),
            ("clash", "main", "c <- g"),
            ("readme", "main", ""),
        ]
    ):
        origin.branch(name, at)
        tree = {path: (origin.root / path).read_bytes() for path in origin.git("ls-files").splitlines()}
        added = chain(words) if words else {"README": b"x"}
        if name == "clash":
            added = {path.replace("g_", "other_g_"): text for path, text in added.items()}
        own = {path: text for path, text in added.items() if path not in tree}
        origin.land({**tree, **own}, number + 1)
    origin.git("checkout", "--quiet", "main")
    clone = tmp_path / "clone"
    origin.git("clone", "--quiet", str(origin.root), str(clone))
    origin.repo.close()
    return Checkout(clone)


def pairs(report: AuditReport) -> set[tuple[str, ...]]:
    return {
        (one.kind, one.revision, *sorted(name.removeprefix("origin/") for name in one.branches))
        for one in report.collisions
    }


def test_branches_that_stand_on_one_revision_are_told_in_pairs(branches: Checkout) -> None:
    report = audit(branches.root, branches=True)
    found = pairs(report)
    assert ("parent", "c", "one", "two") in found
    assert ("parent", "c", "on-two", "one") in found  # it has two's revision as well
    assert not any({"two", "on-two"} <= set(one) for one in found)
    assert ("parent", "b", "main", "stale") in found
    assert ("id", "g", "clash", "same-id") in found
    assert not any("readme" in one for one in found)
    assert report.verdict == "pass"
    both = next(one for one in report.collisions if one.branches == ("origin/two", "origin/one"))
    assert both.paths == (f"{VERSIONS}/e_.py", f"{VERSIONS}/d_.py")


def test_the_remotes_open_pull_requests_count_too(branches: Checkout, tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    branches.git("-C", str(origin), "update-ref", "refs/pull/5/head", "two")
    branches.git("-C", str(origin), "checkout", "--quiet", "main")
    branches.git("-C", str(origin), "checkout", "--quiet", "-b", "theirs")
    (origin / VERSIONS / "y_.py").write_bytes(script("y", "c"))
    branches.git("-C", str(origin), "add", "--all")
    branches.git(
        "-C", str(origin), "-c", "user.name=E", "-c", "user.email=e@example.org", "commit", "--quiet", "-m", "y"
    )
    for kind in ("head", "merge"):
        branches.git("-C", str(origin), "update-ref", f"refs/pull/9/{kind}", "theirs")
    branches.git("-C", str(origin), "checkout", "--quiet", "main")
    branches.git("-C", str(origin), "branch", "--quiet", "-D", "theirs")
    before = branches.git("for-each-ref")
    report = audit(branches.root, branches=True)
    assert ("parent", "c", "#9", "one") in pairs(report)
    assert not any("#5" in one for one in pairs(report))  # closed: the remote does not offer to merge it
    assert branches.git("for-each-ref") == before
    branches.git("-C", str(origin.parent), "init", "--quiet", "--bare", "empty")
    origin.rename(tmp_path / "elsewhere")
    assert [one.what for one in audit(branches.root, branches=True).skipped] == ["the remote's pull requests"]


# --- the command


def test_the_command_ends_with_the_log_and_the_verdict(
    past: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(past.root)
    assert cli.run(["audit", "--report", "json=report.json"]) == 1
    out, _ = capsys.readouterr()
    assert "After they had landed: 1 edit (still standing)" in out
    assert "(#2)  Bob  b edited in upgrade()  still stands" in out
    assert "Several heads: 1 time" in out
    assert "merged by m  for 3.0 hours" in out
    assert out.index("Migration log: 5 revisions") < out.index("✗ databases may not survive")
    written = json.loads((past.root / "report.json").read_text("utf-8"))
    assert [one["kind"] for one in written["events"]] == ["edited", "heads"]
    assert written["findings"][0]["details"].startswith("--- upgrade()")
    assert cli.run(["audit", "--since", "HEAD", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert cli.run(["audit", "--since", "nowhere"]) == 2


def test_every_format_tells_of_the_past(past: Checkout) -> None:
    report = audit(past.root)
    for name, write in FORMATS.items():
        assert "Bob" in write(report), name
    for name in ("html", "markdown"):
        assert "Migration log" in FORMATS[name](report)
    jsonschema.validate(json.loads(FORMATS["json"](report)), json_report.schema(AuditReport))
    assert "older ones" not in render(report, verbose=True).plain


def test_a_mass_edit_is_one_row(checkout: Checkout) -> None:
    long = project(" <- ".join(f"r{number}" for number in range(30)))
    checkout.land(long, 0)
    edits = {path: text.replace(b"CREATE TABLE", b"CREATE TABLE IF NOT EXISTS") for path, text in long.items()}
    checkout.land({**edits, **PROJECT}, 24)
    shown = render(audit(checkout.root)).plain
    assert "30 revisions edited: r0, r10, r11 and 27 more" in shown
    assert "10 older ones with --verbose" in shown  # of the log
    assert "--verbose shows how to fix or allow each" in shown
