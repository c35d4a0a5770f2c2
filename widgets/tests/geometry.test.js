import assert from "node:assert/strict";
import { test } from "node:test";

import {
  HEIGHT, WIDTH, along, diamond, flight, lane, ringLayout, timerLeft,
} from "../raftlock_widgets/static/geometry.js";

for (let n = 1; n <= 9; n += 1) {
  test(`${n} nodes fit into the picture and do not touch`, () => {
    const { places, node, timer } = ringLayout(n);
    assert.equal(places.length, n);
    for (const { x, y } of places) {
      assert.ok(x - timer >= 4 && x + timer <= WIDTH - 4, `x ${x}`);
      assert.ok(y - timer >= 12 && y + timer <= HEIGHT - 4, `y ${y}`);
    }
    places.forEach((a, k) => places.slice(k + 1).forEach((b) => {
      assert.ok(Math.hypot(a.x - b.x, a.y - b.y) > 2 * timer + 6);
    }));
    assert.ok(node >= 20);
  });
}

test("the first node stands at the top, in the middle", () => {
  const { places } = ringLayout(5);
  assert.ok(Math.abs(places[0].x - WIDTH / 2) < 1e-9);
  assert.ok(places.every((place) => place.y >= places[0].y));
});

test("opposite directions have separate lanes, a fixed distance apart", () => {
  const [a, b] = [{ x: 10, y: 20 }, { x: 200, y: 90 }];
  const there = lane(a, b, 30, 7);
  const back = lane(b, a, 30, 7);
  const p = along(there, 0.5);
  const q = along(back, 0.5);
  assert.ok(Math.abs(Math.hypot(p.x - q.x, p.y - q.y) - 14) < 1e-9);
  assert.ok(Math.abs(there.length - (Math.hypot(190, 70) - 60)) < 1e-9);
});

test("nodes that lie on each other make no nonsense", () => {
  const path = lane({ x: 1, y: 1 }, { x: 1, y: 1 }, 30);
  assert.ok(Object.values(path).every(Number.isFinite));
});

test("a point along a lane stays on it", () => {
  const path = lane({ x: 0, y: 0 }, { x: 100, y: 0 }, 0, 0);
  assert.equal(along(path, -1).x, 0);
  assert.equal(along(path, 0.25).x, 25);
  assert.equal(along(path, 2).x, 100);
});

test("a message flies from its sending to its delivery", () => {
  const message = { t0: 1000, t1: 2000, fate: "flying" };
  assert.deepEqual(flight(message, 1500, 2000), { part: 0.5, lost: false, begun: true });
  assert.equal(flight(message, 500, 2000).part, 0);
  assert.equal(flight(message, 500, 2000).begun, false);
  assert.equal(flight(message, 9000, 2000).part, 1);
});

test("a lost message stops where it was lost", () => {
  const message = { t0: 1000, t1: 2000, fate: "lost", stop: 1500 };
  assert.deepEqual(flight(message, 1400, 1500), { part: 0.4, lost: false, begun: true });
  assert.deepEqual(flight(message, 1900, 1500), { part: 0.5, lost: true, begun: true });
});

test("a timer empties from its setting to its deadline", () => {
  const timer = { deadline: 3000, duration: 2000 };
  assert.equal(timerLeft(timer, 1000), 1);
  assert.equal(timerLeft(timer, 2000), 0.5);
  assert.equal(timerLeft(timer, 4000), 0);
  assert.equal(timerLeft(null, 4000), 0);
  assert.equal(timerLeft({ deadline: 1, duration: 0 }, 0), 0);
});

test("a diamond has four corners", () => {
  assert.equal(diamond(5), "0,-5 5,0 0,5 -5,0");
});
