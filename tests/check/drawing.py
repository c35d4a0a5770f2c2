"""Histories as drawings: a line a client, time from left to right, one column 100 ms.

::

    alice   [acquire 60s: granted 1]              [release 1: ok]
    bob               [wait 60s: granted 2                          ]
    carol                      [acquire 60s >

A bar begins where its client asked, and ends where it was answered; ``>`` is no answer. In it stand
the operation, with its TTL (``60s``) or its token, and the answer after the colon. ``acquire?`` is
a request that may be taken back unheard; one that is ``shared``, or for one of two permits
(``of2``), has that word. A look finds ``alice 3`` (alice with token 3; ``alice 3 bob 4`` where two
have it) or ``free``.
``alice/door`` is alice at the lock ``door``.
"""

import re

from raftlock.check.history import Answer, Operation

COLUMN_US = 100_000
BAR = re.compile(r"\[([a-z]+)(\??)([^:\]>]*)(?::\s*([^\]]*?)\s*)?([\]>])")

OPERATIONS = {"wait": "acquire", "cancel": "cancel_wait", "look": "get_lock_info"}
ANSWERS = {
    ("release", "ok"): "released",
    ("renew", "ok"): "renewed",
    ("cancel", "ok"): "cancelled",
    ("read", "ok"): "value",
    ("wait", "timed out"): "wait_timed_out",
    ("wait", "cancelled"): "wait_cancelled",
}
REFUSALS = {
    "held": "lock_held",
    "full": "wait_queue_full",
    "free": "lock_not_held",
    "not yours": "not_lock_owner",
    "another token": "version_mismatch",
}


def drawn(text):
    """The operations of a drawing, in the order of their lines."""
    return [operation for line in text.splitlines() for operation in bars(line)]


def bars(line):
    client, _, lock = line[: max(0, line.find("["))].strip().partition("/")
    for bar in BAR.finditer(line):
        verb, doubt, terms, answer, end = bar.groups()
        yield Operation(
            client,
            OPERATIONS.get(verb, verb),
            lock or "printer",
            (bar.start() * COLUMN_US, 0),
            None if end == ">" else ((bar.end() - 1) * COLUMN_US, 0),
            None if end == ">" else said(verb, answer),
            dict(map(term, terms.split())),
            may_be_taken_back=bool(doubt),
        )


def term(word):
    if word == "shared":
        return "shared", True
    if word.startswith("of") and word[2:].isdigit():
        return "permits", int(word[2:])
    if word.endswith("s") and word[:-1].isdigit():
        return "ttl", int(word[:-1]) * 1_000
    return ("version", int(word)) if word.isdigit() else ("value", word)


def said(verb, answer):
    words = answer.split()
    token = int(words.pop()) if words[-1].isdigit() else 0
    if verb == "look" and len(words) > 2:
        found = [*words, str(token)]
        holders = tuple(zip(found[::2], map(int, found[1::2]), strict=True))
        return Answer("info", holders[0][1], holders[0][0], holders)
    if verb == "look":
        return Answer("info", token, "" if words == ["free"] else words.pop())
    value = words.pop() if verb == "read" else ""
    text = " ".join(words) or "ok"
    return Answer(ANSWERS.get((verb, text)) or REFUSALS.get(text, text), token, value)
