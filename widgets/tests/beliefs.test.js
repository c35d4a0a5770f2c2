import assert from "node:assert/strict";
import { test } from "node:test";

import { beliefsOf, holdersOf, writeWords } from "../raftlock_widgets/static/beliefs.js";
import { believedLeft, termsWords } from "../raftlock_widgets/static/locks.js";

const holder = (id, token, until, state = "up") => ({ id, state, holds: [{ lock: "door", token, until }] });
const row = (owner, token) => ({ lock: "door", owner, token });
const signs = (clients, table, { now = 0, applied = 40 } = {}) => beliefsOf(clients, table, now, applied)
  .map((each) => `${each.client} ${each.sign}`);

test("a belief that the table shares", () => {
  assert.deepEqual(signs([holder("ann", 33, 9)], [row("ann", 33)]), ["ann same"]);
});

test("two who believe that they hold one lock: the table says who is wrong", () => {
  const told = beliefsOf([holder("ann", 33, 9, "frozen"), holder("bob", 34, 9)], [row("bob", 34)], 0, 40);
  assert.deepEqual(told.map((each) => each.sign), ["other", "same"]);
  assert.match(told[0].words, /gave it to bob, #34/);
});

test("a lock that was taken back, and one that is not there yet", () => {
  assert.deepEqual(signs([holder("ann", 33, 9)], [row("", 33)]), ["ann other"]);
  assert.deepEqual(signs([holder("ann", 33, 9)], []), ["ann other"]);
  assert.deepEqual(signs([holder("ann", 33, 9)], [], { applied: 32 }), ["ann ahead"]);
  assert.deepEqual(signs([holder("ann", 33, 9)], [row("", 20)], { applied: 32 }), ["ann ahead"]);
});

test("a holder whose own time is up relies on nothing, though the table has it yet", () => {
  assert.deepEqual(signs([holder("ann", 33, 9)], [row("ann", 33)], { now: 10 }), ["ann past"]);
  assert.deepEqual(signs([], [row("bob", 33)], { now: 10 }), ["bob unheard"], "a client of another program");
  assert.deepEqual(signs([], [row("", 33)]), []);
});

test("writes in words", () => {
  assert.equal(writeWords({ accepted: true, token: 34, over: 33 }), "taken");
  assert.equal(writeWords({ accepted: false, token: 33, over: 34 }), "refused: 33 < 34");
  assert.match(writeWords({ accepted: true, token: 33, over: 34 }), /though #34/);
});

test("the second hand: the time its holder counts, or none", () => {
  const lock = { lock: "door", owner: "ann", token: 33, ttl: 10_000 };
  assert.equal(believedLeft(holder("ann", 33, 5_000_000), lock, 1_000_000), 4000);
  assert.equal(believedLeft(holder("ann", 32, 5_000_000), lock, 1_000_000), null);
  assert.equal(believedLeft(holder("ann", 33, 5_000_000), lock, 6_000_000), null);
  assert.equal(believedLeft(undefined, lock, 0), null);
});

test("a lock that several hold: each of them is held against the table", () => {
  const shared = { ...row("ann", 33), shared: true, others: [{ client: "bob", token: 34 }, { client: "eve", token: 36 }] };
  assert.deepEqual(holdersOf(shared).map((one) => `${one.client} ${one.token}`), ["ann 33", "bob 34", "eve 36"]);
  assert.deepEqual(holdersOf(row("", 0)), []);
  assert.deepEqual(signs([holder("ann", 33, 9), holder("bob", 34, 9), holder("dan", 35, 9)], [shared]),
    ["ann same", "bob same", "dan other", "eve unheard"]);
});

test("on which terms a lock is held, in words", () => {
  assert.equal(termsWords({}), "");
  assert.equal(termsWords({ shared: true }), "shared");
  assert.equal(termsWords({ permits: 3 }), "1 of 3");
  assert.equal(termsWords({ permits: 3, slot: 2 }), "permit 2 of 3");
});
