import assert from "node:assert/strict";
import { test } from "node:test";

import {
  KEEP, empty, endOf, frontier, keepTerms, leaderOf, merge, mergeLog, prune, way,
} from "../raftlock_widgets/static/frames.js";

const node = (id, more = {}) => ({
  id, state: "up", role: "follower", term: 1, commit: 0, applied: 0, progress: {}, ...more,
});
const full = (more = {}) => ({
  type: "frame", full: true, seq: 1, t: 0, speed: 1, paused: false,
  cluster: { name: "lab", nodes: ["n1", "n2"], modified: "" }, nodes: [node("n1"), node("n2")],
  links: [], groups: null, messages: [], logs: {}, locks: {}, terms: [], events: [], clients: [], ...more,
});
const delta = (more) => ({ type: "frame", full: false, seq: 2, t: 10, speed: 1, paused: false, ...more });
const entry = (i, t = 1, op = "tick") => ({ i, t, op, s: 0 });

test("a full frame replaces all, a delta only what it names", () => {
  const state = empty();
  merge(state, full({ nodes: [node("n1"), node("n2", { role: "leader" })] }));
  const changed = merge(state, delta({ nodes: [node("n1", { term: 2 })] }));
  assert.deepEqual([...changed], ["nodes"]);
  assert.equal(state.nodes.get("n1").term, 2);
  assert.equal(state.nodes.get("n2").role, "leader");
  assert.equal(state.t, 10);
});

test("a frame that comes twice changes nothing", () => {
  const state = empty();
  merge(state, full());
  const news = delta({
    logs: { n1: { from: 1, entries: [entry(1), entry(2)] } },
    terms: [{ node: "n1", t: 5, term: 1, role: "follower", state: "up" }],
    events: [{ seq: 3, t: 5, node: "n1", text: "x", level: "info" }],
  });
  merge(state, news);
  const once = structuredClone({ logs: state.logs, terms: state.terms, events: state.events });
  merge(state, news);
  assert.deepEqual({ logs: state.logs, terms: state.terms, events: state.events }, once);
});

test("a change of pace is told", () => {
  const state = empty();
  merge(state, full());
  assert.ok(merge(state, delta({ paused: true })).has("pace"));
  assert.ok(!merge(state, delta({ paused: true })).has("pace"));
});

test("members come whole, and a node that is gone goes with the next full frame", () => {
  const state = empty();
  merge(state, full({ members: { voters: ["n1", "n2"], learners: [], outgoing: [] } }));
  const members = { voters: ["n1"], learners: ["n2"], outgoing: ["n1", "n2"] };
  const changed = merge(state, delta({ members }));
  assert.deepEqual([...changed], ["members"]);
  assert.deepEqual(state.members, members);
  merge(state, delta({ seq: 3 }));
  assert.deepEqual(state.members, members);
  merge(state, full({ seq: 4, t: 20, cluster: { nodes: ["n1"] }, nodes: [node("n1")] }));
  assert.deepEqual([...state.nodes.keys()], ["n1"]);
  assert.deepEqual(state.members.voters, []);
});

test("links are a whole list, by direction", () => {
  const state = empty();
  merge(state, full({ links: [{ src: "n1", dst: "n2", cut: true }] }));
  assert.ok(state.links.get(way("n1", "n2")).cut);
  assert.equal(state.links.get(way("n2", "n1")), undefined);
  merge(state, delta({ links: [], groups: [["n1"], ["n2"]] }));
  assert.equal(state.links.size, 0);
  assert.deepEqual(state.groups, [["n1"], ["n2"]]);
});

test("the tail of a log takes the place of what stood there", () => {
  const log = mergeLog(undefined, { first: 1, entries: [entry(1), entry(2), entry(3)] });
  const next = mergeLog(log, { from: 2, entries: [entry(2, 2, "acq a→b")] });
  assert.deepEqual(next.entries.map((e) => [e.i, e.t]), [[1, 1], [2, 2]]);
  assert.deepEqual(mergeLog(next, { first: 1, entries: [] }), { first: 1, base: 0, entries: [] });
  const short = mergeLog(next, { first: 2, base: 1, entries: [entry(2)] });
  assert.equal(mergeLog(short, { from: 3, entries: [entry(3)] }).base, 1, "what is gone stays gone");
});

test("a log keeps only its end", () => {
  const many = Array.from({ length: 500 }, (_, k) => entry(k + 1));
  const log = mergeLog(undefined, { from: 1, entries: many });
  assert.equal(log.entries.length, KEEP.entries);
  assert.equal(log.first, 500 - KEEP.entries + 1);
});

test("another run starts clean, messages in flight too", () => {
  const state = empty();
  const message = { id: 1, src: "n1", dst: "n2", t0: 0, t1: 9_000_000, fate: "flying" };
  merge(state, full({ t: 5_000_000, run: 0, messages: [message] }));
  merge(state, full({ t: 5_100_000, run: 0 }));
  assert.equal(state.messages.size, 1, "a full frame of the same run keeps what flies");
  merge(state, full({ t: 100, run: 1 }));
  assert.equal(state.messages.size, 0);
  assert.equal(state.run, 1);
});

test("points of one moment are one point", () => {
  const state = empty();
  const point = (t, role) => ({ node: "n1", t, term: 1, role, state: "up" });
  merge(state, full({ terms: [point(0, "follower"), point(7, "candidate")] }));
  merge(state, delta({ terms: [point(7, "leader"), point(9, "follower")] }));
  assert.deepEqual(state.terms.map((p) => [p.t, p.role]), [[0, "follower"], [7, "leader"], [9, "follower"]]);
});

test("a lost message ends where it stopped, half-way at the earliest", () => {
  const message = { t0: 100, t1: 300, fate: "lost", stop: 100 };
  assert.equal(endOf(message), 200);
  assert.equal(endOf({ ...message, stop: 260 }), 260);
  assert.equal(endOf({ ...message, fate: "flying", stop: null }), 300);
});

test("what is over is forgotten", () => {
  const state = empty();
  merge(state, full({ messages: [
    { id: 1, t0: 0, t1: 100, fate: "flying" }, { id: 2, t0: 0, t1: 100, fate: "lost", stop: 50 },
  ] }));
  prune(state, 120, 200);
  assert.deepEqual([...state.messages.keys()], [2]);
  prune(state, 251, 200);
  assert.equal(state.messages.size, 0);
  state.events = Array.from({ length: 400 }, (_, k) => ({ seq: k }));
  prune(state, 300, 0);
  assert.equal(state.events.length, KEEP.events);
});

test("the last point before the window stays: it still holds there", () => {
  const points = [1, 2, 3, 8].map((t) => ({ node: "n1", t }));
  assert.deepEqual(keepTerms(points, 5).map((p) => p.t), [3, 8]);
});

test("of two that think they lead, the newer term does", () => {
  const state = empty();
  merge(state, full({ nodes: [node("n1", { role: "leader", term: 3, commit: 4 }),
    node("n2", { role: "leader", term: 5, commit: 2 })] }));
  assert.equal(leaderOf(state).id, "n2");
  assert.deepEqual(frontier(state), { commit: 4, term: 5 });
  state.nodes.get("n2").state = "down";
  assert.equal(leaderOf(state).id, "n1");
});
