"""The house keeps its own rules: which way imports point, and what every check says of itself."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from checker import checks
from checker.checks.base import CheckInfo
from checker.checks.registry import CHECKS, find
from checker.examples import example

ROOT = Path(__file__).parents[2]
SENTENCE = re.compile(r"[\w`].*[\w`].*[.)]", re.S)

every_check = pytest.mark.parametrize("info", [one.info for one in CHECKS], ids=lambda info: info.id)


def test_imports_point_one_way() -> None:
    lint = (
        "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c(['--no-cache'])"
    )
    done = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Contracts: 4 kept, 0 broken." in done.stdout


def test_every_check_has_an_id_and_a_slug_of_its_own() -> None:
    ids = [one.info.id for one in CHECKS]
    slugs = [one.info.slug for one in CHECKS]
    assert len(set(ids)) == len(ids)
    assert len(set(slugs)) == len(slugs)
    for letter in "HGDRC":
        own = [one for one in ids if one.startswith(letter)]
        assert own == sorted(own)


def test_every_file_of_a_check_is_registered() -> None:
    files = {path.stem for path in Path(str(checks.__file__)).parent.glob("[a-z][0-9][0-9][0-9]_*.py")}
    assert files == {f"{one.info.id.lower()}_{one.info.slug.replace('-', '_')}" for one in CHECKS}
    assert all(one.check.__module__ == f"{checks.__name__}.{name(one.info)}" for one in CHECKS)


def name(info: CheckInfo) -> str:
    return f"{info.id.lower()}_{info.slug.replace('-', '_')}"


@every_check
def test_every_check_says_what_breaks_and_how_to_mend_it(info: CheckInfo) -> None:
    for text in (info.says, info.breaks, info.mend):
        assert SENTENCE.fullmatch(text), text
    assert len({info.says, info.breaks, info.mend}) == 3
    assert info.replay == info.id.startswith("R")


@every_check
def test_every_check_has_two_examples_that_differ(info: CheckInfo) -> None:
    bad, good = (example(info.id, variant)[1] for variant in ("bad", "good"))
    assert bad != good


@every_check
def test_a_check_is_found_by_id_and_by_slug(info: CheckInfo) -> None:
    for text in (info.id, info.id.lower(), info.slug, info.slug.upper()):
        found = find(text)
        assert found is not None
        assert found.info is info
