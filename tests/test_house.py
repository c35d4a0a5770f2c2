"""What a clone gives: a whole wheel, pinned packages, a quiet JupyterLab."""

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distribution, entry_points

import pytest

from tests.house import PACKAGES, ROOT, git, named, project_files, python_files

SETTINGS = ROOT / "jupyter" / "labconfig" / "default_setting_overrides.json"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel and the sdist, made as a release would make them."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def test_the_wheel_holds_both_packages_whole(built):
    with zipfile.ZipFile(built[0]) as wheel:
        inside = set(wheel.namelist())
    expected = {
        named(path).removeprefix("widgets/")
        for path in project_files()
        if named(path).startswith(("raftlock/", "widgets/raftlock_widgets/"))
    }
    assert "raftlock_widgets/__init__.py" in expected
    assert any(name.startswith("raftlock_widgets/static/") for name in expected)
    assert expected == {name for name in inside if ".dist-info/" not in name}


def test_the_packages_say_that_they_are_typed():
    assert (ROOT / "raftlock" / "py.typed").is_file()
    assert (ROOT / "widgets" / "raftlock_widgets" / "py.typed").is_file()


def test_the_sdist_holds_no_junk(built):
    with tarfile.open(built[1]) as sdist:
        inside = {name.partition("/")[2] for name in sdist.getnames()}
    ours = {named(path) for path in project_files()}
    assert inside - ours == {"PKG-INFO"}


def test_the_panels_are_found_by_name():
    panels = {entry.name: entry.value for entry in entry_points(group="raftlock.panels")}
    assert panels == {name: f"raftlock_widgets:{name}" for name in ("export", "show")}


@pytest.mark.parametrize("name", ["export", "show"])
def test_the_panels_are_there(name):
    assert all(callable(entry.load()) for entry in entry_points(group="raftlock.panels", name=name))


def test_raftlock_itself_needs_little():
    base = [line for line in distribution("raftlock").requires if "extra ==" not in line]
    assert sorted(re.split(r"\W", line)[0] for line in base) == ["pydantic", "tqdm", "websockets"]


def test_every_package_is_pinned_by_name_and_version():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if not re.fullmatch(r"[\w.-]+==[\w.!+]+", pin)] == []
    assert pins == sorted(pins, key=str.lower)
    wanted = distribution("raftlock").requires
    names = {re.split(r"[^\w.-]", line)[0].lower() for line in wanted}
    assert names <= {pin.partition("==")[0].lower().replace("_", "-") for pin in pins}


def test_jupyterlab_is_quiet_and_keeps_what_it_shows():
    settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"
    # A reload shows what is on disk: so a fresh output must be there soon.
    assert settings["@jupyterlab/docmanager-extension:plugin"]["autosaveInterval"] <= 10
    # Any other mode may take cells out of the page, and with them the panels' views.
    assert settings["@jupyterlab/notebook-extension:tracker"]["windowingMode"] == "none"


def test_jupyterlab_finds_these_settings_beside_the_users_own(tmp_path):
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(tmp_path),
        "JUPYTER_CONFIG_PATH": str(ROOT / "jupyter"),
    }
    program = (
        "from jupyterlab_server.settings_utils import _get_overrides as overrides\n"
        "import json; print(json.dumps(overrides('/nowhere')[0]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        check=True,
        capture_output=True,
        env=environment,
        text=True,
    )
    assert json.loads(done.stdout) == json.loads(SETTINGS.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", [".ci/run", "binder/postBuild", "binder/start"])
def test_programs_can_be_run(path):
    assert os.access(ROOT / path, os.X_OK)
    kept = git("ls-files", "--stage", "--", path)
    assert kept == "" or kept.startswith("100755 ")
    subprocess.run(["bash", "-n", path], check=True, cwd=ROOT)


def test_make_says_what_it_can_do():
    told = subprocess.run(["make"], check=True, cwd=ROOT, capture_output=True, text=True).stdout
    for target in ("lab", "test", "check", "explore", "determinism", "constraints", "clean"):
        assert f"make {target}" in told


def test_the_map_of_the_house_shows_every_module():
    """ARCHITECTURE.md: each module has its name in the row of its room."""
    rows = [
        line for line in (ROOT / "ARCHITECTURE.md").read_text().splitlines() if line[:3] == "| `"
    ]
    missing = []
    for path in python_files(*PACKAGES):
        room, *inside = named(path).split("/")[1:]
        if path.name == "__init__.py" or not inside:
            continue
        about = " ".join(row for row in rows if f"/{room}/`" in row.split("|")[1])
        if f"`{path.name}`" not in about:
            missing.append(named(path))
    assert missing == []
