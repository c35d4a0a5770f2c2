"""Histories to be judged, written as ``client op start-end`` with what came of it."""

from raftlock.check.linearizability import Operation

OPEN = None
LETTERS = {"a": "acquire", "r": "release", "n": "renew", "x": "expire"}


def history(text):
    """One line a call: ``alice acquire 0-5 ok 3``, ``bob release 4-? 3``, ``- expire 9-? 1``.

    After the times: ``ok`` or ``no`` (left out if the end is open), then the token. An acquire or
    renew begins the lease of its line's number, from 1; an expire's number is the lease it ends.
    """
    operations = []
    for number, line in enumerate(filter(None, map(str.strip, text.splitlines())), 1):
        client, op, times, *rest = line.split()
        call, end = times.split("-")
        ok = rest[0] != "no" if rest and rest[0] in {"ok", "no"} else True
        numbers = [int(each) for each in rest if each.isdigit()]
        value = numbers[0] if numbers else 0
        is_end = op == "expire"
        operations.append(
            Operation(
                client,
                op,
                int(call),
                None if end == "?" else int(end),
                ok,
                token=0 if is_end else value,
                lease=value if is_end else number,
            )
        )
    return operations
