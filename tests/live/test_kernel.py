"""In a real kernel: a restart or an interrupt leaves nothing behind that it should not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

START = """
import threading
from raftlock import Cluster
cluster = Cluster(nodes=3, timing="lan")
leader = cluster.wait_for_leader()
"""


class Kernel:
    """A kernel of this environment, and the cells run in it."""

    def __init__(self) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel()
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, source: str, timeout: float = 60) -> str:
        """Run a cell, and give what its last expression was."""
        shown: list[str] = []

        def hear(message: dict[str, object]) -> None:
            content = message["content"]
            assert isinstance(content, dict)
            if message["msg_type"] == "execute_result":
                shown.append(str(content["data"]["text/plain"]))

        reply = self.client.execute_interactive(source, timeout=timeout, output_hook=hear)
        content = reply["content"]
        return shown[-1] if shown else str(content.get("ename", content["status"]))

    def listening(self) -> set[int]:
        """The ports of 127.0.0.1 on which the nodes of this kernel listen."""
        ports = self.run("sorted(port for _, port in cluster.laboratory._addresses.values())")
        return {int(port) for port in ports.strip("[]").split(",")}

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.manager.context.destroy(linger=0)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kernel]:
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    kernel = Kernel()
    yield kernel
    kernel.stop()


def open_ports(ports: set[int]) -> set[int]:
    listening = {
        entry.laddr.port
        for entry in psutil.net_connections(kind="tcp")
        if entry.status == psutil.CONN_LISTEN
    }
    return ports & listening


def test_running_a_cell_again_leaves_one_cluster_and_one_thread(kernel: Kernel) -> None:
    kernel.run(START)
    before = kernel.listening()
    assert open_ports(before) == before
    kernel.run(START)
    # Without a cell id (no notebook here) nothing is replaced, unless the cluster has a name.
    kernel.run("cluster = Cluster(nodes=3, timing='lan', name='mine')")
    mine = kernel.listening()
    kernel.run("cluster = Cluster(nodes=3, timing='lan', name='mine')")
    assert not open_ports(mine - kernel.listening())
    names = kernel.run("sorted(t.name for t in threading.enumerate() if 'raftlock' in t.name)")
    assert names.count("raftlock mine") == 1


def test_a_kernel_restart_leaves_no_port(kernel: Kernel) -> None:
    kernel.run(START)
    ports = kernel.listening()
    assert open_ports(ports) == ports
    kernel.manager.restart_kernel(now=False)
    kernel.client.wait_for_ready(timeout=60)
    assert not open_ports(ports)


def test_an_interrupt_ends_the_call_and_the_cluster_goes_on(kernel: Kernel) -> None:
    kernel.run(START)
    message = kernel.client.execute(
        "print('waiting', flush=True)\n"
        "cluster.runner.call(cluster.laboratory.until(lambda view: False, 1_000, 'Nothing'))"
    )
    while True:
        heard = kernel.client.get_iopub_msg(timeout=60)
        if heard["msg_type"] == "stream" and heard["parent_header"]["msg_id"] == message:
            break
    kernel.manager.interrupt_kernel()
    reply = kernel.client.get_shell_msg(timeout=60)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    while kernel.run("1 + 1") == "aborted":  # what was asked right behind the interrupted cell
        pass
    assert kernel.run("cluster.client('alice').acquire('build', ttl=10).token > 0") == "True"
    assert kernel.run("cluster.wait_for_leader() in cluster.nodes") == "True"
