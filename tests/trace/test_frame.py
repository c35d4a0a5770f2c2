import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftlock.trace import frame as frames
from raftlock.trace import tables
from raftlock.trace.frame import Cursor, FrameSource
from raftlock.trace.network import KEPT_NEWS, LINGER
from raftlock.trace.nodes import KEPT_CHANGES
from raftlock.trace.recorder import Recorder
from raftlock.trace.story import KEPT_LINES
from tests.trace.telling import FIVE, Teller, header


@pytest.fixture
def tell():
    return Teller().start()


def seen(tell):
    source = FrameSource(tell.recorder)
    source.full()
    return source


def delta(source):
    return source.delta(source.cursor)


# The whole frame


def test_an_empty_cluster_has_a_frame():
    teller = Teller([])
    frame = FrameSource(teller.recorder).full()
    assert frame["nodes"] == frame["terms"] == frame["events"] == frame["links"] == []
    assert frame["situation"] == {"text": "The cluster is starting.", "level": "busy"}


def test_the_head_of_a_frame():
    teller = Teller(wall=lambda: 1_700_000_000_000).start()
    teller.at(40).fault("speed", speed_ppm=50_000)
    teller.fault("pause")
    source = FrameSource(teller.recorder)
    frame = source.full()
    assert {
        key: frame[key] for key in ("type", "full", "seq", "t", "speed", "paused", "wall_ms")
    } == {
        "type": "frame",
        "full": True,
        "seq": 1,
        "t": 40_000,
        "speed": 0.05,
        "paused": True,
        "wall_ms": 1_700_000_000_000,
    }
    assert source.cursor == Cursor(1, 7)
    assert source.full()["seq"] == 2


def test_the_cluster_is_described_once(tell):
    described = {key: header()[key] for key in ("name", "timing", "nodes", "modified", "timings")}
    source = FrameSource(tell.recorder)
    assert source.full()["cluster"] == described
    tell.freeze("n1")
    assert "cluster" not in delta(source)


def test_a_header_without_timings_is_no_mistake(tell):
    tell.recorder.view.header = {}
    assert FrameSource(tell.recorder).full()["cluster"]["timings"] == {}


def test_a_node(tell):
    tell.timer("n2", 1500)
    tell.at(1500).stand("n2", 1)
    tell.begin_write("n2", term=1, vote="n2")
    tell.emit("n2", "vote", for_="n2")
    tell.tally("n2", ["n2"], ["n3"])
    node = FrameSource(tell.recorder).full()["nodes"][1]
    assert node == {
        "id": "n2",
        "state": "up",
        "fate": "",
        "why": "",
        "part": "voter",
        "handover": "",
        "snapshot": 0,
        "role": "candidate",
        "term": 1,
        "voted_for": "n2",
        "leader": "",
        "commit": 0,
        "applied": 0,
        "last": 0,
        "hash": "",
        "timer": {"kind": "election", "deadline": 3_500_000, "duration": 2_000_000},
        "tally": {"granted": ["n2"], "refused": ["n3"], "needed": 3},
        "progress": {},
        "disk_busy": True,
        "cluster_time": {"ms": 0, "at": 1_500_000, "running": False},
    } | {"cluster_time": node["cluster_time"]}
    tell.at(1600).lead("n2", cluster_time=300)
    tell.progress("n2", "n1", 2, 1)
    node = FrameSource(tell.recorder).full()["nodes"][1]
    assert node["progress"] == {"n1": {"next": 2, "match": 1}}
    assert node["cluster_time"] == {"ms": 300, "at": 1_600_000, "running": True}


