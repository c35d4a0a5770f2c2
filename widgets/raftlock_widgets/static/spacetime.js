// The space-time diagram: a line a node and client, time running down, an arrow a message. What is touched
// lights what may have led to it. Only what is in view is drawn, and of it only what changed.

import { causalPast } from "./causes.js";
import { DELAY, columnsOf, elementsOf, leftOf, lostAt, nextElement, pastWords, pixelsOf, precise, scale, splits, stretches, timeOf } from "./diagram.js";
import { h, keyed, put, s, write } from "./dom.js";
import { follow } from "./follow.js";
import { count, isReply } from "./format.js";
import { termFill, termLine } from "./palette.js";

const AROUND = 160; // how far beyond what is in view is drawn, in pixels
const COLUMN_MIN = 66;
const HINT = "Touch an event to see what may have led to it. Arrow keys go from event to event, Enter goes to that moment.";

/** The panel. */
export function spacetime(ctx) {
  const { store } = ctx;
  const heads = h("div", { class: "rl-st-heads", "aria-hidden": "true" });
  const layers = Object.fromEntries(["bands", "axis", "lives", "arrows", "marks", "pills", "folds", "splits"].map((name) => [name, s("g", { class: `rl-st-${name}` })]));
  const here = s("g", { class: "rl-st-here", visibility: "hidden" }, s("line", {}), s("text", {}, "you look here"));
  const picture = s("svg", { class: "rl-st-svg", role: "group", "aria-label": "Space-time diagram: arrow keys go through its events", "data-testid": "spacetime" },
    s("defs", {}, hatch()), ...Object.values(layers), here);
  const scroll = h("div", { class: "rl-scroll rl-st-scroll", role: "region", "aria-label": "Space-time diagram" }, heads, picture);
  const words = h("span", { class: "rl-muted rl-st-words", role: "status", "data-testid": "spacetime-words" }, HINT);
  const live = h("button", { type: "button", hidden: true, "data-testid": "spacetime-live", onclick: () => ctx.act("live", {}, "") }, "Back to the present");
  const nothing = h("p", { class: "rl-empty" }, "No message yet.");
  const note = h("span", { class: "rl-muted rl-st-note" });
  const el = h("section", { class: "rl-st", "aria-label": "Space-time" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Space-time"), legend(), note), nothing, scroll,
    h("div", { class: "rl-st-foot" }, words, live));
  const tail = follow(scroll, picture, "y");
  const opened = new Set();
  let shown = null; // what is laid out: {elements, columns, x, y, rows, height, width, now}
  let chosen = null; // the key of what is touched
  let past = null;
  let asked = 0;
  const sizes = new ResizeObserver(() => again());
  sizes.observe(scroll);
  scroll.addEventListener("scroll", () => {
    asked ||= requestAnimationFrame(() => {
      asked = 0;
      if (shown) paint();
    });
  }, { passive: true });
  picture.addEventListener("click", (event) => touch(elementAt(event.target)));
  picture.addEventListener("focusin", (event) => choose(elementAt(event.target)));
  picture.addEventListener("keydown", walk);

  function elementAt(target) {
    const key = target.closest?.("[data-key]")?.getAttribute("data-key");
    return shown?.elements.find((each) => String(each.key) === key) ?? null;
  }

  function touch(each) {
    if (!each) return choose(null);
    choose(each);
    if (each.sort === "b") return fold(each);
    return ctx.act("seek", { seq: each.seq }, "");
  }

  function fold(each) {
    if (!each.known) return;
    if (!opened.delete(each.key)) opened.add(each.key);
    again();
    show(each);
  }

  function walk(event) {
    const each = elementAt(event.target);
    if (!each) return;
    if (event.key === "Escape") choose(null);
    else if (event.key === "Enter" || event.key === " ") touch(each);
    else {
      const next = nextElement(shown.elements, each, event.key, shown.columns);
      if (next === undefined) return;
      if (next) show(next);
    }
    event.preventDefault();
    event.stopPropagation();
  }

  // Bring an element into view, which draws it, and give it the focus.
  function show(each) {
    const y = shown.y(timeOf(each)) + heads.offsetHeight;
    const [top, high] = [scroll.scrollTop + heads.offsetHeight + 20, scroll.clientHeight - 60];
    if (y < top || y > scroll.scrollTop + high) scroll.scrollTop = Math.max(0, y - scroll.clientHeight / 2);
    chosen = each.key;
    paint();
    picture.querySelector(`[data-key="${each.key}"]`)?.focus({ preventScroll: true });
  }

  function choose(each) {
    chosen = each?.key ?? null;
    light();
    paint();
  }

  function light() {
    const part = store.state.parts.spacetime;
    const each = shown.elements.find((other) => other.key === chosen);
    past = null;
    if (each?.sort === "m" || each?.sort === "e") {
      const items = each.beat || opened.size ? [...part.items, ...(part.beats ?? [])] : part.items;
      past = causalPast(items, each.seq, each.place, part.reach);
    }
    put(picture, { "data-lit": past !== null });
    write(words, each ? `${each.words}. ${past ? pastWords(shown.elements, past, each) : foldSaid(each)}` : HINT);
  }

  function lay() {
    const part = store.state.parts.spacetime;
    const { cursor, cluster } = store.state;
    const some = (part?.items.length ?? 0) > 0;
    put(nothing, { hidden: some });
    put(scroll, { hidden: !some });
    put(live, { hidden: cursor.live || Boolean(cursor.offline) });
    if (!some) return;
    const anchor = shown && nearest(scroll.scrollTop);
    const columns = columnsOf(cluster.nodes, part.items);
    const room = scroll.clientWidth - 2;
    const left = leftOf(room);
    const width = Math.max(room, left + columns.length * COLUMN_MIN);
    const x = new Map(columns.map((place, k) => [place, left + ((width - left) * (k + 0.5)) / columns.length]));
    const elements = elementsOf(part, opened).filter((each) => each.sort !== "m" || (x.has(each.src) && x.has(each.dst)))
      .filter((each) => each.sort !== "e" || x.has(each.place));
    const now = cursor.live ? Math.max(store.now(), store.state.t) : cursor.t;
    const laid = scale(elements, pixelsOf(cluster.timings), now);
    const moved = anchor && elements.some((each) => each.key === anchor.key) ? laid.y(timeOf(anchor)) - shown.y(timeOf(anchor)) : 0;
    shown = { part, elements, columns, x, now, ...laid, width, left };
    put(picture, { width, height: laid.height, viewBox: `0 0 ${width} ${laid.height}` });
    keyed(heads, columns, (place) => place, (place) => h("b", { "data-client": place.startsWith("client:") }, place.replace("client:", "")), (name, place) => {
      name.style.left = `${x.get(place)}px`;
    });
    write(note, part.cut ? `${count(part.cut, "earlier event")} not drawn` : "");
    // What one reads stays where it is when the oldest rows go.
    if (moved) scroll.scrollTop += moved;
    light();
    tail.end();
    paint();
  }

  const nearest = (top) => shown.elements.find((each) => shown.y(timeOf(each)) >= top) ?? null;

  function paint() {
    const { elements, x, y, rows, height, width, left, part, now, columns } = shown;
    const [top, bottom] = [scroll.scrollTop - AROUND, scroll.scrollTop + scroll.clientHeight + AROUND];
    const inView = (from, to) => to >= top && from <= bottom;
    const theme = ctx.theme();
    const yNow = y(now);
    const seen = elements.filter((each) => each.key === chosen || inView(y(each.origin?.t ?? each.t0), y(Math.min(now, each.t1)) + 30));
    const of = (...sorts) => seen.filter((each) => sorts.includes(each.sort));
    const state = { x, y, now, theme, past, chosen, width, left };
    keyed(layers.axis, ticks(rows).filter((row) => inView(row.y, row.y)), (row) => row.t, tickPicture, (g, row) => g.rlShow(row, width, left));
    const bands = splits(part.items, part.groups).map((band) => ({ ...band, y1: band.from === null ? 0 : y(band.from), y2: band.to === null ? yNow : y(band.to) }));
    keyed(layers.bands, bands.filter((band) => inView(band.y1, band.y2)), (band) => band.from, bandPicture, (box, band) => put(box, { x: left - 14, y: band.y1, width: width - left + 14, height: Math.max(3, band.y2 - band.y1) }));
    keyed(layers.splits, bands.filter((band) => inView(band.y1, band.y2)), (band) => band.from, () => s("text", {}), (text, band) => {
      // The words stay in sight while one scrolls through it.
      put(text, { x: left - 8, y: Math.min(Math.max(band.y1, top + AROUND) + 13, Math.max(band.y1 + 13, band.y2 - 4)) });
      write(text, band.words);
    });
    const lives = lifeLines(part, columns, y, yNow).filter((life) => inView(life.y1, life.y2));
    keyed(layers.lives, lives, (life) => `${life.node} ${life.from} ${life.role}`, lifePicture, (g, life) => g.rlShow(life, x.get(life.node), theme));
    keyed(layers.pills, lives.filter((life) => life.pill), (life) => `${life.node} ${life.from}`, pillPicture, (g, life) => g.rlShow(life, x.get(life.node)));
    const arrows = [...of("m"), ...of("e").filter((each) => each.origin && x.has(each.origin.place))];
    keyed(layers.arrows, arrows, (each) => each.key, (each) => arrowPicture(each), (g, each) => g.rlShow(each, state));
    keyed(layers.marks, [...of("e").filter((each) => each.kind !== "term"), ...of("f")], (each) => each.key, markPicture, (g, each) => g.rlShow(each, state));
    let low = -Infinity;
    keyed(layers.folds, of("b"), (each) => each.key, foldPicture, (g, each) => {
      low = g.rlShow(each, state, low);
    });
    const looking = !store.state.cursor.live;
    put(here, { visibility: looking ? "visible" : "hidden" });
    put(here.firstChild, { x1: 58, x2: width, y1: yNow + 5, y2: yNow + 5 });
    put(here.lastChild, { x: 62, y: yNow + 18 });
    const focusable = [...picture.querySelectorAll("[data-key][tabindex]")];
    const first = focusable.find((each) => each.getAttribute("data-key") === String(chosen)) ?? focusable[focusable.length - 1];
    for (const each of focusable) put(each, { tabindex: each === first ? 0 : -1 });
    put(picture, { "data-drawn": focusable.length, "data-height": Math.round(height) });
  }

  const again = () => {
    if (store.state.known) lay();
  };
  return {
    el,
    change(parts) {
      if (["spacetime", "cluster", "cursor"].some((part) => parts.has(part))) lay();
    },
    // While messages are on their way their arrows grow.
    tick() {
      if (!shown || !store.state.cursor.live || store.state.paused) return;
      const now = Math.max(store.now(), shown.now);
      if (Math.abs(shown.y(now) - shown.y(shown.now)) < 1 && !shown.elements.some((each) => each.end === "flying" && !each.beat)) return;
      shown.now = now;
      paint();
    },
    themed: again,
    close() {
      tail.close();
      sizes.disconnect();
      cancelAnimationFrame(asked);
    },
  };
}

const foldSaid = (each) => (each.sort === "b" ? (each.known ? `Enter ${each.open ? "folds" : "draws"} ${each.known < each.many ? `the last ${each.known} of them` : "them"}.` : "They are too old to be drawn one by one.") : "");

function hatch() {
  return s("pattern", { id: "rl-st-hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    s("line", { x1: 0, x2: 0, y1: 0, y2: 7, class: "rl-st-hatching" }));
}

function legend() {
  const item = (kind, text) => h("li", {}, h("i", { class: `rl-key-st rl-key-${kind}`, "aria-hidden": "true" }), text);
  return h("ul", { class: "rl-legend", "aria-label": "Legend" }, item("request", "request"), item("reply", "reply"), item("lost", "lost"), item("pinned", "held"),
    item("leads", "leads"), item("stands", "stands for election"), item("gone", "down"), item("ice", "frozen"));
}

// A time where there is room for one.
function ticks(rows) {
  let last = -Infinity;
  return rows.filter((row) => {
    if (row.y - last < 22) return false;
    last = row.y;
    return true;
  });
}

function tickPicture() {
  const g = s("g", {}, s("text", { x: 4 }), s("line", { x1: 58 }));
  g.rlShow = ({ t, y }, width, left) => {
    put(g, { transform: `translate(0,${y.toFixed(1)})` });
    put(g.firstChild, { y: 3.5 });
    put(g.lastChild, { x1: left > 100 ? left - 14 : 58, x2: width });
    write(g.firstChild, precise(t));
  };
  return g;
}

const bandPicture = () => s("rect", { class: "rl-st-band", "data-testid": "st-split" });

/** Each place's line in stretches, with where a pill says its term. */
function lifeLines(part, columns, y, yNow) {
  const found = stretches(part.start, part.items, null).filter((each) => columns.includes(each.node)).map((each) => ({
    ...each, y1: each.from === null ? 0 : y(each.from), y2: each.to === null ? yNow : y(each.to), pill: each.from !== null && !each.node.startsWith("client:") }));
  const told = new Set(found.map((each) => each.node));
  const clients = columns.filter((place) => !told.has(place)).map((node) => ({ node, from: null, role: "client", term: 0, y1: 0, y2: yNow, pill: false }));
  return [...found, ...clients];
}

const WIDE = { leader: 9, frozen: 13, down: 13 };

function lifePicture() {
  const [line, inner, box] = [s("line", { class: "rl-st-line" }), s("line", { class: "rl-st-inner" }), s("rect", { class: "rl-st-gap" })];
  const g = s("g", { class: "rl-st-life" }, box, line, inner);
  g.rlShow = ({ node, role, term, y1, y2 }, x, theme) => {
    const client = node.startsWith("client:");
    put(g, { "data-role": client && role === "follower" ? "client" : role });
    for (const each of [line, inner]) put(each, { x1: x, x2: x, y1, y2 });
    const wide = WIDE[role] ?? 0;
    put(box, { x: x - wide / 2, y: y1, width: wide, height: Math.max(0, y2 - y1) });
    g.style.setProperty("--term-line", termLine(term, theme) ?? "var(--rl-edge)");
  };
  return g;
}

const LETTER = { leader: "L ", candidate: "C ", frozen: "❄ ", down: "× " };

function pillPicture() {
  const g = s("g", { class: "rl-st-pill" }, s("rect", { y: -8, height: 16, rx: 8 }), s("text", { y: 3.8 }));
  g.rlShow = ({ role, term, y1 }, x) => {
    const text = role === "down" ? "down" : role === "frozen" ? "❄ frozen" : `${LETTER[role] ?? ""}${term}`;
    const width = text.length * 6.4 + 12;
    put(g, { transform: `translate(${x},${y1.toFixed(1)})`, "data-role": role });
    put(g.firstChild, { x: -width / 2, width });
    write(g.lastChild, text);
    g.style.setProperty("--term", (["down", "frozen"].includes(role) ? null : termFill(term)) ?? "var(--rl-empty)");
  };
  return g;
}

// Of a message, or from where something at a node or client came. Requests fan out from one point, and answers
// fan in to one: labels stand at the end where they are apart.
function arrowPicture(first) {
  const [hit, shaft, tip, cross, pin, text, title] = [s("line", { class: "rl-hit" }), s("line", { class: "rl-st-shaft" }), s("path", { class: "rl-st-tip", d: "M-9-4.3L0 0L-9 4.3Z" }),
    s("path", { class: "rl-st-x", d: "M-5-5L5 5M-5 5L5-5" }), s("circle", { class: "rl-st-pin", r: 4.5 }), s("text", {}), s("title", {})];
  const message = first.sort === "m";
  const g = s("g", message ? { class: "rl-st-arrow", tabindex: -1, role: "button", "data-testid": "st-arrow" } : { class: "rl-st-arrow", "data-testid": "st-origin" },
    title, hit, shaft, tip, cross, pin, text);
  g.rlShow = (each, { x, y, now, theme, past, chosen }) => {
    const from = message ? { place: each.src, t: each.t0 } : each.origin;
    const to = message ? each.dst : each.place;
    const label = message ? each.label : each.origin.label;
    const [x1, y1, x2] = [x.get(from.place), y(from.t), x.get(to)];
    const flying = each.end === "flying";
    const part = flying ? Math.min(1, Math.max(0.04, (now - each.t0) / Math.max(1, each.t1 - each.t0))) : each.lost ? (lostAt(x1, x2, [...x.values()], each.why) - x1) / (x2 - x1 || 1) : each.end === "held" ? 0.5 : 1;
    // What the link takes at once is drawn as far as a message comes in half of its time.
    const y2 = flying ? y(Math.min(now, each.t1)) : each.end === "held" ? y1 + 26 : each.lost ? Math.max(y(each.t1), y1 + DELAY) : y(each.t1);
    const ex = x1 + (x2 - x1) * part;
    const ey = Math.max(y1 + 2, each.lost ? y1 + (y2 - y1) * part : y2);
    const reply = message ? isReply({ type: "", label }) : each.kind !== "append";
    for (const line of [hit, shaft]) put(line, { x1, y1, x2: ex.toFixed(1), y2: ey.toFixed(1) });
    const place = `translate(${ex.toFixed(1)},${ey.toFixed(1)})`;
    put(tip, { transform: `${place} rotate(${((Math.atan2(ey - y1, ex - x1) * 180) / Math.PI).toFixed(1)})`, visibility: each.lost || each.end === "held" ? "hidden" : "visible" });
    put(cross, { transform: place, visibility: each.lost ? "visible" : "hidden" });
    put(pin, { transform: place, visibility: each.end === "held" ? "visible" : "hidden" });
    const along = reply ? 0.3 : each.lost ? 0.74 : 0.66;
    put(text, { x: (x1 + (ex - x1) * along).toFixed(1), y: (y1 + (ey - y1) * along - 3).toFixed(1) });
    write(text, each.beat ? "" : label);
    put(g, { "data-reply": reply, "data-fate": each.lost ? "lost" : each.end ?? "got", "data-beat": Boolean(each.beat),
      "data-past": past ? String(past.has(each.key)) : null, "data-chosen": chosen === each.key });
    if (message) put(g, { "data-key": each.key, "data-seq": each.seq, "aria-label": each.words });
    write(title, each.words);
    g.style.setProperty("--term-line", (message && termLine(each.term, theme)) || "var(--rl-ink-2)");
  };
  return g;
}

const SQUARE = new Set(["commit", "client_return", "append"]);
const SAYS = new Set(["client_call", "client_return", "commit", "truncate", "vote", "timer_fire", "storage", "violation"]);

function markPicture(first) {
  if (first.sort === "f") return faultPicture();
  const dot = SQUARE.has(first.kind) ? s("rect", { class: "rl-st-dot", x: -4, y: -4, width: 8, height: 8, rx: 1 }) : s("circle", { class: "rl-st-dot", r: 4 });
  const [text, title] = [s("text", { y: 4 }), s("title", {})];
  const g = s("g", { class: "rl-st-mark", tabindex: -1, role: "button", "data-testid": "st-mark" }, title, s("circle", { class: "rl-hit", r: 10 }), dot, text);
  g.rlShow = (each, { x, y, past, chosen, width }) => {
    const at = x.get(each.place);
    const left = at > width - 110;
    put(g, { transform: `translate(${at},${y(each.t0).toFixed(1)})`, "data-key": each.key, "data-seq": each.seq, "data-kind": each.kind, "data-role": each.role,
      "data-past": past ? String(past.has(each.key)) : null, "data-chosen": chosen === each.key, "aria-label": each.words });
    const aside = each.kind === "vote" ? 22 : 9; // beside its term's pill
    put(text, { x: left ? -aside : aside, class: left ? "rl-st-left" : "" });
    write(text, SAYS.has(each.kind) && each.text !== each.origin?.label ? each.text : "");
    write(title, each.words);
  };
  return g;
}

function faultPicture() {
  const g = s("g", { class: "rl-st-fault", "data-testid": "st-fault" }, s("line", { y1: 0, y2: 0 }), s("text", { y: -4 }));
  g.rlShow = (each, { y, width, left }) => {
    put(g, { transform: `translate(0,${y(each.t0).toFixed(1)})` });
    put(g.firstChild, { x1: left - 14, x2: width });
    put(g.lastChild, { x: left - 8 });
    write(g.lastChild, each.what === "partition" ? "" : each.words);
  };
  return g;
}

// Many heartbeats are a row of their own; few stand at the side.
function foldPicture() {
  const [box, text] = [s("rect", { x: 52, y: -8, height: 16, rx: 8 }), s("text", { x: 59, y: 4 })];
  const g = s("g", { class: "rl-st-fold", tabindex: -1, role: "button", "data-testid": "st-fold" }, box, text);
  g.rlShow = (each, { y, chosen }, low) => {
    const middle = Math.max((y(each.t0) + y(each.t1)) / 2 + (each.t1 > each.t0 ? 0 : 9), low + 13);
    const said = each.many >= 6 || each.open ? `${each.open ? "▾" : "⋮"} ${each.words}` : `⋮ ${each.many}${each.lost ? " ×" : ""}`;
    put(g, { transform: `translate(0,${middle.toFixed(1)})`, "data-key": each.key, "data-seq": each.seq, "data-few": each.many < 6 && !each.open, "data-known": each.known > 0,
      "data-chosen": chosen === each.key, "aria-expanded": String(each.open), "aria-label": `${each.words}, from ${precise(each.t0)} to ${precise(each.t1)}. ${foldSaid(each)}` });
    put(box, { width: said.length * 5.2 + 14 });
    write(text, said);
    return middle;
  };
  return g;
}
