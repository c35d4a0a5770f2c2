"""Makes sure that the browser tests have a Chromium: finds one, else installs one.

Exits with 0 if there is one that starts, with 1 if none could be had. In order: what is installed
already; Debian's package, where apt-get is there and we may use it; Playwright's own download.
The tests ask `find_chromium()` for it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
INSTALL_SECONDS_MAX = 600


def find_chromium() -> str | None:
    """The path of a Chromium that starts, or None. CHROMIUM in the environment names another.

    It starts Playwright for a moment, so ask before you start your own.
    """
    return next((path for path in _candidates() if _starts(path)), None)


def _candidates() -> Iterator[str]:
    if named := os.environ.get("CHROMIUM"):
        yield named
        return
    yield from filter(None, map(shutil.which, NAMES))
    with sync_playwright() as playwright:
        downloaded = playwright.chromium.executable_path
    if Path(downloaded).exists():
        yield downloaded


def _starts(path: str) -> bool:
    # A Chromium on the path may be a stub, or miss a library: only starting it tells.
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path)
            works = browser.new_page().evaluate("6 * 7") == 42
            browser.close()
        except Error:
            return False
    return works


def _install_from_debian() -> bool:
    sudo = _way_to_become_root()
    # Ubuntu's package of that name is a stub that wants snapd.
    if sudo is None or not shutil.which("apt-get") or "ID=ubuntu" in _os_release():
        return False
    apt_get = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive"]
    apt_get += ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"]
    print("Installing Debian's chromium for the browser tests ...", flush=True)
    _run([*apt_get, "update"])  # a list that is a day old will do, so its failure does not count
    return _run([*apt_get, "install", "-y", "--no-install-recommends", "chromium"])


def _install_from_playwright() -> bool:
    print("Downloading Playwright's Chromium for the browser tests ...", flush=True)
    command = [sys.executable, "-m", "playwright", "install"]
    if _way_to_become_root() == [] and shutil.which("apt-get"):
        command.append("--with-deps")
    return _run([*command, "chromium"])


def _way_to_become_root() -> list[str] | None:
    if os.geteuid() == 0:
        return []
    # -n: never ask for a password, since nobody may be there to type it.
    sudo = ["sudo", "-n"]
    return sudo if shutil.which("sudo") and _run([*sudo, "true"]) else None


def _os_release() -> list[str]:
    path = Path("/etc/os-release")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _run(command: list[str]) -> bool:
    """Run a program quietly; if it fails, show the first thing it complained of."""
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        print(f"It did not end within {INSTALL_SECONDS_MAX} s.", flush=True)
        return False
    if done.returncode != 0 and command[-1] != "true":
        complaints = [line for line in done.stdout.splitlines() if line.startswith(("E:", "Error"))]
        print("It failed.", *complaints[:1], flush=True)
    return done.returncode == 0


def main() -> int:
    """Find or install; say in one line what the tests will use."""
    chromium = find_chromium()
    for install in (_install_from_debian, _install_from_playwright):
        if chromium is None and install():
            chromium = find_chromium()
    print(f"Browser for the tests: {chromium or 'none could be had'}", flush=True)
    return 0 if chromium else 1


if __name__ == "__main__":
    sys.exit(main())
