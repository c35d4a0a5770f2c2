// The clients' history: a bar an operation, from the call to the answer, and on it the moment at which it
// took effect. Whether there is one order that explains all answers is the kernel's to say (check/).

import { h, keyed, put, s, write } from "./dom.js";
import { follow } from "./follow.js";
import { count } from "./format.js";
import { bandLanes, bandWords, barWords, drawnUpTo, endOf, lanesOf, opOf, outcome, pointsOf, sentences, verdictOf } from "./operations.js";

const ROW = 28;
const BAR = 18;
const AXIS = 20;
const BAND = 16;
const MARGIN = 16;
const LETTER = 6.1; // pixels of a letter of a bar's words
const GROW_MS = 150;
const IDLE = 140; // how far the picture goes on when nothing is asked, in pixels
const STEPS_S = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300];
const HINT = "Touch a bar to see how the lock stood before and after. Arrow keys go from bar to bar, Enter shows that moment.";

/** The panel. */
export function history(ctx) {
  const { store } = ctx;
  const verdict = h("p", { class: "rl-hi-verdict", "data-testid": "history-verdict" });
  const jump = h("button", { type: "button", hidden: true, "data-testid": "history-jump", onclick: () => find(jumpTo) }, "Jump to the first error");
  const pick = h("select", { "aria-label": "Which lock", "data-testid": "history-lock", onchange: () => draw() }, h("option", { value: "" }, "all locks"));
  const zoom = (by, words, sign, id) => h("button", { type: "button", "aria-label": words, title: words, "data-testid": id, onclick: () => scale(by) }, sign);
  const picture = s("svg", { class: "rl-hi-svg", role: "group", "aria-label": "Operations of clients along time", "data-testid": "history" });
  const [defs, back, axis, order, layer, front] = [s("defs", {}, hatch()), ...Array.from({ length: 5 }, () => s("g", {}))];
  put(order, { class: "rl-hi-order" });
  picture.append(defs, back, axis, order, layer, front);
  const names = h("div", { class: "rl-hi-names", "aria-hidden": "true" });
  const scroll = h("div", { class: "rl-scroll rl-hi-scroll", tabindex: 0, role: "region", "aria-label": "Client history" }, picture);
  const body = h("div", { class: "rl-hi-body" }, names, scroll);
  const nothing = h("p", { class: "rl-empty" }, "No client has asked for anything yet.");
  const words = h("p", { class: "rl-hi-words", role: "status", "data-testid": "history-words" }, HINT);
  const there = h("button", { type: "button", hidden: true, "data-testid": "history-there", onclick: () => chosen && go(chosen) }, "Show this moment");
  const note = h("span", { class: "rl-muted rl-hi-note" });
  const el = h("section", { class: "rl-hi", "aria-label": "Client history" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "History"), pick,
      h("div", { class: "rl-transport", role: "group", "aria-label": "Scale" }, zoom(0.5, "Show more time", "−", "history-out"), zoom(2, "Show less time", "+", "history-in")), note),
    h("div", { class: "rl-hi-said" }, verdict, jump), nothing, body, legend(), h("div", { class: "rl-hi-foot" }, words, there));
  const tail = follow(scroll, picture, "x");
  let jumpTo = 0;
  let chosen = 0; // the call of the bar that is touched
  let zoomed = 1;
  let grown = -Infinity;
  let shown = { ops: [], points: new Map(), stuck: new Set(), lanes: [], x: () => 0, now: 0, growing: false };
  layer.addEventListener("focusin", (event) => choose(callAt(event.target)));
  layer.addEventListener("pointerover", (event) => callAt(event.target) && say(callAt(event.target)));
  layer.addEventListener("pointerleave", () => say(chosen));
  layer.addEventListener("click", (event) => callAt(event.target) && barOf(callAt(event.target)).focus());
  layer.addEventListener("keydown", walk);

  scroll.addEventListener("scroll", label, { passive: true });

  // The words of what began out of sight stand at the edge, as far as it reaches.
  function label() {
    for (const words of picture.querySelectorAll("[data-x1]")) {
      const [from, to] = [Number(words.getAttribute("data-x1")), Number(words.getAttribute("data-x2"))];
      put(words, { x: Math.max(from, Math.min(scroll.scrollLeft + 6, to - words.textContent.length * LETTER - 6)) });
    }
  }

  const callAt = (target) => Number(target.closest?.("[data-call]")?.getAttribute("data-call") ?? 0);
  const barOf = (call) => layer.querySelector(`[data-call="${call}"]`);

  function scale(by) {
    zoomed = Math.min(16, Math.max(1 / 16, zoomed * by));
    draw();
  }

  function go(call) {
    const op = shown.ops.find((each) => each.call === call);
    const point = shown.points.get(call);
    if (op) ctx.act("seek", { t: point && op.end && point.how === "log" ? point.t : op.end || op.t }, "");
  }

  function find(call) {
    const bar = barOf(call);
    if (!bar) return ctx.act("seek", { seq: call }, "");
    bar.focus();
    return bar.scrollIntoView({ block: "nearest", inline: "center" });
  }

  function choose(call) {
    chosen = call;
    for (const bar of layer.children) put(bar, { tabindex: Number(bar.getAttribute("data-call")) === call ? 0 : -1, "data-chosen": Number(bar.getAttribute("data-call")) === call });
    put(there, { hidden: !call });
    say(call);
  }

  function say(call) {
    const op = shown.ops.find((each) => each.call === call);
    write(words, op ? sentences(op, shown.points.get(call), shown.stuck.has(call)) : HINT);
  }

  // Left and right go along a client's bars, up and down to the bar of another that is nearest in time.
  function walk(event) {
    const here = shown.ops.find((each) => each.call === callAt(event.target));
    if (!here) return;
    if (event.key === "Enter") go(here.call);
    else if (event.key === "Escape") choose(0);
    else {
      const next = neighbour(shown.lanes, here, event.key);
      if (next === undefined) return;
      if (next) barOf(next.call)?.focus();
    }
    event.preventDefault();
    event.stopPropagation();
  }

  function draw() {
    const part = store.state.parts.history;
    const all = (part?.ops ?? []).map(opOf);
    put(nothing, { hidden: all.length > 0 });
    for (const each of [body, pick]) put(each, { hidden: all.length === 0 });
    if (!all.length) return;
    const locks = [...new Set(all.map((op) => op.lock))].sort();
    if ([...pick.options].slice(1).map((option) => option.value).join("\n") !== locks.join("\n")) {
      const value = pick.value;
      pick.replaceChildren(h("option", { value: "" }, "all locks"), ...locks.map((lock) => h("option", { value: lock }, lock)));
      pick.value = locks.includes(value) ? value : "";
    }
    const ops = pick.value ? all.filter((op) => op.lock === pick.value) : all;
    const judged = (part.locks ?? []).filter((each) => (pick.value ? each.lock === pick.value : locks.includes(each.lock) || each.stuck));
    tell(part, judged);
    place(part, ops, judged, pick.value || locks.length === 1);
  }

  function tell(part, judged) {
    const found = judged.length ? verdictOf(judged) : { kind: "unknown", text: "Not judged yet.", stuck: 0 };
    put(verdict, { "data-kind": found.kind });
    write(verdict, found.text);
    jumpTo = found.stuck;
    put(jump, { hidden: !found.stuck });
    write(note, part.cut ? `${count(part.cut, "earlier operation")} not drawn` : "");
  }

  function place(part, ops, judged, single) {
    const { cursor, cluster } = store.state;
    const first = ops[0]?.t ?? 0;
    const pixels = (18 * zoomed) / Math.max(1, cluster.timings?.delay_ms ?? 200); // a millisecond
    const here = cursor.live ? Math.max(store.now(), store.state.t) : cursor.t;
    const now = cursor.live ? drawnUpTo(ops, here, (IDLE / pixels) * 1000) : here;
    const x = (t) => MARGIN + (Math.max(0, t - first) / 1000) * pixels;
    const lanes = lanesOf(ops, now);
    const bands = bandLanes((part.bands ?? []).filter((band) => (band[4] || now) >= first && band[3] <= now), now);
    const { points, alone } = pointsOf(judged);
    const top = AXIS + bands.length * BAND + 6;
    const own = alone.filter((each) => each.t >= first && each.t <= now);
    let y = top;
    const at = new Map();
    const heads = lanes.map(({ client, rows }) => {
      const from = y;
      for (const row of rows) {
        for (const op of row) at.set(op.call, y + ROW / 2);
        y += ROW;
      }
      return { name: client, y: from, height: y - from, client: true };
    });
    if (own.length) {
      heads.push({ name: single ? "the lock itself" : "locks themselves", y, height: ROW });
      y += ROW;
    }
    const width = Math.max(scroll.clientWidth - 2, x(now) + 90);
    const stuck = new Set(judged.map((each) => each.stuck).filter(Boolean));
    shown = { ops, points, stuck, lanes, x, now, single, at, width, height: y + 6, growing: now === here };
    put(picture, { width, height: y + 6, viewBox: `0 0 ${width} ${y + 6}` });
    keyed(names, [{ name: "", y: 0, height: top }, ...heads], (each) => each.name, () => h("div", {}), (div, each) => {
      write(div, each.name);
      put(div, { title: each.name, "data-client": each.client });
      div.style.height = `${each.height}px`;
    });
    grid(axis, x, first, now, pixels, shown, cursor);
    keyed(back, bands.flatMap((lane, k) => lane.map((band) => ({ ...band, k }))), (band) => band.seq, bandPicture, (g, band) => g.rlShow(band, x, y, band.lasts && cursor.live ? width - 40 : x(band.to)));
    const rows = lanes.flatMap((lane) => lane.rows);
    const after = new Map(rows.flatMap((row) => row.map((op, k) => [op.call, row[k + 1]?.t ?? null])));
    keyed(layer, ops, (op) => op.call, barPicture, (g, op) => g.rlShow(op, shown, after.get(op.call)));
    if (!layer.querySelector('[tabindex="0"]') && layer.lastChild) put(layer.lastChild, { tabindex: 0 });
    keyed(front, own, (each) => `${each.lock} ${each.t} ${each.how}`, () => alonePicture(), (g, each) => g.rlShow(each, x, y - ROW / 2));
    thread(order, ops, shown, single);
    say(chosen);
    tail.end();
    label();
  }

  return {
    el,
    change(parts) {
      if (parts.has("history") || parts.has("cursor") || parts.has("cluster")) draw();
    },
    tick() {
      const at = performance.now();
      const { cursor, paused } = store.state;
      if (!cursor.live || paused || at - grown < GROW_MS || !shown.growing) return;
      grown = at;
      draw();
    },
    close: tail.close,
  };
}

