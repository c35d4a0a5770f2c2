import assert from "node:assert/strict";
import { test } from "node:test";

import { DELAY_MS, RunClock, clusterNow } from "../raftlock_widgets/static/clock.js";

const MS = 1000;

/** Readings every 50 ms at `speed`, each `late(k)` ms late; the clock is drawn every 16 ms. */
function watch({ speed = 1, late = () => 0, until = 3000, stop = Infinity }) {
  const clock = new RunClock();
  const drawn = [];
  let reading = 0;
  for (let local = 0; local <= until; local += 1) {
    while (reading * 50 + late(reading) <= local && reading * 50 <= stop) {
      clock.sample(reading * 50 * MS * speed, speed, false, local);
      reading += 1;
    }
    if (local % 16 === 0) drawn.push({ local, now: clock.now(local) });
  }
  return drawn;
}

const neverBack = (drawn) => drawn.every((d, k) => k === 0 || d.now >= drawn[k - 1].now);

test("before the first reading there is no time", () => {
  assert.equal(new RunClock().now(5), 0);
});

test("it follows the kernel, a little behind, and never goes back", () => {
  const drawn = watch({});
  assert.ok(neverBack(drawn));
  const last = drawn[drawn.length - 1];
  assert.ok(Math.abs(last.now - (last.local - DELAY_MS) * MS) < 5 * MS);
});

test("late readings do not make it jump", () => {
  const drawn = watch({ late: (k) => [0, 8, 3, 40, 12][k % 5] });
  assert.ok(neverBack(drawn));
  const steps = drawn.slice(30).map((d, k) => d.now - drawn[29 + k].now);
  assert.ok(Math.max(...steps) < 25 * MS, `largest step ${Math.max(...steps)}`);
  assert.ok(Math.min(...steps) > 8 * MS, `smallest step ${Math.min(...steps)}`);
});

test("at a hundredth of the speed it runs a hundredth as fast", () => {
  const drawn = watch({ speed: 0.01 });
  const [a, b] = [drawn[60], drawn[120]];
  const rate = (b.now - a.now) / ((b.local - a.local) * MS);
  assert.ok(Math.abs(rate - 0.01) < 0.0005);
});

test("when the kernel falls silent the picture stops soon", () => {
  const drawn = watch({ stop: 1000, until: 6000 });
  assert.ok(drawn[drawn.length - 1].now <= 2_400 * MS);
  assert.ok(neverBack(drawn));
});

test("paused, it stands exactly where the kernel stands", () => {
  const clock = new RunClock();
  clock.sample(1_000_000, 1, false, 0);
  clock.now(16);
  clock.sample(1_050_000, 1, true, 50);
  assert.equal(clock.now(60), 1_050_000);
  assert.equal(clock.now(5000), 1_050_000);
  assert.equal(clock.running, false);
});

test("a starved cluster slows the picture down, and it does not run ahead", () => {
  const clock = new RunClock();
  let t = 0;
  for (let local = 0; local < 2000; local += 50) {
    t += 10 * MS; // only a fifth of the time passes there
    clock.sample(t, 1, false, local);
    assert.ok(clock.now(local) <= t + 1300 * MS);
  }
});

test("a reading far in the past is another run", () => {
  const clock = new RunClock();
  clock.sample(60_000_000, 1, false, 0);
  clock.now(10);
  clock.sample(0, 1, false, 20);
  assert.ok(clock.now(30) < 1_000_000);
});

test("cluster time runs on only where it runs", () => {
  assert.equal(clusterNow({ ms: 500, at: 1_000_000, running: true }, 3_000_000), 2500);
  assert.equal(clusterNow({ ms: 500, at: 1_000_000, running: false }, 3_000_000), 500);
  assert.equal(clusterNow({ ms: 500, at: 3_000_000, running: true }, 1_000_000), 500);
  assert.equal(clusterNow(undefined, 1), 0);
});
