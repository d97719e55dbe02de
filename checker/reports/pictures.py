"""What a summary shows beside the report: the graph around what a change brings, and the SQL that it will run."""

from __future__ import annotations

from collections.abc import Iterable

from checker.checks.base import Subject
from checker.reports.summary import GraphData, GraphNode, RevisionSql


def graphs(subjects: Iterable[Subject]) -> tuple[GraphData, ...]:
    """A picture for each project that the change adds revisions to, or in which it leaves several heads."""
    drawn = (_graph(subject) for subject in subjects)
    return tuple(graph for graph in drawn if graph.nodes)


def _graph(subject: Subject) -> GraphData:
    graph = subject.result.graph
    new = [str(script.revision) for script in subject.changes.new]
    heads = set(graph.heads)
    if not new and len(heads) == len(subject.base.graph.heads):
        return GraphData(subject.project, ())
    # The new ones, what they stand on, and what else stands on that: where branches part, both are seen.
    shown = {*new, *heads}
    parents = {parent for revision in new for parent in graph.down(revision)}
    shown |= parents | {child for parent in parents for child in graph.children[parent]}
    order = [revision for revision in graph.topological_order() if revision in shown]
    return GraphData(subject.project, tuple(_node(subject, revision, revision in heads) for revision in order))


def _node(subject: Subject, revision: str, head: bool) -> GraphNode:
    script = subject.result.by_revision[revision]
    merged = revision in subject.base.graph
    return GraphNode(revision, script.down_revisions, script.message, new=not merged, head=head, merged=merged)


def statements(subjects: Iterable[Subject]) -> tuple[RevisionSql, ...]:
    """What the upgrade of each new revision sent in the replay, in the order in which they run."""
    return tuple(
        RevisionSql(landing.revision, script.message if script else "", landing.upgrade.statements)
        for subject in subjects
        if subject.replay
        for landing in subject.replay.landings
        if subject.is_new(landing.revision)
        for script in [subject.script(landing.revision)]
    )
