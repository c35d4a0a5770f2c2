import assert from "node:assert/strict";
import { test } from "node:test";

import { causalPast } from "../raftlock_widgets/static/causes.js";
import { MERGERS } from "../raftlock_widgets/static/merge.js";
import { columnsOf, elementsOf, lostAt, messageWords, nextElement, pastWords, precise, scale, splits, stretches } from "../raftlock_widgets/static/diagram.js";

const at = (seq, node, kind = "vote", role = "follower", term = 1, t = seq * 1000) => ["e", seq, node, t, kind, "words", term, role];
const sent = (seq, src, dst, got, end = "got") => ["m", seq, src, dst, "RV", seq * 1000, (got || seq) * 1000, end, got, 1];

test("what led to an event: its place's past, and that of each message that had arrived", () => {
  const items = [at(1, "n1"), sent(2, "n1", "n2", 4), at(3, "n3"), at(5, "n2"), sent(6, "n3", "n2", 8), at(7, "n2"), at(9, "n2")];
  assert.deepEqual([...causalPast(items, 7, "n2")].sort(), [1, 2, 5, 7]);
  assert.deepEqual([...causalPast(items, 9, "n2")].sort(), [1, 2, 3, 5, 6, 7, 9]);
  assert.deepEqual([...causalPast(items, 3, "n3")], [3]);
});

test("a message that is lost or on its way leads to nothing, and hops count", () => {
  const items = [at(1, "n1"), sent(2, "n1", "n2", 3, "cut"), sent(4, "n1", "n3", 5), sent(6, "n3", "n2", 7), at(8, "n2")];
  assert.deepEqual([...causalPast(items, 8, "n2")].sort(), [1, 2, 4, 6, 8]);
  const quiet = [at(1, "n1"), sent(2, "n1", "n2", 3, "cut"), at(8, "n2")];
  assert.deepEqual([...causalPast(quiet, 8, "n2")], [8]);
});

test("what only heartbeats told is part of it, and a request is part of its entry's past", () => {
  const items = [at(1, "n1"), at(2, "client:ann"), at(5, "n2")];
  assert.deepEqual([...causalPast(items, 5, "n2", [[5, "n1", 4]])].sort(), [1, 5]);
  const entry = [...at(6, "n2", "append"), "client:ann", 2, 2000, "ACQ"];
  assert.deepEqual([...causalPast([...items, entry], 6, "n2")].sort(), [2, 5, 6]);
});

test("near moments stand at their true distance, quiet stretches are short, and time runs down", () => {
  const elements = elementsOf({ items: [at(1, "n1", "vote", "follower", 1, 0), at(2, "n1", "vote", "follower", 1, 100_000), at(3, "n1", "vote", "follower", 1, 200_000), at(4, "n1", "vote", "follower", 1, 90_000_000)] });
  const { y, rows, height } = scale(elements, 0.2);
  assert.deepEqual(rows.map((row) => row.t), [0, 100_000, 200_000, 90_000_000]);
  assert.equal(Math.round(y(100_000) - y(0)), 20);
  assert.ok(y(90_000_000) - y(200_000) <= 62);
  assert.ok(y(45_000_000) > y(200_000) && y(45_000_000) < y(90_000_000));
  assert.ok(y(99_000_000) <= height);
  assert.equal(scale(elements, 0.2, 150_000).rows.length, 2, "what is to come has no row");
  assert.equal(scale([], 0.2).y(5) >= 0, true);
});

test("the 30,000th event is laid out as the first was", () => {
  const far = elementsOf({ items: Array.from({ length: 140 }, (_, k) => at(30_000 + k, "n1", "vote", "follower", 1, 3e9 + k * 50_000)) });
  const near = elementsOf({ items: Array.from({ length: 140 }, (_, k) => at(1 + k, "n1", "vote", "follower", 1, k * 50_000)) });
  assert.equal(scale(far, 0.2).height, scale(near, 0.2).height);
});

test("a fold that is open has the heartbeats that are still known", () => {
  const beat = ["m", 4, "n1", "n2", "HB", 4000, 9000, "got", 6, 1];
  const part = { items: [["b", 3, "", 3000, 4000, 9, 4, 2]], beats: [beat] };
  const [closed] = elementsOf(part);
  assert.equal(closed.words, "9 heartbeats, 2 lost");
  assert.equal(closed.open, false);
  const opened = elementsOf(part, new Set(["b3"]));
  assert.deepEqual(opened.map((each) => [each.sort, Boolean(each.beat)]), [["b", false], ["m", true]]);
  const first = elementsOf({ ...part, items: [["b", 4, "", 3000, 4000, 9, 4, 2]] }, new Set(["b4"]));
  assert.equal(new Set(first.map((each) => each.key)).size, 2, "each has a key of its own");
  assert.equal(elementsOf({ ...part, beats: [] }, new Set(["b3"])).length, 1);
});

