import assert from "node:assert/strict";
import { test } from "node:test";

import { clientWords, firstSplit, groupsOf, lettersFor, linksNow } from "../raftlock_widgets/static/controls.js";
import { behind, tableNode } from "../raftlock_widgets/static/locks.js";
import { lineAt } from "../raftlock_widgets/static/why.js";
import { logWindow, marksAt } from "../raftlock_widgets/static/log.js";
import { columns, laneOf, ranges, spread } from "../raftlock_widgets/static/segments.js";

const entries = (from, to) => Array.from({ length: to - from + 1 }, (_, k) => ({ i: from + k, t: 1, op: "" }));
const log = (from, to) => ({ first: from, entries: entries(from, to) });

test("the log's window follows the longest log's end", () => {
  assert.deepEqual(logWindow([]), { first: 1, last: 0 });
  assert.deepEqual(logWindow([{ first: 1, entries: [] }]), { first: 1, last: 0 });
  assert.deepEqual(logWindow([log(1, 5), log(1, 9)]), { first: 1, last: 9 });
  assert.deepEqual(logWindow([log(41, 100), log(1, 3)], 60), { first: 41, last: 100 });
  assert.deepEqual(logWindow([log(200, 210), { first: 1, entries: [] }], 60), { first: 200, last: 210 });
});

test("the leader's marks stand under the index they mean", () => {
  const progress = { match: 4, next: 5 };
  assert.deepEqual([3, 4, 5].map((i) => marksAt(progress, i)), ["", "●", "▲"]);
  assert.equal(marksAt({ match: 5, next: 5 }, 5), "●▲");
  assert.equal(marksAt(null, 1), "");
});

test("the table is the leader's, or of the node that is furthest", () => {
  const nodes = [{ id: "n1", state: "up", role: "follower", applied: 3, commit: 3, term: 2 },
    { id: "n2", state: "up", role: "follower", applied: 5, commit: 6, term: 2 }];
  const state = { nodes: new Map(nodes.map((node) => [node.id, node])) };
  assert.equal(tableNode(state, "leader").id, "n2");
  assert.equal(tableNode(state, "n1").id, "n1");
  assert.equal(tableNode(state, "n9"), null);
  assert.equal(behind(state, nodes[0]), 3);
  assert.equal(behind(state, null), 0);
  nodes[0].role = "leader";
  assert.equal(tableNode(state, "leader").id, "n1");
});

test("groups", () => {
  const ids = ["n1", "n2", "n3", "n4", "n5"];
  const letters = firstSplit(ids);
  assert.deepEqual(groupsOf(ids, letters), [["n1", "n2"], ["n3", "n4", "n5"]]);
  letters.set("n5", "C");
  assert.equal(groupsOf(ids, letters).length, 3);
  assert.deepEqual(groupsOf(["n1"], firstSplit(["n1"])), [["n1"]]);
});

test("groups outlive a node that comes or goes", () => {
  const chosen = new Map([["n1", "C"], ["n2", "A"], ["n3", "B"]]);
  assert.deepEqual([...lettersFor(["n1", "n3", "n6"], chosen)], [["n1", "C"], ["n3", "B"], ["n6", "B"]]);
  assert.deepEqual(lettersFor(["n1", "n2", "n3"], new Map()), firstSplit(["n1", "n2", "n3"]));
});

test("the network in words", () => {
  const links = (...list) => new Map(list.map((link) => [`${link.src}>${link.dst}`, { cut: true, ...link }]));
  assert.equal(linksNow({ links: new Map(), groups: null }), "All links are whole.");
  assert.equal(linksNow({ links: links({ src: "n1", dst: "n2" }), groups: null }), "Cut: n1 → n2.");
  assert.equal(linksNow({ links: links({ src: "n1", dst: "n2" }, { src: "n2", dst: "n1" }), groups: null }), "Cut: n1 – n2.");
  assert.equal(linksNow({ links: links({ src: "n1", dst: "n2", wall: true }), groups: [["n1"], ["n2", "n3"]] }),
    "Split: n1 | n2 n3.");
});

