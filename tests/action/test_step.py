"""The Action's step as a process, with a runner's environment, on real repositories."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from git import Repo
from markdown_it import MarkdownIt

from tests.action.api import Api, serve
from tests.gitrepo import VERSIONS, Checkout, project, script
from tests.replay.conftest import ENV

SHOP = project("a <- b")
HOSTILE = "x`|<script>alert(1)</script>${{ secrets.T }}::error::@octo"
ONE_LINE = re.compile(r"^::(error|warning|notice)( [^\n]*?)?::[^\n]*$")


@dataclass(frozen=True)
class Step:
    """What a step ended with."""

    status: int
    log: str
    outputs: Mapping[str, str]
    summary: str

    @property
    def obeyed(self) -> list[str]:
        """The workflow commands that a runner would obey, which reads line by line and knows stop-commands."""
        token, found = None, []
        for line in self.log.splitlines():
            if token and line.strip() == f"::{token}::":
                token = None
            elif token is None and line.startswith("::stop-commands::"):
                token = line.removeprefix("::stop-commands::")
            elif token is None and (line.lstrip().startswith("::") or "##[" in line):
                found.append(line)
        return found


def run(
    checkout: Checkout, scratch: Path, environ: Mapping[str, str] | None = None, first: str = "", **inputs: str
) -> Step:
    """Run the step as action.yml does. `first` is code that runs before it."""
    files = {name: scratch / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("", "utf-8")
    kept = {
        name: value for name, value in os.environ.items() if name in ("PATH", "HOME") or name.startswith("COVERAGE")
    }
    given = {f"INPUT_{name.upper()}": value for name, value in {"replay": "false", **inputs}.items()}
    runner = {"GITHUB_WORKSPACE": str(checkout.root), "GITHUB_BASE_REF": "main", "GITHUB_EVENT_NAME": "pull_request"}
    root = str(Path(__file__).parents[2])
    program = f"import sys; sys.path.insert(0, {root!r})\n{first}\nfrom checker.action import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=checkout.root,
        env={**kept, **runner, **{name: str(file) for name, file in files.items()}, **given, **(environ or {})},
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""  # all is on one stream, between the markers
    outputs = {}
    for name, end, value in re.findall(
        r"^([\w-]+)<<(\S+)\n(.*?)\n?^\2$", files["GITHUB_OUTPUT"].read_text(), re.S | re.M
    ):
        outputs[name] = value
        assert len(end) > 32
    return Step(done.returncode, done.stdout.decode(), outputs, files["GITHUB_STEP_SUMMARY"].read_text("utf-8"))


@pytest.fixture
def shop(checkout: Checkout) -> Checkout:
    checkout.commit(SHOP)
    checkout.branch("branch")
    return checkout


def test_a_clean_change_passes(shop: Checkout, tmp_path: Path) -> None:
    shop.commit({**SHOP, f"{VERSIONS}/c_.py": script("c", "b")})
    step = run(shop, tmp_path, report="json=out/report.json\nmarkdown=report.md")
    assert (step.status, step.obeyed) == (0, [])
    files = "out/report.json\nreport.md"
    told = {"verdict": "pass", "errors": "0", "warnings": "0", "new-revisions": "c", "heads": "c", "reports": files}
    assert step.outputs == told
    assert step.summary.startswith("## ✓ safe to merge")
    assert all((shop.root / name).is_file() for name in files.split())


def test_a_finding_fails_and_stands_at_its_line(shop: Checkout, tmp_path: Path) -> None:
    shop.commit({**SHOP, f"{VERSIONS}/b_.py": script("b", "a", "op.execute('SELECT 1')")})
    step = run(shop, tmp_path)
    assert (step.status, step.outputs["verdict"], step.outputs["errors"]) == (1, "fail", "1")
    assert [line.partition("::")[2].partition(" ")[2].partition(",title")[0] for line in step.obeyed] == [
        f"file={VERSIONS}/b_.py,line=10"
    ]


def test_what_strangers_write_is_never_obeyed(shop: Checkout, tmp_path: Path) -> None:
    name = f"{VERSIONS}/{HOSTILE.replace('/', '')}.py"
    evil = script("c", "a").replace(b"c does its work", f"{HOSTILE}\n::set-output name=x::y".encode())
    shop.commit({**SHOP, name: evil, f"{VERSIONS}/b_.py": script("b", "a", "op.execute('::error::')")})
    shop.git("branch", "-m", "x`|<script>${{x}}")
    step = run(shop, tmp_path, install="echo '::error::from the installer'; echo '::warning::too' >&2", replay="true")
    assert step.status == 1
    assert all(ONE_LINE.match(line) and "title=" in line for line in step.obeyed), step.obeyed
    assert "::error::from the installer" in step.log  # it was printed, and no runner obeys it
    assert "<script>" not in MarkdownIt("commonmark").enable("table").render(step.summary)
    assert step.outputs["new-revisions"] == "c"


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run"])
def test_a_privileged_event_runs_nothing_of_the_project(event: str, shop: Checkout, tmp_path: Path) -> None:
    shop.commit({**SHOP, f"{VERSIONS}/c_.py": script("c", "b"), "requirements.txt": b"-e .\n"})
    environ = {"GITHUB_EVENT_NAME": event}
    step = run(shop, tmp_path, environ, replay="true", install="touch installed", requirements="requirements.txt")
    assert (step.status, step.outputs["verdict"]) == (2, "fail")
    assert [line for line in step.obeyed if "not run" in line and event in line]
    assert not (shop.root / "installed").exists()
    assert run(shop, tmp_path, environ, replay="false").status == 0


def test_a_static_step_starts_no_python_of_the_job(shop: Checkout, tmp_path: Path) -> None:
    own = {".venv/bin/python3": b"#!/bin/sh\ntouch was-started\n", ".gitignore": b"was-started\n"}
    shop.commit({**SHOP, f"{VERSIONS}/c_.py": script("c", "b"), **own})
    (shop.root / ".venv/bin/python3").chmod(0o755)
    path = os.pathsep.join((str(shop.root / ".venv/bin"), os.environ["PATH"]))
    assert run(shop, tmp_path, {"PATH": path}, replay="false").status == 0
    assert not (shop.root / "was-started").exists()


def test_the_installer_sees_the_jobs_python_and_not_our_token(shop: Checkout, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("python", "python3"):
        (tmp_path / "bin" / name).symlink_to(sys.executable)
    shop.commit({**SHOP, ".gitignore": b"seen\n"})
    environ = {"pythonLocation": str(tmp_path), "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret-2", "OWN": "kept"}
    step = run(shop, tmp_path, environ, replay="true", token="secret-1", install="(command -v python; env) > seen")
    assert step.status == 0, step.log
    seen = (shop.root / "seen").read_text("utf-8")
    assert seen.startswith(f"{tmp_path}/bin/python\n")
    assert "OWN=kept" in seen
    assert "secret" not in seen


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"replay": "perhaps"}, "the input replay is 'perhaps'"),
        ({"fail_on": "note"}, "the input fail-on is 'note'"),
        ({"report": "yaml=x"}, "yaml=x is not FORMAT=FILE"),
        ({"base": "no-such-ref"}, "no-such-ref"),
        ({"working_directory": "nowhere"}, "there is no folder nowhere"),
        ({"replay": "true", "install": "exit 7"}, "the input install ended with status 7"),
        ({"config": "missing.yml"}, "missing.yml cannot be read"),
    ],
)
def test_what_keeps_it_from_judging_is_told_everywhere_and_is_2(
    inputs: dict[str, str], said: str, shop: Checkout, tmp_path: Path
) -> None:
    step = run(shop, tmp_path, None, **inputs)
    assert (step.status, step.outputs) == (2, {"verdict": "fail"})
    assert [line for line in step.obeyed if line.startswith("::error ") and said in line], step.log
    assert "could not judge" in step.summary
    assert "Traceback" not in step.log


CRASHES = {
    "before the inputs are read": "checker.action.read_inputs",
    "while it judges": "checker.pipeline.judge_merge",
    "after the outputs are set": "checker.action._summary",
}


@pytest.mark.parametrize("where", CRASHES.values(), ids=CRASHES)
@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        ("RuntimeError('<b>boom')", 3, "RuntimeError"),
        ("KeyboardInterrupt", 130, "interrupted"),
        ("SystemExit(9)", 9, ""),
    ],
)
def test_the_verdict_is_fail_whatever_ends_the_step(
    where: str, raised: str, status: int, said: str, shop: Checkout, tmp_path: Path
) -> None:
    shop.commit({**SHOP, f"{VERSIONS}/c_.py": script("c", "b")})
    module, _, name = where.rpartition(".")
    broken = f"import {module}\ndef broken(*_, **__): raise {raised}\n{module}.{name} = broken"
    step = run(shop, tmp_path, first=broken)
    assert (step.status, step.outputs["verdict"]) == (status, "fail"), step.log
    assert "## ✗ could not judge" in step.summary
    assert said in step.summary
    assert "<b>" not in step.summary
    assert [line for line in step.obeyed if line.startswith("::error ") and "could not judge" in line]


def test_the_verdict_is_fail_where_the_step_is_killed(shop: Checkout, tmp_path: Path) -> None:
    step = run(
        shop, tmp_path, first="import os, checker.action\nchecker.action.step = lambda *_: os.kill(os.getpid(), 9)"
    )
    assert (step.status, step.outputs) == (-9, {"verdict": "fail"})


def test_names_are_read_as_a_container_gets_them(shop: Checkout, tmp_path: Path) -> None:
    shop.commit({**SHOP, f"{VERSIONS}/c_.py": script("c", "b", "pass")})
    assert run(shop, tmp_path, {"INPUT_FAIL-ON": "note"}).status == 2


def test_the_merge_commit_of_a_pull_request_is_judged_against_its_first_parent(shop: Checkout, tmp_path: Path) -> None:
    shop.commit({**SHOP, f"{VERSIONS}/c_.py": script("c", "b")})
    shop.git("checkout", "--quiet", "main")
    shop.commit({**SHOP, f"{VERSIONS}/d_.py": script("d", "b")})
    shop.git("-c", "user.name=a", "-c", "user.email=a@example.org", "merge", "--quiet", "--no-edit", "branch")
    shop.git("checkout", "--quiet", "--detach")
    shop.git("branch", "--force", "main", "HEAD^1")
    (tmp_path / "clone").mkdir()
    shallow = Repo.clone_from(f"file://{shop.root}", tmp_path / "clone" / "shop", depth=2, no_single_branch=True)
    shallow.git.checkout("--detach", shop.git("rev-parse", "HEAD"))
    clone = Checkout.__new__(Checkout)
    clone.root, clone.repo = tmp_path / "clone" / "shop", shallow
    step = run(clone, tmp_path)
    assert [line for line in step.obeyed if "G202" in line], step.log
    assert step.outputs["new-revisions"] == "c"


def test_the_comment_says_what_the_summary_says(shop: Checkout, tmp_path: Path) -> None:
    shop.commit({**SHOP, f"{VERSIONS}/b_.py": script("b", "a", "op.execute('SELECT 1')")})
    (tmp_path / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}), "utf-8")
    environ = {"GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_REPOSITORY": "octo/shop"}
    with serve(Api()) as api:
        step = run(shop, tmp_path, {**environ, "GITHUB_API_URL": api.url}, comment="true", token="t")
    assert step.status == 1
    assert len(api.comments) == 1
    assert "## ✗ not safe to merge" in api.comments[0]["body"]
    assert "H101" in api.comments[0]["body"]
    with serve(Api(readonly=True)) as api:
        step = run(shop, tmp_path, {**environ, "GITHUB_API_URL": api.url}, comment="true", token="t")
    assert step.status == 1
    assert [line for line in step.obeyed if line.startswith("::notice title=no comment::")]


# ---------------------------------------------------------------- what is installed, and where


def own_python(folder: Path) -> Path:
    """A developer's own virtual environment, that has what this one has."""
    venv.create(folder, with_pip=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    return folder


def wheel(folder: Path) -> Path:
    """A package that env.py imports."""
    file = folder / "wanted-1.0-py3-none-any.whl"
    info = "wanted-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("wanted.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: wanted\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: a\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return file


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["requirements", "install", "python"])
def test_nothing_is_installed_into_a_python_that_outlives_the_job(how: str, checkout: Checkout, tmp_path: Path) -> None:
    file = wheel(tmp_path)
    needs = {"migrations/env.py": ENV.replace("from alembic", "import wanted\nfrom alembic", 1).encode()}
    files = {**SHOP, **needs, "requirements.txt": f"wanted @ file://{file}\n".encode()}
    checkout.commit(files)
    checkout.branch("branch")
    checkout.commit({**files, f"{VERSIONS}/c_.py": script("c", "b")})
    own, temporary = own_python(tmp_path / "own"), tmp_path / "runner"
    temporary.mkdir()
    before = sorted(own.rglob("*"))
    path = os.pathsep.join((str(own / "bin"), os.environ["PATH"]))
    environ = {"PATH": path, "RUNNER_TEMP": str(temporary), "PIP_TARGET": str(own / "target"), "PIP_USER": "1"}
    environ |= {"VIRTUAL_ENV": str(own), "ACTIONS_RUNTIME_TOKEN": "secret"}
    inputs = {"requirements": {"requirements": "requirements.txt"}, "python": {"python": "python3"}}.get(how, {})
    command = "env > seen; python -m pip install wanted@file://" + str(file)
    inputs |= {"requirements": "requirements.txt"} if how == "python" else {}
    inputs |= {"install": command} if how == "install" else {}
    step = run(checkout, tmp_path, environ, replay="true", postgres="embedded", **inputs)
    assert (step.status, step.outputs["verdict"]) == (0, "pass"), step.log
    assert "fresh passed" in step.summary
    assert [one for one in sorted(own.rglob("*")) if one not in before and "__pycache__" not in one.parts] == []
    if how == "install":
        assert "secret" not in (checkout.root / "seen").read_text("utf-8")


@pytest.mark.parametrize(
    "environ", [{"RUNNER_ENVIRONMENT": "github-hosted"}, {"pythonLocation": "own"}, {"RUNNER_TEMP": "."}], ids=str
)
def test_the_jobs_own_python_takes_what_is_installed(environ: dict[str, str], shop: Checkout, tmp_path: Path) -> None:
    own = own_python(tmp_path / "own")
    shop.commit({**SHOP, ".gitignore": b"seen\n"})
    path = os.pathsep.join((str(own / "bin"), os.environ["PATH"]))
    paths = {name: value if name == "RUNNER_ENVIRONMENT" else str(tmp_path / value) for name, value in environ.items()}
    step = run(shop, tmp_path, {"PATH": path, **paths}, replay="true", install="command -v python > seen")
    assert step.status == 0, step.log
    assert (shop.root / "seen").read_text("utf-8") == f"{own}/bin/python\n"
