"""The script reader against Python itself: what exec() finds in a header is what is read without running it."""

from __future__ import annotations

import ast
import keyword
from collections.abc import Callable, Iterable
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checker import examples
from checker.source.code import differing_parts, normalized_parts
from checker.source.script import Script, read_header, read_script
from tests.gitrepo import script

# A word as people use it for a revision, and as they should not.
words = st.text("abcdef0123456789_-é", min_size=1, max_size=12) | st.sampled_from(["", "main", "it's", 'a "b"', "a%b"])
quotes = st.sampled_from([repr, ascii, lambda one: f'"""{one}"""' if '"' not in one else repr(one)])


@st.composite
def expressions(draw: st.DrawFn, value: str) -> str:
    """Python that gives the string, in one of the ways that are seen in revision scripts."""
    plain: str = draw(quotes)(value)
    half = len(value) // 2
    chosen: str = draw(
        st.sampled_from(
            [
                plain,
                f"({plain})",
                f"{value[:half]!r} {value[half:]!r}",
                f"{value[:half]!r} + {value[half:]!r}",
                f"'%s' % ({value!r},)",
                f"'%s%s' % ({value[:half]!r}, {value[half:]!r})",
                f"PREFIX + {value!r}",
                "f'{NAMED}'" if value == "named" else plain,
            ]
        )
    )
    return chosen


@st.composite
def several(draw: st.DrawFn, values: list[str]) -> str:
    """A tuple, a list or a set of them."""
    parts = [draw(expressions(value)) for value in values]
    begin, end = (
        draw(st.sampled_from([("(", ",)"), ("[", "]"), ("{", "}"), ("[\n    ", ",\n]")])) if parts else ("(", ")")
    )
    return begin + ", ".join(parts) + end


@st.composite
def headers(draw: st.DrawFn) -> str:
    """The head of a script, in the form that somebody's template or hand gave it."""
    revision = draw(words.filter(bool) | st.just("named"))
    lines = ["PREFIX = ''", "NAMED = 'named'"]
    header = {"revision": draw(expressions(revision))}
    for name in ("down_revision", "branch_labels", "depends_on"):
        one = draw(st.none() | words | st.lists(words, max_size=3))
        match one:
            case None:
                header[name] = draw(st.sampled_from(["None", "()", "''"]))
            case str():
                header[name] = draw(expressions(one))
            case _:
                header[name] = draw(several(one))
    annotation = draw(st.sampled_from(["", ": str", ": Union[str, Sequence[str], None]"]))
    lines += [f"{name}{annotation if name != 'revision' else ''} = {text}" for name, text in header.items()]
    if draw(st.booleans()):
        lines.append("old = down_revision")
    return "\n".join(lines)


encodings = st.sampled_from(["utf-8", "utf-8-sig", "latin-1"])


@given(headers(), encodings, st.sampled_from(["\n", "\r\n"]))
@example("revision, down_revision = 'a', ('b', 'c')\nbranch_labels = depends_on = None", "utf-8", "\n")
@example("revision = f'{1}_{2}'\ndown_revision = None", "utf-8", "\n")
@example("revision = 'a'\nrevision = revision + '2'\ndown_revision = None", "utf-8", "\n")
def test_reads_what_python_would_find(header: str, encoding: str, newline: str) -> None:
    cookie = "# -*- coding: latin-1 -*-\n" if encoding == "latin-1" else ""
    annotations = "from __future__ import annotations\n"
    source = (f'{cookie}"""a\u00e9 message"""\n{annotations}{header}\n').replace("\n", newline).encode(encoding)
    found: dict[str, object] = {}
    exec(compile(source, "script", "exec"), found)
    read = read_script("versions/x.py", "0", source)
    assert (read.problem, read.unknown) == (None, ())
    assert read.revision == found["revision"]
    assert read.message == "a\u00e9 message"
    for value, name in [
        (read.down_revisions, "down_revision"),
        (read.depends_on, "depends_on"),
        (read.branch_labels, "branch_labels"),
    ]:
        assert set(value) == as_alembic(found.get(name))


