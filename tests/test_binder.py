"""What Binder would build, as far as it can be known without Docker and without Binder.

repo2docker's own detection reads binder/ and writes the Dockerfile, which is what these tests read.
They cannot tell whether the base image and mybinder.org itself work.
"""

import json
import re
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.house import ROOT

# In a program of its own, since repo2docker's imports warn about themselves.
DETECT = """
import json
from repo2docker.app import Repo2Docker

app = Repo2Docker()
for build_pack in app.buildpacks:
    pack = build_pack(app.base_image)
    if pack.detect():
        break
pack.platform = "linux/amd64"
print(json.dumps({
    "pack": type(pack).__name__,
    "python": pack.python_version,
    "folder": pack.binder_dir,
    "after_build": pack.get_post_build_scripts(),
    "at_start": pack.get_start_script(),
    "dockerfile": pack.render({}),
}))
"""


@pytest.fixture(scope="module")
def image():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DETECT],
        check=True,
        capture_output=True,
        cwd=ROOT,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_it_is_a_plain_python_image(image):
    assert image["pack"] == "PythonBuildPack"
    assert image["python"] == "3.11"
    assert image["folder"] == "binder"


def test_it_installs_what_is_pinned_here(image):
    assert re.search(r"pip install .*-r \"?binder/requirements.txt\"?", image["dockerfile"])
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    # pip takes the first path from this file and the second from where it is started: the top.
    assert wanted == ["-c ../constraints.txt", ".[notebook]"]


def test_it_runs_our_scripts(image):
    assert image["after_build"] == ["binder/postBuild"]
    assert image["at_start"] == "${REPO_DIR}/binder/start"
    assert (ROOT / "binder" / "start").read_text(encoding="utf-8").rstrip().endswith('exec "$@"')


def test_the_whole_project_is_there_before_it_is_installed(image):
    lines = image["dockerfile"].splitlines()
    copied = next(i for i, line in enumerate(lines) if line.startswith("COPY") and "src/ " in line)
    installed = next(i for i, line in enumerate(lines) if "pip install" in line and "-r" in line)
    assert copied < installed


def test_start_hands_over_to_what_it_is_given():
    told = subprocess.run(
        [ROOT / "binder" / "start", "sh", "-c", "echo $JUPYTER_CONFIG_PATH"],
        check=True,
        capture_output=True,
        cwd="/",
        text=True,
    )
    assert told.stdout.strip().split(":")[0] == str(ROOT / "jupyter")


def test_the_badge_opens_the_first_lesson():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    badge = re.search(r"\((https://mybinder\.org/v2/gh/[^)\s]+)\)", readme)
    assert badge, "the README has no link to Binder"
    opened = parse_qs(urlsplit(badge[1]).query)["urlpath"][0]
    assert opened.startswith("lab/tree/")
    assert (ROOT / opened.removeprefix("lab/tree/")).is_file()
