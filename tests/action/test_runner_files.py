"""The files of the runner, where no Landlock keeps migrations from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from checker.job import keep_runner_files


@pytest.mark.parametrize("how", ["appended", "deleted", "a link", "a folder"])
def test_a_file_that_migrations_change_is_restored(how: str, tmp_path: Path) -> None:
    output, untouched = tmp_path / "output", tmp_path / "env"
    output.write_text("verdict=fail\n")
    untouched.write_text("A=1\n")
    changed: list[str] = []
    environ = {"GITHUB_OUTPUT": str(output), "GITHUB_ENV": str(untouched), "GITHUB_PATH": ""}
    with keep_runner_files(environ, changed.append):
        if how == "appended":
            output.write_text("verdict=fail\nverdict=pass\n")
        else:
            output.unlink()
        if how == "a link":
            output.symlink_to(untouched)
        if how == "a folder":
            output.mkdir()
    assert (output.read_text(), untouched.read_text()) == ("verdict=fail\n", "A=1\n")
    assert not output.is_symlink()
    assert changed == ["GITHUB_OUTPUT"]
