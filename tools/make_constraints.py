"""Rewrites constraints.txt with the newest releases, and proves that they install together.

They are chosen for the very first Python that we support, 3.11.0: some packages want a later 3.11,
and what fits the newest patch release then fails on Debian's Python.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WANTED = ".[notebook,dev]"
HEADER = """\
# Every package of the environment in .venv, at the version it was tested with.
# Renew: make constraints
"""


def main() -> int:
    """Resolve, install what came out into a fresh environment, check it, write it down."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = project["requires-python"].removeprefix(">=")
    if "{}.{}".format(*sys.version_info) != oldest:
        # pip reads markers such as `python_version < "3.12"` from the Python that it runs on.
        print(f"This needs Python {oldest}: make constraints PYTHON=python{oldest}")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [f"{folder}/bin/python", "-m", "pip", "--disable-pip-version-check", "--quiet"]
        pins = resolve(pip, Path(folder), f"{oldest}.0", own_name=project["name"])
        constraints = Path(folder) / "constraints.txt"
        constraints.write_text(HEADER + "\n".join(pins) + "\n", encoding="utf-8")
        run([*pip, "install", "-c", str(constraints), "-e", WANTED])
        run([*pip, "check"])
        (ROOT / "constraints.txt").write_bytes(constraints.read_bytes())
    print(f"constraints.txt: {len(pins)} packages")
    return 0


def resolve(pip: list[str], folder: Path, python: str, own_name: str) -> list[str]:
    """Ask pip what it would install on that Python, as sorted name==version lines."""
    report = folder / "report.json"
    # For another Python than the running one pip wants a target and wheels, and installs neither.
    elsewhere = ["--python-version", python, "--only-binary=:all:", "--target", str(folder / "no")]
    run([*pip, "install", "--dry-run", *elsewhere, "--report", str(report), WANTED])
    found = [item["metadata"] for item in json.loads(report.read_bytes())["install"]]
    pins = {f"{it['name']}=={it['version']}" for it in found if it["name"] != own_name}
    return sorted(pins, key=str.lower)


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
