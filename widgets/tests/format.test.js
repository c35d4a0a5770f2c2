import assert from "node:assert/strict";
import { test } from "node:test";

import {
  SPEED_STEPS, count, fateWords, isHeartbeat, isReply, left, listed, nodeWords, opLines, roleLetter, runTime,
  speedLabel, speedOf, stepOf, votes,
} from "../raftlock_widgets/static/format.js";

test("run time", () => {
  assert.equal(runTime(0), "0:00.0");
  assert.equal(runTime(3_412_000), "0:03.4");
  assert.equal(runTime(61_999_999), "1:01.9");
});

test("time left", () => {
  assert.equal(left(-5), "0.0 s");
  assert.equal(left(7_440), "7.4 s");
  assert.equal(left(99_949), "99.9 s");
  assert.equal(left(125_000), "2 min 5 s");
  assert.equal(left(7_260_000), "2 h 1 min");
});

test("speed is said both ways", () => {
  assert.equal(speedLabel(1), "1× · as it happens");
  assert.equal(speedLabel(0.01), "0.01× · 1 s of screen = 10 ms of cluster");
  assert.equal(speedLabel(0.25), "0.25× · 1 s of screen = 250 ms of cluster");
});

test("the slider is logarithmic, ends at its ends, and finds its way back", () => {
  assert.equal(speedOf(0), 0.01);
  assert.equal(speedOf(SPEED_STEPS), 1);
  assert.equal(speedOf(SPEED_STEPS / 2), 0.1);
  assert.equal(stepOf(5), SPEED_STEPS);
  assert.equal(stepOf(0), 0);
  for (let step = 0; step <= SPEED_STEPS; step += 1) assert.ok(Math.abs(stepOf(speedOf(step)) - step) <= 3, step);
});

test("an operation in two lines", () => {
  assert.deepEqual(opLines("acq printer→alice"), ["acq", "printer→alice"]);
  assert.deepEqual(opLines("tick"), ["tick", ""]);
  assert.deepEqual(opLines(""), ["", ""]);
  assert.deepEqual(opLines(undefined), ["", ""]);
});

test("words", () => {
  assert.equal(count(1, "entry", "entries"), "1 entry");
  assert.equal(count(2, "entry", "entries"), "2 entries");
  assert.equal(listed(["n1"]), "n1");
  assert.equal(listed(["n1", "n2", "n3"]), "n1, n2 and n3");
  assert.equal(nodeWords({ state: "up", role: "leader" }), "leader");
  assert.equal(nodeWords({ state: "down", role: "follower" }), "down");
  assert.equal(nodeWords({ state: "frozen", role: "leader" }), "frozen leader");
});

test("what a node is, with or without a vote", () => {
  const learner = { state: "up", role: "follower", part: "learner" };
  assert.equal(nodeWords(learner), "learner");
  assert.equal(nodeWords({ ...learner, part: "no member" }), "no member");
  assert.equal(nodeWords({ ...learner, role: "leader", part: "no member" }), "leader (no member)");
  assert.equal(nodeWords({ ...learner, state: "frozen" }), "frozen learner");
  assert.equal(nodeWords({ ...learner, part: "voter" }), "follower");
  assert.equal(nodeWords({ state: "down", role: "follower", fate: "wiped" }), "down (disk lost)");
  assert.equal(nodeWords({ state: "down", role: "follower", fate: "killed" }), "down");
  assert.equal(fateWords({ fate: "stopped" }), "disk failed");
  assert.equal(fateWords({ fate: "" }), "down");
  assert.equal(votes({}), true);
  assert.equal(votes(learner), false);
  const letters = [learner, { ...learner, part: "no member" }, { ...learner, state: "down" },
    { ...learner, part: "voter" }, { ...learner, role: "leader" }, { state: "up", role: "riddle" }].map(roleLetter);
  assert.deepEqual(letters, ["ℓ", "–", "×", "F", "L", "?"]);
});

test("replies and heartbeats", () => {
  assert.ok(isReply({ type: "RequestVoteReply", label: "RV✗" }));
  assert.ok(!isReply({ type: "AppendEntries", label: "AE·2" }));
  assert.ok(isHeartbeat({ label: "HB" }) && isHeartbeat({ label: "HB✓" }));
  assert.ok(!isHeartbeat({ label: "AE·1" }));
});