test("messages are told in words, with what became of them", () => {
  assert.equal(messageWords("RV", "n2"), "asks n2 for its vote (RV)");
  assert.equal(messageWords("AE·1", "n2"), "sends n2 1 entry (AE·1)");
  assert.equal(messageWords("AE·3", "n2"), "sends n2 3 entries (AE·3)");
  assert.equal(messageWords("??", "n2"), "sends n2 a message (??)");
  const [arrived, lost] = elementsOf({ items: [sent(2, "n1", "n2", 4), sent(5, "n1", "n3", 6, "cut")] });
  assert.equal(arrived.words, "n1 asks n2 for its vote (RV) at 0:00.002; it arrives at 0:00.004");
  assert.deepEqual([arrived.seq, arrived.place], [4, "n2"]);
  assert.match(lost.words, /it is lost \(cut\)$/);
  assert.deepEqual([lost.seq, lost.place], [5, "n1"]);
});

test("arrow keys go through the events, and from place to place", () => {
  const elements = elementsOf({ items: [at(1, "n1"), at(2, "n2"), ["f", 3, "", 3000, "heal", "heal", []], at(9, "n1")] });
  const columns = ["n1", "n2", "n3"];
  const go = (from, key) => nextElement(elements, elements.find((each) => each.key === from), key, columns)?.key;
  assert.equal(go(2, "ArrowDown"), 9);
  assert.equal(go(2, "ArrowUp"), 1);
  assert.equal(go(9, "ArrowRight"), 2);
  assert.equal(go(2, "ArrowLeft"), 1);
  assert.equal(go(2, "ArrowRight"), undefined);
  assert.equal(nextElement(elements, elements[0], "x", columns), undefined);
  assert.equal(nextElement(elements, elements[0], "ArrowUp", columns), null);
  assert.match(pastWords(elements, new Set([1, 2, 9]), elements[3]), /^2 events at n1 and n2/);
});

test("a lost message ends between two lines, or at the door of one who is down", () => {
  assert.equal(lostAt(100, 200, [100, 200], "cut"), 155);
  assert.equal(lostAt(100, 300, [100, 210, 300], "loss"), 192);
  assert.equal(lostAt(300, 100, [100, 190, 300], "loss"), 208);
  assert.equal(lostAt(100, 300, [100, 200, 300], "down"), 288);
});

test("a split lasts until it is healed, also from before the beginning", () => {
  const items = [["f", 3, "", 3000, "heal", "heal", []], ["f", 5, "", 5000, "partition", "split", [["n1"], ["n2", "n3"]]]];
  assert.deepEqual(splits(items, [["n1", "n2"], ["n3"]]), [
    { from: null, words: "split n1 n2 | n3", to: 3000 }, { from: 5000, words: "split n1 | n2 n3", to: null }]);
  assert.deepEqual(splits([items[0]], null), []);
});

test("how a node stood, from its start on", () => {
  const start = { n1: ["leader", 1, "up"], n2: ["follower", 0, "down"] };
  const found = stretches(start, [at(5, "n1", "node", "down", 1), at(7, "n2", "role", "candidate", 2)], null);
  assert.deepEqual(found.map((each) => [each.node, each.role, each.from, each.to]), [
    ["n1", "leader", null, 5000], ["n2", "down", null, 7000], ["n1", "down", 5000, null], ["n2", "candidate", 7000, null]]);
});

test("columns, times and the folding of deltas", () => {
  assert.deepEqual(columnsOf(["n1", "n2"], [at(1, "client:bob"), at(2, "n1"), at(3, "client:ann")]), ["n1", "n2", "client:ann", "client:bob"]);
  assert.deepEqual(columnsOf(["n1"], [at(1, "client:cy"), at(2, "client:bob"), at(3, "client:ann")], 2), ["n1", "client:ann", "client:bob"], "those heard of last");
  assert.equal(precise(61_002_003), "1:01.002");
  const before = { start: {}, cut: 0, items: [sent(2, "n1", "n2", 0, "flying"), at(3, "n1")] };
  const after = MERGERS.spacetime(before, { start: {}, cut: 0, items: [sent(2, "n1", "n2", 5)] }, false);
  assert.deepEqual(after.items.map((item) => [item[1], item[7]]), [[2, "got"], [3, "follower"]]);
  assert.equal(MERGERS.spacetime(before, { items: [] }, true).items.length, 0);
});
