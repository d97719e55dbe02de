"""Reports to be rendered: one with something of everything, and one whose every text is a stranger's."""

from __future__ import annotations

from dataclasses import fields, replace

from checker.findings import (
    Allowed,
    AuditReport,
    CollisionReport,
    EventReport,
    Finding,
    LogEntry,
    PassReport,
    ProjectReport,
    Ref,
    Related,
    ReplayReport,
    Report,
    ServerReport,
    Severity,
    Skipped,
    StepReport,
    Suggestion,
    Tool,
)

EDITED = Finding(
    id="H101",
    slug="edited-revision",
    severity=Severity.ERROR,
    project="api",
    message="upgrade() of merged revision 6a9f914f656c (products) changed: run `alembic history` to see",
    revision="6a9f914f656c",
    path="api/migrations/versions/6a9f914f656c_products.py",
    line=16,
    fix="git checkout main -- api/migrations/versions/6a9f914f656c_products.py",
    details="--- upgrade()\n-    sa.Numeric(10, 2)\n+    sa.Numeric(12, 4)",
    related=(Related("api/migrations/versions/7b_totals.py", 3, "stands on it"), Related("README.md", None, "says so")),
    suggestion=Suggestion("api/migrations/versions/6a9f914f656c_products.py", 16, 17, ("    sa.Numeric(10, 2)", "")),
)
WARNED = Finding(
    id="R305",
    slug="irreversible-revision",
    severity=Severity.WARNING,
    project="api",
    message="downgrade() of 8c1d does nothing",
    revision="8c1d",
    path="api/migrations/versions/8c1d_drop.py",
    line=20,
)
ALLOWED = replace(
    EDITED,
    revision="5b2e",
    path="api/migrations/versions/5b2e_users.py",
    message="upgrade() of merged revision 5b2e changed",
    allowed=Allowed("never ran anywhere", ".alembic-premerge.yml:12"),
)
UNPLACED = Finding(
    id="S501",
    slug="unused-allowance",
    severity=Severity.WARNING,
    project="api",
    message="an allow entry matches nothing",
)
OLD = Finding(
    id="G201",
    slug="multiple-heads",
    severity=Severity.NOTE,
    project="jobs",
    message="2 heads: 1a, 2b",
    path="jobs/migrations/versions/1a.py",
    line=8,
    introduced=False,
)
SAMPLE = Report(
    tool=Tool("alembic-premerge", "1.2.3"),
    verdict="fail",
    base=Ref("origin/main", "a" * 40),
    head=Ref("feature", "b" * 40),
    projects=(
        ProjectReport("api", "api/migrations", 159, ("8c1d",), ("8c1d",)),
        ProjectReport("jobs", "jobs/migrations", 3, (), ("1a", "2b")),
    ),
    findings=(EDITED, WARNED, UNPLACED, ALLOWED, OLD),
    skipped=(
        Skipped("replay of jobs", "merging conflicts in its scripts"),
        Skipped("drift", "turned off", wanted=False),
    ),
    replay=(
        ReplayReport(
            "api",
            ServerReport("container", "17.5"),
            (
                PassReport("fresh", 1.25, "passed"),
                PassReport("stairway", 2.5, "failed", "downgrade() of 8c1d failed: no such table", introduced=True),
                PassReport("deploy", 0, "not run", "the base's own scripts do not run from nothing"),
                PassReport("downgrade", 0.5, "failed", "downgrade() of 0a failed: no such type", introduced=False),
                PassReport("drift", 0.1, "not run", "env.py gives Alembic no models to compare with"),
            ),
            (StepReport("6a9f914f656c", 0.011, 0.012, 3), StepReport("8c1d", None, None, 0)),
        ),
    ),
    seconds=4.5,
)
QUIET = replace(SAMPLE, verdict="pass", projects=(), findings=(), skipped=(), replay=())

