"""Known secrets are in no output."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from checker.redaction import STAND_IN, Redaction
from checker.reports.registry import FORMATS
from tests.gitrepo import INI, PROJECT, Checkout, script

SECRETS = {
    "INPUT_TOKEN": "ghs_planted0123456789",
    "PGPASSWORD": "planted-pg-password",
    "DEPLOYMENT_URL": "postgresql://app:planted%2Fin%2Furl@db.example/app",
    "MAIL_SECRET": "planted-mail-secret",
}
VALUES = ("ghs_planted0123456789", "planted-pg-password", "planted%2Fin%2Furl", "planted/in/url", "planted-mail-secret")


def test_planted_secrets_are_in_no_output_of_a_check(checkout: Checkout, tmp_path: Path) -> None:
    merged = {**PROJECT, "migrations/versions/a_.py": script("a")}
    checkout.commit({**merged, "alembic.ini": INI})
    checkout.branch("branch")
    message = " ".join(VALUES)
    edited = script("a", None, f"op.execute({message!r})")
    checkout.commit({**merged, "alembic.ini": INI, "migrations/versions/a_.py": edited})
    reports = [word for name in FORMATS for word in ("--report", f"{name}={tmp_path / name}")]
    done = subprocess.run(
        [sys.executable, "-m", "checker", "check", "--base", "main", "--no-replay", "--verbose", *reports],
        cwd=checkout.root,
        env={**os.environ, **SECRETS, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    outputs = {name: (tmp_path / name).read_text() for name in FORMATS} | {"terminal": done.stdout + done.stderr}
    assert STAND_IN in outputs["terminal"]
    assert [(name, value) for name, text in outputs.items() for value in VALUES if value in text] == []


@pytest.mark.parametrize(
    "environ",
    [
        {"PGPASSWORD": "postgres"},
        {"DATABASE_URL": "postgresql://developer:developer@localhost/shop"},
        {"MAIL_PASSWORD": "short"},
        {"GITHUB_TOKEN": ""},
    ],
    ids=str,
)
def test_common_words_are_not_taken_for_secrets(environ: dict[str, str]) -> None:
    text = "a short answer of postgres to the developer"
    assert Redaction(environ).text(text) == text