/** The bar that an arrow key leads to from `here`; null if there is none, undefined for another key. Pure. */
export function neighbour(lanes, here, key) {
  const k = lanes.findIndex((lane) => lane.client === here.client);
  const mine = lanes[k].rows.flat().sort((a, b) => a.call - b.call);
  const i = mine.findIndex((op) => op.call === here.call);
  if (key === "ArrowLeft") return mine[i - 1] ?? null;
  if (key === "ArrowRight") return mine[i + 1] ?? null;
  if (key === "Home") return mine[0];
  if (key === "End") return mine[mine.length - 1];
  const by = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (!by) return undefined;
  const other = lanes[k + by]?.rows.flat() ?? [];
  return other.reduce((best, op) => (!best || Math.abs(op.t - here.t) < Math.abs(best.t - here.t) ? op : best), null);
}

function hatch() {
  return s("pattern", { id: "rl-hi-hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    s("line", { x1: 0, x2: 0, y1: 0, y2: 6, class: "rl-hi-hatching" }));
}

function legend() {
  const item = (mark, text) => h("li", {}, mark, text);
  const bar = (kind) => h("i", { class: `rl-key-bar rl-key-${kind}`, "aria-hidden": "true" });
  const dot = (kind) => h("i", { class: `rl-key-dot rl-key-${kind}`, "aria-hidden": "true" });
  return h("ul", { class: "rl-legend", "aria-label": "Legend" }, item(bar("done"), "✓ done"), item(bar("refused"), "✗ refused"),
    item(bar("waits"), "in the queue"), item(bar("open"), "no answer"),
    item(dot("log"), "took effect: its entry was first applied"), item(dot("fits"), "took effect: any moment that fits, found by search"));
}

// Time above, a line a tick; and where one looks, in the past.
function grid(axis, x, first, now, pixels, { width, height }, cursor) {
  const wide = 80 / pixels / 1000;
  const step = (STEPS_S.find((each) => each >= wide) ?? 600) * 1_000_000;
  const ticks = [];
  for (let t = Math.ceil(first / step) * step; x(t) < width - 40; t += step) ticks.push(t);
  keyed(axis, [...ticks, ...(cursor.live && !cursor.offline ? [] : ["here"])], (t) => t, (t) => s("g", { class: t === "here" ? "rl-hi-here" : "rl-hi-tick" }, s("line", {}), s("text", {})), (g, t) => {
    const place = t === "here" ? x(now) : x(t);
    put(g.firstChild, { x1: place, x2: place, y1: t === "here" ? 0 : AXIS - 4, y2: height });
    put(g.lastChild, { x: place + 3, y: 12 });
    write(g.lastChild, t === "here" ? "" : clock(t, step));
  });
}

const clock = (t, step) => {
  const seconds = t / 1_000_000;
  const rest = (seconds % 60).toFixed(step < 100_000 ? 2 : step < 1_000_000 ? 2 : 0);
  return seconds < 60 ? `${rest} s` : `${Math.floor(seconds / 60)}:${rest.padStart(step < 1_000_000 ? 5 : 2, "0")}`;
};

function bandPicture() {
  const words = s("text", {});
  const [whole, head] = [s("rect", { class: "rl-hi-band" }), s("rect", { class: "rl-hi-band-head", rx: 3 })];
  const title = s("title", {});
  const g = s("g", { "data-testid": "history-band" }, title, whole, head, words);
  g.rlShow = (band, x, bottom, x2) => {
    const x1 = x(band.from);
    const y = AXIS + band.k * BAND;
    put(whole, { x: x1, width: Math.max(2, x2 - x1), y: y, height: bottom - y });
    put(head, { x: x1, width: Math.max(2, x2 - x1), y, height: BAND - 3 });
    put(words, { "data-x1": x1 + 4, "data-x2": x2, y: y + 10 });
    write(words, bandWords(band));
    write(title, bandWords(band));
  };
  return g;
}

function barPicture() {
  const [bar, waits, words, line, dot, title] = [s("path", { class: "rl-hi-bar" }), s("rect", { class: "rl-hi-waits" }), s("text", {}),
    s("line", { class: "rl-hi-stem" }), s("circle", { class: "rl-hi-point", r: 4.5 }), s("title", {})];
  const g = s("g", { class: "rl-hi-op", role: "button", tabindex: -1 }, title, bar, waits, words, line, dot);
  g.rlShow = (op, { points, stuck, x, now, single, at }, next) => {
    const y = at.get(op.call);
    const out = outcome(op);
    const point = points.get(op.call);
    const [x1, x2] = [x(op.t), Math.max(x(endOf(op, now)), x(op.t) + 5)];
    const open = out === "open" || out === "unknown";
    const [up, low] = [y - BAR / 2, y + BAR / 2];
    // Without an answer the bar has no end: it is torn.
    const end = open ? `H${x2}l5 ${BAR / 6}l-5 ${BAR / 6}l5 ${BAR / 6}l-5 ${BAR / 6}l5 ${BAR / 6}l-5 ${BAR / 6}` : `H${x2 - 3}q3 0 3 3V${low - 3}q0 3-3 3`;
    put(bar, { d: `M${x1 + 3} ${up}${end}H${x1 + 3}q-3 0-3-3V${up + 3}q0-3 3-3Z` });
    const grant = point && out === "done" ? x(point.t) : x2;
    put(waits, { x: x(op.queued), y: up + 1.5, height: BAR - 3, width: Math.max(0, grant - x(op.queued)), hidden: !op.queued, visibility: op.queued ? "visible" : "hidden" });
    const room = Math.floor(((next === null ? Infinity : x(next)) - x1 - 10) / LETTER);
    const text = barWords(op, !single, stuck.has(op.call));
    write(words, text.length <= room ? text : room > 2 ? `${text.slice(0, room - 1)}…` : "");
    put(words, { "data-x1": x1 + 6, "data-x2": x2, y: y + 4 });
    const px = point ? x(point.t) : 0;
    for (const each of [line, dot]) put(each, { visibility: point ? "visible" : "hidden" });
    put(line, { x1: px, x2: px, y1: low - 5, y2: low + 3 });
    put(dot, { cx: px, cy: low + 2, "data-how": point?.how ?? null });
    const told = sentences(op, point, stuck.has(op.call));
    put(g, { "data-call": op.call, "data-testid": `op-${op.client}-${op.call}`, "data-out": out, "data-stuck": stuck.has(op.call), "data-point": point?.how ?? null, "aria-label": told });
    write(title, told);
  };
  return g;
}

function alonePicture() {
  const g = s("g", { class: "rl-hi-alone" }, s("title", {}), s("path", { d: "M-5-4H5L0 5Z" }), s("text", { x: 8, y: 4 }));
  g.rlShow = (each, x, y) => {
    put(g, { transform: `translate(${x(each.t)},${y})` });
    write(g.firstChild, `${each.lock}: ${each.how === "ttl" ? "its time was over" : "given back, and nobody was told"}; ${each.after}`);
    write(g.lastChild, each.how === "ttl" ? "time over" : "given back");
  };
  return g;
}

// The order itself, as a thread through its points: only of one lock, or it says nothing.
function thread(layer, ops, { points, x, at }, single) {
  const steps = single ? ops.filter((op) => points.has(op.call)).map((op) => [points.get(op.call), op]).sort((a, b) => a[0].t - b[0].t) : [];
  const d = steps.map(([point, op], k) => `${k ? "L" : "M"}${x(point.t)} ${at.get(op.call) + BAR / 2 + 1}`).join("");
  if (!layer.firstChild) layer.append(s("path", {}));
  put(layer.firstChild, { d: steps.length > 1 ? d : null });
}
