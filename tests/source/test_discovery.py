"""What is found without running anything is what the installed Alembic loads."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from hypothesis import example, given, settings
from hypothesis import strategies as st

from checker.source.project import Environment
from checker.source.repository import open_repository
from checker.source.snapshot import SnapshotReader
from tests.gitrepo import ENV, Checkout, Files, chain, script


def scripts(folder: str, *names: str) -> dict[str, bytes]:
    """Scripts that each begin a chain of their own."""
    return {f"{folder}/{name}.py": script(f"{folder}/{name}".replace("/", "_")) for name in names}


def found(root: Path) -> dict[tuple[str | None, str], tuple[Environment, set[str | None]]]:
    """The revisions that we read at HEAD, for each file and section that names an environment."""
    with open_repository(root, os.environ) as repository:
        reader = SnapshotReader(repository)
        tree = repository.tree_of("HEAD")
        return {
            (one.config_file, one.section): (one, {script.revision for script in reader.snapshot(tree, one).scripts})
            for one in reader.environments(tree)
        }


def loaded(config: Config) -> set[str]:
    """The revisions that Alembic loads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # legacy path separators are deprecated
        return {one.revision for one in ScriptDirectory.from_config(config).walk_revisions()}


@contextlib.contextmanager
def called_in(folder: Path) -> Iterator[None]:
    """As Alembic's command is: prepend_sys_path changes the interpreter for good."""
    path, modules = sys.path[:], set(sys.modules)
    with contextlib.chdir(folder):
        yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
            del sys.modules[name]


# Names that Alembic does not load, and some odd ones that it does.
IGNORED = {"__init__.py": b"", "__init__old.py": b"(", ".#lock.py": b"(", "notes.txt": b"", "old.py.bak": b"("}
LOADED = ("a", ".hidden", "ümlaut", "two words", "x.y", "_")


def versions(folder: str) -> dict[str, bytes]:
    """A versions folder with all kinds of files, a cache and a folder below it."""
    ignored = {f"{folder}/{name}": text for name, text in IGNORED.items()}
    return {
        **scripts(folder, *LOADED),
        **scripts(f"{folder}/2024", "deep"),
        **scripts(f"{folder}/2024/q1", "deeper"),
        f"{folder}/__pycache__/cached.py": b"(",
        **ignored,
    }


