"""Text that is made to fill the memory, to take hours or to overflow a stack ends in one sentence or one finding."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.errors import ConfigurationError
from checker.lost.pasted import revisions_in
from checker.mergescript import FILE_TEMPLATE, Manner, merge_script, read_options
from checker.parsing import SCRIPT_BYTES, Unreadable, parse_ini, parse_json, parse_toml
from checker.replay.environment import read_env_file
from checker.replay.python_version import allows
from checker.replay.recipe import find_recipe
from checker.settings import load_configuration, read_configuration
from checker.source.changes import Pair
from checker.source.code import differing_parts, normalized_parts, spread
from checker.source.effects import makes, way_back
from checker.source.events import read_event
from checker.source.history import Commit
from checker.source.project import find_environments
from checker.source.rewriting import NotRewritable, Wanted, rewrite
from checker.source.script import Script, read_script
from checker.source.tree import Tree
from tests.gitrepo import PROJECT, Checkout, project, script

SECONDS = 20  # 5 on a machine of one's own; here other tests run beside it
YML = ".alembic-premerge.yml"


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """No input takes longer, in CPU time: what hangs takes minutes."""
    started = time.process_time()
    yield
    assert time.process_time() - started < SECONDS


HEADER = "revision = 'a'\ndown_revision = None\n"
MANY = 20_000
SCRIPTS = {
    "blanks behind an id": "revision = x" + " " * 400_000 + "y",
    "blanks behind an id, and no Python": "(\nrevision = 'a'" + " " * 150_000 + "y",
    "conflict markers": "<<<<<<< \n" * 100_000,
    "few conflict markers": "<<<<<<< \n" * 10_000,
    "targets of a call": f"{HEADER}{'='.join(f'a{n}' for n in range(5_000))} = f({'g(),' * MANY})",
    "tuples of targets": f"{HEADER}{'(a, b, c, d) = ' * 5_000} [{'g(),' * MANY}]",
    "an f-string of f-strings": "a = 'x' * 1\na = " + repr("x" * 50_000) + "\nrevision = f'" + "{a}" * 40_000 + "'",
    "a format of many": "a = " + repr("x" * 50_000) + f"\nrevision = '{'%s' * 5_000}' % ({'a,' * 5_000})",
    "sums of tuples": f"a = ({'1,' * 40_000})\n" + "b = a + a\n" * 5_000,
    "sums of strings": f"a = {'x' * 90_000!r}\n" + "b = a + a\n" * 9_000,
    "a sum of 100,000 terms": f"{HEADER}x = {'1+' * 90_000}1",
    "a sum of 3,000 terms": f"{HEADER}x = {'a()+' * 3_000}1",
    "an id of 900 terms": "revision = " + "'a'+" * 900 + "'a'\ndown_revision = None",
    "attributes": f"{HEADER}x = a{'.a' * 90_000}",
    "brackets": f"{HEADER}x = {'(' * 90_000}",
    "lambdas": f"{HEADER}x = {'lambda:' * 10_000}1",
    "many branches": f"if a:\n pass\n{'elif a: revision = 1' + chr(10)}" * 5_000,
    "ids in one if": f"if a:\n{' revision = 1' + chr(10)}" * 1 + " revision = 1\n" * 10_000,
    "a number of 5,000 digits": f"revision = {'1' * 5_000}\ndown_revision = None",
    "a hexadecimal number": f"revision = 0x{'f' * 150_000}\ndown_revision = None",
    "a hexadecimal number in text": f"n = 0x{'f' * 150_000}\nrevision = f'{{n}}'\ndown_revision = None",
    "parents": f"revision = 'a'\ndown_revision = ({','.join(repr(str(n)) for n in range(15_000))})",
    "an id of 100,000 letters": f"revision = {'x' * 100_000!r}\ndown_revision = None",
    "imports of one name": HEADER + "".join(f"import m{n} as a\n" for n in range(5_000)) + "a.x1\n" * 5_000,
    "import brackets": HEADER + "from a import (\n" * 12_000,
    "statements on one line": f"{HEADER}def upgrade():\n    {'a;' * 80_000}b",
    "functions": HEADER + "".join(f"def f{n}(): f{n + 1}()\n" for n in range(7_000)),
    "comparisons": f"{HEADER}def upgrade():\n    {'(' * 90}f({'1,' * MANY}){' == 1)' * 90}",
    "too long": f"{HEADER}def upgrade():\n    {'a()' + chr(10) + '    '}" * 1 + "    a()\n" * 300_000,
    "an unknown encoding": f"# coding: {'x' * 100_000}\n",
    "NUL": "revision = 'a\0b'",
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_is_read_or_refused(text: str) -> None:
    source = text.encode()
    read = read_script("versions/a_.py", "blob", source)
    assert read.revision is not None or read.problem
    assert len(read.problem or "") < 300
    assert sum(map(len, read.down_revisions)) < 100_000


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_an_edit_of_a_script_is_judged(text: str) -> None:
    before, after = text.encode(), (text + "\nimport z\nx = 2\n").encode()
    assert isinstance(differing_parts(before, after), list)
    read = [read_script("versions/a_.py", "blob", source) for source in (before, after)]
    assert isinstance(Pair(*read).diff, str)
    way_back(read[0])
    makes(read[0])


def test_blanks_in_a_string_that_was_edited() -> None:
    before, after = (script("a", None, f"op.execute('x{' ' * 150_000}{n}')") for n in (1, 2))
    assert differing_parts(before, after) == ["upgrade()"]


def test_a_line_that_the_tokenizer_takes_long_for() -> None:
    line = "x('" + "\\'" * 75_000
    assert spread(line) == line


def test_what_a_long_expression_does_is_still_compared() -> None:
    """One that is too deep for a walk is compared as text: an edit is seen, and none is made up."""
    before, after = (script("a", None, f"op.execute({'x() + ' * 500}'{n}')") for n in (1, 2))
    assert differing_parts(before, before) == []
    assert differing_parts(before, after)
    assert normalized_parts(before) != normalized_parts(after)


def test_the_ids_of_a_long_script_are_read_from_its_beginning() -> None:
    """Data in a script makes it long: Alembic runs it, so it is no finding as long as its ids are known."""
    long = script("b", "a", f"op.execute({'x' * SCRIPT_BYTES!r})")
    read = read_script("versions/b_.py", "blob", long)
    assert (read.revision, read.down_revisions, read.problem) == ("b", ("a",), None)
    hidden = read_script("versions/b_.py", "blob", long + b"\nrevision = 'c'\n")
    assert hidden.problem == f"it has {len(long) + 16:,} bytes, and at most {SCRIPT_BYTES:,} are read"


def test_a_deep_script_is_not_rewritten() -> None:
    source = script("a", None, f"op.execute({'1+' * 900}1)")
    with pytest.raises(NotRewritable):
        rewrite(read_script("a_.py", "blob", source), source, Wanted(revision="b"))


# --- where environments are found


def _deep_ini(levels: int, times: int) -> str:
    lines = [f"a{n} = {f'%(a{n + 1})s' * times}" for n in range(levels)]
    return "\n".join(["[alembic]", "script_location = %(a0)s", *lines, f"a{levels} = x"])


INIS = {
    "interpolation of interpolations": _deep_ini(9, 100),
    "a circle": "[alembic]\nscript_location = %(script_location)s",
    "blanks": "[alembic]\na" + " " * 90_000 + "b\n",
    "wide": "[alembic]\nscript_location = %(here)999999999s",
    "NUL": "[alembic]\nscript_location = mig\0rations",
    "continued": "[alembic]\na\n " + "b\n " * 20_000,
    "long": "[alembic]\n" + "a = b\n" * 500_000,
}


@pytest.mark.parametrize("text", INIS.values(), ids=INIS)
def test_an_ini_is_read_or_passed_over(text: str) -> None:
    files = {**PROJECT, "alembic.ini": text.encode(), "migrations/versions/a_.py": script("a")}
    (found,) = _environments(files)
    assert found.script_location == "migrations"
    assert isinstance(read_options(found, text.encode()), dict)


TOMLS = {
    "a number in place of a table": "[tool]\nalembic = 1",
    "a number of locations": "[tool.alembic]\nscript_location = 'migrations'\nversion_locations = 5",
    "wide": "[tool.alembic]\nscript_location = 'migrations'\nversion_locations = ['%(here)999999999s']",
    "deep": f"[tool.alembic]\na = {'[' * 100_000}",
    "a number of 5,000 digits": f"[tool.alembic]\na = {'1' * 5_000}",
    "a dotted key": f"[tool.alembic]\na{'.a' * 50_000} = 1",
    "NUL": '[tool.alembic]\nscript_location = "a\\u0000b"',
    "a day that there is not": "[tool.alembic]\na = 2026-02-30",
}


@pytest.mark.parametrize("text", TOMLS.values(), ids=TOMLS)
def test_a_pyproject_is_read_or_passed_over(text: str) -> None:
    files = {"pyproject.toml": text.encode(), "migrations/env.py": PROJECT["migrations/env.py"]}
    (found,) = _environments({**files, "migrations/versions/a_.py": script("a")})
    assert found.script_location == "migrations"


def test_a_pyproject_that_is_not_utf8_is_passed_over(tmp_path: Path) -> None:
    latin = b'[tool.alembic]\nscript_location = "migrations"\n# \xe9'
    (found,) = _environments({**PROJECT, "pyproject.toml": latin, "migrations/versions/a_.py": script("a")})
    assert found.config_file == "alembic.ini"
    (tmp_path / "pyproject.toml").write_bytes(latin)
    assert load_configuration(tmp_path, None).projects == ()
    (tmp_path / "pyproject.toml").write_bytes(latin + b"\n[tool.alembic-premerge]\n")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        load_configuration(tmp_path, None)


def _environments(files: dict[str, bytes]) -> tuple:  # type: ignore[type-arg]
    def read(path: str) -> Script:
        return read_script(path, path, files[path])

    return find_environments(Tree(files, lambda path: files.get(path, b""), read))


def test_a_file_template_is_no_bomb() -> None:
    import datetime as dt

    manner = Manner(file_template="%(rev)999999999s")
    name, _ = merge_script("a", ("b", "c"), manner, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert name == f"{FILE_TEMPLATE % {'rev': 'a', 'slug': 'merge_heads'}}.py"
    manner = Manner(file_template="%(year)d-%(month).2d_%(rev)s")
    assert merge_script("a", ("b", "c"), manner, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))[0] == "2026-01_a.py"


def test_interpolation_is_configparsers_own() -> None:
    """For what people write, as BasicInterpolation has it."""
    import configparser

    text = (
        "[DEFAULT]\nd = D\n[a]\nx = %(here)s/%(y)s%%\ny = %(D)s-%(z)s\nz = \nw = %(no)s\nv = 5% off\nu = %(x)s%(x)s\n"
    )
    plain = configparser.ConfigParser({"here": "/h"}, strict=False)
    plain.read_string(text)
    ours = parse_ini(text, {"here": "/h"})
    assert ours.sections == plain.sections()
    for name in "xyzwvu":
        try:
            expected = plain.get("a", name)
        except configparser.InterpolationError:
            expected = None
        assert ours.get("a", name) == expected


# --- the configuration

CONFIGURATIONS = {
    "a day that there is not": ("allow:\n- {check: H101, revision: a, reason: x,\n   until: 2026-02-30}", 3),
    "a number of 5,000 digits": (f"tags: x\nprojects: [{{path: {'1' * 5_000}}}]", 2),
    "a number of 5,000 hexadecimal digits": (f"tags: x\ntimeouts: {{step: 0x{'f' * 5_000}}}", 2),
    "a bool that is none": ("tags: x\nlocked: !!bool maybe", 2),
    "a time that is none": ("tags: x\nlocked: !!timestamp now", 2),
    "an int that is none": ("tags: x\nlocked: !!int ''", 2),
    "deep": ("[" * 50_000, None),
    "deep blocks": ("- " * 50_000, None),
    "long": ("a: b\n" * 500_000, None),
    "merged aliases": (
        "\n".join(f"a{n}: &a{n} {{<<: [{f'*a{n - 1}, ' * 9}]}}" if n else "a0: &a0 {x: y}" for n in range(20)),
        None,
    ),
    "an alias of itself": ("&a [*a]", None),
    "sixty of sixty": (f"timeouts: {{step: 1{':1' * 40_000}}}", 1),
    "forever": ("tags: x\ntimeouts: {total: .inf}", 2),
    "NUL": ('tags: x\nprojects: [{path: "a\\0b"}]', 2),
    "half a character": ('tags: x\nprojects: [{path: "\\ud800"}]', 2),
    "NUL in a variable": ('tags: x\nprojects: [{path: a, env: {"A\\0": b}}]', 2),
    "thousands of mistakes": (f"projects: [{'{a: b}, ' * 2_000}]", 1),
}


@pytest.mark.parametrize(("text", "line"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_configuration_is_refused_with_its_line(text: str, line: int | None) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_configuration(text, YML)
    assert len(str(raised.value)) < 300
    assert len(raised.value.mistakes) < 60
    if line:
        assert raised.value.mistakes[0].startswith(f"{YML}:{line}: ")


@pytest.mark.parametrize("text", TOMLS.values(), ids=TOMLS)
def test_a_configuration_in_toml_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        read_configuration(
            text.replace("alembic = 1", "alembic-premerge = 1").replace("[tool.alembic]", "[tool.alembic-premerge]")
            + "\n[tool.alembic-premerge]",
            "pyproject.toml",
        )


# --- events, messages and what a project says of itself


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        f'{{"n": {"1" * 5_000}}}',
        "\xff",
        "",
        '{"before": "\\u0000", "ref": "\\ud800"}',
    ],
)
def test_an_event_that_cannot_be_read_is_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "event.json").write_text(text, "latin-1")
    event = read_event({"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": str(tmp_path / "event.json")})
    assert event is not None
    assert event.text("before") == event.text("ref") == ""


@pytest.mark.parametrize(
    "text",
    [
        "Revision a" + " " * 200_000 + "x",
        "Revision a " * 20_000,
        "." * 200_000 + " !",
        "\n" * 200_000,
        "KeyError: '" * 20_000,
        "\x1b]" * 100_000,
        "version_num\n" + "a|\n" * 50_000,
        "locate revision identified by " * 10_000,
    ],
    ids=range(8),
)
def test_a_message_is_searched_in_linear_time(text: str) -> None:
    assert isinstance(revisions_in(text), tuple)


def test_the_number_of_a_pull_request_is_one_that_a_forge_has() -> None:
    def commit(subject: str) -> Commit:
        return Commit("c", (), "a", "", "a", "", subject)

    assert commit("Fix it (#123)").pull_request == 123
    assert commit(f"Fix it (#{'1' * 5_000})").pull_request is None


def test_a_project_that_says_odd_things_of_itself(tmp_path: Path) -> None:
    for text in (
        "project = 1",
        "[tool]\npoetry = 1",
        "[project]\ndependencies = 5",
        "[tool.poetry.dependencies]\na = [1]",
    ):
        (tmp_path / "pyproject.toml").write_text(text)
        find_recipe([tmp_path])
    for text in ("1", "[" * 100_000, '{"default": 1}', '{"default": {"a": 1, "b": {"extras": 5, "version": "==1"}}}'):
        (tmp_path / "Pipfile.lock").write_text(text)
        find_recipe([tmp_path])
    (tmp_path / "Pipfile.lock").unlink()
    (tmp_path / "requirements.txt").write_text(f"-r other.txt\n-r {'9' * 5_000}.txt\n-r a\0b\n")
    (tmp_path / "other.txt").write_text("-r requirements.txt\nalembic\n")
    recipe = find_recipe([tmp_path])
    assert recipe is not None
    assert recipe.names == ("alembic",)


def test_versions_and_variables() -> None:
    assert allows(f">={'1' * 5_000}", (3, 12))
    assert allows(" " * 100_000 + "x", (3, 12))
    assert read_env_file("A=1" + " " * 100_000 + 'x\nexport B=\'b\' # c\nC=c # d\nD="e\\"f"\nE=#f\nF= # g\nG=a\0b') == {
        "A": "1" + " " * 100_000 + "x",
        "B": "b",
        "C": "c",
        "D": 'e\\"f',
        "E": "#f",
        "F": "",
    }


def test_the_parsers_raise_nothing_but_unreadable() -> None:
    for parse, text in ((parse_json, "[" * 100_000), (parse_json, "1" * 5_000), (parse_toml, "a = " + "[" * 100_000)):
        with pytest.raises(Unreadable):
            parse(text)
    with pytest.raises(Unreadable, match="at most"):
        parse_json(json.dumps("x" * 100), limit=50)


# --- the command itself


def test_a_bomb_beside_good_scripts_is_one_finding(checkout: Checkout) -> None:
    checkout.commit(project("a <- b"), "merged")
    checkout.branch("work")
    checkout.commit({**project("a <- b <- c"), "migrations/versions/bomb_.py": ("(" * 100_000).encode()}, "bomb")
    report = checkout.check(base="main", replay=False)
    assert [one.id for one in report.findings if one.path == "migrations/versions/bomb_.py"] == ["G208"]
