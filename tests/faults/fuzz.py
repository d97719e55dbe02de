"""The fuzzer: inputs made of good ones by a fixed seed, for every parser, and for whole commands.

`python -m tests.faults.fuzz --inputs 300000` is the long form (`make faults`); the suite runs a short one. Every input must
end with an answer or with an error of ours, in less than 5 seconds of CPU time.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from checker.errors import CheckerError
from checker.lost.pasted import revisions_in
from checker.mergescript import Manner, merge_script, read_options
from checker.replay.environment import read_env_file
from checker.replay.python_version import allows, parse_version
from checker.replay.recipe import find_recipe
from checker.settings import read_configuration
from checker.source.changes import Pair
from checker.source.code import differing_parts, spread
from checker.source.effects import makes, way_back
from checker.source.events import asked_by, read_event
from checker.source.history import Commit
from checker.source.project import find_environments
from checker.source.rewriting import NotRewritable, Wanted, rewrite
from checker.source.script import Script, read_header, read_script
from checker.source.snapshot import graph_of
from checker.source.tree import Tree
from tests.gitrepo import PROJECT, Checkout, project, script

SEED = 20_260_101
SECONDS = 5.0
COMMAND_SECONDS = 60.0
Rng = random.Random

# --- what inputs are made of

SCRIPTS = (
    script("a", None).decode(),
    script("b", ("a", "c"), depends_on="d", branch_labels=("x",)).decode(),
    '"""x\n\nRevision ID: 1f\nRevises: 2e\n"""\nP = "1"\nrevision = P + f"f{P}"\nrevision: str = "%s" % P\n'
    "down_revision = ('a', P)\nif P:\n    revision = 'c'\n@x\nasync def upgrade():\n    return None\n"
    "class A(object):\n    x: int\n"
    "def downgrade():\n    with op.batch_alter_table('t') as b:\n        b.add_column(sa.Column('c'))\n    raise X\n",
    "import a as b\nfrom c import (d,\n e as f)\nrevision, down_revision = 'a', None\n<<<<<<< \nx\n=======\n>>>>>>> \n",
)
INIS = (
    "[alembic]\nscript_location = %(here)s/migrations\nversion_locations = %(here)s/a:b\npath_separator = os\n"
    "file_template = %%(year)d_%%(rev)s\n[other]\nscript_location = migrations\n a\n; c\n[DEFAULT]\nx = %(y)s\ny: %(x)s\n",
)
TOMLS = (
    '[tool.alembic]\nscript_location = "%(here)s/migrations"\nversion_locations = ["a", "b"]\n[tool.alembic-premerge]\n'
    'locked = "released"\n[[tool.alembic-premerge.projects]]\npath = "a"\n'
    '[project]\nname = "a"\ndependencies = ["alembic>=1"]\n'
    'requires-python = ">=3.9, <4"\n[tool.poetry.dependencies]\na = {version = "^1.2", extras = ["b"]}\nd = 2026-01-31\n',
)
YAMLS = (
    "projects:\n- {path: a, env: {A: 1, B: '{url}'}, heads: [x], x: {a: b}}\n- &p {path: b}\ntimeouts: {step: 5, total: 1e3}\n"
    "allow:\n- {check: H101, revision: 12, reason: x, until: 2027-01-31}\nseverity: {H105: off}\nlocked: merged\ntags: 'v*'\n"
    "environments: {p: {revision: a}, q: {file: f}}\npostgres: {provider: auto, init: [a.sql], extensions: [x]}\n",
)
EVENTS = (
    '{"pull_request": {"number": 1, "head": {"sha": "a"}, "base": {"sha": "b", "ref": "main"}}, "before": "c", "repository": '
    '{"default_branch": "main"}, "merge_group": {"base_sha": "d", "head_sha": "a", "base_ref": "refs/heads/main"}}',
)
MESSAGES = (
    "FAILED: Can't locate revision identified by '6a9f914f656c'\r\n",
    " version_num \n-------------\n abc\n(1 row)\nweb | KeyError: '1234ab'\n"
    "Revision a referenced from b -> c (head), d is not present",
)
PIECES = (
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "'",
        '"',
        '"""',
        "\\",
        "\n",
        "\r",
        "\t",
        " ",
        "\0",
        "%",
        "%(",
        ")s",
        "%(here)s",
        "=",
        ":",
        "#",
    ),
    *(
        "\x0c",
        "\u2028",
        "\ud800",
        "\ufeff",
        "é",
        "🦜",
        "&a ",
        "*a",
        "<<: ",
        "!!int ",
        "!!timestamp ",
        "? ",
        "- ",
        "|",
        "0x",
        "1e999",
    ),
    *(
        "9" * 5000,
        "-",
        ".",
        ",",
        "a",
        "f'{a}'",
        "lambda:",
        "not ",
        "revision = ",
        "down_revision = ",
        "None",
        "2026-02-30",
        ".inf",
    ),
    *(
        "\nif a:\n",
        "\n    ",
        "\ndef upgrade():\n",
        "async ",
        "class ",
        "import ",
        "<<<<<<< ",
        ">>>>>>> ",
        "\x1b[",
        "null",
        "true",
    ),
)


