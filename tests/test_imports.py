"""The rooms of the house, and the one direction in which imports point."""

import ast
import subprocess
import sys

import pytest

from tests.house import PACKAGES, ROOT, named, parsed, python_files

RAFTLOCK = ROOT / "raftlock"

# From the top of the house to its ground: a room may import from the floors below its own.
FLOORS = (
    ("course", "cli", "__main__"),
    ("cluster",),
    ("serve",),
    ("sim",),
    ("check",),
    ("arguments", "panels", "registry"),
    ("client",),
    ("runner",),
    ("node",),
    ("transport",),
    ("storage",),
    ("lock",),
    ("raft",),
    ("trace",),
    ("types", "errors"),
)
FLOOR = {room: depth for depth, floor in enumerate(FLOORS) for room in floor}

# Doors that stay shut although they lead down.
SHUT = {
    "raft": {"trace"},  # what happened is a value among its effects
    # A checker that runs the code it judges proves nothing: it knows the trace alone.
    "check": {"raft", "lock", "storage", "transport", "node", "client"},
}

# State machines and parsers: no clock, no disk, no socket, no chance but what is handed in.
PURE = (
    "raftlock.types",
    "raftlock.errors",
    "raftlock.raft",
    "raftlock.lock",
    "raftlock.trace",
    "raftlock.check",
    "raftlock.storage.api",
    "raftlock.storage.records",
    "raftlock.client.protocol",
    "raftlock.node.driver",
    "raftlock.node.looks",
    "raftlock.node.shown",
    "raftlock.node.picture",
    "raftlock.node.proposals",
    "raftlock.node.rates",
    "raftlock.node.sessions",
    "raftlock.node.watching",
    "raftlock.transport.codec",
    "raftlock.transport.handshake",
    "raftlock.transport.door",
    "raftlock.transport.json_text",
    "raftlock.transport.limits",
    "raftlock.transport.links",
    "raftlock.transport.values",
)
IMPURE = {
    "asyncio",
    "datetime",
    "logging",
    "os",
    "random",
    "socket",
    "threading",
    "time",
    "uuid",
}

NEVER_IMPORTED = {"pickle", "marshal"}
NEVER_CALLED = {"eval", "exec"}

# What a plain Python, or a browser's, need not have.
NOT_AT_IMPORT = (
    "IPython",
    "bokeh",
    "distributed",
    "ipywidgets",
    "jupyter_client",
    "raftlock_widgets",
    "websockets",
)


def modules():
    return {module_name(path): path for path in python_files(RAFTLOCK)}


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_by(path):
    """Every module that a file imports, anywhere in it, as its full name."""
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *filter(None, [node.module])])
            yield from (submodule_or(origin, alias.name) for alias in node.names)


def submodule_or(origin, name):
    """`from a import b` imports the module a.b if there is one, and else a."""
    place = ROOT.joinpath(*origin.split("."), name)
    is_module = place.with_suffix(".py").exists() or (place / "__init__.py").exists()
    return f"{origin}.{name}" if is_module else origin


def edges():
    for name, path in modules().items():
        for target in imported_by(path):
            yield name, target


def room_of(module):
    package, _, rest = module.partition(".")
    return rest.partition(".")[0] if package == "raftlock" else ""


def is_within(module, packages):
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def test_every_room_has_its_floor():
    assert {room_of(module) for module in modules()} - {""} <= FLOOR.keys()


def test_imports_point_down():
    upward = [
        f"{module} imports {target}"
        for module, target in edges()
        if room_of(module) and is_within(target, ["raftlock"]) and not points_down(module, target)
    ]
    assert upward == []


def points_down(module, target):
    here, there = room_of(module), room_of(target)
    if here == there:
        return True
    # `import raftlock` from inside would reach for the public face, above everything.
    return there != "" and FLOOR[here] <= FLOOR[there] and there not in SHUT.get(here, ())


def test_pure_rooms_are_pure():
    impure = [
        f"{module} imports {target}"
        for module, target in edges()
        if is_within(module, PURE)
        and (
            target.partition(".")[0] in IMPURE
            or (is_within(target, ["raftlock"]) and not is_within(target, PURE))
        )
    ]
    assert impure == []


@pytest.mark.parametrize(
    ("who", "whom"),
    [
        pytest.param(
            "raftlock.sim",
            ["asyncio", "datetime", "random", "secrets", "socket", "threading", "time"],
            id="virtual time needs no event loop, no clock and no chance of its own",
        ),
        pytest.param("raftlock", ["raftlock_widgets"], id="panels come as entry points"),
        pytest.param("raftlock", sorted(NEVER_IMPORTED), id="bytes from outside are never code"),
    ],
)
def test_never_imports(who, whom):
    assert [
        f"{module} imports {target}"
        for module, target in edges()
        if is_within(module, [who]) and is_within(target, whom)
    ] == []


def test_only_a_laboratory_and_a_simulation_take_broken_rules():
    """Whoever hands rules to a node is one of these; what serves people is handed none."""
    givers = {
        module
        for module, path in modules().items()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and {keyword.arg for keyword in node.keywords} & {"rules", "lock_rules"}
    }
    inside = {"raftlock.node.node", "raftlock.node.driver"}  # from its settings to its core
    assert {
        module for module in givers - inside if room_of(module) not in {"cluster", "sim"}
    } == set()
    assert "raftlock.cluster.lab" in givers


def test_one_place_imports_websockets():
    importers = {module for module, target in edges() if is_within(target, ["websockets"])}
    ends = ("dialling", "link", "server")
    assert importers == {f"raftlock.transport.websocket.{end}" for end in ends}


def test_nothing_is_run_that_came_as_text():
    calls = [
        f"{named(path)}:{node.lineno}"
        for path in python_files(*PACKAGES)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in NEVER_CALLED
    ]
    assert calls == []


def test_importing_raftlock_starts_nothing():
    """It must load in a browser's Python, which has no threads and no sockets."""
    program = f"""
import sys, threading
import raftlock
print(sorted(set(sys.modules) & set({NOT_AT_IMPORT!r})), threading.active_count())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["[]", "1"]
