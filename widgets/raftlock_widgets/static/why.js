// What just happened, in one sentence, and why: the paper's rule, and the code here that follows it.

import { h, put, write } from "./dom.js";
import { runTime } from "./format.js";

/** The last of `lines` up to event `seq`, or the last of all. Pure. */
export function lineAt(lines, seq) {
  if (!seq) return lines[lines.length - 1] ?? null;
  return lines.findLast((line) => line.seq <= seq) ?? null;
}

/** The line of what happened, with its reason. It stays open while time goes on, at what was asked for. */
export function why(ctx) {
  const { store } = ctx;
  const sentence = h("span", { class: "rl-now-text", "data-testid": "now" });
  const time = h("time", { class: "rl-number rl-muted" });
  const ask = h("button", { type: "button", class: "rl-quiet", "data-testid": "why", "aria-expanded": "false",
    onclick: () => (asked ? close() : open(shown)) }, "Why?");
  const words = h("p", { class: "rl-why-words" });
  const about = h("p", { class: "rl-why-about" });
  const paper = h("span", { class: "rl-muted", "data-testid": "why-paper" });
  const place = h("code", { "data-testid": "why-place" });
  const source = h("pre", { class: "rl-why-source rl-scroll", tabindex: 0, "data-testid": "why-source", "aria-label": "The source" });
  const code = h("details", {}, h("summary", {}, "The code that does it: ", place), source);
  const there = h("button", { type: "button", "data-testid": "why-there", onclick: () => asked && ctx.act("seek", { seq: asked.seq }, "") },
    "Show this moment");
  const shut = h("button", { type: "button", "data-testid": "why-close", onclick: () => {
    close();
    ask.focus();
  } }, "Close");
  const box = h("div", { class: "rl-why", hidden: true, role: "region", "aria-label": "Why it happened", "data-testid": "why-box",
    onkeydown: (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      close();
      ask.focus();
    } }, about, words, h("p", {}, paper), code, h("div", { class: "rl-row" }, there, shut));
  const el = h("div", { class: "rl-now" }, h("p", { class: "rl-now-line" }, time, sentence, ask), box);
  let shown = null; // the line that stands there
  let asked = null; // the line whose reason is open

  function change(parts) {
    if (!parts.has("events") && !parts.has("cursor") && !parts.has("cluster")) return;
    const { cursor, events } = store.state;
    shown = lineAt(events, cursor.live ? 0 : cursor.seq);
    write(sentence, shown?.text ?? "Nothing has happened yet.");
    write(time, shown ? runTime(shown.t) : "");
    put(el, { "data-level": shown?.level ?? "info", "data-seq": shown?.seq ?? 0 });
    put(ask, { "aria-disabled": shown || asked ? null : "true" });
  }

  function open(line) {
    if (!line) return;
    asked = line;
    write(about, `${runTime(line.t)}: ${line.text}`);
    for (const each of [words, paper, place, source]) write(each, "");
    write(words, "Looking it up …");
    put(code, { hidden: true });
    put(box, { hidden: false });
    put(ask, { "aria-expanded": "true" });
    store.send({ type: "ask", what: "why", rule: line.rule ?? "", kind: line.kind });
  }

  function close() {
    asked = null;
    put(box, { hidden: true });
    put(ask, { "aria-expanded": "false" });
  }

  const off = store.on("extra", ({ content }) => {
    if (content?.type !== "answer" || content.what !== "why" || !asked) return;
    const { rule, kind, why: told } = content.value;
    if (rule !== (asked.rule ?? "") || kind !== asked.kind) return;
    write(words, told?.words ?? "Nothing more is known of this one.");
    write(paper, told?.paper ?? "");
    write(place, told?.place ? `${told.function} · ${told.place}` : "");
    write(source, told?.source ?? "");
    put(code, { hidden: !told?.source });
  });
  // A line of the event list can be asked about too.
  return { el, change, close: off, ui: (parts) => parts.why && open(parts.why) };
}
