"""The paper's sentences, sections 5 to 8, are played here on the network of tests/raft.

Each `test_section_…` has a test a sentence; its docstring says in our words what is promised. They
are the plain paper's: pre-vote, check-quorum and stickiness are off, unless a test turns them on.
After every step of every node the harness checks the five properties of Figure 3, so a test only
says what is to be seen besides; `breaks` is for those where a property has to go.

Nodes are called 1, 2, 3; a log is the list of its entries' terms.
"""

import pytest

from raftlock.types import AppendEntriesArgs, RequestVoteArgs
from tests.raft.harness import FOLLOWER, LEADER, Network, name, terms, vote

REQUESTS = (RequestVoteArgs, AppendEntriesArgs)


def alone_as(role, term=1, **settings):
    """Node 1 of three in this role at this term; the other two say nothing."""
    before = term if role is FOLLOWER else term - 1
    net = Network(3, holes=(2, 3), term=before, **settings)
    if role is not FOLLOWER:
        net.fire(1)
    if role is LEADER:
        net.receive(1, 2, vote(term))
    net.take_sent()
    assert (net[1].role, net[1].current_term) == (role, term)
    return net


def carry(net, source, target):
    """Deliver what is under way from one node to another; the rest stays under way."""
    for message in [each for each in net.in_flight if each[:2] == (source, target)]:
        net.in_flight.remove(message)
        net.receive(target, source, message[2])


def names(*numbers):
    return tuple(map(name, numbers))


def log_of(net, k):
    return terms(net[k].log)


def leaders(net):
    return [k for k in net.nodes if net[k].role is LEADER]


def results(net, k):
    """The commands that a node's state machine has executed, in order."""
    return [entry.command for entry in net.nodes[k].applied if entry.command]


def say(net, k, *commands):
    """A client gives the leader commands, and all messages arrive."""
    for command in commands:
        net.propose(k, command)
    net.deliver()


def told(net, k, kind):
    """What a node's trace tells of this kind, in order."""
    return [note.data for note in net.nodes[k].notes if note.kind == kind]


def only(*links):
    """A hook that lets messages through on these links alone, both ways."""
    open_links = {frozenset(link) for link in links}
    return lambda source, target, _message: frozenset((source, target)) in open_links


def breaks(safety_property):
    """This property of Figure 3 is broken inside, and the checks say so."""
    return pytest.raises(AssertionError, match=safety_property)


def next_timeout(net, spread=0):
    """Time goes on to the next deadline; who is due within `spread` ms acts before messages come.

    So `spread` is how long a message takes.
    """
    first = min(net[k].deadline for k in net.nodes)
    due = [k for k in net.nodes if net[k].deadline <= first + spread]
    for k in sorted(due, key=lambda k: net[k].deadline):
        net.fire(k)
    net.deliver()
