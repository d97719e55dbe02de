"""One script's ids set anew: what changes is the id, and whatever stands around it stays to the byte."""

from __future__ import annotations

import pytest

from checker.source.rewriting import Lines, NotRewritable, Wanted, changed_lines, rewrite
from checker.source.script import read_script

DOC = '"""x\n\nRevision ID: own\nRevises: old\n"""\n'


def onto(text: str | bytes, *parents: str, **wanted: object) -> bytes:
    """The script, put on these parents."""
    source = text.encode() if isinstance(text, str) else text
    script = read_script("v/own.py", "blob", source)
    asked = Wanted(down_revisions=parents or None, **wanted)  # type: ignore[arg-type]
    return rewrite(script, source, asked, {"old", "other"})


def header(down: str, doc: str = DOC) -> str:
    return f"{doc}revision = 'own'\n{down}\n\ndef upgrade():\n    down_revision = 'old'\n    # Revises: old\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("down_revision = 'old'", "down_revision = 'new'"),
        ('down_revision = "old"  # keep', 'down_revision = "new"  # keep'),
        ('down_revision="""old"""', 'down_revision="""new"""'),
        ("down_revision: Union[str, None] = u'old'", "down_revision: Union[str, None] = u'new'"),
        ("down_revision: str|None=r'old';x=1", "down_revision: str|None=r'new';x=1"),
        ("down_revision = (\n    'old'  # why\n)", "down_revision = (\n    'new'  # why\n)"),
        ("down_revision = \\\n  'old'", "down_revision = \\\n  'new'"),
        ("down_revision = ('old',)", "down_revision = ('new',)"),
        ("down_revision = ['old']", "down_revision = ['new']"),
        ("down_revision = 'o' 'ld'", "down_revision = 'new'"),
        ("down_revision = ('o'\n  \"ld\")", "down_revision = ('new')"),
        ("down_revision = 'o' + \"ld\"", "down_revision = 'new'"),
        ("down_revision = f'old'", "down_revision = f'new'"),
        ("branch_labels, down_revision = None, 'old'", "branch_labels, down_revision = None, 'new'"),
        ("down_revision = 'first'\ndown_revision = 'old'", "down_revision = 'first'\ndown_revision = 'new'"),
        ("é = 'é'; down_revision = 'old'", "é = 'é'; down_revision = 'new'"),
        ("x = 'a\x0cb\x0bc'\n\x0cdown_revision = 'old'", "x = 'a\x0cb\x0bc'\n\x0cdown_revision = 'new'"),
    ],
)
def test_a_parent_is_exchanged_and_nothing_else(before: str, after: str) -> None:
    expected = header(after).replace('Revises: old\n"', 'Revises: new\n"')
    assert onto(header(before), "new").decode() == expected


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_endings_stay(end: str) -> None:
    before, after = (header(f"down_revision = '{name}'", DOC.replace("old", name)) for name in ("old", "new"))
    expected = after.replace("\n", end).encode()
    assert onto(before.replace("\n", end).encode(), "new") == expected


@pytest.mark.parametrize(
    ("start", "encoding"),
    [
        ("", "utf-8-sig"),
        ("# coding: latin-1\n", "latin-1"),
        ("# -*- coding: cp1252 -*-\n", "cp1252"),
        ("#!/bin/x\n# vim: set fileencoding=shift_jis :\n", "shift_jis"),
    ],
)
def test_encodings_stay(start: str, encoding: str) -> None:
    letter = "語" if encoding == "shift_jis" else "é"
    before, after = (
        f"{start}x = '{letter * 3}'; revision = 'own'; down_revision = '{one}'\n" for one in ("old", "new")
    )
    assert onto(before.encode(encoding), "new") == after.encode(encoding)


def test_an_encoding_that_would_come_back_as_other_bytes_is_let_alone() -> None:
    with pytest.raises(NotRewritable, match="can write one text in several ways"):
        onto(b"# coding: cp932\nx = '\xfa\x54'\nrevision = 'own'\ndown_revision = 'old'\n", "new")


@pytest.mark.parametrize(
    ("before", "parents", "after"),
    [
        ("('old', 'other')", ("new", "other"), "('new', 'other')"),
        ("['old',  \"other\"]", ("old", "new"), "['old',  \"new\"]"),
        ("'old', 'other'", ("new", "other"), "'new', 'other'"),
        ("('old', 'other')", ("new",), "'new'"),
        ('(\n    "old",\n    "other",\n)', ("new",), '"new"'),
        ("('old', 'other', 'third')", ("new", "third"), "('new', 'third')"),
        ("None", ("new",), "'new'"),
        ("''", ("new",), "'new'"),
        ("()", ("new",), "'new'"),
    ],
)
def test_several_parents_and_none(before: str, parents: tuple[str, ...], after: str) -> None:
    assert onto(header(f"down_revision = {before}", ""), *parents).decode() == header(f"down_revision = {after}", "")


