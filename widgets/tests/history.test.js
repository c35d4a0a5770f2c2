import assert from "node:assert/strict";
import { test } from "node:test";

import { neighbour } from "../raftlock_widgets/static/history.js";
import { MERGERS } from "../raftlock_widgets/static/merge.js";
import { bandLanes, bandWords, barWords, drawnUpTo, endOf, lanesOf, opOf, outcome, pointsOf, sentences, verdictOf } from "../raftlock_widgets/static/operations.js";

const row = (call, client, t, end = 0, status = "", { word = "", token = 0, op = "acquire", lock = "door", queued = 0, again = 0 } = {}) =>
  [call, client, op, lock, t * 1e6, end * 1e6, status, word, token, queued * 1e6, again];
const op = (...args) => opOf(row(...args));

test("what became of an operation, and where its bar ends", () => {
  assert.equal(outcome(op(1, "ann", 1, 2, "ok")), "done");
  assert.equal(outcome(op(1, "ann", 1, 2, "fail")), "refused");
  assert.equal(outcome(op(1, "ann", 1, 2, "unknown")), "unknown");
  assert.equal(outcome(op(1, "ann", 1)), "open");
  assert.equal(endOf(op(1, "ann", 1, 2, "ok"), 9e6), 2e6);
  assert.equal(endOf(op(1, "ann", 1), 9e6), 9e6);
  assert.equal(barWords(op(1, "ann", 1, 2, "ok", { token: 7 })), "✓ acquire door #7");
  assert.equal(barWords(op(1, "ann", 1, 2, "ok", { token: 7 }), false), "✓ acquire #7");
  assert.equal(barWords(op(1, "ann", 1, 2, "ok", { op: "get_lock_info", word: "free" }), false, true), "fits nowhere: look (free)");
});

test("what overlaps gets a row of its own, and no more rows than needed", () => {
  const lanes = lanesOf([op(1, "ann", 1, 5, "ok"), op(2, "bob", 2), op(3, "ann", 3, 4, "fail"), op(4, "ann", 5, 6, "ok"), op(5, "bob", 3, 4, "ok")], 9e6);
  assert.deepEqual(lanes.map(({ client, rows }) => [client, rows.map((each) => each.map((o) => o.call))]),
    [["ann", [[1, 4], [3]]], ["bob", [[2], [5]]]]);
  const here = lanes[0].rows[1][0];
  assert.equal(neighbour(lanes, here, "ArrowLeft").call, 1);
  assert.equal(neighbour(lanes, here, "ArrowRight").call, 4);
  assert.equal(neighbour(lanes, here, "ArrowDown").call, 5);
  assert.equal(neighbour(lanes, here, "ArrowUp"), null);
  assert.equal(neighbour(lanes, here, "x"), undefined);
});

test("the picture goes on while an answer is awaited, and otherwise rests", () => {
  assert.equal(drawnUpTo([op(1, "ann", 1, 2, "ok"), op(2, "bob", 3)], 90e6, 5e6), 90e6);
  assert.equal(drawnUpTo([op(1, "ann", 1, 2, "ok"), op(2, "bob", 3, 4, "fail")], 90e6, 5e6), 9e6);
  assert.equal(drawnUpTo([op(1, "ann", 1, 2, "ok")], 3e6, 5e6), 3e6);
});

test("faults lie in lanes, and say whom they befell", () => {
  const lanes = bandLanes([[1, "down", "n2", 1, 5], [2, "split", "n1 | n2 n3", 3, 0], [3, "frozen", "n3", 6, 7]], 9);
  assert.deepEqual(lanes.map((lane) => lane.map(bandWords)), [["n2 down", "n3 frozen"], ["split n1 | n2 n3"]]);
  assert.equal(lanes[1][0].to, 9);
});

test("each point has the state before it, also after what the lock did by itself", () => {
  const steps = [[4, 10, "log", "ann holds it"], [0, 20, "ttl", "nobody holds it"], [9, 30, "fits", "bob holds it"]];
  const { points, alone } = pointsOf([{ lock: "door", steps }]);
  assert.equal(points.get(4).before, "");
  assert.equal(points.get(9).before, "nobody holds it");
  assert.deepEqual(alone.map((each) => each.after), ["nobody holds it"]);
  const said = sentences(op(9, "bob", 1, 2, "ok", { word: "granted", token: 9, queued: 1.5 }), points.get(9), false);
  assert.match(said, /^bob asked to acquire door at 1\.000 s and was answered at 2\.000 s: granted, token 9\./);
  assert.match(said, /queue from 1\.500 s/);
  assert.match(said, /a moment chosen to explain the answers\. Before: nobody holds it; after: bob holds it\.$/);
  assert.match(sentences(op(3, "cy", 1, 2, "unknown"), undefined, true), /given up.*No order explains this answer\./);
});

test("the verdict names the first error, and owns up to what was not judged", () => {
  const lock = (name, verdict, stuck = 0) => ({ lock: name, verdict, stuck, text: `${name}: ${verdict}`, steps: [] });
  assert.deepEqual(verdictOf([lock("a", "illegal", 9), lock("b", "illegal", 4), lock("c", "legal")]), { kind: "broken", text: "b: illegal", stuck: 4 });
  assert.equal(verdictOf([lock("a", "legal")]).text, "a: legal");
  assert.equal(verdictOf([lock("a", "legal"), lock("b", "legal")]).kind, "holds");
  const some = verdictOf([lock("a", "legal"), lock("b", "unknown")]);
  assert.equal(some.kind, "unknown");
  assert.match(some.text, /1 lock: .* Not judged: b\./);
});

test("news of the history takes the place of what was known", () => {
  const before = { ops: [row(1, "ann", 1)], locks: [{ lock: "door", verdict: "unknown" }], bands: [], cut: 0 };
  const after = MERGERS.history(before, { ops: [row(1, "ann", 1, 2, "ok"), row(5, "bob", 2)], locks: [{ lock: "door", verdict: "legal" }], bands: [[1]], cut: 3 }, false);
  assert.deepEqual(after.ops.map((each) => [each[0], each[6]]), [[1, "ok"], [5, ""]]);
  assert.deepEqual(after.locks, [{ lock: "door", verdict: "legal" }]);
  assert.equal(after.cut, 3);
  assert.equal(MERGERS.history(before, { ops: [], locks: [], bands: [], cut: 0 }, true).ops.length, 0);
});