def test_links_that_are_not_plain(tell):
    tell.fault("cut", src="n1", dst="n2", one_way=True)
    tell.fault("link", src="n2", dst="n3", delay_ms=400, jitter_ms=50, loss_ppm=250_000)
    plain = {"delay_ms": 200, "jitter_ms": 0, "loss": 0.0}
    assert FrameSource(tell.recorder).full()["links"] == [
        {"src": "n1", "dst": "n2", "cut": True, "wall": False, **plain},
        {
            "src": "n2",
            "dst": "n3",
            "cut": False,
            "wall": False,
            "delay_ms": 400,
            "jitter_ms": 50,
            "loss": 0.25,
        },
    ]
    source = FrameSource(tell.recorder)
    assert source.full()["groups"] is None
    tell.fault("heal")
    tell.fault("partition", groups=[["n1"], ["n2", "n3", "n4", "n5"]])
    frame = delta(source)
    assert frame["groups"] == [["n1"], ["n2", "n3", "n4", "n5"]]
    assert len(frame["links"]) == 8
    assert all(link["cut"] and link["wall"] for link in frame["links"])


def test_messages(tell):
    source = seen(tell)
    number = tell.send("n1", "n2", "AE·1", term=1)
    message = {
        "id": number,
        "src": "n1",
        "dst": "n2",
        "type": "AppendEntries",
        "label": "AE·1",
        "t0": 0,
        "t1": 200_000,
        "fate": "flying",
        "stop": None,
        "why": "",
        "fields": {"term": 1},
    }
    assert delta(source)["messages"] == [message]
    assert FrameSource(tell.recorder).full()["messages"] == [message]
    tell.at(100).drop(number, "down")
    lost = message | {"fate": "lost", "stop": 100_000, "why": "down"}
    assert delta(source)["messages"] == [lost]
    tell.at(300).timer("n1", 5)
    assert FrameSource(tell.recorder).full()["messages"] == [lost]
    tell.at(100 + LINGER // 1000 + 1).timer("n1", 5)
    assert FrameSource(tell.recorder).full()["messages"] == []


def test_of_too_many_messages_heartbeats_go_first(tell):
    source = seen(tell)
    for _ in range(frames.SHOWN_MESSAGES):
        tell.send("n1", "n2", "HB")
    tell.send("n1", "n2", "AE·1")
    assert [message["label"] for message in delta(source)["messages"]] == ["AE·1"]


def test_a_log_shows_its_last_entries(tell):
    for index in range(1, 201):
        tell.store("n1", (index, 1, index * 10, f"acq {'x' * 60}"))
    log = FrameSource(tell.recorder).full()["logs"]["n1"]
    assert (log["first"], len(log["entries"]), log["cut_at"]) == (141, 60, None)
    assert log["entries"][0] == {"i": 141, "t": 1, "op": f"acq {'x' * 35}…", "s": 1410}


def test_a_log_that_grows_sends_its_new_end(tell):
    tell.append("n1", (1, 1, 0, "a"))
    source = seen(tell)
    tell.append("n1", (2, 1, 0, "b"))
    entry = {"i": 2, "t": 1, "op": "b", "s": 0}
    assert delta(source)["logs"] == {"n1": {"from": 2, "entries": [entry], "cut_at": None}}


def test_a_log_that_was_cut_is_sent_whole(tell):
    tell.append("n1", (1, 1, 0, "a"), (2, 1, 0, "b"))
    source = seen(tell)
    tell.emit("n1", "truncate", from_=2, to=2)
    entry = {"i": 1, "t": 1, "op": "a", "s": 0}
    assert delta(source)["logs"] == {"n1": {"first": 1, "base": 0, "entries": [entry], "cut_at": 2}}


def test_a_log_whose_beginning_is_gone_is_sent_whole(tell):
    tell.append("n1", (1, 1, 0, "a"), (2, 1, 0, "b"))
    source = seen(tell)
    tell.emit("n1", "snapshot", index=1, term=1, bytes=9)
    tell.emit("n1", "compact", "TakeSnapshot", to=1)
    frame = delta(source)
    entry = {"i": 2, "t": 1, "op": "b", "s": 0}
    assert frame["logs"] == {"n1": {"first": 2, "base": 1, "entries": [entry], "cut_at": None}}
    assert frame["nodes"][0]["snapshot"] == 1
    tell.append("n1", (3, 1, 0, "c"))
    tell.emit("n1", "compact", "TakeSnapshot", to=2)
    assert delta(source)["logs"]["n1"]["first"] == 3
    assert FrameSource(tell.recorder).full()["logs"]["n1"]["base"] == 2


def test_a_change_of_members_tells_of_every_node_what_part_it_has(tell):
    tell.elect("n1", 1)
    source = seen(tell)
    tell.members("n1", 2, ["n1", "n2", "n3", "n4"], ["n5"], FIVE)
    frame = delta(source)
    assert frame["members"] == {
        "voters": ["n1", "n2", "n3", "n4"],
        "learners": ["n5"],
        "outgoing": FIVE,
    }
    assert [node["part"] for node in frame["nodes"]] == ["voter"] * 5
    tell.members("n1", 3, ["n1", "n2", "n3", "n4"], ["n5"])
    frame = delta(source)
    assert [node["part"] for node in frame["nodes"]] == ["voter"] * 4 + ["learner"]
    tell.timer("n1", 500, "heartbeat")
    assert "members" not in delta(source)


def test_a_node_that_comes_or_goes_brings_a_whole_frame(tell):
    source = seen(tell)
    tell.add("n6")
    frame = delta(source)
    assert frame["full"]
    assert frame["cluster"]["nodes"] == [*FIVE, "n6"]
    assert frame["nodes"][5] | {"id": "n6", "part": "no member"} == frame["nodes"][5]
    assert frame["logs"]["n6"]["entries"] == []
    tell.send("n6", "n1", "HB✓")
    assert len(delta(source)["messages"]) == 1
    tell.remove("n6")
    frame = delta(source)
    assert frame["full"]
    assert frame["cluster"]["nodes"] == FIVE
    assert frame["messages"] == [], "what comes from it can no longer be drawn"
    tell.send("n1", "n6", "AE·1")
    assert delta(source)["messages"] == []


def test_a_lost_disk_stays_in_the_picture_while_the_node_is_a_member(tell):
    tell.store("n3", (1, 1, 0, "a"))
    source = seen(tell)
    tell.wipe("n3", "n3.2")
    frame = delta(source)
    assert frame["cluster"]["nodes"] == ["n1", "n2", "n3", "n3.2", "n4", "n5"]
    lost = frame["nodes"][2]
    assert (lost["state"], lost["fate"], lost["term"], lost["last"]) == ("down", "wiped", 0, 0)
    tell.emit("n2", "node", state="down", what="stopped", why="x" * 500)
    stopped = delta(source)["nodes"][0]
    assert (stopped["fate"], len(stopped["why"])) == ("stopped", 160)


def test_a_log_that_grew_much_is_sent_whole(tell):
    source = seen(tell)
    tell.append("n1", *((index, 1, 0, "a") for index in range(1, 100)))
    log = delta(source)["logs"]["n1"]
    assert (log["first"], len(log["entries"]), log["cut_at"]) == (40, 60, None)


def test_a_lock_table(tell):
    source = seen(tell)
    tell.lock("n1", "printer", "alice", 7, "granted", queue=[("bob", 5, 8, 900)])
    row = {
        "lock": "printer",
        "owner": "alice",
        "token": 7,
        "deadline": 10_000,
        "ttl": 10_000,
        "queue": [{"client": "bob", "priority": 5, "index": 8, "deadline": 900}],
    }
    assert delta(source)["locks"] == {"n1": [row]}
    tell.commit("n1", 1)
    assert delta(source)["locks"] == {}
    tell.kill("n1")
    assert delta(source)["locks"] == {"n1": []}


def test_a_long_table_is_cut(tell):
    queue = [(f"c{place}", 0, place, 9) for place in range(tables.SHOWN_WAITERS + 9)]
    for number in range(tables.SHOWN_LOCKS + 9):
        tell.lock("n1", f"lock {number:03}", "alice", 7, "granted", queue=queue)
    table = FrameSource(tell.recorder).full()["locks"]["n1"]
    assert [row["lock"] for row in table] == [f"lock {n:03}" for n in range(tables.SHOWN_LOCKS)]
    assert {len(row["queue"]) for row in table} == {tables.SHOWN_WAITERS}


def test_a_client(tell):
    source = seen(tell)
    tell.call("alice", "acquire", "printer", "r1")
    tell.believe("alice", "scanner", 3, 900)
    client = {
        "id": "alice",
        "state": "up",
        "doing": "asks for printer",
        "holds": [{"lock": "scanner", "token": 3, "until": 900_000}],
        "last": "",
        "last_text": "",
    }
    assert delta(source)["clients"] == [client]
    tell.freeze("n1")
    assert "clients" not in delta(source)
    for number in range(frames.SHOWN_HOLDS + 5):
        tell.believe("alice", f"lock {number}", 3, 900)
    assert len(delta(source)["clients"][0]["holds"]) == frames.SHOWN_HOLDS


def test_sentences_and_points(tell):
    source = seen(tell)
    tell.at(30).freeze("n1")
    frame = delta(source)
    assert [(event["seq"], event["level"], event["node"]) for event in frame["events"]] == [
        (7, "fault", "n1")
    ]
    assert frame["terms"] == [
        {"node": "n1", "t": 30_000, "term": 0, "role": "follower", "state": "frozen"}
    ]


# Deltas


def test_without_news_there_is_no_frame(tell):
    source = seen(tell)
    assert delta(source) is None
    assert source.cursor.frame == 1


def test_a_delta_holds_only_what_changed(tell):
    source = seen(tell)
    tell.commit("n3", 4)
    frame = delta(source)
    assert [node["id"] for node in frame["nodes"]] == ["n3"]
    assert frame["seq"] == 2
    assert "links" not in frame
    assert "groups" not in frame


def test_a_frame_that_was_lost_is_made_up_for(tell):
    source = seen(tell)
    cursor = source.cursor
    tell.commit("n3", 4)
    source.delta(cursor)
    tell.commit("n2", 4)
    frame = source.delta(cursor)
    assert [node["id"] for node in frame["nodes"]] == ["n2", "n3"]


def after_much(tell, what):
    source = seen(tell)
    cursor = source.cursor
    if what == "messages":
        for _ in range(KEPT_NEWS + 1):
            tell.send("n1", "n2", "HB")
    elif what == "entries":
        for index in range(1, KEPT_CHANGES + 2):
            tell.append("n1", (index, 1, 0, "a"))
    elif what == "sentences":
        for _ in range(KEPT_LINES + 1):
            tell.emit("", "note", text="again")
    else:
        tell.emit("n6", "node", state="up", what="started")
    return source.delta(cursor)


@pytest.mark.parametrize("what", ["messages", "entries", "sentences", "a node"])
def test_who_is_too_far_behind_gets_a_full_frame(tell, what):
    assert after_much(tell, what)["full"]


def test_a_cursor_of_another_run_gets_a_full_frame(tell):
    assert FrameSource(tell.recorder).delta(Cursor(9, 10_000))["full"]


# Limits


def busy_cluster():
    """Five nodes, two hundred entries, some locks with waiters, much to tell."""
    teller = Teller().start()
    teller.elect("n1", 1)
    for index in range(1, 201):
        teller.at(index * 100)
        lock, client = f"printer-{index % 7}", f"client-{index % 5}"
        teller.call(client, "acquire", lock, f"r{index}")
        for node in FIVE:
            entry = (index, 1, index * 100, f"acq {lock}→{client}")
            teller.store(node, entry)
            teller.commit(node, index)
            teller.apply(node, *entry)
            waiting = [("alice", 0, index, 9_999_999), ("bob", 5, index, 9_999_999)]
            teller.lock(node, lock, client, index, "granted", queue=waiting)
        teller.believe(client, lock, index, index)
        for term in range(2):
            teller.emit(FIVE[index % 5], "role", from_="follower", to="follower", term=term)
        for peer in FIVE[1:]:
            teller.send("n1", peer, "HB", prev_log_index=index, cluster_time=index * 100)
            teller.at(teller.now_us // 1000)
    for round_ in range(40):
        for place, node in enumerate(FIVE):
            teller.now_us += 1
            teller.term(node, 2 + 5 * round_ + place)
    return teller


def test_a_full_frame_fits_into_64_kib():
    frame = FrameSource(busy_cluster().recorder).full()
    assert len(json.dumps(frame, separators=(",", ":"))) <= 64 * 1024
    assert len(frame["events"]) >= 60


def test_of_a_frame_that_is_too_large_the_sentences_go_first():
    teller = busy_cluster()
    for number in range(tables.SHOWN_LOCKS):
        queue = [(f"c{n}", 0, n, 9) for n in range(tables.SHOWN_WAITERS)]
        teller.lock("n1", f"lock {number:03}", "alice", 7, "granted", queue=queue)
    frame = FrameSource(teller.recorder).full()
    assert len(frame["events"]) == frames.FEWEST_EVENTS
    assert frame["events"][-1]["seq"] == teller.recorder.story.lines[-1].seq


# A delta laid over a frame is the frame that would be sent now. `merge` is what the browser does
# (widgets/raftlock_widgets/static/frames.js).


def merge(state, frame):
    if frame["full"]:
        state.clear()
        state.update(messages={}, nodes={}, logs={}, locks={}, terms=[], events=[])
        state["cluster"] = frame["cluster"]
    for key in ("t", "speed", "paused", "situation", "links", "groups", "clients", "members"):
        if key in frame:
            state[key] = frame[key]
    for key in ("nodes", "messages"):
        state[key].update({item["id"]: item for item in frame[key]})
    for node, tail in frame["logs"].items():
        if "first" in tail:
            log = {"first": tail["first"], "entries": tail["entries"]}
        else:
            kept = [e for e in state["logs"][node]["entries"] if e["i"] < tail["from"]]
            entries = (kept + tail["entries"])[-60:]
            log = {"first": entries[0]["i"], "entries": entries}
        state["logs"][node] = log
    state["locks"].update(frame["locks"])
    for point in frame["terms"]:
        points = state["terms"]
        last = max((k for k, p in enumerate(points) if p["node"] == point["node"]), default=None)
        if last is not None and points[last]["t"] == point["t"]:
            del points[last]
        points.append(point)
    state["events"] += frame["events"]


def assert_same(state, full):
    assert state["cluster"] == full["cluster"]
    keys = ("t", "speed", "paused", "situation", "links", "groups", "clients", "locks", "members")
    for key in keys:
        assert state[key] == full[key], key
    assert list(state["nodes"].values()) == full["nodes"]
    for node, log in full["logs"].items():
        assert state["logs"][node] == {"first": log["first"], "entries": log["entries"]}
    for message in full["messages"]:
        assert state["messages"][message["id"]] == message
    for node in FIVE:
        mine, theirs = ([p for p in x["terms"] if p["node"] == node] for x in (state, full))
        assert mine[-len(theirs) :] == theirs
    assert state["events"][-len(full["events"]) :] == full["events"]


NODE = st.sampled_from(FIVE)
NAME = st.sampled_from(["alice", "bob", "<b>", ""])
LOCK = st.sampled_from(["printer", "scanner"])
TERM = st.integers(1, 5)
LABEL = st.sampled_from(["HB", "RV", "AE·1", "AE✓"])
WHY = st.sampled_from(["cut", "loss", "down", "closed"])

ACTS = st.one_of(
    st.tuples(st.just("wait"), st.integers(0, 700)),
    st.tuples(st.just("kill"), NODE),
    st.tuples(st.just("restart"), NODE, TERM),
    st.tuples(st.sampled_from(["freeze", "thaw"]), NODE),
    st.tuples(st.just("stand"), NODE, TERM),
    st.tuples(st.just("vote"), NODE, NODE),
    st.tuples(st.just("lead"), NODE),
    st.tuples(st.just("step_down"), NODE, TERM),
    st.tuples(st.just("timer"), NODE, st.integers(1, 3000)),
    st.tuples(st.just("append"), NODE, st.integers(0, 70), st.integers(-3, 1), TERM),
    st.tuples(st.just("truncate"), NODE, st.integers(0, 3)),
    st.tuples(st.sampled_from(["begin_write", "end_write"]), NODE),
    st.tuples(st.sampled_from(["commit", "apply"]), NODE, st.integers(0, 9)),
    st.tuples(st.just("progress"), NODE, NODE, st.integers(1, 9), st.integers(0, 9)),
    st.tuples(st.just("lock"), NODE, LOCK, NAME, st.booleans()),
    st.tuples(st.just("send"), NODE, NODE, LABEL),
    st.tuples(st.just("arrive"), st.integers(0, 9)),
    st.tuples(st.just("drop"), st.integers(0, 9), WHY),
    st.tuples(st.just("call"), NAME, LOCK),
    st.tuples(st.just("answer"), NAME),
    st.tuples(st.just("believe"), NAME, LOCK, st.integers(0, 3)),
    st.tuples(st.just("fault"), st.sampled_from(["pause", "resume", "heal"])),
    st.tuples(st.just("speed"), st.sampled_from([1_000_000, 50_000])),
    st.tuples(st.sampled_from(["cut", "restore", "link"]), NODE, NODE, st.booleans()),
    st.tuples(st.just("partition"), st.integers(1, 4)),
)


def act(tell, what, *args):
    flights = list(tell.view.network.flights)
    match what:
        case "wait":
            tell.now_us += args[0] * 1000
        case "append":
            node, count, back, term = args
            start = max(1, tell.view.node(node).log.last + back)
            tell.append(node, *((start + k, term, start + k, "op") for k in range(count)))
        case "truncate":
            node, back = args
            last = tell.view.node(node).log.last
            tell.emit(node, "truncate", from_=max(1, last - back), to=last)
        case "lock":
            node, lock, owner, waits = args
            tell.lock(node, lock, owner, 1, "queued", queue=[("dora", 0, 1, 2)] * waits)
        case "arrive":
            if flights:
                tell.deliver(flights[args[0] % len(flights)])
        case "drop":
            if flights:
                tell.drop(flights[args[0] % len(flights)], args[1])
        case "call":
            tell.call(args[0], "acquire", args[1], "r1")
        case "answer":
            tell.answer(args[0], "acquire", "r1")
        case "speed":
            tell.fault("speed", speed_ppm=args[0])
        case "cut" | "restore" | "link":
            src, dst, way = args
            tell.fault(what, src=src, dst=dst, one_way=way, delay_ms=5 if way else 200)
        case "partition":
            tell.fault("partition", groups=[FIVE[: args[0]], FIVE[args[0] :]])
        case _:
            getattr(tell, what)(*args)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(ACTS, max_size=12), max_size=8))
def test_deltas_add_up_to_the_full_frame(rounds):
    tell = Teller().start()
    source, state = FrameSource(tell.recorder), {}
    merge(state, source.full())
    for acts in rounds:
        for one in acts:
            act(tell, *one)
        # Two frames at one moment are never sent; and one at the same moment as the last event is.
        frame = delta(source)
        if frame is not None:
            merge(state, frame)
            assert_same(state, FrameSource(tell.recorder).full())
        tell.now_us += 1000


def test_what_was_left_out_is_told_with_the_rules_that_are_broken():
    header = {"nodes": ["n1"], "modified": "VoteAgain", "left_out": ["pre-vote"]}
    frame = FrameSource(Recorder(header, lambda: 0)).full()
    assert frame["cluster"]["modified"] == "VoteAgain, without pre-vote"