def as_alembic(value: object) -> set[str]:
    """Nothing for None and "", one for a string, all for a sequence."""
    members = {value} if isinstance(value, str) or value is None else set(cast("Iterable[str]", value))
    return {one for one in members if one}


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@example(b"revision = " + b"(" * 500 + b"1" + b")" * 500)
@example(b"revision = " + b"-" * 5000 + b"1")
@example(b"revision = '%d' % 'x'")
@example(b"revision = 'a' * 10 ** 10")
@example(b"revision = 0x" + b"f" * 5000)
@example(b"revision = f'{0x" + b"f" * 5000 + b"}'")
@example(b"a = 'a'\n" + b"a = a + a\n" * 40 + b"revision = a")
@example(b"a = ()\n" + b"a = (a, a)\n" * 40 + b"revision = f'{a}'")
@example(b"a = ()\n" + b"a = (a, a)\n" * 40 + b"revision = '%s' % (a,)")
@example(b"a = ()\n" + b"a = (a, a)\n" * 40 + b"revision = a")
@example(b"revision = '%1000000000d' % 1")
@example(b"revision = {[]: 1}\ndown_revision = {[]}")
@example(b"revision = 1.5 + 2j\ndown_revision = None + None")
@example(b"# -*- coding: nonsense -*-\n")
@example(b"revision = 'a\x00'")
@example(b"<<<<<<< HEAD\nrevision = 'a'\n=======\nrevision = 'b'\n>>>>>>> branch\n")
def test_never_raises_whatever_the_bytes(source: bytes) -> None:
    for name in ("versions/x.py", "versions/a1.py"):
        read = read_script(name, "0", source)
        assert isinstance(read, Script)
        assert (read.revision is None) <= (read.problem is not None)
    assert isinstance(normalized_parts(source), dict)


@pytest.mark.parametrize(
    ("source", "problem", "line"),
    [
        ("revision = 'a'\n\ndef upgrade(:\n", "it is not Python: ", 3),
        ("x = 1\n<<<<<<< HEAD\nrevision = 'a'\n=======\n>>>>>>> b\n", "it has conflict markers", 2),
        ("x = 1\nrevision = next()\n", "its revision id is computed (next())", 2),
        ("x = 1\nrevision = 17\n", "its revision id is 17, which is not a string", 2),
        ("x = 1\n", "it sets no revision id", 1),
        ("x = 1\nrevision = ''\n", "its revision id is ''", 2),
    ],
)
def test_says_what_is_wrong_and_where(source: str, problem: str, line: int) -> None:
    read = read_script("versions/x.py", "0", source.encode())
    assert str(read.problem).startswith(problem)
    assert read.line() == line


def test_a_broken_script_keeps_its_place_in_the_chain() -> None:
    broken = script("b", "a") + b"\n)\n"
    read = read_script("versions/b.py", "0", broken)
    assert (read.revision, read.down_revisions, read.unknown) == ("b", ("a",), ())


def test_what_only_running_it_would_tell_is_unknown_and_not_nothing() -> None:
    read = read_script("x.py", "0", b"revision = 'a'\ndown_revision = find()\nbranch_labels = (label(),)\n")
    assert read.unknown == ("down_revision", "branch_labels")
    assert (read.down_revisions, read.branch_labels) == ((), ("(label(),)",))


@pytest.mark.parametrize(
    "line",
    [
        "down_revision += 'c'",
        "if now():\n  down_revision = 'c'",
        "from ids import other as down_revision",
        "x, down_revision = ids",
        "*x, down_revision = 'b', 'c'",
        "try:\n  down_revision = 'c'\nexcept E: pass",
        "with f() as down_revision: pass",
        "for down_revision in f(): pass",
    ],
)
def test_a_parent_set_in_another_way_is_unknown(line: str) -> None:
    source = f"revision = 'a'\ndown_revision = 'b'\n{line}\n"
    assert read_script("x.py", "0", source.encode()).unknown == ("down_revision",)


def test_a_script_without_a_down_revision_is_one_that_alembic_cannot_load() -> None:
    for name in ("x.py", "a1.py"):
        read = read_script(name, "0", b"" if name == "a1.py" else b"revision = 'a'\ndown_revision: str\n")
        assert (read.problem, read.unknown) == ("it sets no down_revision", ("down_revision",))


# --- what a script does, apart from how it is written

literals = st.integers(0, 9) | st.sampled_from(["a", "b c", "it's", 'say "a"', "a\\nb", "x" * 90]) | st.booleans()
names = st.from_regex(r"[a-z]{1,6}", fullmatch=True).filter(lambda name: not keyword.iskeyword(name))


@st.composite
def calls(draw: st.DrawFn) -> str:
    """`op.something("table", sa.Column("x", nullable=False))`."""
    arguments = [repr(one) for one in draw(st.lists(literals, max_size=3))]
    if draw(st.booleans()):
        arguments.append(f"sa.Column({draw(literals)!r}, sa.String(length={draw(literals)!r}))")
    arguments += [f"{name}={value!r}" for name, value in draw(st.dictionaries(names, literals, max_size=2)).items()]
    return f"op.{draw(names)}({', '.join(arguments)})"


