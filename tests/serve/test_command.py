"""The command, as a script would use it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.processes import Nodes, raftlock, run, run_here, until


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    started = Nodes(tmp_path_factory.mktemp("command"), 1)
    started.start()
    yield started
    started.stop()


@pytest.fixture
def call(nodes: Nodes):
    def do(*arguments: object) -> tuple[int, str, str]:
        does = run if "--" in arguments else run_here
        return does(*arguments, access=nodes.client_file)

    return do


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_a_command_runs_under_its_lock(call, nodes: Nodes):
    told = "import os; print(*(os.environ['RAFTLOCK_' + n] for n in ('LOCK','TOKEN','CLIENT_ID')))"
    code, out, errors = call("acquire", "a/b", "--client-id", "me", "--", *python(told))
    assert (code, errors) == (0, "")
    lock, token, client = out.split()
    assert (lock, client) == ("a/b", "me")
    assert int(token) > 0
    assert json.loads(call("info", "a/b", "--json")[1])["owner_id"] == ""


@pytest.mark.parametrize(
    ("program", "code"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)]
)
def test_its_exit_status_is_the_commands(call, program: str, code: int):
    assert call("acquire", "status", "--", *python(program))[0] == code


def test_options_of_the_command_are_its_own(call):
    code, out, _ = call("acquire", "own", "--", *python("import sys; print(sys.argv)"), "--ttl")
    assert code == 0
    assert "'--ttl'" in out


def test_a_command_that_is_not_there(call):
    code, _, errors = call("acquire", "nothing", "--", "no-such-command-anywhere")
    assert code == 127
    assert "no command 'no-such-command-anywhere'" in errors


def test_a_held_lock_is_an_exit_code(call):
    code, token, _ = call("acquire", "held", "--ttl", "60", "--client-id", "alice")
    assert code == 0
    code, _, errors = call("acquire", "held", "--", *python("print('never')"))
    assert code == 75
    assert "alice holds held" in errors
    assert call("acquire", "held", "--wait", "1", "--", *python("print('never')"))[0] == 75
    told = json.loads(call("locks", "he*", "--json")[1])
    assert [(one["lock_id"], one["owner_id"]) for one in told["locks"]] == [("held", "alice")]
    who = ("--client-id", "alice", "--token", token.strip())
    assert call("renew", "held", "--ttl", "90", *who)[0] == 0
    assert call("release", "held", *who)[0] == 0
    code, _, errors = call("release", "held", *who)
    assert code == 2
    assert "nobody holds held" in errors


def test_shared_locks_and_permits(call):
    for name in ("alice", "bob"):
        assert call("acquire", "page", "--shared", "--ttl", "60", "--client-id", name)[0] == 0
    told = call("acquire", "pool", "--permits", "2", "--ttl", "60", "--client-id", "eve", "--json")
    assert json.loads(told[1])["slot"] == 1
    code, out, _ = call(
        *("acquire", "pool", "--permits", "2", "--"),
        *python("import os; print(os.environ['RAFTLOCK_SLOT'])"),
    )
    assert (code, out) == (0, "2\n")
    assert call("acquire", "page", "--ttl", "60", "--client-id", "carol")[0] == 75
    lines = call("info", "page")[1].splitlines()
    assert lines[0] == "It is held shared:"
    assert [line.split(",")[0].strip() for line in lines[1:]] == ["alice", "bob"]
    assert "by 1 of 2 permits" in call("info", "pool")[1]
    assert "alice and 1 more" in call("locks", "page")[1]
    with pytest.raises(SystemExit):
        call("acquire", "page", "--shared", "--permits", "2")


def test_who_waits_gets_it(call, nodes: Nodes):
    first = raftlock(
        "acquire", "turn", "--", *python("input()"), access=nodes.client_file, stdin=-1, stdout=-1
    )
    assert first.stdin is not None

    async def waits(count: int) -> None:
        async def there() -> bool:
            async with nodes.client() as client:
                info = await client.get_lock_info("turn")
            return bool(info.owner_id) and info.waiter_count == count

        await until(there, f"{count} waiting")

    asyncio.run(waits(0))
    second = raftlock(
        *("acquire", "turn", "--wait", "30", "--", *python("print('mine')")),
        access=nodes.client_file,
        stdout=-1,
    )
    asyncio.run(waits(1))
    first.communicate("\n", timeout=20)
    out, _ = second.communicate(timeout=20)
    assert (first.returncode, second.returncode, out) == (0, 0, "mine\n")


def test_a_signal_goes_to_the_command_and_the_lock_is_given_back(
    call, nodes: Nodes, tmp_path: Path
):
    ready = tmp_path / "ready"
    program = f"import time, pathlib; pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"
    process = raftlock("acquire", "signal", "--", *python(program), access=nodes.client_file)
    end = time.monotonic() + 20
    while not ready.exists() and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 128 + signal.SIGTERM
    assert json.loads(call("info", "signal", "--json")[1])["owner_id"] == ""


@pytest.mark.parametrize(("how", "code"), [("kill", 76), ("wait", 76), ("ignore", 0)])
def test_a_lock_that_was_lost_meanwhile(nodes: Nodes, tmp_path: Path, how: str, code: int):
    ready, go = tmp_path / "ready", tmp_path / "go"
    program = (
        f"import time, pathlib as p; p.Path({str(ready)!r}).touch()\n"
        f"while not p.Path({str(go)!r}).exists(): time.sleep(.02)"
    )
    process = raftlock(
        *("acquire", f"lost {how}", "--ttl", "1", "--client-id", "me", "--on-lost", how),
        *("--", *python(program)),
        access=nodes.client_file,
        stderr=-1,
    )

    async def take_away() -> None:
        async def runs() -> bool:
            return ready.exists()

        await until(runs, "the command")
        async with nodes.client("me") as thief:  # the same name: the service cannot know better
            info = await thief.get_lock_info(f"lost {how}")
            await thief.release(f"lost {how}", token=info.version)

    asyncio.run(take_away())
    if how != "kill":
        # Whether it heard of it before its end or at its end: the result is the same.
        go.touch()
    _, errors = process.communicate(timeout=20)
    assert process.returncode == code
    assert "was lost" in errors


def test_status_is_a_table_or_json(call, nodes: Nodes):
    code, out, _ = call("status")
    assert code == 0
    assert out.splitlines()[0].split() == [
        *("node", "role", "term", "leader", "log", "committed", "applied", "address")
    ]
    assert out.splitlines()[1].split()[:2] == ["n1", "leader"]
    (told,) = json.loads(call("status", "--json")[1]).values()
    assert told["role"] == "leader"


def test_nobody_there_is_an_exit_code(tmp_path: Path):
    silent = Nodes(tmp_path, 1)
    code, out, _ = run_here("status", access=silent.client_file)
    assert code == 69
    assert "does not answer" in out
    code, _, errors = run_here("locks", "--timeout", "1", access=silent.client_file)
    assert code == 69
    assert errors.startswith("raftlock: ")
    assert len(errors.splitlines()) == 1


def test_mistakes_are_told_in_one_sentence(call, nodes: Nodes, tmp_path: Path):
    nobody = tmp_path / "nothing.json"
    assert "cannot be read" in run_here("locks", access=nobody)[2]
    nobody.write_text("{}")
    assert "chmod 600" in run_here("locks", access=nobody)[2]
    nobody.chmod(0o600)
    assert "no access file" in run_here("locks", access=nobody)[2]
    nobody.write_text('{"format": 2}')
    assert "newer raftlock" in run_here("locks", access=nobody)[2]
    assert "Which cluster?" in run_here("locks")[2]
    assert "for administrators" in call("members")[2] or "client's token" in call("members")[2]
    assert call("acquire", "x" * 300)[0] == 2
    assert "KEY=VALUE" in call("acquire", "x", "--meta", "nonsense")[2]
    assert "leave out --" in call("locks", "--", "ls")[2]
    assert "NAME=HOST:PORT" in run_here("init", tmp_path / "new", "n1")[2]
    assert "same name" in run_here("init", tmp_path / "new", "n1=a:1", "n1=b:1")[2]
    assert "same address" in run_here("init", tmp_path / "new", "n1=a:1", "n2=a:1")[2]
    assert not (tmp_path / "new").exists()
    assert "made once" in run_here("init", nodes.folder, "n1=a:1")[2]


def test_text_from_others_reaches_the_terminal_as_text(call):
    call("acquire", "evil\u200b name", "--ttl", "60", "--client-id", "e")
    assert "evil\\x200b name" in call("locks", "evil*")[1]
