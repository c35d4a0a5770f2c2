// Where things stand in the ring. Pure; lengths are units of the ring's own square.

export const WIDTH = 420;
export const HEIGHT = 392;

// Room round the nodes: for the crown above, for the ring that marks the chosen one on all sides.
const ROOM = { top: 15, side: 8, bottom: 8 };

/** Places for `count` nodes on a circle, the first at the top, as large as the picture allows, with
 * the radius of a node and of its timer. */
export function ringLayout(count) {
  const n = Math.max(1, count);
  const node = n <= 5 ? 38 : Math.max(20, Math.round(38 - (n - 5) * 3.6));
  const timer = node + 8;
  const angles = Array.from({ length: n }, (_, k) => (2 * Math.PI * k) / n - Math.PI / 2);
  const unit = angles.map((angle) => ({ x: Math.cos(angle), y: Math.sin(angle) }));
  const low = Math.min(...unit.map((p) => p.y));
  const high = Math.max(...unit.map((p) => p.y));
  const wide = Math.max(...unit.map((p) => Math.abs(p.x)));
  const space = HEIGHT - 2 * timer - ROOM.top - ROOM.bottom;
  const radius = n === 1 ? 0 : Math.min(space / (high - low), (WIDTH / 2 - timer - ROOM.side) / (wide || 1e-9));
  const above = (space - radius * (high - low)) / 2 + ROOM.top + timer;
  const middle = { x: WIDTH / 2, y: above - low * radius };
  const places = unit.map((p) => ({ x: middle.x + radius * p.x, y: middle.y + radius * p.y }));
  return { places, node, timer, radius };
}

/** The lane from `a` to `b`: beside the straight line, so that two ways never share one. */
export function lane(a, b, trim, aside = 7) {
  const dx = b.x - a.x;
  const dy = b.y - a.y;
  const length = Math.hypot(dx, dy) || 1;
  const ux = dx / length;
  const uy = dy / length;
  // To the right of the way one goes, as on a road.
  const ox = -uy * aside;
  const oy = ux * aside;
  const cut = Math.min(trim, length / 2);
  return {
    x1: a.x + ux * cut + ox,
    y1: a.y + uy * cut + oy,
    x2: b.x - ux * cut + ox,
    y2: b.y - uy * cut + oy,
    ux,
    uy,
    length: length - 2 * cut,
    angle: (Math.atan2(dy, dx) * 180) / Math.PI,
  };
}

/** The point at `part` (0 to 1) of a lane. */
export function along(path, part) {
  const p = Math.min(1, Math.max(0, part));
  return { x: path.x1 + (path.x2 - path.x1) * p, y: path.y1 + (path.y2 - path.y1) * p };
}

/** How a message stands at run time `now`: how far it is, and whether it is seen to be lost. */
export function flight(message, now, end) {
  const time = Math.max(1, message.t1 - message.t0);
  const until = message.fate === "lost" ? Math.min(now, end) : now;
  const done = message.done ?? 0; // what was moved by hand goes on from where it was
  const passed = message.held ? 0 : Math.min(1, Math.max(0, (until - message.t0) / time));
  return {
    part: done + (1 - done) * passed,
    lost: message.fate === "lost" && now >= end,
    begun: now >= message.t0,
  };
}

/** What part of a timer is left at run time `now`, 1 to 0. */
export function timerLeft(timer, now) {
  if (!timer || !(timer.duration > 0)) return 0;
  return Math.min(1, Math.max(0, (timer.deadline - now) / timer.duration));
}

/** A diamond round the origin, as the points of a polygon. */
export function diamond(radius) {
  return `0,${-radius} ${radius},0 0,${radius} ${-radius},0`;
}
