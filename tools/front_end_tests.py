"""Runs the panels' JavaScript tests with the node that comes inside the playwright package.

So nobody has to install node. The files are named one by one, because what `node --test FOLDER`
means has changed from release to release.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import playwright

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Hand all test files to node's own test runner."""
    tests = sorted(
        str(path)
        for pattern in ("*.test.js", "*.test.mjs")
        for path in (ROOT / "widgets" / "tests").rglob(pattern)
    )
    if not tests:
        print("widgets/tests has no *.test.js and no *.test.mjs")
        return 1
    bundled = Path(playwright.__file__).parent / "driver" / "node"
    node = str(bundled) if bundled.exists() else shutil.which("node")
    if node is None:
        print("found no node: neither playwright's own nor one on the path")
        return 1
    return subprocess.run([node, "--test", *tests], check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
