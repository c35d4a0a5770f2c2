import assert from "node:assert/strict";
import { test } from "node:test";

import { MERGERS } from "../raftlock_widgets/static/merge.js";
import { looks, missingWords, sources, worst } from "../raftlock_widgets/static/metrics.js";

const part = {
  lag: [[1, 1_000_000, "n1", 2], [2, 1_500_000, "n2", 5], [3, 2_000_000, "n2", 0]],
  failovers: [[4, 3_000_000, 640, "n1", "n2", 2]],
  calls: [[5, 4_000_000, "ann", "acquire", 12, "ok", false], [6, 5_000_000, "bob", "enqueue_waiter", 900, "fail", true]],
};

test("each figure gets its rows as columns of one length", () => {
  const all = sources(part, ["n1", "n2"], "light");
  for (const [name, columns] of Object.entries(all)) {
    const lengths = new Set(Object.values(columns).map((column) => column.length));
    assert.equal(lengths.size, 1, name);
  }
  assert.deepEqual(all.failovers.y, [640]);
  assert.deepEqual([all.failovers.before, all.failovers.node, all.failovers.term], [["n1"], ["n2"], [2]]);
  assert.deepEqual([all.latency.node, all.latency.y], [["ann"], [12]]);
  assert.deepEqual([all.waits.what, all.waits.status], [["enqueue waiter"], ["fail"]]);
});

test("the line is the furthest behind, as it changed", () => {
  assert.deepEqual(worst(part.lag), { x: [1, 1.5, 2], y: [2, 5, 2] });
  assert.deepEqual(worst([]), { x: [], y: [] });
});

test("what is missing is said", () => {
  assert.equal(missingWords(sources(part, ["n1"], "dark")), "");
  assert.match(missingWords(sources(undefined, [], "light")), /no leader was lost yet, nobody stood in a queue/);
});

test("names differ in colour or in shape", () => {
  const made = [...looks(Array.from({ length: 8 }, (_, k) => `n${k}`), "light").values()].map((look) => look.marker);
  assert.equal(new Set(made).size, 8);
});

test("new figures are laid behind those before, each once", () => {
  const before = { lag: [[1, 0, "n1", 1]], failovers: [], calls: [] };
  const after = MERGERS.metrics(before, { lag: [[1, 0, "n1", 1], [3, 5, "n1", 0]], failovers: [], calls: [] }, false);
  assert.deepEqual(after.lag.map((row) => row[0]), [1, 3]);
  assert.equal(MERGERS.metrics(before, { lag: [] }, true).lag.length, 0);
});
