import assert from "node:assert/strict";
import { test } from "node:test";

import { addressFor, addresses, outcome, reached, runIn, sceneShown } from "../raftlock_widgets/static/scenes.js";

test("a stop is reached at its event", () => {
  assert.deepEqual([0, 9, 10, 11, 99].map((seq) => reached([10, 20, 30], seq)), [0, 0, 1, 1, 3]);
});

test("a run is found in an address, wherever it stands in it", () => {
  const text = "s=figure-8&off=CommitOldTerms&a=1:note:50%25";
  const told = `raftlock=${encodeURIComponent(text)}`;
  assert.equal(runIn(`http://hub/user/me/lab?token=1&${told}`), text);
  assert.equal(runIn(`http://hub/lab/tree/a.ipynb#${told}`), text);
  assert.equal(runIn(`http://hub/lab?x=1#page?${told}`), text);
  assert.equal(runIn("http://hub/lab?raft=1#top"), "");
  assert.equal(runIn(""), "");
});

test("an address that is passed on holds the run, and no token", () => {
  const page = { origin: "http://hub", pathname: "/user/me/lab/tree/a.ipynb", search: "?token=secret" };
  const address = addressFor(page, "s=figure-8&off=CommitOldTerms");
  assert.ok(!address.includes("secret"));
  assert.equal(runIn(address), "s=figure-8&off=CommitOldTerms");
});

test("the address under which the page was opened counts too", () => {
  const navigation = { getEntriesByType: () => [{ name: "http://hub/lab?raftlock=s" }] };
  assert.deepEqual(addresses({ location: { href: "http://hub/lab" }, performance: navigation }), ["http://hub/lab", "http://hub/lab?raftlock=s"]);
  assert.deepEqual(addresses({}), ["", ""]);
});

test("what a scene comes to is said when it has come to it", () => {
  const fine = { events: [10, 20], broken: null };
  assert.equal(outcome(fine, "durability", 19), "");
  assert.equal(outcome(fine, "durability", 20), "Every promise holds.");
  assert.match(outcome(fine, "", 20), /whether anything goes on/);
  const broken = { events: [10, 20], broken: ["durability", 15, "n1 forgot."] };
  assert.equal(outcome(broken, "durability", 14), "");
  assert.equal(outcome(broken, "durability", 15), "Broken: durability. n1 forgot.");
  const late = { events: [10, 20], broken: ["linearizability", 40, "No order."] };
  assert.equal(outcome(late, "linearizability", 19), "");
  assert.equal(outcome(late, "linearizability", 20), "Broken in the end: linearizability. No order.");
});

test("the scene is that of the branch that is shown", () => {
  const scene = { name: "figure-8", without: false, left: false };
  assert.equal(sceneShown({ cursor: {} }), null);
  assert.equal(sceneShown({ cursor: { branches: [{ shown: false, scene }, { shown: true, scene: null }] } }), null);
  assert.equal(sceneShown({ cursor: { branches: [{ shown: true, scene }] } }), scene);
});