@pytest.mark.parametrize(
    ("down", "reason"),
    [
        ("PREV = 'old'\ndown_revision = PREV", "PREV where a string would be"),
        ("down_revision = os.environ['X']", "its down_revision is computed (os.environ['X'])"),
        ("down_revision = parent = 'old'", "its down_revision and parent are set by one assignment"),
        ("branch_labels = down_revision = None", "its down_revision and branch_labels are set by one assignment"),
        ("down_revision = ('old'  # why\n  'er')", "a comment stands within the string"),
        ("down_revision = ('old', # why\n'other')", "a comment stands within its down_revision"),
        ("down_revision = 'old'\ndepends_on = down_revision", "its identifiers are made from each other"),
        ("down_revision = 'old'\nrevision = down_revision + '2'", "its identifiers are made from each other"),
        ("if True:\n    down_revision = 'old'", "it does not set down_revision"),
        ("down_revision = ", "it is not Python"),
    ],
)
def test_what_cannot_be_rewritten_says_why(down: str, reason: str) -> None:
    with pytest.raises(NotRewritable) as refused:
        onto(header(down), "new")
    assert reason in refused.value.reason


@pytest.mark.parametrize("evil", ["a'\nimport os\n'", 'a"b', "a\\", "{x}", "a\u202eb", "a\x00"])
def test_an_id_cannot_break_out_of_its_quotes(evil: str) -> None:
    with pytest.raises(NotRewritable, match="no id that can be written"):
        onto(header("down_revision = 'old'"), evil)


def test_an_id_that_the_encoding_has_no_letters_for() -> None:
    with pytest.raises(NotRewritable, match="has no letters"):
        onto(b"# coding: latin-1\nrevision = 'own'\ndown_revision = 'old'\n", "語")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Revises: old", "Revises: new"),
        ("Revises:old", "Revises:new"),
        ("  Revises:   'old'  ", "  Revises:   'new'  "),
        ("Revises: old (what came before)", "Revises: new (what came before)"),
        ("Revises:", "Revises: new"),
        ("Revises: ", "Revises: new"),
        ("Revises: None", "Revises: new"),
        ("Revises: 6a9f914f656c", "Revises: new"),
        ("Revises: old, other", "Revises: new, other"),
        ("Revises: what came before", "Revises: what came before"),
        ("It Revises: old", "It Revises: old"),
        ("revises: old", "revises: old"),
        ("Depends: old", "Depends: old"),
        ("Revises: old\n\nRevision ID: own", "Revises: new\n\nRevision ID: own"),
    ],
)
@pytest.mark.parametrize("quotes", ['"""', "'''", 'r"""'])
def test_the_docstring_follows_where_it_states_the_parent(before: str, after: str, quotes: str) -> None:
    texts = (f"{quotes}A title\n\n{line}\nMore of old\n{quotes[-3:]}\n" for line in (before, after))
    source, expected = (
        header(f"down_revision = '{name}'", text) for name, text in zip(("old", "new"), texts, strict=True)
    )
    assert onto(source, "new").decode() == expected


def test_a_docstring_of_one_line_and_one_without_the_line() -> None:
    assert onto(header("down_revision = 'old'", '"""Revises: old"""\n'), "new").startswith(b'"""Revises: new"""\n')
    assert onto(header("down_revision = 'old'", '"""Only words"""\n'), "new").startswith(b'"""Only words"""\n')
    assert onto(header("down_revision = 'old'", ""), "new").startswith(b"revision = 'own'\n")


def test_a_list_of_parents_in_the_docstring_follows() -> None:
    doc = '"""x\n\nRevises: old, other\n"""\n'
    assert b"\nRevises: new\n" in onto(header("down_revision = ('old', 'other')", doc), "new")
    assert b"\nRevises: old, new\n" in onto(header("down_revision = ('old', 'other')", doc), "old", "new")
    short = '"""x\n\nRevises: 6a9f91\n"""\n'
    assert b"\nRevises: new\n" in onto(header("down_revision = '6a9f914f656c'", short), "new")


def test_a_new_id_stands_in_both_places_and_a_dependency_follows() -> None:
    text = header("down_revision = 'old'\ndepends_on = ('other', \"old\")")
    after = onto(text, revision="fresh", depends_on={"other": "another"}).decode()
    expected = text.replace("ID: own", "ID: fresh").replace("'own'", "'fresh'").replace("'other'", "'another'")
    assert after == expected


@pytest.mark.parametrize("source", [b"", b"down_revision = None\n", b"x = 1\n"])
def test_an_id_that_is_the_files_name_cannot_be_set(source: bytes) -> None:
    script = read_script("v/abc123.py", "blob", source)
    with pytest.raises(NotRewritable, match="does not set revision"):
        rewrite(script, source, Wanted(revision="fresh"))


def test_the_lines_of_a_change() -> None:
    def always(_: str) -> bool:
        return True

    before, after = b"a\nb\nc\nd\ne\n", b"a\nB\nc\nD\ne\n"
    assert changed_lines(before, after, always) == Lines(2, 4, ("B", "c", "D"))
    assert changed_lines(b"a", b"b", always) == Lines(1, 1, ("b",))
    assert changed_lines(before, before, always) is None
    assert changed_lines(before.replace(b"\n", b"\r\n"), after, always) is None
    assert changed_lines(before, b"\xe9", always) is None
    assert changed_lines(before, after, lambda line: line != "c") is None
    assert changed_lines(b"a\nb\nc\n", b"a\nX\nc\n", always) == Lines(2, 2, ("X",))
