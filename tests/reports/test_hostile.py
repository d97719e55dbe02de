"""What strangers write survives in no format as more than text: each is read back by a parser of its own."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.console import Console

from checker.findings import AuditReport, Report
from checker.reports import escape, gitlab, html, json_report, junit, markdown, sarif
from checker.reports.annotations import render as annotate
from checker.reports.registry import FORMATS
from checker.reports.summary import GraphData, GraphNode, RevisionSql, summary
from checker.reports.terminal import render as terminal
from checker.reports.words import DOCUMENTATION, verdict
from tests.reports.samples import STRANGERS, strange, strange_past
from tests.reports.test_formats import gitlab_of, junit_of, sarif_of

UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)
COMMAND = re.compile(r"^\s*::[^\n]*::|##\w*\[", re.M)
PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OWN_HTML = {"details", "summary", "br", "sub", "span", "code"}


def no_trace(text: str) -> None:
    """Nothing unseen and nothing that a runner would obey."""
    text.encode("utf-8")
    assert not UNSEEN.search(text)
    assert not COMMAND.search(text)


class Elements(HTMLParser):
    """The elements of a page, and that each is closed."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [str(value) for name, value in attrs if name in ("href", "src")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def elements(page: str) -> Elements:
    found = Elements()
    found.feed(page)
    found.close()
    assert not found.open
    return found


def check_json(report: Report, text: str) -> None:
    text.encode("utf-8")
    # as it was, not made visible: this one is for programs
    assert json.loads(text)["findings"][0]["message"] == report.findings[0].message


def check_sarif(report: Report, text: str) -> None:
    no_trace(text)
    (run,) = sarif_of(report)["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["H101", "H102", "G201"]
    for place in run["results"][0]["locations"]:
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]*", place["physicalLocation"]["artifactLocation"]["uri"])
    assert not re.search(r"\]\(", run["results"][0]["message"]["text"])


def check_gitlab(report: Report, text: str) -> None:
    no_trace(text)
    # an empty message is no message of ours, and GitLab wants one
    issues = gitlab_of(report) if report.findings[0].message else json.loads(text)
    names = [issue["check_name"] for issue in issues]
    assert names[:4] == ["H101 edited-revision", "H102 deleted-revision", "G201 multiple-heads", "not run"]
    assert names[4:] == [
        *(["fresh pass passed"] if report.findings[0].message else []),
        "stairway pass failed",
        "drift pass not run",
    ]


def check_junit(report: Report, text: str) -> None:
    no_trace(text)
    root = junit_of(report)
    assert (root.get("failures"), root.get("errors")) == ("2", "1")
    assert len(root) == 2


def check_html(report: Report, text: str) -> None:
    no_trace(text)
    page = elements(text)
    assert set(page.tags) <= {*HTML_TAGS, "code"}
    assert page.attributes <= HTML_ATTRIBUTES
    assert page.tags.count("article") == 3
    assert all(link.startswith(DOCUMENTATION) for link in page.links)


def check_markdown(report: Report, text: str) -> None:
    no_trace(text)
    assert len(text.encode("utf-8")) <= markdown.COMMENT_LIMIT
    tokens = PARSER.parse(text)
    assert not [token for token in tokens if token.type in ("blockquote_open", "hr", "ordered_list_open")]
    assert len([token for token in tokens if token.type == "heading_open"]) == text.count("\n### ") + 1
    judge_tables(report, tables(tokens))
    if len(report.findings[0].message) <= 1_000:
        inside = escape.log(report.findings[0].message).strip("\n")
        fences = [token.content for token in tokens if token.type == "fence" and token.info == "diff"]
        assert fences == ([f"{inside}\n"] * 2 if report.findings[0].details else [])
    for inline in (child for token in tokens for child in outside_code(token)):
        assert inline.type not in ("image", "em_open", "s_open")
        if inline.type == "link_open":
            assert str(inline.attrs["href"]).startswith(DOCUMENTATION)
        if inline.type == "html_inline":
            assert re.fullmatch(r"</?(\w+)>", inline.content)
            assert inline.content.strip("</>") in OWN_HTML
        if inline.type == "text":
            assert not re.search(r"@\w|#\d|\bGH-\d|://|www\.", inline.content)
    blocks = "".join(token.content for token in tokens if token.type == "html_block")
    assert set(elements(blocks).tags) <= OWN_HTML


