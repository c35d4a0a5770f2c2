"""A minute of a cluster's life, written by hand: what the browser's own tests draw.

An election, entries, a lock with two waiters, a partition with lost messages, a leader that loses
its office and its uncommitted entry, and a kill. `frames` are the frames a browser would get, one
after each chapter; `final` is the full frame at the end.
"""

from raftlock.trace.frame import FrameSource
from tests.trace.telling import FIVE, Teller, header


def chapters(teller):
    """Tell the story; yields after each chapter."""
    for act in (_election, _entries, _partition, _healing):
        yield from act(teller)


def _election(tell):
    tell.start()
    for place, node in enumerate(FIVE):
        tell.timer(node, 600 + 700 * place)
    yield "five nodes start"

    tell.at(600).stand("n1", 1)
    tell.begin_write("n1", term=1, vote="n1")
    yield "n1 stands for election"

    tell.at(650).end_write("n1")
    tell.emit("n1", "vote", for_="n1")
    tell.tally("n1", ["n1"])
    asks = [tell.send("n1", peer, "RV", term=1, last_log_index=0) for peer in FIVE[1:]]
    yield "the requests for votes are on their way"

    tell.at(850)
    for number, peer in zip(asks, FIVE[1:], strict=True):
        tell.deliver(number)
        tell.term(peer, 1)
        tell.begin_write(peer, term=1, vote="n1")
    tell.at(900)
    votes = []
    for peer in FIVE[1:]:
        tell.end_write(peer)
        tell.emit(peer, "vote", "HandleRequestVoteRequest", for_="n1")
        votes.append(tell.send(peer, "n1", "RV✓", term=1, granted=True))
    yield "the votes come back"

    tell.at(1100)
    for number in votes:
        tell.deliver(number)
    tell.tally("n1", FIVE)
    tell.lead("n1", cluster_time=0)
    tell.append("n1", (1, 1, 0, "tick"), rule="BecomeLeader")
    for peer in FIVE[1:]:
        tell.progress("n1", peer, 2, 0)
    tell.begin_write("n1", 1, 1)
    _replicate(tell, "n1", FIVE[1:], 1300, (1, 1, 0, "tick"))
    yield "n1 leads and its first entry is committed"


def _entries(tell):
    tell.at(2000).call("alice", "acquire", "printer", "r1", ttl_ms=10_000)
    yield from _entry(tell, 2, 900, "acq printer→alice")
    for node in FIVE:
        tell.apply(node, 2, 1, 900, "acq printer→alice", hash_="5d10aa01")
        tell.lock(node, "printer", "alice", 2, "granted", deadline=10_900)
    tell.answer("alice", "acquire", "r1")
    tell.believe("alice", "printer", 2, 11_800)
    yield "alice holds the printer"

    for index, client, priority, stamp in ((3, "bob", 0, 2000), (4, "carol", 5, 2600)):
        tell.at(stamp + 1100).call(client, "acquire", "printer", f"r{index}", wait=True)
        yield from _entry(tell, index, stamp, f"acq printer→{client}")
        queue = [("bob", 0, 3, 62_000)]
        if client == "carol":
            queue.insert(0, ("carol", priority, 4, 62_600))
        for node in FIVE:
            tell.apply(node, index, 1, stamp, f"acq printer→{client}", hash_=f"5d10aa0{index}")
            tell.lock(node, "printer", "alice", 2, "queued", deadline=10_900, queue=queue)
    yield "bob waits, and carol with a higher priority before him"


