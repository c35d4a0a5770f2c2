"""A JupyterLab of its own for the browser tests, and a page in it that is watched."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request

ROOT = Path(__file__).resolve().parents[2]

WIDGET = "window.jupyterapp?.shell?.currentWidget"
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Honest frame rates: a headless page counts as hidden otherwise.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
)


LAB = ("jupyterlab", "--LabApp.expose_app_in_browser=True")
NOTEBOOK = ("notebook", "--JupyterNotebookApp.expose_app_in_browser=True")
VOILA = ("voila",)


class Lab:
    """One JupyterLab server, or another `app` of Jupyter, over `folder`; nobody's own settings."""

    def __init__(self, folder: Path, base_url: str = "/", app: Sequence[str] = LAB) -> None:
        self.folder = folder
        self.token = secrets.token_hex(8)
        home = folder / ".home"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}{base_url}"
        environment = {
            **os.environ,
            "HOME": str(home),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_CONFIG_PATH": str(ROOT / "jupyter"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "IPYTHONDIR": str(home / "ipython"),
        }
        home.mkdir(parents=True, exist_ok=True)
        self._log = (home / "lab.log").open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            [
                sys.executable,
                *("-m", *app, "--no-browser", f"--port={port}"),
                *("--ServerApp.port_retries=0", f"--ServerApp.token={self.token}"),
                *(f"--ServerApp.base_url={base_url}", f"--ServerApp.root_dir={folder}"),
                *(["--ServerApp.allow_root=True"] if os.geteuid() == 0 else []),
            ],
            cwd=folder,
            env=environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 60
        pause = 0.05
        while True:
            try:
                self.request("GET", "api/status")
            except urllib.error.HTTPError:
                return  # Voila has no such page, but it is there
            except (urllib.error.URLError, ConnectionError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError(self.log()) from None
                self._process_may_start(pause)
            else:
                return

    def _process_may_start(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def request(self, method: str, path: str) -> bytes:
        """Ask the server's own interface."""
        request = urllib.request.Request(  # noqa: S310 - our own server on loopback
            self.url + path, method=method, headers={"Authorization": f"token {self.token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
            return bytes(response.read())

    @property
    def pid(self) -> int:
        """The server's process; its kernels are its children."""
        return self._process.pid

    def end_sessions(self) -> None:
        """Stop every kernel."""
        for session in json.loads(self.request("GET", "api/sessions")):
            self.request("DELETE", f"api/sessions/{session['id']}")

    def log(self) -> str:
        """What the server has printed."""
        return Path(self._log.name).read_text(encoding="utf-8")

    def stop(self) -> None:
        """End the server; it ends its kernels."""
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def notebook(*cells: str) -> str:
    """A notebook of code cells."""
    return json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {},
                    "outputs": [],
                    "execution_count": None,
                    "source": source,
                }
                for number, source in enumerate(cells)
            ],
            "metadata": {
                "kernelspec": {
                    "name": "python3",
                    "display_name": "Python 3 (ipykernel)",
                    "language": "python",
                }
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


class NotebookPage:
    """A notebook open in JupyterLab; what the page complained of and asked for is kept."""

    def __init__(self, page: Page, lab: Lab) -> None:
        self.page = page
        self.lab = lab
        self.complaints: list[str] = []
        self.strangers: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._request)

    def open(self, name: str) -> None:
        """Open the notebook in a workspace of its own and wait for its kernel."""
        workspace = secrets.token_hex(4)
        self.page.goto(
            f"{self.lab.url}lab/workspaces/{workspace}/tree/{name}?token={self.lab.token}"
        )
        self.wait_for_kernel()

    def wait_for_kernel(self) -> None:
        """Wait until the notebook's kernel is there; a widget may keep it from being idle long."""
        self.page.wait_for_selector("#jupyterlab-splash", state="detached")
        self.page.wait_for_function(
            f"() => {WIDGET}?.sessionContext?.session?.kernel?.connectionStatus === 'connected'"
            f" && ['idle', 'busy'].includes({WIDGET}.sessionContext.session.kernel.status)"
        )

    def run_all(self, *, wait: bool = True) -> None:
        """Run every cell; `wait` until each has come to its end."""
        self.page.evaluate(
            "async wait => {"
            " const done = window.jupyterapp.commands.execute('notebook:run-all-cells');"
            " if (wait) await done; }",
            wait,
        )

    def run_cell(self, number: int, *, wait: bool = True) -> None:
        """Run the code cell with that number, from 0."""
        self.page.evaluate(
            f"async ([number, wait]) => {{ const content = {WIDGET}.content;"
            " content.activeCellIndex = number; content.deselectAll();"
            " const done = window.jupyterapp.commands.execute('notebook:run-cell');"
            " if (wait) await done; }",
            [number, wait],
        )

    def outputs(self) -> list[list[dict[str, object]]]:
        """Every code cell's outputs."""
        found: list[list[dict[str, object]]] = self.page.evaluate(
            f"() => [...{WIDGET}.content.model.cells].filter(c => c.type === 'code')"
            ".map(c => c.outputs.toJSON())"
        )
        return found

    def errors(self) -> list[str]:
        """What the cells raised."""
        return [
            f"{output['ename']}: {output['evalue']}"
            for outputs in self.outputs()
            for output in outputs
            if output["output_type"] == "error"
        ]

    def save(self) -> None:
        """Save, as people do before they reload."""
        self.page.evaluate("async () => window.jupyterapp.commands.execute('docmanager:save')")

    def check_quiet(self, allowed: Sequence[str] = ()) -> None:
        """Nothing was asked of the outside, and the page has nothing to complain of."""
        assert not self.strangers, self.strangers
        complaints = [text for text in self.complaints if not any(word in text for word in allowed)]
        assert not complaints, complaints

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
            self.strangers.append(request.url)
