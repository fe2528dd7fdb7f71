from __future__ import annotations

import getpass
import json
import os
import platform
import subprocess
from pathlib import Path

import pytest
import torch

from valuelocate.track.provenance import PACKAGES, code_state, provenance


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "file").write_text("a")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def test_it_is_json_and_says_what_a_result_needs() -> None:
    made = json.loads(json.dumps(provenance(seeds={"seed": 3})))
    assert made["seeds"] == {"seed": 3}
    assert made["python"] == platform.python_version()
    assert set(made["packages"]) == set(PACKAGES)
    assert made["packages"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert made["hardware"]["cores"] >= 1
    assert made["hardware"]["cpu"]


def test_it_names_no_host_no_user_no_folder_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "a-secret-nobody-may-see")
    text = json.dumps(provenance(seeds={}))
    assert "a-secret-nobody-may-see" not in text
    assert str(Path.cwd()) not in text
    assert str(Path.home()) not in text
    for name in (platform.node(), getpass.getuser()):
        assert f'"{name}"' not in text


def test_commit_and_changes_of_a_checkout(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    assert code_state(checkout) == {"commit": commit, "dirty": False}
    (checkout / "new").write_text("b")
    assert code_state(checkout) == {"commit": commit, "dirty": True}


def test_git_variables_of_a_hook_do_not_mislead(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", os.devnull)
    assert code_state(checkout)["commit"] == commit


def test_another_projects_repository_is_not_ours(checkout: Path) -> None:
    inside = checkout / "site-packages"
    inside.mkdir()
    assert code_state(inside) == {"commit": None, "dirty": None}


def test_outside_a_repository_commit_is_unknown(tmp_path: Path) -> None:
    assert code_state(tmp_path) == {"commit": None, "dirty": None}


def test_repository_without_commit_or_machine_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet")
    assert code_state(tmp_path) == {"commit": None, "dirty": None}
    monkeypatch.setenv("PATH", "")
    assert code_state(tmp_path) == {"commit": None, "dirty": None}