def judge_tables(report: Report, found: list[list[Token]]) -> None:
    """Own findings, existing problems, passes: each table has its heading and a row for each, and the last cell has it all."""
    if len(report.findings[0].message) > 1_000:
        return
    past = [3, 2, 2, 2] if isinstance(report, AuditReport) else []
    assert [sum(1 for one in table if one.type == "tr_open") for table in found] == [3, 2, *past, 4]
    for table in found[:2]:
        cells = [one for one in table if one.type == "inline"]
        assert len(cells) % 4 == 0
        for cell in cells[7::4]:
            assert plain(read(cell)).startswith(plain(escape.one_line(report.findings[0].message)))


def read(inline: Token) -> str:
    return "".join(child.content for child in inline.children or () if child.type != "html_inline")


def plain(text: str) -> str:
    """What is the same before and after: not the backticks that made code, nor spaces, nor how a command is broken."""
    for removed, kept in {"`": "", "\u200b": "", "\\x23": "#", "\\x3a": ":"}.items():
        text = text.replace(removed, kept)
    return "".join(text.split())


def outside_code(token: Token) -> list[Token]:
    """What GitHub looks through for mentions: not what stands in `<code>`."""
    kept, depth = [], 0
    for child in token.children or ():
        depth += {"<code>": 1, "</code>": -1}.get(child.content, 0) if child.type == "html_inline" else 0
        if not depth or child.type == "html_inline":
            kept.append(child)
    return kept


def tables(tokens: list[Token]) -> list[list[Token]]:
    starts = [index for index, token in enumerate(tokens) if token.type == "table_open"]
    ends = [index for index, token in enumerate(tokens) if token.type == "table_close"]
    return [tokens[start:end] for start, end in zip(starts, ends, strict=True)]


def check_terminal(report: Report, text: str) -> None:
    no_trace(text)
    lines = text.splitlines()
    assert [line.split()[:2] for line in lines if re.match("error|warning|note ", line)] == [
        ["error", "H101"],
        ["error", "H102"],
        ["note", "G201"],
    ]
    assert [line for line in lines if line.startswith(("✓", "✗"))] == [
        f"{verdict(report)}: 1 error, 1 existing problem not counted"
    ]


def check_annotations(report: Report, text: str) -> None:
    text.encode("utf-8")
    assert not UNSEEN.search(text)
    lines = text.splitlines()
    assert len(lines) == 3
    for line, level in zip(lines, ("error", "error", "notice"), strict=True):
        command = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line)
        assert command
        assert command[1] == level
        assert {stated.partition("=")[0] for stated in command[2].split(",")} <= {"file", "line", "title"}


def render_summary(report: Report) -> str:
    text = report.findings[0].message
    graph = GraphData(
        text, (GraphNode(text, (text, "0a"), text, new=True, head=True), GraphNode("0a", (), merged=True))
    )
    return summary(report, graphs=[graph], sql=[RevisionSql(text, text, (text, f"SELECT 1; {text}"))])


def render_terminal(report: Report) -> str:
    out = io.StringIO()
    Console(file=out, highlight=False, soft_wrap=True).print(terminal(report, verbose=True), end="")
    return out.getvalue()


def check_summary(report: Report, text: str) -> None:
    no_trace(text)
    drawing = next(token for token in PARSER.parse(text) if token.type == "fence" and token.info == "mermaid")
    for line in drawing.content.splitlines()[1:]:
        assert re.fullmatch(
            r'  (\w+(\["[^"]*"\]|\(\["[^"]*"\]\))(:::\w+)?|\w+ -\.?->? \w+|classDef [\w ,:#-]+|class \w+ head)', line
        )