def _partition(tell):
    tell.at(5000).fault("partition", groups=[["n1", "n2"], ["n3", "n4", "n5"]])
    beats = [tell.send("n1", peer, "HB", term=1, cluster_time=3900) for peer in FIVE[1:]]
    for number in beats[1:]:
        tell.drop(number, "cut")
    tell.at(5100).call("dora", "acquire", "scanner", "r5", ttl_ms=5000)
    tell.append("n1", (5, 1, 4000, "acq scanner→dora"))
    tell.write("n1", 5, 5)
    lost = [tell.send("n1", peer, "AE·1", term=1, entries=1) for peer in FIVE[1:]]
    for number in lost[1:]:
        tell.drop(number, "cut")
    yield "the network is split, and the leader is on the small side"

    tell.at(5200).deliver(beats[0])
    tell.at(5300).deliver(lost[0])
    tell.append("n2", (5, 1, 4000, "acq scanner→dora"))
    tell.begin_write("n2", 5, 5)
    yield "n2 has dora's entry, but its disk has not synced it yet"

    tell.at(7000)
    tell.stand("n4", 2)
    tell.write("n4", term=2, vote="n4")
    doomed = [tell.send("n4", peer, "RV", term=2) for peer in ("n1", "n2")]
    for number in doomed:
        tell.drop(number, "cut")
    for voter in ("n3", "n5"):
        tell.vote(voter, "n4", 2)
    tell.tally("n4", ["n3", "n4", "n5"])
    tell.lead("n4", cluster_time=3900)
    tell.store("n4", (5, 2, 3900, "tick"))
    for peer in ("n1", "n2", "n3", "n5"):
        tell.progress("n4", peer, 6, 0)
    for peer in ("n3", "n5"):
        tell.follow(peer, "n4")
        tell.store(peer, (5, 2, 3900, "tick"))
        tell.progress("n4", peer, 6, 5)
    tell.commit("n4", 5)
    tell.apply("n4", 5, 2, 3900, "tick", hash_="5d10aa05")
    yield "the majority has a leader of its own"


def _healing(tell):
    tell.at(8000).kill("n2")
    tell.at(9000).fault("heal")
    tell.step_down("n1", 2)
    tell.follow("n1", "n4")
    tell.emit("n1", "truncate", "HandleAppendEntriesRequest", from_=5, to=5)
    tell.append("n1", (5, 2, 3900, "tick"))
    tell.begin_write("n1", 5, 5)
    yield "healed: the old leader drops what it could not commit"

    tell.at(9100).end_write("n1")
    ops = ("tick", *(f"acq printer→{client}" for client in ("alice", "bob", "carol")))
    stamps = (0, 900, 2000, 2600)
    rows = [(i, 1, stamp, op) for i, (stamp, op) in enumerate(zip(stamps, ops, strict=True), 1)]
    tell.restart("n2", 1, "n1", rows)
    tell.fault("link", src="n4", dst="n2", delay_ms=400, jitter_ms=50, loss_ppm=100_000)
    tell.fault("cut", src="n4", dst="n1", one_way=True)
    tell.send("n4", "n2", "AE·1", 400, term=2, entries=1)
    tell.freeze("n5")
    tell.fault("speed", speed_ppm=50_000)
    yield "n2 is back, one link is slow, one is cut in one direction, n5 is frozen"


def _replicate(tell, leader, peers, ms, *entries):
    index = entries[-1][0]
    numbers = [tell.send(leader, p, f"AE·{len(entries)}", term=1, entries=1) for p in peers]
    tell.at(max(ms, tell.now_us // 1000 + 200))
    tell.end_write(leader)
    answers = []
    for number, peer in zip(numbers, peers, strict=True):
        tell.deliver(number)
        if tell.view.node(peer).leader != leader:
            tell.follow(peer, leader)
        tell.store(peer, *entries)
        answers.append(tell.send(peer, leader, "AE✓", term=1, match_index=index))
    tell.at(tell.now_us // 1000 + 200)
    for number, peer in zip(answers, peers, strict=True):
        tell.deliver(number)
        tell.progress(leader, peer, index + 1, index)
    tell.commit(leader, index)
    tell.apply(leader, index, 1, entries[-1][2], entries[-1][3], hash_=f"5d10aa0{index}")
    for peer in peers:
        tell.commit(peer, index)


def _entry(tell, index, stamp, op):
    """One entry from the leader's log to everybody's."""
    tell.append("n1", (index, 1, stamp, op))
    tell.begin_write("n1", index, index)
    yield f"n1 writes entry {index}"
    _replicate(tell, "n1", FIVE[1:], 0, (index, 1, stamp, op))


def build():
    """The sample as one JSON object."""
    teller = Teller()
    source = FrameSource(teller.recorder)
    frames = [source.full()]
    names = ["before the first event"]
    for name in chapters(teller):
        frame = source.delta(source.cursor)
        assert frame is not None
        frames.append(frame)
        names.append(name)
    final = FrameSource(teller.recorder).full()
    return {"header": header(), "chapters": names, "frames": frames, "final": final}