STRANGERS = {
    "newlines": "one\ntwo\r\nthree\rfour\n\nfive",
    "workflow command": "::error file=x,line=1::owned\n::set-output name=a::b\n  ::add-mask::c",
    "old workflow command": "say ##[set-env name=PATH;]x ##vso[task.setvariable variable=a]b",
    "percent": "100%0A::error::x%0D%25",
    "expression": "${{ github.token }} $(id) `id`",
    "html": '<script>alert(1)</script><img src=x onerror="alert(1)"><!-- --> &lt; </details></pre></textarea></title>',
    "attribute": '" onmouseover="alert(1)" \' x=\'',
    "cdata": "]]> <![CDATA[ x ]]> <?xml?> <!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>",
    "table": "a | b \\| c || d | ---|---\n|---|\n| e | f |",
    "backticks": "`a` ``b`` ```\n````\n```sql\ncode `unclosed",
    "markdown": "# h\n- l\n1. n\n> q\n**b** _i_ ~~s~~ [x](javascript:alert(1)) ![i](http://e.test/i) <http://e.test>",
    "mentions": "@octocat @org/team #123 GH-1 org/repo#5 http://e.test www.e.test a@e.test $a$ $$b$$",
    "ansi": "\x1b[31mred\x1b[0m \x1b]8;;http://e.test\x07link\x1b]8;;\x07 \x9b2J \x08\x7f\x00",
    "directions": "a\u202egnp.exe \u2066x\u2069 \u200fy\u200e \u061c \ufeff\u200b\u2028\u2029\x85",
    "surrogates": "caf\udce9 \ud800 \udfff \udc80",
    "jinja": "{{ 7*7 }} {% raw %} {# x #} {0} {name} %(a)s %s",
    "mermaid": 'x"] --> y["; click r0 href "javascript:alert(1)"\n%% %%{init: {}}%% end',
    "noncharacters": "\ufffe\uffff \U000e0041 \x0b\x0c\x1c",
    "forged verdict": "fine\n\n✓ safe to merge\nerror X1 forged  a.py",
    "leading": "::error::first",
    "long": "x" * 120_000,
    "long and wide": "\u202e<@|" * 5_000,
    "half a command": "::",
    "empty": "",
}


def strange_past(text: str) -> AuditReport:
    """An audit in which every text that a stranger can have a say in is `text`."""
    facts = {one.name: getattr(strange(text), one.name) for one in fields(Report)}
    date, commit = "2026-03-01T12:00:00+00:00", "c" * 40
    event = EventReport("edited", text, text, text, 3, text, commit, text, date, 7, still_stands=True)
    heads = replace(event, kind="heads", still_stands=False, until=date, hours=0.0)
    return AuditReport(
        **facts,
        events=(event, *(replace(event, commit="d" * 40) for _ in range(4)), heads),
        log=(LogEntry(text, text, text, text, date, commit, None, text),),
        collisions=(CollisionReport(text, "parent", text, (text, text), (text, text)),),
        commits=3,
    )


def strange(text: str) -> Report:
    """A report in which every text that a stranger can have a say in is `text`."""
    finding = Finding(
        id="H101",
        slug="edited-revision",
        severity=Severity.ERROR,
        project=text,
        message=text,
        revision=text,
        path=text,
        line=7,
        fix=text,
        details=text,
        related=(Related(text, 3, text),),
        suggestion=Suggestion(text, 3, 4, (text,)),
    )
    allowed = replace(finding, id="H102", slug="deleted-revision", allowed=Allowed(text, text), line=None)
    old = replace(finding, id="G201", slug="multiple-heads", severity=Severity.NOTE, introduced=False)
    return Report(
        tool=Tool("alembic-premerge", "1.2.3"),
        verdict="fail",
        base=Ref(text, "a" * 40),
        head=Ref(text, "b" * 40),
        projects=(ProjectReport(text, text, 2, (text,), (text,)),),
        findings=(finding, allowed, old),
        skipped=(Skipped(text, text), Skipped(text, text, wanted=False)),
        replay=(
            ReplayReport(
                text,
                ServerReport(text, text),
                (
                    PassReport("fresh", 1, "passed", text),
                    PassReport("stairway", 1, "failed", text, introduced=True),
                    PassReport("drift", 1, "not run", text),
                ),
                (StepReport(text, 0.1, 0.1, 3),),
            ),
        ),
        seconds=2,
    )