@st.composite
def scripts(draw: st.DrawFn) -> str:
    """A script with a helper, module-level code and two functions."""
    body = draw(st.lists(calls(), min_size=1, max_size=3))
    wrapped = draw(
        st.sampled_from(["{}", "if conn.dialect == 'x':\n        {}", "with op.batch('t') as batch:\n        {}"])
    )
    upgrade = "\n    ".join(wrapped.format(one) for one in body)
    return (
        '"""message"""\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f"revision = 'b'\ndown_revision = 'a'\n\nsizes = {draw(st.lists(literals, max_size=3))!r}\n\n"
        f"def upgrade(engine=None):\n    {upgrade}\n\n\ndef downgrade():\n    {draw(calls())}\n"
    )


REWRITES: dict[str, Callable[[str], str]] = {
    "formatting and quotes": lambda text: ast.unparse(ast.parse(text)),
    "quotes and commas": lambda text: text.replace("(", "(\n  ").replace(")", "\n  )"),
    "comments": lambda text: text.replace("\n\n", "\n# why\n\n").replace("()\n", "()  # so\n"),
    "the module's docstring": lambda text: text.replace('"""message"""', '"""message\n\nRevises: x\n"""'),
    "docstrings": lambda text: text.replace("def downgrade():\n", 'def downgrade():\n    """Back."""\n'),
    "annotations": lambda text: (
        text.replace("downgrade():", "downgrade() -> None:")
        .replace("(engine=", "(engine: object = ")
        .replace("sizes =", "sizes: list[object] =")
    ),
    "imports": lambda text: (
        "from __future__ import annotations\n"
        + text.replace(
            "import sqlalchemy as sa\nfrom alembic import op\n",
            "from alembic import op\nimport sqlalchemy as sa\nimport os\n",
        )
    ),
    "type checking": lambda text: text.replace("\nrevision", "\nif TYPE_CHECKING:\n    import x\n\nrevision"),
    "pass": lambda text: text + "    pass\n",
    "identifiers": lambda text: text.replace("down_revision = 'a'", "down_revision = 'c'\ndepends_on: str = None"),
    "line ends": lambda text: text.replace("\n", "\r\n"),
    "a byte order mark": lambda text: "\ufeff" + text,
}


@settings(max_examples=150)
@given(scripts(), st.sampled_from(sorted(REWRITES)))
def test_a_cosmetic_rewrite_changes_no_part(text: str, rewrite: str) -> None:
    rewritten = REWRITES[rewrite](text)
    assert rewritten != text
    assert normalized_parts(rewritten.encode()) == normalized_parts(text.encode())


@given(scripts(), st.data())
def test_another_literal_call_or_keyword_always_changes_its_part(text: str, data: st.DataObject) -> None:
    tree = ast.parse(text)
    code = tree.body[5:]  # below the docstring, two imports and two identifiers
    nodes = [node for part in code for node in ast.walk(part)]
    changeable = [one for one in nodes if isinstance(one, ast.Constant | ast.Attribute | ast.keyword)]
    node = data.draw(st.sampled_from(changeable))
    match node:
        case ast.Constant():
            node.value = "another"
        case ast.Attribute():
            node.attr = "another"
        case ast.keyword():
            node.arg = "another"
    before, after = normalized_parts(text.encode()), normalized_parts(ast.unparse(tree).encode())
    assert len([name for name in {**before, **after} if before.get(name) != after.get(name)]) == 1


