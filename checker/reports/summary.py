"""A job's summary: the Markdown report, and what there is room for here: the graph, and the new revisions' SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from checker.findings import Report
from checker.reports.escape import clip, fenced, markdown, one_line
from checker.reports.markdown import Links, Room, render
from checker.reports.words import plural

SUMMARY_LIMIT = 1_048_576
GRAPH_NODES = 60
LONGEST_SQL = 20_000
CLASSES = (
    "classDef merged fill:#eaeef2,stroke:#8c959f,color:#24292f",
    "classDef new fill:#dafbe1,stroke:#1a7f37,color:#116329",
    "classDef head stroke-width:4px",
)


@dataclass(frozen=True)
class GraphNode:
    """A revision to be drawn. `merged` is what the base has; a `head` has nothing on it after the merge."""

    revision: str
    parents: tuple[str, ...]
    message: str = ""
    new: bool = False
    head: bool = False
    merged: bool = False


@dataclass(frozen=True)
class GraphData:
    """The part of a project's graph that is worth a picture: the new revisions and the merged ones around them.

    `nodes` come oldest first. A parent that is not among them is drawn as one dotted stub.
    """

    project: str
    nodes: tuple[GraphNode, ...]


@dataclass(frozen=True)
class RevisionSql:
    """The statements that a new revision's upgrade sends, in order."""

    revision: str
    message: str
    statements: tuple[str, ...]


def summary(
    report: Report,
    *,
    graphs: Sequence[GraphData] = (),
    sql: Sequence[RevisionSql] = (),
    links: Links | None = None,
    limit: int = SUMMARY_LIMIT,
) -> str:
    """The report, the graphs and the SQL as Markdown of at most `limit` bytes; the report is never cut for them."""
    text = render(report, limit=limit, links=links)
    room = Room(limit - len(text.encode("utf-8")) - 500)  # the words on what was left out
    parts = [text]
    for section in (*map(_graph, graphs), *map(_statements, sql)):
        if room.take(section):
            parts.append(section)
    left_out = len(graphs) + len(sql) + 1 - len(parts)
    if left_out:
        parts.append(f"\n{plural(left_out, 'section')} more (graphs, SQL) did not fit here.\n")
    return "".join(parts)


def _graph(graph: GraphData) -> str:
    drawing = fenced(mermaid(graph), "mermaid")
    left_out = len(graph.nodes) - GRAPH_NODES
    note = f"\n{plural(left_out, 'older revision')} not drawn.\n" if left_out > 0 else ""
    title = (
        "The revisions after the merge" if graph.project == "." else f"The revisions of {graph.project} after the merge"
    )
    return f"\n### {markdown(clip(title, 500))}\n\n{drawing}\n{note}"


def mermaid(graph: GraphData) -> str:
    """The newest revisions as a flow chart, what is new, merged and a head each in its own look."""
    nodes = graph.nodes[-GRAPH_NODES:]
    names = {node.revision: f"r{number}" for number, node in enumerate(nodes)}
    below: dict[str, str] = {}
    shapes, edges = [], []
    for node in nodes:
        label = f"{node.revision}: {node.message}" if node.message else node.revision
        shapes.append(f'  {names[node.revision]}["{_label(label)}"]{_look(node)}')
        for parent in node.parents:
            known = names.get(parent) or below.setdefault(parent, f"b{len(below)}")
            edges.append(f"  {known} {'-->' if parent in names else '-.->'} {names[node.revision]}")
    stubs = [f'  {name}(["{_label(parent)}"])' for parent, name in below.items()]
    return "\n".join(
        ["flowchart TD", *stubs, *shapes, *edges, *(f"  {line}" for line in CLASSES), *_heads(nodes, names)]
    )


def _look(node: GraphNode) -> str:
    return ":::new" if node.new else ":::merged" if node.merged else ""


def _heads(nodes: Sequence[GraphNode], names: dict[str, str]) -> list[str]:
    heads = [names[node.revision] for node in nodes if node.head]
    return [f"  class {','.join(heads)} head"] if heads else []


def _label(text: str) -> str:
    # Mermaid has its own entities: #34; is a quote. Letters, digits and a few harmless marks are all that stays.
    return re.sub(r"[^\w .,/-]", lambda match: f"#{ord(match[0])};", clip(one_line(text), 80))


def _statements(sql: RevisionSql) -> str:
    title = clip(f"SQL of {sql.revision} {sql.message}", 300)
    count = plural(len(sql.statements), "statement")
    text = ";\n".join(statement.strip().rstrip(";") for statement in sql.statements)
    body = fenced(clip(f"{text};", LONGEST_SQL), "sql") if sql.statements else "It sends none."
    return f"\n<details><summary>{markdown(title)} ({count})</summary>\n\n{body}\n\n</details>\n"