test("what a client believes ends with its time", () => {
  const client = { id: "a", doing: null, holds: [{ lock: "x", token: 7, until: 100 }] };
  assert.equal(clientWords(client, 50), "has x #7");
  assert.equal(clientWords(client, 100), "idle");
  assert.equal(clientWords({ ...client, doing: "waits for y" }, 50), "waits for y");
  assert.equal(clientWords({ ...client, state: "frozen" }, 50), "stands still, frozen");
});

const at = (node, s, term, role, state = "up") => ({ node, t: s * 1_000_000, term, role, state });

test("a node's stays are unbroken while it is up", () => {
  const points = [at("n1", 0, 0, "follower"), at("n1", 2, 1, "candidate"), at("n1", 3, 1, "leader")];
  const { follower, candidate, leader, rises, starts, ends } = columns(points, ["n1"], 10_000_000, "light");
  assert.deepEqual([follower.x0, follower.x1], [[0], [2]]);
  assert.deepEqual([candidate.x0, candidate.x1], [[2], [3]]);
  assert.deepEqual([leader.x0, leader.x1, leader.term], [[3], [10], [1]]);
  assert.deepEqual([rises.x, rises.y0, rises.y1], [[2], [0], [1]]);
  assert.deepEqual(starts.x, [2]);
  assert.deepEqual([ends.x, ends.node], [[10], ["n1"]]);
});

test("while it is down or frozen there is a gap, and an election stays to be seen", () => {
  const points = [at("n1", 0, 1, "leader"), at("n1", 4, 1, "follower", "down"), at("n1", 6, 1, "follower")];
  const { follower, leader, rises, ends } = columns(points, ["n1"], 9_000_000, "dark");
  assert.deepEqual([leader.x0, leader.x1], [[0], [4]]);
  assert.deepEqual([follower.x0, follower.x1], [[6], [9]]);
  assert.deepEqual(rises.x, []);
  assert.deepEqual(columns(points.slice(0, 2), ["n1"], 5_000_000, "dark").ends.node, ["n1 down"]);
  assert.deepEqual(ends.node, ["n1"]);
});

test("nodes in one term lie side by side, in the order of the log", () => {
  const lanes = [0, 1, 2, 3, 4].map((k) => laneOf(k, 5));
  assert.ok(lanes.every((lane, k) => k === 0 || lane < lanes[k - 1]));
  assert.ok(Math.max(...lanes.map(Math.abs)) < 0.5);
  assert.ok(Math.abs(laneOf(8, 9)) < 0.5, "also with nine nodes they stay within their term");
});

test("the chart shows the last minutes, and the terms in them", () => {
  const points = [at("n1", 0, 1, "follower"), at("n1", 500, 4, "leader")];
  const { x, y } = ranges(points, 600_000_000, 180_000_000);
  assert.equal(x[0], 420);
  assert.equal(x[1], 600);
  assert.equal(ranges(points, 600_000_000, 180_000_000, 0.1).x[1], 620);
  assert.deepEqual(y, [0.5, 4.5]);
  assert.deepEqual(ranges([], 0, 180_000_000).x[0], 0);
  assert.ok(ranges([], 0, 180_000_000).y.every(Number.isFinite));
});

test("labels are kept apart and inside", () => {
  assert.deepEqual(spread([5, 5, 5], 1, 0, 10), [5, 4, 3]);
  const low = spread([0, 0, 0], 1, 0, 10);
  assert.deepEqual(low, [2, 1, 0]);
  assert.deepEqual(spread([1, 9], 1, 0, 10), [1, 9]);
  assert.deepEqual(spread([12], 1, 0, 10), [10]);
});

test("the line that stands there is the last one up to where one looks", () => {
  const lines = [{ seq: 3, text: "a" }, { seq: 9, text: "b" }];
  assert.equal(lineAt(lines, 0).text, "b");
  assert.equal(lineAt(lines, 8).text, "a");
  assert.equal(lineAt(lines, 9).text, "b");
  assert.equal(lineAt(lines, 2), null);
  assert.equal(lineAt([], 0), null);
});
