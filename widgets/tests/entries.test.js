import assert from "node:assert/strict";
import { test } from "node:test";

import { cellWords, disagree, entryAt, originOf, originWords } from "../raftlock_widgets/static/entries.js";
import { ledgerRows } from "../raftlock_widgets/static/ledger.js";
import { MERGERS } from "../raftlock_widgets/static/merge.js";

const log = (first, ...terms) => ({ first, base: first - 1, entries: terms.map((t, k) => ({ i: first + k, t, op: `op ${t}` })) });

test("an entry by its index, also in a log whose beginning is gone", () => {
  assert.equal(entryAt(log(5, 1, 2), 6).t, 2);
  assert.equal(entryAt(log(5, 1, 2), 4), null);
  assert.equal(entryAt(undefined, 1), null);
  assert.equal(entryAt({ entries: [] }, 1), null);
});

test("nodes differ where their terms do; a missing entry is no difference", () => {
  const logs = [log(1, 1, 1, 3), log(1, 1, 2), log(1, 1)];
  assert.deepEqual([1, 2, 3, 4].map((index) => disagree(logs, index)), [false, true, false, false]);
  assert.deepEqual(ledgerRows(logs), [{ index: 1, odd: false }, { index: 2, odd: true }, { index: 3, odd: false }]);
  assert.deepEqual(ledgerRows([]), []);
});

test("where an entry comes from, in words", () => {
  const origins = [{ i: 3, t: 1, by: "n1", at: 1_200_000, of: ["n1", "n3"], done: 1_600_000 }, { i: 4, t: 1, by: "n1", at: 2_000_000, of: [], done: 0 }];
  assert.equal(originWords(originOf(origins, 3, 1)), "written by n1 at 0:01.2, committed at 0:01.6 with n1 and n3");
  assert.equal(originWords(originOf(origins, 4, 1)), "written by n1 at 0:02.0, not committed yet");
  assert.equal(originWords(originOf(origins, 3, 2)), "");
  const node = { id: "n2", commit: 3, applied: 2 };
  assert.equal(cellWords(node, log(3, 1), 3, origins),
    "n2, entry 3, term 1: op 1; written by n1 at 0:01.2, committed at 0:01.6 with n1 and n3; committed, not yet applied here.");
  assert.match(cellWords(node, log(3, 1), 2, origins), /snapshot stands for it/);
  assert.match(cellWords(node, log(3, 1), 9, origins), /has no entry 9/);
});

test("a row of origins takes the place of the one before", () => {
  const before = [{ i: 1, t: 1, done: 0 }, { i: 2, t: 1, done: 0 }];
  const after = MERGERS.origins(before, [{ i: 1, t: 1, done: 7 }], false);
  assert.deepEqual(after.map((row) => [row.i, row.done]), [[2, 0], [1, 7]]);
});
