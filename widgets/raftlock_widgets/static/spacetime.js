// The space-time diagram: a line a node and client, time running down, an arrow a message. What is
// touched lights what may have led to it. Quiet stretches are short, and heartbeats counted.

import { causalPast } from "./causes.js";
import { h, put, s, write } from "./dom.js";
import { follow } from "./follow.js";
import { count, isReply, runTime } from "./format.js";
import { termFill, termLine } from "./palette.js";

const REDRAW_MS = 300;
const TOP = 12;
const GAP_MIN = 15; // between two moments, in pixels
const GAP_MAX = 46;
const PIXELS_A_MS = 0.35; // between those the distance is true
const LEFT = 62;

/** The places of a diagram, nodes first, then the clients that appear in it. Pure. */
export function columnsOf(nodes, items) {
  const clients = new Set(items.filter((item) => item[0] === "e" && item[2].startsWith("client:")).map((item) => item[2]));
  return [...nodes, ...[...clients].sort()];
}

/** Where each moment stands, from top to bottom: a function of run time, and the whole height. Pure. */
export function scale(items, pixelsAMs = PIXELS_A_MS) {
  const times = new Set();
  for (const item of items) {
    times.add(item[0] === "m" ? item[5] : item[3]);
    if (item[0] === "m" && item[7] !== "held") times.add(item[6]);
    if (item[0] === "b") times.add(item[4]);
  }
  const sorted = [...times].sort((a, b) => a - b);
  const at = new Map();
  let y = TOP;
  sorted.forEach((t, k) => {
    if (k > 0) y += Math.min(GAP_MAX, Math.max(GAP_MIN, ((t - sorted[k - 1]) / 1000) * pixelsAMs));
    at.set(t, y);
  });
  return { at: (t) => at.get(t) ?? y, times: sorted, height: y + 26 };
}

/** How each node stood, as stretches {node, from, to, role, term}; `end` is the present. Pure. */
export function stretches(start, items, end) {
  const open = new Map(Object.entries(start).map(([node, [role, term, state]]) => [node, { node, from: null, role: state === "up" ? role : state, term }]));
  const done = [];
  for (const item of items) {
    if (item[0] !== "e" || item[2].startsWith("client:") || !["role", "node", "vote"].includes(item[4])) continue;
    const before = open.get(item[2]) ?? { node: item[2], from: null, role: "down", term: 0 };
    if (before.role === item[7] && before.term === item[6]) continue;
    done.push({ ...before, to: item[3] });
    open.set(item[2], { node: item[2], from: item[3], role: item[7], term: item[6] });
  }
  for (const stretch of open.values()) done.push({ ...stretch, to: end });
  return done;
}

