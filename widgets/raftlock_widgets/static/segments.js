// The points of the roles-over-time chart as lines to draw. Pure.
//
// Every node has a lane within each term, so that nodes in one term lie side by side. A stay is a
// piece of time in one term and one role; a rise joins two terms. While a node is down or frozen
// there is nothing.

import { termLine } from "./palette.js";

const LANE = 0.13; // between two nodes' lines in one term, at most
const LANES = 0.8; // the part of a term's height that all of them take, at most

/** How far above its term a node's line lies; the first node on top, as in the log. */
export const laneOf = (k, count) => ((count - 1) / 2 - k) * Math.min(LANE, LANES / count);

/** Columns for the chart's sources up to run time `now`, for `nodes` in their order. */
export function columns(points, nodes, now, theme) {
  const stays = { follower: stay(), candidate: stay(), leader: stay() };
  const rises = { x: [], y0: [], y1: [], node: [] };
  const starts = { x: [], y: [], term: [], node: [] };
  const ends = { x: [], y: [], node: [] };
  nodes.forEach((node, k) => {
    const lane = laneOf(k, nodes.length);
    const own = points.filter((point) => point.node === node);
    own.forEach((point, i) => {
      const until = i + 1 < own.length ? own[i + 1].t : now;
      const y = point.term + lane;
      const up = point.state === "up";
      const before = own[i - 1];
      if (up && before?.state === "up" && before.term !== point.term) {
        push(rises, { x: sec(point.t), y0: before.term + lane, y1: y, node });
      }
      if (up && until >= point.t) {
        push(stays[point.role] ?? stays.follower, { x0: sec(point.t), x1: sec(until), y, node, term: point.term,
          role: point.role, color: termLine(point.term, theme) ?? "#808890", from: sec(point.t) });
      }
      if (up && point.role === "candidate" && !(before?.role === "candidate" && before.term === point.term && before.state === "up")) {
        push(starts, { x: sec(point.t), y, term: point.term, node });
      }
    });
    const last = own[own.length - 1];
    if (last) push(ends, { x: sec(now), y: last.term + lane, node: last.state === "up" ? node : `${node} ${last.state}` });
  });
  return { ...stays, rises, starts, ends };
}

/** Heights for labels that want to be at `ys`: at least `gap` apart and between `low` and `high`,
 * in the same order, and as near as that allows. */
export function spread(ys, gap, low, high) {
  const order = ys.map((_, k) => k).sort((a, b) => ys[b] - ys[a] || a - b);
  const places = new Array(ys.length);
  let above = Infinity;
  for (const k of order) above = places[k] = Math.min(ys[k], above - gap, high);
  let below = -Infinity;
  for (const k of order.reverse()) below = places[k] = Math.max(places[k], below + gap, low);
  return places;
}

const stay = () => ({ x0: [], x1: [], y: [], node: [], term: [], role: [], color: [], from: [] });
const sec = (us) => Math.round(us / 1000) / 1000;

function push(columnsOf, row) {
  for (const [name, value] of Object.entries(row)) columnsOf[name].push(value);
}

/** The part of time and the terms to show; `room` is the part left free at the right. */
export function ranges(points, now, spanUs, room = 0) {
  const end = Math.max(now, 10_000_000);
  const start = Math.max(0, end - spanUs);
  const seen = points.filter((point) => point.t >= start);
  const before = new Map();
  for (const point of points) if (point.t < start) before.set(point.node, point);
  const terms = [...seen, ...before.values()].map((point) => point.term);
  const high = Math.max(1, ...terms);
  const low = Math.min(...terms, high);
  return { x: [sec(start), sec(end) + ((end - start) / 1e6) * (room / (1 - room))], y: [Math.max(low, high - 12) - 0.5, high + 0.5] };
}
