import assert from "node:assert/strict";
import { test } from "node:test";

import { causalPast } from "../raftlock_widgets/static/causes.js";
import { MERGERS } from "../raftlock_widgets/static/merge.js";
import { columnsOf, precise, scale, stretches } from "../raftlock_widgets/static/spacetime.js";

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

test("quiet stretches are short, and time runs down", () => {
  const { at: y, times } = scale([at(1, "n1"), at(2, "n1"), at(900, "n1")]);
  assert.deepEqual(times, [1000, 2000, 900_000]);
  assert.ok(y(1000) < y(2000) && y(2000) < y(900_000));
  assert.ok(y(900_000) - y(2000) < 50);
  assert.ok(y(2000) - y(1000) >= 15);
});

test("how a node stood, from its start on", () => {
  const start = { n1: ["leader", 1, "up"], n2: ["follower", 0, "down"] };
  const found = stretches(start, [at(5, "n1", "node", "down", 1), at(7, "n2", "role", "candidate", 2)], null);
  assert.deepEqual(found.map((each) => [each.node, each.role, each.from, each.to]), [
    ["n1", "leader", null, 5000], ["n2", "down", null, 7000], ["n1", "down", 5000, null], ["n2", "candidate", 7000, null]]);
});

test("columns, times and the folding of deltas", () => {
  assert.deepEqual(columnsOf(["n1", "n2"], [at(1, "client:bob"), at(2, "n1"), at(3, "client:ann")]), ["n1", "n2", "client:ann", "client:bob"]);
  assert.equal(precise(61_002_003), "1:01.002");
  const before = { start: {}, cut: 0, items: [sent(2, "n1", "n2", 0, "flying"), at(3, "n1")] };
  const after = MERGERS.spacetime(before, { start: {}, cut: 0, items: [sent(2, "n1", "n2", 5)] }, false);
  assert.deepEqual(after.items.map((item) => [item[1], item[7]]), [[2, "got"], [3, "follower"]]);
  assert.equal(MERGERS.spacetime(before, { items: [] }, true).items.length, 0);
});