/** The panel. */
export function spacetime(ctx) {
  const { store } = ctx;
  const heads = h("div", { class: "rl-st-heads", "aria-hidden": "true" });
  const picture = s("svg", { class: "rl-st-svg", role: "group", "aria-label": "Space-time diagram: arrow keys go through its events", "data-testid": "spacetime" });
  const scroll = h("div", { class: "rl-scroll rl-st-scroll", tabindex: 0, role: "region", "aria-label": "Space-time diagram" }, heads, picture);
  const words = h("span", { class: "rl-muted rl-st-words", role: "status", "data-testid": "spacetime-words" }, HINT);
  const there = h("button", { type: "button", hidden: true, "data-testid": "spacetime-there",
    onclick: () => chosen && ctx.act("seek", { seq: chosen.seq }, "") }, "Show this moment");
  const nothing = h("p", { class: "rl-empty" }, "No message yet.");
  const el = h("section", { class: "rl-st", "aria-label": "Space-time" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Space-time"), legend()), nothing, scroll,
    h("div", { class: "rl-st-foot" }, words, there));
  const tail = follow(scroll, picture, "y");
  let drawn = -Infinity;
  let stale = true;
  let chosen = null; // the point that is touched: {key, seq, place}
  let points = [];
  picture.addEventListener("click", (event) => choose(pointAt(event.target)));
  picture.addEventListener("focusin", (event) => choose(pointAt(event.target)));
  picture.addEventListener("keydown", walk);

  function pointAt(target) {
    const mark = target.closest("[data-key]");
    return mark ? points.find((each) => String(each.key) === mark.getAttribute("data-key")) ?? null : null;
  }

  function walk(event) {
    if (event.key === "Escape") return choose(null);
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const here = event.target.closest("[data-key]");
    if (!here || (!by && event.key !== "Enter")) return undefined;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Enter") return ctx.act("seek", { seq: Number(here.getAttribute("data-seq")) }, "");
    const all = [...picture.querySelectorAll("[data-key]")].sort((a, b) => a.getAttribute("data-seq") - b.getAttribute("data-seq"));
    return all[all.indexOf(here) + by]?.focus();
  }

  function choose(point) {
    if (point?.key === chosen?.key) return;
    chosen = point;
    light();
  }

  function light() {
    const items = store.state.parts.spacetime?.items ?? [];
    const past = chosen ? causalPast(items, chosen.seq, chosen.place) : null;
    put(picture, { "data-lit": past !== null });
    for (const mark of picture.querySelectorAll("[data-key]")) {
      const key = Number(mark.getAttribute("data-key"));
      put(mark, { "data-past": past ? String(past.has(key)) : null, "data-chosen": chosen?.key === key });
    }
    write(words, chosen ? `${runTime(chosen.t)}: ${chosen.words}. ${count(past.size - 1, "event")} in what led to it.` : HINT);
    put(there, { hidden: !chosen });
  }

  function draw() {
    const part = store.state.parts.spacetime;
    const items = part?.items ?? [];
    put(nothing, { hidden: items.length > 0 });
    put(scroll, { hidden: items.length === 0 });
    if (!items.length) return;
    const columns = columnsOf(store.state.cluster.nodes, items);
    const width = Math.max(scroll.clientWidth - 14, LEFT + columns.length * 62);
    const x = new Map(columns.map((place, k) => [place, LEFT + ((width - LEFT) * (k + 0.5)) / columns.length]));
    const { at, times, height } = scale(items);
    const focused = document.activeElement?.closest?.("[data-key]")?.getAttribute("data-key");
    put(picture, { width, height, viewBox: `0 0 ${width} ${height}` });
    heads.replaceChildren(...columns.map((place) => {
      const name = h("b", {}, place.replace("client:", ""));
      name.style.left = `${x.get(place)}px`;
      return name;
    }));
    points = [];
    const theme = ctx.theme();
    picture.replaceChildren(
      axis(times, at, width, part.cut),
      ...lines(part, items, columns, x, at, height, theme),
      ...items.filter((item) => item[0] === "f" || item[0] === "b").map((item) => band(item, at, width)),
      ...items.filter((item) => item[0] === "m" && x.has(item[2]) && x.has(item[3])).map((item) => arrow(item, x, at, theme, points)),
      ...items.filter((item) => item[0] === "e" && x.has(item[2])).map((item) => mark(item, x, at, points)));
    const first = picture.querySelector("[data-key]:last-child");
    if (first) put(first, { tabindex: 0 });
    if (focused) picture.querySelector(`[data-key="${focused}"]`)?.focus();
    if (chosen) chosen = points.find((each) => each.key === chosen.key) ?? null;
    light();
    tail.end();
  }

  function tick() {
    const now = performance.now();
    if (!stale || now - drawn < REDRAW_MS || !store.state.known) return;
    drawn = now;
    stale = false;
    draw();
  }
  const again = () => {
    stale = true;
    drawn = -Infinity;
    tick();
  };
  return {
    el,
    change(parts) {
      if (parts.has("spacetime") || parts.has("cluster")) stale = true;
    },
    tick, themed: again, close: tail.close,
  };
}

const HINT = "Touch an event to light what led to it.";

function legend() {
  const item = (cls, words) => h("li", {}, h("i", { class: cls, "aria-hidden": "true" }), words);
  return h("ul", { class: "rl-legend", "aria-label": "Legend" }, item("rl-key-line", "request"), item("rl-key-line rl-key-dashed", "reply"),
    item("rl-key-line rl-key-thick", "leads"), h("li", {}, h("b", { "aria-hidden": "true" }, "×"), "lost"));
}

function axis(times, at, width, cut) {
  const group = s("g", { class: "rl-st-axis" });
  let last = -Infinity;
  for (const t of times) {
    const y = at(t);
    if (y - last < 24) continue;
    last = y;
    group.append(s("text", { x: 4, y: y + 3 }, precise(t)), s("line", { x1: LEFT - 12, y1: y, x2: width, y2: y }));
  }
  if (cut) group.append(s("text", { x: 4, y: 9, class: "rl-st-cut" }, `${count(cut, "earlier item")} not drawn`));
  return group;
}

/** Run time with milliseconds. Pure. */
export const precise = (t) => `${Math.floor(t / 60_000_000)}:${String(Math.floor(t / 1_000_000) % 60).padStart(2, "0")}.${String(Math.floor(t / 1000) % 1000).padStart(3, "0")}`;

function lines(part, items, columns, x, at, height, theme) {
  const drawn = stretches(part.start, items, null).filter((each) => x.has(each.node)).map((each) => {
    const [y1, y2] = [each.from === null ? 0 : at(each.from), each.to === null ? height : at(each.to)];
    const line = s("line", { class: "rl-st-life", "data-role": each.role, x1: x.get(each.node), x2: x.get(each.node), y1, y2 });
    line.style.setProperty("--term-line", termLine(each.term, theme) ?? "var(--rl-edge)");
    const pill = each.from !== null && each.role !== "down" ? termPill(each, x.get(each.node), y1) : null;
    return pill ? s("g", {}, line, pill) : line;
  });
  const clients = columns.filter((place) => place.startsWith("client:")).map((place) =>
    s("line", { class: "rl-st-life", "data-role": "client", x1: x.get(place), x2: x.get(place), y1: 0, y2: height }));
  return [...clients, ...drawn];
}

function termPill({ term, role }, x, y) {
  const pill = s("g", { class: "rl-st-pill", transform: `translate(${x - 15},${y + 9})` },
    s("rect", { x: -11, y: -7, width: 22, height: 14, rx: 7 }), s("text", { y: 3.5 }, `${term}${role === "leader" ? "L" : role === "candidate" ? "C" : ""}`));
  pill.style.setProperty("--term", termFill(term) ?? "var(--rl-empty)");
  return pill;
}

function band(item, at, width) {
  const [kind, , , t0, t1] = item;
  const y = at(t0);
  if (kind === "b") return s("text", { class: "rl-st-beats", x: LEFT - 10, y: y + 4 }, `⋮ ${count(item[5], "heartbeat")}`);
  return s("g", { class: "rl-st-fault" }, s("line", { x1: LEFT - 12, x2: width, y1: y, y2: y }), s("text", { x: LEFT - 8, y: y - 3 }, String(item[5] ?? t1)));
}

function arrow(item, x, at, theme, points) {
  const [, id, src, dst, label, t0, t1, end, got, term] = item;
  const lost = !["flying", "got", "held"].includes(end);
  const [x1, y1, x2] = [x.get(src), at(t0), x.get(dst)];
  const y2 = end === "held" ? y1 + 24 : Math.max(at(t1), y1 + 6);
  const part = lost || end === "held" ? 0.55 : 1;
  const [ex, ey] = [x1 + (x2 - x1) * part, y1 + (y2 - y1) * part];
  const fate = lost ? `, lost: ${end}` : end === "got" ? `, arrives at ${precise(t1)}` : end === "held" ? ", held on its link" : ", on its way";
  const words = `${src} sends ${label} to ${dst}${fate}`;
  // What is touched is its arrival: all that led there, its sending too.
  points.push(end === "got" ? { key: id, seq: got, place: dst, t: t1, words } : { key: id, seq: id, place: src, t: t0, words });
  const angle = (Math.atan2(ey - y1, ex - x1) * 180) / Math.PI;
  const group = s("g", { class: "rl-st-arrow", "data-key": id, "data-seq": points[points.length - 1].seq, "data-reply": isReply({ type: "", label }), "data-fate": lost ? "lost" : end,
    tabindex: -1, role: "button", "aria-label": words, "data-testid": "st-arrow" },
  s("title", {}, words),
  s("line", { class: "rl-hit", x1, y1, x2: ex, y2: ey }), s("line", { class: "rl-st-shaft", x1, y1, x2: ex, y2: ey }),
  lost ? s("path", { class: "rl-st-x", d: "M-5-5L5 5M-5 5L5-5", transform: `translate(${ex},${ey})` })
    : end === "held" ? s("circle", { class: "rl-st-pin", cx: ex, cy: ey, r: 4 })
      : s("path", { class: "rl-st-tip", d: "M-9-4.5L0 0L-9 4.5Z", transform: `translate(${ex},${ey}) rotate(${angle})` }),
  s("text", { x: x1 + (ex - x1) * 0.38, y: y1 + (ey - y1) * 0.38 - 4 }, label));
  group.style.setProperty("--term-line", termLine(term, theme) ?? "var(--rl-edge)");
  return group;
}

function mark(item, x, at, points) {
  const [, seq, place, t, kind, text] = item;
  const words = `${place.replace("client:", "")}: ${text}`;
  points.push({ key: seq, seq, place, t, words });
  const client = place.startsWith("client:");
  const shown = client || ["commit", "truncate", "node", "vote"].includes(kind) ? text : "";
  return s("g", { class: "rl-st-mark", "data-key": seq, "data-seq": seq, "data-kind": kind, tabindex: -1, role: "button", "aria-label": words,
    transform: `translate(${x.get(place)},${at(t)})`, "data-testid": "st-mark" },
  s("title", {}, words), s("circle", { class: "rl-hit", r: 9 }),
  kind === "client_return" || kind === "commit" ? s("rect", { class: "rl-st-dot", x: -4, y: -4, width: 8, height: 8 }) : s("circle", { class: "rl-st-dot", r: 4 }),
  s("text", { x: client ? -8 : 8, y: 4, class: client ? "rl-st-left" : "" }, shown));
}
