// Where everything of a space-time diagram stands, and what it is called. Pure.

import { count, listed } from "./format.js";

export const TOP = 14;

/** Where the first column begins: beside the times there is room for the folds, if there is any room. */
export const leftOf = (width) => (width > 760 ? 148 : 72);

const ROW_MIN = 11; // between two moments, in pixels
const ROW_MAX = 62;
const FOLD = 24; // a stretch of heartbeats has at least this
export const DELAY = 42; // a message's usual way down, in pixels
const CLIENTS = 6;

/** The places of a diagram, nodes first, then the clients that were last heard of in it. */
export function columnsOf(nodes, items, most = CLIENTS) {
  const clients = new Map();
  for (const item of items) {
    if (item[0] !== "e") continue;
    for (const place of [item[2], item[8]]) if (place?.startsWith?.("client:")) clients.set(place, item[1]);
  }
  const lately = [...clients].sort((a, b) => b[1] - a[1]).slice(0, most).map(([place]) => place);
  return [...nodes, ...lately.sort()];
}

/** The items as what is drawn, in the order of the trace: arrows, marks, folds and what befell the network.
 * A fold that is open has its heartbeats behind it, as far as they are still known. */
export function elementsOf({ items, beats = [] }, opened = new Set()) {
  const found = [];
  for (const item of items) {
    const [sort, key, place] = item;
    if (sort === "m") found.push(arrowOf(item));
    else if (sort === "e") found.push(markOf(item));
    else if (sort === "f") found.push({ sort, key, seq: key, place: "", t0: item[3], t1: item[3], what: item[4], words: item[5] });
    else if (sort === "b") {
      const [, , , t0, t1, many, last = key, lost = 0] = item;
      const own = beats.filter((beat) => beat[1] >= key && beat[1] <= last);
      const name = `b${key}`; // its first heartbeat has the number itself
      const open = own.length > 0 && opened.has(name);
      found.push({ sort, key: name, seq: last, place, t0, t1, many, lost, open, known: own.length, words: foldWords(many, lost) });
      if (open) found.push(...own.map((beat) => ({ ...arrowOf(beat), beat: true })));
    }
  }
  return found;
}

const foldWords = (many, lost) => `${count(many, "heartbeat")}${lost ? `, ${lost} lost` : ""}`;

function arrowOf([sort, key, src, dst, label, t0, t1, end, got, term]) {
  const lost = !["flying", "got", "held"].includes(end);
  const words = `${src} ${messageWords(label, dst)}`;
  const fate = lost ? `it is lost (${end})` : end === "got" ? `it arrives at ${precise(t1)}` : end === "held" ? "it is held on its link" : "it is on its way";
  // What is touched is its arrival: all that led there, its sending too.
  const at = end === "got" ? { seq: got, place: dst } : { seq: key, place: src };
  return { sort, key, ...at, src, dst, label, t0, t1, end, lost, why: lost ? end : "", term, words: `${words} at ${precise(t0)}; ${fate}` };
}

function markOf([sort, key, place, t, kind, text, term, role, from, fromSeq, fromT, label]) {
  const name = place.replace("client:", "");
  const origin = from === undefined ? null : { place: from, seq: fromSeq, t: fromT, label: label ?? "" };
  const told = origin ? `, ${kind === "append" ? "asked for by" : "from"} ${from.replace("client:", "")}` : "";
  return { sort, key, seq: key, place, t0: t, t1: t, kind, text, term, role, origin, words: `${name}: ${text}${told}, at ${precise(t)}` };
}

const SAID = [
  [/^RV$/, (to) => `asks ${to} for its vote`],
  [/^RV✓/, (to) => `gives ${to} its vote`],
  [/^RV✗/, (to) => `refuses ${to} its vote`],
  [/^PV$/, (to) => `asks ${to} whether it would vote for it`],
  [/^PV✓/, (to) => `would vote for ${to}`],
  [/^PV✗/, (to) => `would not vote for ${to}`],
  [/^HB$/, (to) => `sends ${to} a heartbeat`],
  [/^HB✓/, (to) => `answers the heartbeat of ${to}`],
  [/^AE✓/, (to) => `tells ${to} that it has the entries`],
  [/^AE✗/, (to) => `tells ${to} that the entries do not fit its log`],
  [/^IS@/, (to) => `sends ${to} a snapshot`],
  [/^IS✓/, (to) => `tells ${to} that it has the snapshot`],
  [/^TN$/, (to) => `tells ${to} to stand for election at once`],
];

/** A message in words, by its label: "asks n2 for its vote (RV)". */
export function messageWords(label, to) {
  const entries = /^AE·(\d+)$/.exec(label);
  const said = entries ? `sends ${to} ${count(Number(entries[1]), "entry", "entries")}` : SAID.find(([shape]) => shape.test(label))?.[1](to) ?? `sends ${to} a message`;
  return `${said} (${label})`;
}

/** How many pixels a millisecond is: a message with the links' plain delay goes down by as much in every run. */
export const pixelsOf = (timings) => DELAY / Math.max(0.5, timings?.delay_ms ?? 200);

/** Where each moment stands, from top to bottom: {y(t), rows: [{t, y}], height}. Between moments that are near
 * the distance is true; quiet stretches are short. What lies after `now` has no row yet. */
