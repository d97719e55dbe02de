"""What a user writes is the same everywhere: both forms, the code, the workflows, the documentation."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from checker.action import OUTPUTS
from checker.commands.check import check
from checker.inputs import Inputs, make_settings
from checker.settings import Settings

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DOCS = (ROOT / "docs" / "github-action.md").read_text("utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = [ROOT / "action.yml", ROOT / "docker" / "action.yml"]
EXAMPLES = re.findall(r"```yaml\n# \.github/workflows/(\S+)\n(.*?)```", DOCS, re.S)
# Where the command line says the same by another name: this project's own, or the place where it is called.
OTHERWISE = {"working_directory", "install", "requirements", "comment", "audit", "issue", "token"}


def load(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def table(heading: str) -> list[list[str]]:
    """The rows of the table below a heading of the documentation."""
    section = DOCS.split(f"## {heading}\n")[1].split("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line.startswith("| `")
    ]


def test_both_forms_have_the_same_inputs_and_outputs() -> None:
    composite, container = map(load, ACTIONS)
    assert composite["inputs"] == container["inputs"]
    plain = {name: {"description": one["description"]} for name, one in composite["outputs"].items()}
    assert plain == container["outputs"]
    assert composite["description"] == container["description"]
    assert (ROOT / "docker" / container["runs"]["image"]).resolve() == ROOT / "Dockerfile"


def test_the_inputs_are_those_that_the_code_reads_with_the_same_defaults() -> None:
    inputs = load(ACTIONS[0])["inputs"]
    assert list(inputs) == [field.name.replace("_", "-") for field in dataclasses.fields(Inputs)]
    for field in dataclasses.fields(Inputs):
        default = inputs[field.name.replace("_", "-")].get("default", "")
        if field.name != "token":
            stated = "" if field.default == () else str(field.default).lower()
            assert default == stated, field.name


def test_every_input_reaches_the_step_through_its_environment() -> None:
    steps = load(ACTIONS[0])["runs"]["steps"]
    names = {
        f"INPUT_{name.replace('-', '_').upper()}": f"${{{{ inputs.{name} }}}}" for name in load(ACTIONS[0])["inputs"]
    }
    assert steps[-1]["env"] == names
    assert all("uses" not in step and "${{" not in step["run"] for step in steps)


def test_the_outputs_are_those_that_the_code_sets() -> None:
    outputs = load(ACTIONS[0])["outputs"]
    assert tuple(outputs) == OUTPUTS
    # a step that never ran has no outputs, and an unset verdict is no answer
    ways_out = {"verdict": " || 'fail'"}
    for name, one in outputs.items():
        assert one["value"] == f"${{{{ steps.check.outputs.{name}{ways_out.get(name, '')} }}}}"


def test_an_input_means_what_the_option_of_its_name_means() -> None:
    options = set(inspect.signature(check).parameters)
    assert {field.name for field in dataclasses.fields(Inputs)} - options == OTHERWISE
    given = Inputs(
        base="b", config="c.yml", project=("p",), python="venv/bin/python", replay=False,
        postgres="embedded", postgres_image=("i", "j"), fail_on="warning",
    )  # fmt: skip
    settings, nothing = make_settings(given, Path("/r"), {}), Settings(directory=Path("/r"))
    changed = {
        one.name for one in dataclasses.fields(Settings) if getattr(settings, one.name) != getattr(nothing, one.name)
    }
    assert changed == {"base", "config", "projects", "python", "replay", "postgres", "postgres_image", "fail_on"}


def test_the_documentation_lists_them_all() -> None:
    inputs, outputs = load(ACTIONS[0])["inputs"], load(ACTIONS[0])["outputs"]
    assert [row[0].strip("`") for row in table("Inputs")] == list(inputs)
    assert [row[0].strip("`") for row in table("Outputs")] == list(outputs)
    for name, default, _ in table("Inputs"):
        stated = inputs[name.strip("`")].get("default")
        if stated and "${{" not in stated:
            assert default == f"`{stated}`"


def test_what_the_prose_gives_to_the_action_it_takes() -> None:
    known, seen = set(load(ACTIONS[0])["inputs"]), 0
    texts = [text for _, text in EXAMPLES] + [path.read_text("utf-8") for path in WORKFLOWS]
    texts += re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.S)
    for text in texts:
        for job in yaml.safe_load(text)["jobs"].values():
            for step in job["steps"]:
                if re.match(r"\./|alembic-premerge/", step.get("uses", "")):
                    seen += 1
                    assert set(step.get("with", {})) <= known
    assert seen >= 8


@pytest.mark.parametrize(("workflow", "number"), [("pull-request", 0), ("nightly", 1)])
def test_what_a_user_copies_is_what_runs_here(workflow: str, number: int) -> None:
    ours, theirs = load(ROOT / ".github" / "workflows" / f"{workflow}.yml"), yaml.safe_load(EXAMPLES[number][1])
    for text in (ours, theirs):
        for step in text["jobs"]["migrations"]["steps"]:
            if re.match(r"\./|alembic-premerge/", step["uses"]):
                step["uses"] = "the Action"
                for name in ("project", "install", "requirements"):
                    step["with"].pop(name, None)
    assert ours == theirs


def test_every_foreign_action_is_pinned_to_one_commit_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for text in (DOCS, *(path.read_text("utf-8") for path in WORKFLOWS)):
        for name, pin in re.findall(r"uses: ((?!alembic-premerge/)[\w.-]+/[\w./-]+)@(.*)", text):
            pins.setdefault(name, set()).add(pin)
    assert all(len(found) == 1 for found in pins.values()), pins
    assert all(re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", pin) for found in pins.values() for pin in found), pins


def run(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / argv[0], *argv[1:]], cwd=ROOT, capture_output=True, text=True, check=False)


def test_zizmor_finds_nothing() -> None:
    done = run("zizmor", "--offline", "--persona=pedantic", "--no-progress", "--format=json", *ACTIONS, *WORKFLOWS)
    assert (done.returncode, json.loads(done.stdout)) == (0, []), done.stderr


def test_workflows_and_actions_keep_their_schemas(tmp_path: Path) -> None:
    for name, text in EXAMPLES:
        (tmp_path / name).write_text(text, "utf-8")
    done = run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS, *tmp_path.glob("*.yml"))
    assert done.returncode == 0, done.stdout
    done = run("check-jsonschema", "--builtin-schema", "vendor.github-actions", *ACTIONS)
    assert done.returncode == 0, done.stdout


def test_the_pre_commit_hook_is_a_command_line_that_exists() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    program, command, *options = hook["entry"].split()
    assert program == "alembic-premerge"
    done = run("python", "-m", "checker", command, *options, "--help")
    assert done.returncode == 0, done.stderr
