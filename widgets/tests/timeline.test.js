import assert from "node:assert/strict";
import { test } from "node:test";

import { summary } from "../raftlock_widgets/static/checks.js";
import { empty, merge, placeOf } from "../raftlock_widgets/static/frames.js";
import { MERGERS } from "../raftlock_widgets/static/merge.js";
import { bands, wordsAt } from "../raftlock_widgets/static/timeline.js";

const mark = (seq, t, kind, term = 1, text = "") => [seq, t, kind, "n1", term, text];

test("each term has its stretch of time, the last up to now", () => {
  assert.deepEqual(bands([], 10), []);
  const marks = [mark(1, 5, "term", 1), mark(2, 6, "commit", 1), mark(3, 9, "term", 2)];
  assert.deepEqual(bands(marks, 20), [{ term: 1, from: 5, to: 9 }, { term: 2, from: 9, to: 20 }]);
});

test("a moment is told by what was marked near it", () => {
  const marks = [mark(1, 0, "election", 1, "n1 leads"), mark(2, 5_000_000, "fault", 1, "cut")];
  assert.equal(wordsAt(marks, 1_000_000), "n1 leads");
  assert.equal(wordsAt(marks, 4_000_000), "");
  assert.equal(wordsAt(marks, 5_000_001), "cut");
});

test("new marks are laid behind those before, each once", () => {
  const fold = MERGERS.track;
  const known = fold(undefined, [mark(1, 0, "term")], true);
  assert.deepEqual(fold(known, [mark(1, 0, "term"), mark(4, 9, "commit")], false).map((m) => m[0]), [1, 4]);
  assert.deepEqual(fold(known, { all: [mark(7, 1, "note")] }, false).map((m) => m[0]), [7]);
  assert.deepEqual(fold(undefined, [mark(3, 1, "note")], false).map((m) => m[0]), [3]);
});

const frame = (over) => ({ type: "frame", full: true, seq: 1, t: 5, speed: 1, paused: false, run: 0, nodes: [], messages: [],
  events: [], cursor: { live: true, seq: 9, t: 5, first: 0, last: 9, last_t: 5 }, ...over });

test("who looks back sees no new run, and only the messages of then", () => {
  const state = empty();
  merge(state, frame({ track: [mark(1, 0, "term")], messages: [{ id: 8, t0: 1, t1: 9, fate: "flying" }] }));
  merge(state, frame({ seq: 2, t: 2, cursor: { live: false, seq: 4, t: 2, first: 0, last: 9, last_t: 5 },
    messages: [{ id: 3, t0: 1, t1: 9, fate: "flying" }] }));
  assert.equal(state.run, 0);
  assert.deepEqual([...state.messages.keys()], [3]);
  assert.equal(state.parts.track.length, 1);
  assert.equal(placeOf(state.cursor), "4");
  merge(state, frame({ seq: 3, run: 1, t: 0 }));
  assert.equal(state.run, 1);
  assert.deepEqual(state.parts, {});
});

test("the promises in one line", () => {
  const rows = (...states) => states.map((state) => ({ state }));
  assert.equal(summary([]), "");
  assert.equal(summary(rows("holds", "holds")), "all 2 hold");
  assert.equal(summary(rows("holds", "broken")), "a promise is broken");
  assert.equal(summary(rows("broken", "broken", "unknown")), "2 promises are broken");
  assert.match(summary(rows("holds", "expected")), /lost its disk/);
  assert.match(summary(rows("unknown")), /not known/);
});