export function scale(elements, pixels, now = Infinity) {
  const times = new Set();
  const folds = [];
  const begins = elements[0]?.t0 ?? 0;
  for (const each of elements) {
    times.add(each.t0);
    if (each.origin && each.origin.t >= begins) times.add(each.origin.t);
    if (each.sort === "b" && each.t1 > each.t0) times.add(each.t1);
    if (each.sort === "m" && ["flying", "held"].includes(each.end) === false) times.add(each.t1);
    if (each.sort === "b" && !each.open) folds.push(each);
  }
  const sorted = [...times].filter((t) => t <= now).sort((a, b) => a - b);
  const rows = [];
  const near = 0.03 * (DELAY / pixels) * 1000; // within a thirtieth of a message's way it is the same moment
  let y = TOP;
  let k = 0;
  for (const t of sorted) {
    const last = rows[rows.length - 1];
    if (last && t - last.t <= near) continue;
    if (last) {
      while (k < folds.length && folds[k].t0 <= last.t - 1) k += 1;
      const folded = folds.some((fold) => fold.many >= 6 && fold.t0 <= last.t && last.t <= fold.t1);
      y += Math.min(ROW_MAX, Math.max(folded ? FOLD : ROW_MIN, ((t - last.t) / 1000) * pixels));
    }
    rows.push({ t, y });
  }
  const at = (t) => {
    let low = 0;
    let high = rows.length - 1;
    if (high < 0 || t < rows[0].t) return 0;
    if (t === rows[0].t) return TOP;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (rows[middle].t <= t) low = middle;
      else high = middle - 1;
    }
    const [row, next] = [rows[low], rows[low + 1]];
    if (!next) return t - row.t <= near ? row.y : row.y + Math.min(ROW_MAX, ((t - row.t) / 1000) * pixels);
    if (t - row.t <= near) return row.y;
    return row.y + ((next.y - row.y) * (t - row.t)) / (next.t - row.t);
  };
  return { y: at, rows, height: y + ROW_MAX + 16 };
}

/** How far a lost message gets, from `from` to `to`: to the door of one who is down, else half-way, but
 * between two lines, or it would seem lost at a third place. All in pixels. */
export function lostAt(from, to, lines, why) {
  const way = Math.sign(to - from) || 1;
  if (["down", "closed"].includes(why)) return to - way * 12;
  const half = from + (to - from) * 0.55;
  const close = lines.find((line) => Math.abs(line - half) < 14);
  return close === undefined ? half : close - way * 18;
}

/** How each node stood, as stretches {node, from, to, role, term}; `end` is the present. */
export function stretches(start, items, end) {
  const open = new Map(Object.entries(start).map(([node, [role, term, state]]) => [node, { node, from: null, role: state === "up" ? role : state, term }]));
  const done = [];
  for (const item of items) {
    if (item[0] !== "e" || !["role", "node", "vote", "term"].includes(item[4])) continue;
    if (item[2].startsWith("client:") && item[4] !== "node") continue;
    const before = open.get(item[2]) ?? { node: item[2], from: null, role: "down", term: 0 };
    // Whoever starts tells its term in the same moment: until then it is what it was.
    const term = item[4] === "node" ? Math.max(before.term, item[6]) : item[6];
    if (before.role === item[7] && before.term === term) continue;
    if (before.from !== item[3]) done.push({ ...before, to: item[3] });
    open.set(item[2], { node: item[2], from: item[3], role: item[7], term });
  }
  for (const stretch of open.values()) done.push({ ...stretch, to: end });
  return done;
}

/** The times in which the network was split, as {from, to, words}; `groups` is the split at the beginning. */
export function splits(items, groups) {
  const found = [];
  const words = (split) => `split ${split.map((group) => group.join(" ")).join(" | ")}`;
  let open = groups?.length ? { from: null, words: words(groups) } : null;
  for (const item of items) {
    if (item[0] !== "f" || !["partition", "heal"].includes(item[4])) continue;
    if (open) found.push({ ...open, to: item[3] });
    open = item[4] === "partition" ? { from: item[3], words: item[6]?.length ? words(item[6]) : "split" } : null;
  }
  if (open) found.push({ ...open, to: null });
  return found;
}

/** Run time with milliseconds. */
export const precise = (t) => `${Math.floor(t / 60_000_000)}:${String(Math.floor(t / 1_000_000) % 60).padStart(2, "0")}.${String(Math.floor(t / 1000) % 1000).padStart(3, "0")}`;

/** The element that an arrow key leads to: up and down in the order of the trace, left and right to the nearest in
 * time of the next place on that side. null if there is none, undefined for another key. */
export function nextElement(elements, here, key, columns) {
  const can = elements.filter((each) => each.sort !== "f");
  const k = can.findIndex((each) => each.key === here.key);
  if (key === "ArrowUp") return can[k - 1] ?? null;
  if (key === "ArrowDown") return can[k + 1] ?? null;
  if (key === "Home") return can[0] ?? null;
  if (key === "End") return can[can.length - 1] ?? null;
  const by = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (!by) return undefined;
  const t = timeOf(here);
  for (let at = columns.indexOf(here.place) + by; at >= 0 && at < columns.length; at += by) {
    const there = can.filter((each) => each.place === columns[at]);
    if (there.length) return there.reduce((best, each) => (Math.abs(timeOf(each) - t) < Math.abs(timeOf(best) - t) ? each : best));
  }
  return null;
}

/** When what is touched of an element was. */
export const timeOf = (each) => (each.end === "got" ? each.t1 : each.t0);

/** What is in the past of something, in words. */
export function pastWords(elements, past, chosen) {
  const places = [...new Set(elements.filter((each) => past.has(each.key) && each.key !== chosen.key && each.place).map((each) => each.place.replace("client:", "")))];
  const many = elements.filter((each) => past.has(each.key) && each.key !== chosen.key && each.sort !== "b").length;
  return many ? `${count(many, "event")} at ${listed(places)} can have led to it.` : "Nothing drawn here can have led to it.";
}