CASES: dict[str, tuple[Files, str, str, str]] = {
    # name: (files, the ini or pyproject.toml, its section, where alembic is called)
    "relative": (
        {"alembic.ini": b"[alembic]\nscript_location = migrations\n", **versions("migrations/versions")},
        "alembic.ini",
        "alembic",
        ".",
    ),
    "here": (
        {
            "api/alembic.ini": b"[alembic]\nscript_location = %(here)s/../migrations\n",
            **versions("migrations/versions"),
        },
        "api/alembic.ini",
        "alembic",
        "api",
    ),
    "the folder itself": (
        {"migrations/alembic.ini": b"[alembic]\nscript_location = .\n", **versions("migrations/versions")},
        "migrations/alembic.ini",
        "alembic",
        "migrations",
    ),
    "recursive": (
        {
            "alembic.ini": b"[alembic]\nscript_location = migrations\nrecursive_version_locations = true\n",
            **versions("migrations/versions"),
        },
        "alembic.ini",
        "alembic",
        ".",
    ),
    "recursive only in lower case": (
        {
            "alembic.ini": b"[alembic]\nscript_location = migrations\nrecursive_version_locations = True\n",
            **versions("migrations/versions"),
        },
        "alembic.ini",
        "alembic",
        ".",
    ),
    "package": (
        {
            "alembic.ini": b"[alembic]\nscript_location = shop_of_ours.db:migrations\nprepend_sys_path = .\n",
            "shop_of_ours/__init__.py": b"",
            "shop_of_ours/db/__init__.py": b"",
            **versions("shop_of_ours/db/migrations/versions"),
            "shop_of_ours/db/migrations/env.py": ENV,
        },
        "alembic.ini",
        "alembic",
        ".",
    ),
    "package below src, with a version location of its own": (
        {
            "alembic.ini": b"[alembic]\nscript_location = shop_below:migrations\nprepend_sys_path = src\n"
            b"version_locations = shop_below:migrations/one shop_below:migrations/two\npath_separator = space\n",
            "src/shop_below/__init__.py": b"",
            "src/shop_below/migrations/env.py": ENV,
            **versions("src/shop_below/migrations/one"),
            **scripts("src/shop_below/migrations/two", "b"),
            **scripts("src/shop_below/migrations/versions", "not_named"),
        },
        "alembic.ini",
        "alembic",
        ".",
    ),
    "an ini below, its location from the root": (
        {"deploy/conf/alembic.ini": b"[alembic]\nscript_location = migrations\n", **versions("migrations/versions")},
        "deploy/conf/alembic.ini",
        "alembic",
        ".",
    ),
    "the nearer of two": (
        {
            "api/alembic.ini": b"[alembic]\nscript_location = migrations\n",
            "api/migrations/env.py": ENV,
            **scripts("api/migrations/versions", "b"),
            **versions("migrations/versions"),
        },
        "api/alembic.ini",
        "alembic",
        "api",
    ),
    "one of several sections": (
        {
            "alembic.ini": b"[DEFAULT]\nbelow = other\n[alembic]\nscript_location = migrations\n"
            b"[second]\nscript_location = %(here)s/%(below)s\n[logger_root]\nlevel = WARN\n",
            "other/env.py": ENV,
            **scripts("other/versions", "b"),
            **versions("migrations/versions"),
        },
        "alembic.ini",
        "second",
        ".",
    ),
    "an ini of another name, with a comment and a percent sign": (
        {
            "db.ini": b"# ours\n[alembic]\nfile_template = %%(rev)s\nscript_location: migrations\nsqlalchemy.url = %(x)s\n",
            **versions("migrations/versions"),
        },
        "db.ini",
        "alembic",
        ".",
    ),
    "pyproject": (
        {
            "pyproject.toml": b'[tool.alembic]\nscript_location = "%(here)s/migrations"\nversion_locations = '
            b'["%(here)s/migrations/versions", "%(here)s/more"]\nrecursive_version_locations = true\n',
            "alembic.ini": b"[alembic]\nsqlalchemy.url = x\n",
            **versions("migrations/versions"),
            **scripts("more", "b"),
        },
        "pyproject.toml",
        "alembic",
        ".",
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_finds_what_alembic_loads(checkout: Checkout, case: tuple[Files, str, str, str]) -> None:
    files, config_file, section, directory = case
    checkout.commit({"migrations/env.py": ENV, **files})
    environment, ours = found(checkout.root)[config_file, section]
    root = checkout.root
    toml = root / config_file if config_file.endswith(".toml") else None
    ini = root / "alembic.ini" if toml else root / config_file
    with called_in(root / directory):
        theirs = loaded(Config(str(ini), ini_section=section, toml_file=str(toml) if toml else None))
    assert ours == theirs
    assert len(ours) >= 1
    assert environment.working_directory == directory


def test_flask_migrate_names_no_location(checkout: Checkout) -> None:
    ini = b"[alembic]\n# template used to generate migration files\n[loggers]\nkeys = root,flask_migrate\n"
    checkout.commit(
        {"api/migrations/alembic.ini": ini, "api/migrations/env.py": ENV, **versions("api/migrations/versions")}
    )
    _, ours = found(checkout.root)["api/migrations/alembic.ini", "alembic"]
    config = Config(str(checkout.root / "api/migrations/alembic.ini"))
    config.set_main_option("script_location", str(checkout.root / "api/migrations"))  # as Flask-Migrate does
    assert ours == loaded(config)


def test_a_folder_that_nothing_names(checkout: Checkout) -> None:
    checkout.commit({"lib/db/env.py": ENV, **chain("a <- b", "lib/db/versions"), "lib/web/env.py": b"import os\n"})
    environments = found(checkout.root)
    assert set(environments) == {(None, "alembic")}
    assert environments[None, "alembic"][1] == {"a", "b"}


def test_one_environment_is_never_counted_twice(checkout: Checkout) -> None:
    """Two inis for two machines, a pyproject.toml and the folder itself all mean the same scripts."""
    ini = b"[alembic]\nscript_location = migrations\n"
    pyproject = b'[tool.alembic]\nscript_location = "migrations"\n'
    tree = {"alembic.ini": ini, "alembic-prod.ini": ini, "pyproject.toml": pyproject, "migrations/env.py": ENV}
    checkout.commit({**tree, **versions("migrations/versions")})
    assert set(found(checkout.root)) == {("alembic.ini", "alembic")}


def test_scripts_that_an_ini_leaves_out_are_no_environment_of_their_own(checkout: Checkout) -> None:
    ini = b"[alembic]\nscript_location = migrations\nversion_locations = db\npath_separator = os\n"
    checkout.commit({"alembic.ini": ini, "migrations/env.py": ENV, **chain("a", "db"), **chain("b <- c")})
    environments = found(checkout.root)
    assert {key: revisions for key, (_, revisions) in environments.items()} == {("alembic.ini", "alembic"): {"a"}}


SEPARATORS = {None: ", ", "space": " ", "newline": "\n    ", "os": os.pathsep, ":": ":", ";": "; "}
FOLDERS = ("migrations/versions", "db/one", "db/one/2024", "db/two_b", "missing")


@st.composite
def inis(draw: st.DrawFn) -> str:
    """An ini with version_locations, in any of the ways to write them."""
    option = draw(st.sampled_from(["path_separator", "version_path_separator"]))
    separator = draw(st.sampled_from(sorted(SEPARATORS, key=str)))
    places = [draw(st.sampled_from(["", "%(here)s/", "./"])) + one for one in draw(st.lists(st.sampled_from(FOLDERS)))]
    lines = ["[alembic]", f"script_location = {draw(st.sampled_from(['migrations', '%(here)s/migrations/']))}"]
    lines += [f"version_locations = {SEPARATORS[separator].join(places)}"]
    lines += [f"{option} = {separator}"] if separator else []
    lines += [f"recursive_version_locations = {draw(st.sampled_from(['true', 'false', 'TRUE']))}"]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """One repository, of which each example writes only the ini."""
    made = Checkout(tmp_path_factory.mktemp("discovery") / "work")
    made.commit(
        {"migrations/env.py": ENV, **versions("migrations/versions"), **versions("db/one"), **versions("db/two_b")}
    )
    yield made
    made.repo.close()


@settings(max_examples=25)
@given(ini=inis())
@example(ini="[alembic]\nscript_location = migrations\nversion_locations = missing\npath_separator = os\n")
@example(ini="[alembic]\nscript_location = migrations\nversion_locations =\n")
def test_version_locations_are_split_as_alembic_splits_them(shared: Checkout, ini: str) -> None:
    shared.write({"alembic.ini": ini.encode()})
    shared.git("add", "--all")
    shared.repo.index.commit("ini")
    _, ours = found(shared.root)["alembic.ini", "alembic"]
    with called_in(shared.root):
        assert ours == loaded(Config("alembic.ini"))