Renderer = Callable[[Report], str]
Judge = Callable[[Report, str], None]
OUTPUTS: dict[str, tuple[Renderer, Judge]] = {
    "json": (json_report.render, check_json),
    "sarif": (sarif.render, check_sarif),
    "gitlab": (gitlab.render, check_gitlab),
    "junit": (junit.render, check_junit),
    "html": (html.render, check_html),
    "markdown": (markdown.render, check_markdown),
    "summary": (render_summary, check_summary),
    "terminal": (render_terminal, check_terminal),
    "annotations": (annotate, check_annotations),
}
PLAIN = elements(html.render(strange("plain")))
HTML_TAGS, HTML_ATTRIBUTES = frozenset(PLAIN.tags), frozenset(PLAIN.attributes)


def test_every_format_is_put_to_the_test() -> None:
    assert set(FORMATS) < set(OUTPUTS)


@pytest.mark.parametrize("make", [strange, strange_past])
@pytest.mark.parametrize("kind", STRANGERS)
@pytest.mark.parametrize("output", OUTPUTS)
def test_a_stranger_stays_text(output: str, kind: str, make: Callable[[str], Report]) -> None:
    render, judge = OUTPUTS[output]
    report = make(STRANGERS[kind])
    judge(report, render(report))


@pytest.mark.parametrize("output", OUTPUTS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_text_stays_text(output: str, data: st.DataObject) -> None:
    anything = st.characters(exclude_categories=())
    marks = st.sampled_from(
        [*"\n\r|`<>[]()_*#@:%,\\&$\"'-=~!;{} \x1b\u202e\udc80", "::error::", "##[", "```", "]]>", "a"]
    )
    text = "".join(data.draw(st.lists(st.one_of(marks, anything), max_size=30)))
    render, judge = OUTPUTS[output]
    report = strange(text)
    judge(report, render(report))


@given(st.text(st.one_of(st.sampled_from("\\`*_[]()<>&|~#@$:/.-+=1a \t"), st.characters(exclude_categories=()))))
def test_markdown_reads_as_the_text_does(text: str) -> None:
    (paragraph,) = [token for token in PARSER.parse(f"x {escape.markdown(text)}") if token.type == "inline"]
    read = "".join(child.content for child in paragraph.children or () if child.type != "html_inline")
    assert " ".join(read.replace("\u200b", "").split()) == " ".join(f"x {escape.one_line(text)}".split())


def test_what_is_not_seen_is_spelled_out() -> None:
    assert escape.visible("a\r\nb\tc\rd\x1be\u202e\U000e0041\udce9\ud800") == (
        "a\nb\tc\\x0dd\\x1be\\u202e\\U000e0041\\xe9\\ud800"
    )
    assert escape.visible("naïve 日本 👩\u200d💻 שלום") == "naïve 日本 👩\u200d💻 שלום"


def test_every_text_of_a_report_is_strange() -> None:
    texts = set(_texts(dataclasses.asdict(strange("strange"))))
    ours = {"H101", "H102", "G201", "edited-revision", "deleted-revision", "multiple-heads", "error", "note", "fail"}
    assert texts - ours == {
        "strange",
        "alembic-premerge",
        "1.2.3",
        "a" * 40,
        "b" * 40,
        "fresh",
        "stairway",
        "passed",
        "failed",
        "drift",
        "not run",
    }


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list | tuple):
        return [text for one in value for text in _texts(one)]
    return [str(value)] if isinstance(value, str) else []


@pytest.mark.parametrize(
    "text", ["@octo", "a`@octo", "x `@octo` y", "`@octo", "\\\\`@octo", "(@octo)", "GH-1 @octo/team"]
)
def test_an_author_is_not_mentioned(text: str) -> None:
    for shown in (markdown.render(strange(text)), markdown.render(strange_past(text)), render_summary(strange(text))):
        page = MarkdownIt("commonmark").enable("table").render(shown)
        assert "@octo" not in re.sub(r"<(code|pre)\b.*?</\1>", "", page, flags=re.DOTALL)