@given(scripts(), calls())
def test_a_statement_more_always_changes_its_part(text: str, call: str) -> None:
    before, after = normalized_parts(text.encode()), normalized_parts(f"{text}    {call}\n".encode())
    assert {name for name in after if before.get(name) != after[name]} == {"downgrade()"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1", "x = 1.0"),
        ("x = True", "x = 1"),
        ("x = 'a'", "x = b'a'"),
        ("def f(): return 1", "def f(): yield 1"),
        ("def f(): return", "async def f(): return"),
        ("def f(a, b): g(a, b)", "def f(b, a): g(a, b)"),
        ("def f(a=1): pass", "def f(a=2): pass"),
        ("def f(): pass", "@once\ndef f(): pass"),
        ("if x: f()", "if not x: f()"),
        ("if f(): pass", "pass"),
        ("if a.b(): pass\nelse: c()", "if a.b(): c()"),
        ("while f(): pass", "if f(): pass"),
        ("with f(): pass", "pass"),
        ("try: f()\nexcept E: pass", "f()"),
        ("try: f()\nexcept E: pass", "try: f()\nexcept F: pass"),
        ("for x in f(): pass\nelse: g()", "for x in f(): g()"),
        ("class A: x = 1", "class A: x = 2"),
        ("x = f'{a!r}'", "x = f'{a!s}'"),
        ("x = lambda a: 1", "x = lambda a: 2"),
        ("revision = down = 1", "revision = 1"),
        ("op.execute('''a\n  b''')", "op.execute('''a\n b''')"),
        ("op.execute('''a\n\nb''')", "op.execute('''a\nb''')"),
        ("def f(): x['a']: int = 1", "def f(): x['b']: int = 1"),
        ("revision += 'a'", ""),
        ("def f(revision):\n  revision = 1\n  g()", "def f(revision):\n  g()"),
    ],
)
def test_what_does_something_else_is_never_the_same(before: str, after: str) -> None:
    assert normalized_parts(before.encode()) != normalized_parts(after.encode())


def test_every_example_is_its_own_twin_without_comments() -> None:
    """The examples' scripts, unparsed: all comments and the author's own line breaks are gone."""
    found = list(examples.folder().rglob("versions/*.py"))
    assert len(found) > 20
    for path in found:
        source = path.read_bytes()
        try:
            plain = ast.unparse(ast.parse(source))
        except SyntaxError:
            continue  # G208's own
        assert normalized_parts(plain.encode()) == normalized_parts(source), path


# --- what is read in a hurry is what is read whole


@settings(max_examples=200)
@given(scripts(), scripts(), st.sampled_from(["", *sorted(REWRITES)]), calls())
def test_two_versions_differ_where_their_parts_do(one: str, other: str, rewrite: str, call: str) -> None:
    rewritten = REWRITES[rewrite](one) if rewrite else one
    for new in (rewritten, f"{rewritten}    {call}\n", f"{rewritten}    return\n", f"{rewritten}\n\nx = 1\n", other):
        before, after = normalized_parts(one.encode()), normalized_parts(new.encode())
        wanted = {name for name in {**before, **after} if before.get(name) != after.get(name)}
        found = set(differing_parts(one.encode(), new.encode()))
        assert found == wanted or (found < wanted and one.partition("def ")[0] != new.partition("def ")[0])


@pytest.mark.parametrize(
    ("before", "after", "differ"),
    [
        ("def f():\n    a()\n    return\n", "def f():\n    a()\n", []),
        ("def f():\n    a()\n    return\n    b()\n", "def f():\n    a()\n    b()\n", ["f()"]),
        ("def f():\n    return\n", "def f():\n    pass\n", []),
        ("def f():\n    a()\n    b()\n", "def f():\n    b()\n    a()\n", ["f()"]),
        ("def f():\n    a('''\ndef g():\n''')\n", "def f():\n    a('''\ndef h():\n''')\n", ["f()"]),
        ("@a\ndef f(): pass\n", "@b\ndef f(): pass\n", ["f()"]),
        ("def f(): a()\ndef f(): b()\n", "def f(): a()\ndef f(): c()\n", ["f()"]),
        ("from m import J\ndef f(): J()\n", "import m\ndef f(): m.J()\n", []),
        ("from m import J\ndef f(): J(1)\n", "import m\ndef f(): m.J(2)\n", ["f()"]),
        ("from m import J\ndef f():\n    J()\n    K()\n", "from n import J\ndef f():\n    J()\n    n.K()\n", ["f()"]),
        ("# coding: latin-1\ndef f(): a('\xe9')\n", "# coding: latin-1\ndef f(): a('\xe8')\n", ["f()"]),
    ],
)
def test_what_makes_two_versions_differ(before: str, after: str, differ: list[str]) -> None:
    assert differing_parts(before.encode("latin-1"), after.encode("latin-1")) == differ


@given(
    scripts(),
    st.sampled_from(["", "\nrevision = 'z'\n", "\nif x:\n    down_revision = 'z'\n", "\nfrom m import depends_on\n"]),
)
def test_a_header_says_what_the_whole_script_says(text: str, more: str) -> None:
    source = (text + more).encode()
    header, whole = read_header("a.py", "", source), read_script("a.py", "", source)
    for name in ("revision", "down_revisions", "depends_on", "branch_labels", "unknown", "docstring", "problem"):
        assert getattr(header, name) == getattr(whole, name)
    assert header.line() == whole.line()
