// The run from its beginning: a painted track, and the ways to move in it.
//
// What is painted is found by time; what one steps through are moments, all that happened at one
// place at one time.

import { h, keyed, put, write } from "./dom.js";
import { runTime } from "./format.js";
import { can } from "./frames.js";
import { termFill } from "./palette.js";

const REDRAW_MS = 250;
const HEIGHT = 34;
const BAND = 16;

/** The kinds of mark, their words, and how each is painted, in this order. */
export const KINDS = [
  ["term", "term"],
  ["commit", "commit"],
  ["fault", "fault"],
  ["grant", "grant"],
  ["expiry", "expiry"],
  ["election", "election"],
  ["violation", "violation"],
  ["note", "note"],
];

/** Each term's stretch of time, as {term, from, to}; `end` is the present. Pure. */
export function bands(marks, end) {
  const starts = marks.filter((mark) => mark[2] === "term");
  return starts.map((mark, k) => ({ term: mark[4], from: mark[1], to: k + 1 < starts.length ? starts[k + 1][1] : end }));
}

/** The words at a moment: of the last mark up to it, if it is near. Pure. */
export function wordsAt(marks, t, near = 1_500_000) {
  let found = null;
  for (const mark of marks) {
    if (mark[1] > t) break;
    if (mark[2] !== "commit" || !found || t - found[1] > near / 2) found = mark;
  }
  return found && t - found[1] <= near ? found[5] : "";
}