def damaged(rng: Rng, seeds: tuple[str, ...]) -> str:
    """One of the seeds with parts cut out, doubled, moved, repeated and put in; now and then something very long."""
    text = rng.choice(seeds)
    for _ in range(rng.randint(1, 6)):
        at, to = sorted(rng.randint(0, len(text)) for _ in range(2))
        piece = rng.choice((*PIECES, text[at : min(to, at + 40)]))
        match rng.randint(0, 5):
            case 0:
                text = text[:at] + text[min(to, at + 30) :]
            case 1 | 2:
                text = text[:at] + piece + text[at:]
            case 3:
                text = text[:at] + piece + text[min(to, at + 10) :]
            case 4:
                text = text[:at] + piece * rng.randint(2, 60) + text[at:]
            case _ if rng.random() < 0.02 and piece:
                text = text[:at] + piece * (rng.choice((1_000, 20_000, 150_000)) // len(piece)) + text[at:]
    return text


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _argument(text: str) -> str:
    """As far as a program can be given it."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


# --- what reads them


def read_scripts(rng: Rng) -> None:
    """What `check`, `locate` and `fix` ask of one script, and of two versions of it."""
    before, after = (_bytes(damaged(rng, SCRIPTS)) for _ in range(2))
    after = rng.choice((after, before + b"\nx = 1\n", before.replace(b"a", b"b", 1)))
    read = [read_script("versions/a_.py", "blob", source) for source in (before, after)]
    read_header("versions/a_.py", "blob", before)
    graph_of(read)
    if differing_parts(before, after):
        Pair(*read).diff  # noqa: B018
    way_back(read[0])
    makes(read[1])
    spread(before.decode("utf-8", "replace").partition("\n")[0])
    with contextlib.suppress(NotRewritable):
        rewrite(read[0], before, Wanted("x1", ("y", "z"), {"d": "e"}))


def read_inis(rng: Rng) -> None:
    _find({"alembic.ini": _bytes(damaged(rng, INIS))})


def read_pyprojects(rng: Rng) -> None:
    source = _bytes(damaged(rng, TOMLS))
    _find({"pyproject.toml": source})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pyproject.toml").write_bytes(source)
        (folder / rng.choice(("uv.lock", "poetry.lock", "Pipfile.lock", "requirements.txt"))).write_bytes(
            _bytes(damaged(rng, (*TOMLS, *EVENTS, "a==1\n-r b.txt\n")))
        )
        find_recipe([folder])


def _find(files: dict[str, bytes]) -> None:
    files = {**PROJECT, "migrations/versions/a_.py": SCRIPTS[0].encode(), **files}

    def read(path: str) -> Script:
        return read_script(path, path, files[path])

    for found in find_environments(Tree(files, lambda path: files.get(path, b""), read)):
        options = read_options(found, files.get(found.config_file or "", b""))
        manner = Manner(
            file_template=options.get("file_template", "%(rev)s"), options=options, example=files["alembic.ini"]
        )
        merge_script("a", ("b", "c"), manner, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


def read_configurations(rng: Rng) -> None:
    if rng.random() < 0.7:
        read_configuration(damaged(rng, YAMLS), ".alembic-premerge.yml")
    else:
        read_configuration(damaged(rng, TOMLS), "pyproject.toml")


def read_events(rng: Rng) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(_bytes(damaged(rng, EVENTS)))
        file.flush()
        for name in ("pull_request", "push", "merge_group", "schedule", "pull_request_target"):
            event = read_event({"GITHUB_EVENT_NAME": name, "GITHUB_EVENT_PATH": file.name, "GITHUB_SHA": "a"})
            if event:
                asked_by(event, "a", ("b", "c"))


def read_messages(rng: Rng) -> None:
    text = damaged(rng, MESSAGES)
    revisions_in(text)
    Commit("c", (), "a", "", "a", "", text).pull_request  # noqa: B018
    read_env_file(damaged(rng, ('export A=\'b\' # c\nB="c\\"d"\nC = postgresql://a\n',)))
    allows(damaged(rng, (">=3.9,<4 || ^3.12", "~=3.11.2, !=3.12.*")), (3, 12, 1))
    parse_version(damaged(rng, ("3.12.1",)))


PARSERS: dict[str, tuple[Callable[[Rng], None], int]] = {
    "scripts": (read_scripts, 40),
    "ini": (read_inis, 10),
    "pyproject, lock files, requirements": (read_pyprojects, 10),
    "configuration": (read_configurations, 20),
    "events": (read_events, 10),
    "messages, env files, versions": (read_messages, 10),
}


def run_commands(rng: Rng, folder: Path) -> str:
    """`check`, `fix` or `locate` on a repository with damaged files; the traceback of an exit status that none may have."""
    checkout = Checkout(folder)
    good = project("a <- b")
    checkout.commit(good, "merged")
    checkout.branch("work")
    bad = {
        "alembic.ini": damaged(rng, (INIS[0], PROJECT["alembic.ini"].decode())),
        "pyproject.toml": damaged(rng, TOMLS),
        ".alembic-premerge.yml": damaged(rng, YAMLS),
        "migrations/versions/b_.py": damaged(rng, SCRIPTS),
        "migrations/versions/c_.py": damaged(rng, SCRIPTS),
    }
    chosen = rng.sample(sorted(bad), rng.randint(1, 2))
    checkout.commit({**good, **{name: _bytes(bad[name]) for name in chosen}}, _argument(damaged(rng, MESSAGES)))
    checkout.repo.close()
    event = folder.parent / "event.json"
    event.write_bytes(_bytes(damaged(rng, EVENTS)))
    command = rng.choice(
        (
            ("check", "--base", "main", "--no-replay"),
            ("check", "--no-replay", "--all"),
            ("fix", "--base", "main"),
            ("audit",),
            (
                "locate",
                "--message",
                damaged(rng, MESSAGES)[:5_000].replace("\0", "").encode("utf-8", "replace").decode(),
            ),
        )
    )
    environ = {"GITHUB_EVENT_NAME": rng.choice(("push", "pull_request")), "GITHUB_EVENT_PATH": str(event)}
    ended = subprocess.run(
        [sys.executable, "-m", "checker", *command],
        check=False,
        cwd=folder,
        env={**os.environ, **(environ if rng.random() < 0.3 else {}), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=COMMAND_SECONDS,
    )
    wrong = ended.returncode not in (0, 1, 2) or "Traceback" in ended.stderr
    return f"{command[:1]} {sorted(chosen)} ended with {ended.returncode}\n{ended.stderr[-3_000:]}" if wrong else ""


# --- running them


@dataclass
class Outcome:
    """What became of a run of inputs."""

    inputs: int = 0
    refused: int = 0
    commands: int = 0
    slowest: float = 0.0
    slowest_kind: str = ""
    faults: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        self.inputs += other.inputs
        self.refused += other.refused
        self.commands += other.commands
        self.faults += other.faults
        if other.slowest > self.slowest:
            self.slowest, self.slowest_kind = other.slowest, other.slowest_kind

    def timed(self, kind: str, seed: int, seconds: float) -> None:
        if seconds > self.slowest:
            self.slowest, self.slowest_kind = seconds, f"{kind}, seed {seed}"
        if seconds > SECONDS:
            self.faults.append(f"{kind}, seed {seed}: took {seconds:.1f} s")


def fuzz(seeds: Iterable[int]) -> Outcome:
    """One input for each seed, in this process."""
    outcome = Outcome()
    kinds = [kind for kind, (_, share) in PARSERS.items() for _ in range(share)]
    for seed in seeds:
        rng = Rng(SEED + seed)
        kind = rng.choice(kinds)
        started = time.process_time()
        try:
            PARSERS[kind][0](rng)
        except CheckerError:
            outcome.refused += 1
        except Exception:
            outcome.faults.append(f"{kind}, seed {seed}:\n{traceback.format_exc()[-2_000:]}")
        outcome.inputs += 1
        outcome.timed(kind, seed, time.process_time() - started)
    return outcome


def fuzz_commands(seeds: Iterable[int]) -> Outcome:
    """One command for each seed, in a process of its own."""
    outcome = Outcome()
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
            before = os.times()
            try:
                fault = run_commands(Rng(SEED - seed), Path(name) / "work")
            except subprocess.TimeoutExpired:
                fault = f"took longer than {COMMAND_SECONDS:.0f} s"
            after = os.times()
        outcome.inputs += 1
        outcome.commands += 1
        outcome.timed(
            "command", seed, after.children_user + after.children_system - before.children_user - before.children_system
        )
        if fault:
            outcome.faults.append(f"command, seed {seed}: {fault}")
    return outcome


def _part(task: tuple[str, int, int]) -> Outcome:
    kind, first, last = task
    return (fuzz if kind == "parsers" else fuzz_commands)(range(first, last))


def main() -> int:
    """Run the long form, and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=300_000)
    parser.add_argument("--commands", type=int, default=2_000, help="how many of them are whole commands")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    os.environ.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1")
    for role in ("AUTHOR", "COMMITTER"):
        os.environ.update({f"GIT_{role}_NAME": "A. Developer", f"GIT_{role}_EMAIL": "developer@example.org"})
    tasks = [("commands", n, min(n + 50, asked.commands)) for n in range(0, asked.commands, 50)]
    pure = asked.inputs - asked.commands
    tasks += [("parsers", n, min(n + 2_000, pure)) for n in range(0, pure, 2_000)]
    total = Outcome()
    with multiprocessing.get_context("spawn").Pool(asked.processes, maxtasksperchild=10) as pool:
        for outcome in pool.imap_unordered(_part, tasks):
            total.add(outcome)
            for fault in outcome.faults:
                print(fault, flush=True)
            print(f"{total.inputs:,} inputs", file=sys.stderr, flush=True)
    figures = {
        "inputs": total.inputs,
        "commands": total.commands,
        "refused": total.refused,
        "faults": len(total.faults),
        "slowest": round(total.slowest, 2),
        "slowest input": total.slowest_kind,
    }
    print(json.dumps(figures, indent=2))
    return int(bool(total.faults))


if __name__ == "__main__":
    sys.exit(main())
