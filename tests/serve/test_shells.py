"""What a shell completes, asked of a real one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from raftlock.cli import main
from tests.serve.processes import run_here

ASK = """
source {file}
COMP_WORDS=({words})
COMP_CWORD={place}
_raftlock
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def complete(tmp_path: Path):
    bash = shutil.which("bash")
    assert bash is not None, "the tests of this project are run by bash"
    file = tmp_path / "raftlock.bash"
    code, text, _ = run_here("completion", "bash")
    assert code == 0
    file.write_text(text)

    def ask(*words: str) -> list[str]:
        quoted = " ".join(f"'{word}'" for word in words)
        script = ASK.format(file=file, words=quoted, place=len(words) - 1)
        done = subprocess.run(
            [bash, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
        )
        return done.stdout.split()

    return ask


def test_commands_options_and_files_are_completed(complete, tmp_path: Path):
    assert complete("raftlock", "re") == [
        "revoke",
        "remove",
        "restore",
        "release",
        "renew",
        "replay",
    ]
    assert complete("raftlock", "acquire", "--pr") == ["--priority"]
    assert complete("raftlock", "explore", "--se") == ["--seeds"]
    (tmp_path / "some-backup").touch()
    assert complete("raftlock", "restore", "some") == ["some-backup"]


def test_zsh_reads_the_same():
    bash, zsh = (run_here("completion", shell)[1] for shell in ("bash", "zsh"))
    assert zsh == f"autoload -U +X bashcompinit && bashcompinit\n{bash}"


def test_the_lab_says_what_is_missing(monkeypatch, tmp_path: Path, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert main(["lab"]) == 2
    assert "pip install 'raftlock[notebook]'" in capsys.readouterr().err
    monkeypatch.undo()
    assert main(["lab", str(tmp_path / "nowhere")]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_the_lab_opens_the_lesson(monkeypatch, tmp_path: Path):
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "01-a-cluster-in-one-cell.ipynb").touch()
    asked: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _program, arguments: asked.append(arguments))
    main(["lab", str(tmp_path)])
    assert asked[0][:3] == [sys.executable, "-m", "jupyterlab"]
    assert f"--ServerApp.root_dir={tmp_path}" in asked[0]
    lesson = "/lab/tree/notebooks/01-a-cluster-in-one-cell.ipynb"
    assert f"--LabApp.default_url={lesson}" in asked[0]
