import assert from "node:assert/strict";
import { test } from "node:test";

import { isNews, utterance } from "../raftlock_widgets/static/announce.js";
import { TOPICS, asText, fits, sifts } from "../raftlock_widgets/static/sift.js";

const line = (kind, text, more = {}) => ({ seq: 1, t: 9_100_000, kind, text, node: "", level: "info", rule: "", ...more });
const all = { topic: "", node: "", find: "" };

test("without a wish everything fits", () => {
  assert.equal(sifts(all), false);
  assert.equal(fits(line("anything", "at all"), all), true);
  assert.equal(sifts({ ...all, find: "  " }), false);
});

test("a topic, a node and words leave out the rest", () => {
  const votes = line("vote", "n3 votes for n1 in term 1.", { node: "n3" });
  assert.equal(fits(votes, { ...all, topic: "elections" }), true);
  assert.equal(fits(votes, { ...all, topic: "locks" }), false);
  assert.equal(fits(votes, { ...all, node: "n3" }), true);
  assert.equal(fits(votes, { ...all, node: "n1" }), true, "it is named");
  assert.equal(fits(votes, { ...all, node: "n2" }), false);
  assert.equal(fits(votes, { ...all, find: "VOTES FOR" }), true);
  assert.equal(fits(votes, { topic: "elections", node: "n3", find: "term 2" }), false);
});

test("a node's name inside another's is not that node", () => {
  const told = line("node", "The disk of n1 is lost: n1.2 begins.");
  assert.equal(fits(told, { ...all, node: "n1" }), true);
  assert.equal(fits(line("node", "n1.2 begins."), { ...all, node: "n1" }), false);
  assert.equal(fits(line("node", "It is n1."), { ...all, node: "n1" }), true);
  assert.equal(fits(line("node", "n11 starts."), { ...all, node: "n1" }), false);
});

test("no kind belongs to two topics", () => {
  const kinds = TOPICS.flatMap(([, , each]) => each);
  assert.equal(new Set(kinds).size, kinds.length);
});

test("lines become text with their times", () => {
  assert.equal(asText([line("a", "One."), line("b", "Two.")]), "0:09.1\tOne.\n0:09.1\tTwo.");
});

test("elections and grants are told by themselves, and nothing else is", () => {
  assert.equal(isNews(line("role", "n1 leads", { rule: "BecomeLeader" })), true);
  assert.equal(isNews(line("role", "n1 stands", { rule: "Timeout" })), false);
  assert.equal(isNews(line("lock", "alice holds", { level: "good" })), true);
  assert.equal(isNews(line("lock", "bob waits")), false);
  assert.equal(isNews(line("lock", "alice's time is over; bob, next in the queue, holds p with token 7 for 5 s.", { level: "warn" })), true);
  assert.equal(isNews(line("commit", "Entry 1")), false);
});

test("much at once is summed up", () => {
  const lines = ["One.", "Two.", "Three.", "Four."].map((text) => line("lock", text));
  assert.equal(utterance(lines.slice(0, 2)), "One. Two.");
  assert.equal(utterance(lines), "2 more before. Three. Four.");
});
