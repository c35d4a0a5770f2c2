import assert from "node:assert/strict";
import { test } from "node:test";

import { OfflineModel, moment, nextMark, stretch } from "../raftlock_widgets/static/offline.js";
import { matching } from "../raftlock_widgets/static/rules.js";

const frames = [[0, { full: true, t: 0 }], [2, { full: false, t: 10 }], [5, { full: true, t: 20 }], [9, { full: false, t: 40 }]];
const track = [[2, 10, "term", "n1", 1, "term 1"], [5, 20, "grant", "n1", 1, "a holds b"], [9, 40, "term", "n2", 2, "term 2"]];

test("what has to be read begins with the last whole frame", () => {
  assert.deepEqual(stretch(frames, 0), { start: 0, end: 0 });
  assert.deepEqual(stretch(frames, 4), { start: 0, end: 1 });
  assert.deepEqual(stretch(frames, 5), { start: 2, end: 2 });
  assert.deepEqual(stretch(frames, 99), { start: 2, end: 3 });
});

test("an event is part of a moment, which has a number of its own", () => {
  assert.deepEqual([0, 1, 2, 3, 5, 6, 9, 99].map((seq) => moment(frames, seq)), [0, 1, 1, 2, 2, 3, 3, 3]);
});

test("marks before and after", () => {
  assert.equal(nextMark(track, "term", frames, 1, 1)[0], 9);
  assert.equal(nextMark(track, "term", frames, 1, -1), null);
  assert.equal(nextMark(track, "term", frames, 3, -1)[0], 2);
  assert.equal(nextMark(track, "term", frames, 3, 1), null);
  assert.equal(nextMark(track, "grant", frames, 2, -1), null);
});

function talk() {
  const model = new OfflineModel({ frames, track });
  const heard = [];
  model.on("msg:custom", (message) => heard.push(message));
  const ask = async (verb, args = {}) => {
    heard.length = 0;
    model.send({ type: "do", id: "1", verb, args });
    await Promise.resolve();
    return heard.find((message) => message.type === "done");
  };
  return { model, heard, ask };
}

test("the file opens at its end, and goes wherever it is told", async () => {
  const { model, heard, ask } = talk();
  model.send({ type: "hello" });
  assert.deepEqual(heard.map((frame) => [frame.full, frame.t, frame.paused]), [[true, 40, true], [false, 40, true]]);
  assert.deepEqual(heard[0].track, track);
  assert.equal((await ask("seek", { seq: 3 })).ok, true);
  assert.deepEqual(heard.filter((m) => m.type === "frame").map((f) => f.cursor.seq), [5]);
  assert.equal((await ask("back")).ok, true);
  assert.deepEqual(heard.filter((m) => m.type === "frame").map((f) => f.cursor.seq), [2, 2]);
  assert.equal((await ask("back")).ok, true);
  assert.equal(heard[0].cursor.seq, 0);
  assert.equal((await ask("back")).ok, false);
  assert.equal((await ask("forward")).ok, true);
  assert.equal((await ask("jump", { kind: "term", by: 1 })).ok, true);
  assert.equal(heard[0].cursor.seq, 9);
  assert.equal((await ask("seek", { t: 25 })).ok, true);
  assert.equal(heard[0].cursor.seq, 5);
});

test("what is recorded cannot be changed", async () => {
  const { ask } = talk();
  const done = await ask("kill", { node: "n1" });
  assert.equal(done.ok, false);
  assert.match(done.text, /nothing can be done to it/);
});

test("rules are found by any of their words", () => {
  const rules = [{ number: 3, name: "VoteAgain", story: "A node votes twice.", breaks: "one vote a term" },
    { number: 0, name: "KeepToken", story: "The token stays.", breaks: "fencing" }];
  assert.equal(matching(rules, "").length, 2);
  assert.deepEqual(matching(rules, "TOKEN fenc").map((rule) => rule.name), ["KeepToken"]);
  assert.deepEqual(matching(rules, "3 vote").map((rule) => rule.name), ["VoteAgain"]);
});

test("a figure comes with the library that draws it once, or it is said that there is none", async () => {
  const told = (run, content) => new Promise((resolve) => {
    const model = new OfflineModel(run);
    model.on("msg:custom", (message, buffers) => resolve({ message, buffers }));
    model.send(content);
  });
  const frames = [[0, { full: true, t: 0 }]];
  const charts = { version: "1.2", library: "lib", terms: { of: "terms" } };
  const first = await told({ frames, track: [], charts }, { type: "chart", which: "terms", library: true });
  assert.deepEqual(first, { message: { type: "chart", which: "terms", version: "1.2", item: { of: "terms" } }, buffers: ["lib"] });
  const again = await told({ frames, track: [], charts }, { type: "chart", which: "terms", library: false });
  assert.deepEqual(again.buffers, []);
  const none = await told({ frames, track: [] }, { type: "chart", which: "terms", library: true });
  assert.equal(none.message.type, "chart-missing");
});
