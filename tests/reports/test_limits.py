"""GitHub cuts what is too long within a word and in silence: here it is cut between findings, and told."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from checker.findings import Report, Severity
from checker.reports import markdown
from checker.reports.annotations import SHOWN, commands_stopped, stop_commands
from checker.reports.annotations import render as annotate
from checker.reports.summary import GRAPH_NODES, SUMMARY_LIMIT, GraphData, GraphNode, RevisionSql, mermaid, summary
from tests.reports.samples import ALLOWED, EDITED, OLD, SAMPLE, WARNED

TOKEN = "f3b9c1d2e4a5968778695a4b"


def crowded(count: int) -> Report:
    # one kind each, so that they are not grouped
    many = [
        replace(EDITED, project=f"p{n}", revision=f"{n:012x}", message=f"finding number {n}, " + "ü" * 300)
        for n in range(count)
    ]
    return replace(SAMPLE, findings=(*many, OLD))


@pytest.mark.parametrize("count", [1, 40, 150, 3_000])
def test_a_comment_is_cut_at_whole_findings_and_says_how_many_it_leaves_out(count: int) -> None:
    text = markdown.render(crowded(count))
    assert len(text.encode("utf-8")) <= markdown.COMMENT_LIMIT
    rows = re.findall(r"^\| ❌ error \|.* \|$", text, re.MULTILINE)
    stated = re.search(r"\*\*(\d+) findings? more did not fit", text)
    assert len(rows) + (int(stated[1]) if stated else 0) == count
    details = len(re.findall("<details><summary>H101", text))
    unexplained = re.search(r"details of (\d+) findings? more", text)
    assert details + (int(unexplained[1]) if unexplained else 0) == len(rows)
    assert text.count("<details>") == text.count("</details>")
    assert "replay of jobs" in text
    assert "PostgreSQL 17.5" in text


def test_a_summary_has_sixteen_times_the_room() -> None:
    text = summary(crowded(3_000))
    assert markdown.COMMENT_LIMIT < len(text.encode("utf-8")) <= SUMMARY_LIMIT


def test_a_summary_leaves_out_whole_sections_and_says_so() -> None:
    sql = [RevisionSql(f"r{n}", "", ("SELECT '" + "x" * 10_000 + "'",)) for n in range(200)]
    text = summary(SAMPLE, sql=sql)
    assert len(text.encode("utf-8")) <= SUMMARY_LIMIT
    shown = text.count("<details><summary>SQL of")
    assert 0 < shown < 200
    assert f"{200 - shown} sections more" in text


def test_a_graph_tells_new_merged_and_heads_apart() -> None:
    nodes = (
        GraphNode("c9f3", ("b7e2",), "orders", merged=True),
        GraphNode("d1a4", ("c9f3",), "totals", merged=True, head=True),
        GraphNode("e5b6", ("c9f3",), 'loyalty "tiers"', new=True, head=True),
    )
    drawing = mermaid(GraphData(".", nodes))
    assert drawing.splitlines()[:8] == [
        "flowchart TD",
        '  b0(["b7e2"])',
        '  r0["c9f3#58; orders"]:::merged',
        '  r1["d1a4#58; totals"]:::merged',
        '  r2["e5b6#58; loyalty #34;tiers#34;"]:::new',
        "  b0 -.-> r0",
        "  r0 --> r1",
        "  r0 --> r2",
    ]
    assert drawing.splitlines()[-1] == "  class r1,r2 head"


def test_a_long_chain_is_drawn_from_its_new_end() -> None:
    nodes = tuple(GraphNode(f"{n:04}", (f"{n - 1:04}",), merged=True) for n in range(1, 500))
    text = summary(SAMPLE, graphs=[GraphData(".", nodes)])
    assert text.count(":::merged") == GRAPH_NODES
    assert '["0499"]' in text
    assert f"{499 - GRAPH_NODES} older revisions not drawn" in text


def test_ten_annotations_of_a_level_and_the_last_says_how_many_more() -> None:
    findings = [replace(EDITED, revision=str(n)) for n in range(25)] + [WARNED] * 10 + [ALLOWED, OLD]
    lines = annotate(replace(SAMPLE, findings=tuple(findings), skipped=())).splitlines()
    errors = [line for line in lines if line.startswith("::error")]
    assert len(errors) == SHOWN
    assert "16 error annotations more" in errors[-1]
    assert len([line for line in lines if line.startswith("::warning")]) == SHOWN
    assert not [line for line in lines if line.startswith("::warning::")]
    assert lines == sorted(
        lines, key=lambda line: ["error", "warning", "notice"].index(line[2:].split(" ")[0].split(":")[0])
    )
    # what is allowed is a notice, an old sin none at all
    assert [line for line in lines if line.startswith("::notice")] == [
        "::notice file=api/migrations/versions/5b2e_users.py,line=16,title=H101 edited-revision::"
        "upgrade() of merged revision 5b2e changed%0Aallowed: never ran anywhere (.alembic-premerge.yml:12)"
    ]


def test_an_old_sin_is_annotated_where_the_whole_tree_is_judged() -> None:
    judged = replace(SAMPLE, findings=(replace(OLD, severity=Severity.ERROR),), skipped=())
    assert annotate(judged).startswith("::error file=jobs/")


def test_a_property_ends_neither_itself_nor_the_command() -> None:
    finding = replace(EDITED, path="a,b:c%.py", message="50%\nmore", fix=None)
    (line,) = annotate(replace(SAMPLE, findings=(finding,), skipped=())).splitlines()
    assert line == "::error file=a%2Cb%3Ac%25.py,line=16,title=H101 edited-revision::50%25%0Amore"


def test_what_strangers_print_is_fenced() -> None:
    text = stop_commands("::error::no\nplain\x1b[0m", TOKEN)
    first, *between, last = text.splitlines()
    assert (first, last) == (f"::stop-commands::{TOKEN}", f"::{TOKEN}::")
    assert between == ["\\x3a:error::no", "plain\\x1b[0m"]


def test_the_fence_stands_even_when_the_work_fails() -> None:
    written: list[str] = []

    def work() -> None:
        with commands_stopped(written.append, TOKEN):
            written.append("no newline at the end")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert "".join(written).splitlines()[-1] == f"::{TOKEN}::"


@pytest.mark.parametrize("token", ["", "short", f"{TOKEN}\n::x", TOKEN])
def test_a_token_that_a_stranger_may_know_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="random"):
        stop_commands(f"a ::{TOKEN}::", token)