/** The timeline panel. */
export function timeline(ctx) {
  const { store } = ctx;
  const canvas = h("canvas", { class: "rl-track-paint", height: HEIGHT, "aria-hidden": "true" });
  const range = h("input", { type: "range", class: "rl-scrub", min: 0, max: 1000, step: 1, "data-testid": "scrub",
    "aria-label": "The run's time", oninput: () => scrub(Number(range.value)),
    onkeydown: (event) => {
      const by = { ArrowLeft: "back", ArrowRight: "forward" }[event.key];
      if (!by) return;
      event.preventDefault();
      move(by);
    } });
  const place = h("output", { class: "rl-place rl-number", "data-testid": "cursor" });
  const words = h("span", { class: "rl-place-words rl-muted", "data-testid": "cursor-words" });
  const kind = h("select", { "aria-label": "What to jump to", "data-testid": "jump-kind" },
    ...KINDS.map(([name, label]) => h("option", { value: name }, label)));
  kind.value = "election";
  const button = (id, label, title, onclick) => h("button", { type: "button", title, "aria-label": title,
    "data-testid": id, onclick }, label);
  const futures = h("div", { class: "rl-futures", role: "group", "aria-label": "Branches", hidden: true });
  const until = button("run-until", "run to it", "Let the cluster go on until there is one, and stand still there", runUntil);
  put(until, { "data-verb": "pause" });
  const live = button("go-live", "Live", "Go to the present", () => move("live"));
  const simulate = button("simulate", "continue in simulation", "", () => ctx.act("simulate", {}, "A simulation is made of it"));
  const el = h("section", { class: "rl-timeline", "aria-label": "Timeline", "data-testid": "timeline" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Time"),
      h("div", { class: "rl-transport", role: "group", "aria-label": "Move in time" },
        button("to-start", "|◀", "To the beginning", () => ctx.act("seek", { seq: 0 }, "")),
        button("back", "◀ back", "One moment back", () => move("back")),
        button("forward", "step ▶", "One moment on", () => move("forward")),
        live),
      h("div", { class: "rl-transport", role: "group", "aria-label": "Jump" },
        button("jump-back", "◁", "To the one before", () => jump(-1)), kind,
        button("jump-on", "▷", "To the next one", () => jump(1)),
        until),
      simulate, place, words),
    h("div", { class: "rl-track-box" }, canvas, range), futures);
  const branch = h("select", { "data-testid": "branch", "aria-label": "Branch",
    onchange: () => ctx.act("choose", { branch: Number(branch.value) }, "") });
  const branchBox = h("label", { class: "rl-branch", hidden: true }, "Branch", branch);
  place.after(branchBox);
  let branchesShown = "";
  let drawn = -Infinity;
  let stale = true;
  let later = 0;
  let wanted = null;
  let asking = false;

  function move(verb) {
    const { cursor } = store.state;
    // At the present, one moment on is the cluster's to make.
    if (verb === "forward" && !cursor.offline && (cursor.live || cursor.seq >= cursor.last)) ctx.act("step", {}, "");
    else ctx.act(verb, {}, "");
  }

  function jump(by) {
    ctx.act("jump", { kind: kind.value, by }, "");
  }

  function runUntil() {
    if (store.state.cursor.offline) return jump(1);
    return ctx.act("until", { kind: kind.value }, `Running until there is: ${KINDS.find(([name]) => name === kind.value)[1]}`);
  }

  // While a hand drags, only the newest place is asked for, one at a time.
  async function scrub(at) {
    const { cursor } = store.state;
    wanted = Math.round((at / 1000) * cursor.last_t);
    if (asking) return;
    asking = true;
    while (wanted !== null) {
      const t = wanted;
      wanted = null;
      await ctx.act("seek", { t }, "");
    }
    asking = false;
  }

  function show() {
    const { cursor, parts } = store.state;
    put(el, { "data-live": String(cursor.live), "data-event": cursor.seq });
    put(live, { "aria-pressed": String(cursor.live) });
    const branches = cursor.branches ?? [];
    // Only what is live has no branches; it is whole only in the present.
    put(simulate, { hidden: !can(store.state, "simulate") || Boolean(cursor.offline) || branches.length > 0, disabled: !cursor.live,
      title: cursor.live ? "Go on from here in virtual time, where one can go back; the live cluster goes on behind it"
        : "Go live first: only the present can be continued" });
    const listed = JSON.stringify(branches.map((each) => [each.id, each.name, each.from, each.shown]));
    if (listed !== branchesShown) {
      branchesShown = listed;
      put(branchBox, { hidden: branches.length < 2 });
      branch.replaceChildren(...branches.map((each) => h("option", { value: each.id },
        each.from ? `${each.name}, from event ${each.from}` : each.name)));
      branch.value = String(branches.find((each) => each.shown)?.id ?? 0);
    }
    drawFutures(branches);
    write(place, cursor.live && !cursor.offline ? `${runTime(cursor.last_t)}, live` : `${runTime(cursor.t)} of ${runTime(cursor.last_t)}`);
    const said = cursor.live ? "" : sentence();
    write(words, said);
    put(words, { title: said || null });
    if (document.activeElement !== range || !asking) {
      range.value = String(cursor.last_t ? Math.round((1000 * cursor.t) / cursor.last_t) : 1000);
    }
    put(range, { "aria-valuetext": `${runTime(cursor.t)}${cursor.live ? ", live" : ""}. ${said || wordsAt(parts.track ?? [], cursor.t)}` });
  }

  // Each future as a thin line, from where it parted to how far it is.
  function drawFutures(branches) {
    put(futures, { hidden: branches.length < 2 });
    const end = Math.max(1, ...branches.map((each) => each.t));
    keyed(futures, branches.length < 2 ? [] : branches, (each) => each.id, (each) => h("button", { type: "button", class: "rl-future",
      "data-testid": `future-${each.id}`, onclick: () => ctx.act("choose", { branch: each.id }, "") }), (line, each) => {
      const from = each.from_t ?? 0;
      line.style.marginLeft = `${(100 * from) / end}%`;
      line.style.width = `${Math.max(1, (100 * (each.t - from)) / end)}%`;
      const words = each.from ? `${each.name}, parted at ${runTime(from)}` : each.name;
      put(line, { "aria-pressed": String(each.shown), "aria-label": words, title: words });
    });
  }

  function sentence() {
    const { events } = store.state;
    return events[events.length - 1]?.text ?? "";
  }

  function paint() {
    const width = Math.max(1, Math.round(canvas.clientWidth));
    const scale = globalThis.devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(HEIGHT * scale)) canvas.height = Math.round(HEIGHT * scale);
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, HEIGHT);
    const { cursor, parts } = store.state;
    const marks = parts.track ?? [];
    const end = Math.max(1, cursor.last_t);
    const style = getComputedStyle(el);
    const ink = style.getPropertyValue("--rl-ink").trim();
    const x = (t) => (t / end) * width;
    pen.font = `10px ${style.fontFamily}`;
    for (const band of bands(marks, end)) {
      const wide = x(band.to) - x(band.from);
      pen.fillStyle = termFill(band.term) ?? style.getPropertyValue("--rl-empty").trim();
      pen.fillRect(x(band.from), 0, Math.max(1, wide - 1), BAND);
      if (wide > 16) {
        pen.fillStyle = style.getPropertyValue("--rl-ink-on-term").trim();
        pen.fillText(String(band.term), x(band.from) + 3, BAND - 4);
      }
    }
    const paints = {
      commit: (at) => dot(pen, style.getPropertyValue("--rl-edge").trim(), at, BAND + 5),
      fault: (at) => box(pen, style.getPropertyValue("--rl-fault").trim(), at - 1.5, BAND + 9, 3, HEIGHT - BAND - 9),
      grant: (at) => notch(pen, style.getPropertyValue("--rl-good").trim(), at, HEIGHT),
      election: (at) => box(pen, ink, at - 1, 0, 2, BAND + 3),
      violation: (at) => box(pen, style.getPropertyValue("--rl-broken").trim(), at - 2, 0, 4, HEIGHT),
      expiry: (at) => hollow(pen, style.getPropertyValue("--rl-warn").trim(), at, HEIGHT),
      note: (at) => box(pen, ink, at - 0.5, BAND, 1, HEIGHT - BAND),
    };
    for (const name of ["commit", "fault", "grant", "expiry", "note", "election", "violation"]) {
      for (const mark of marks) if (mark[2] === name) paints[name](x(mark[1]));
    }
    for (const row of parts.checks ?? []) if (row.seq && row.t !== undefined) paints.violation(x(row.t));
    if (!cursor.live || cursor.offline) box(pen, style.getPropertyValue("--rl-accent").trim(), x(cursor.t) - 1, 0, 2, HEIGHT);
  }

  function change(parts) {
    if (!["cursor", "track", "events", "checks"].some((part) => parts.has(part))) return;
    stale = true;
    show();
  }

  function tick() {
    const now = performance.now();
    if (!stale) return;
    if (now - drawn < REDRAW_MS) {
      // Where time stands still nobody calls again by itself.
      later ||= setTimeout(again, REDRAW_MS);
      return;
    }
    clearTimeout(later);
    later = 0;
    drawn = now;
    stale = !store.state.known;
    paint();
  }
  const again = () => {
    stale = true;
    drawn = -Infinity;
    tick();
  };
  return { el, change, tick, themed: again, close: () => clearTimeout(later) };
}

function box(pen, colour, x, y, width, height) {
  pen.fillStyle = colour;
  pen.fillRect(x, y, width, height);
}

function dot(pen, colour, x, y) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.arc(x, y, 1.6, 0, 2 * Math.PI);
  pen.fill();
}

function hollow(pen, colour, x, bottom) {
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.moveTo(x - 4, bottom - 7);
  pen.lineTo(x, bottom - 1);
  pen.lineTo(x + 4, bottom - 7);
  pen.stroke();
}

function notch(pen, colour, x, bottom) {
  pen.fillStyle = colour;
  pen.beginPath();
  pen.moveTo(x - 4, bottom);
  pen.lineTo(x, bottom - 7);
  pen.lineTo(x + 4, bottom);
  pen.fill();
}
