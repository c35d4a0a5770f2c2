// The top line: what the cluster can do now, the figures, and the pace of time.

import { h, put, write } from "./dom.js";
import { SPEED_STEPS, runTime, speedLabel, speedOf, stepOf } from "./format.js";
import { can, frontier, leaderOf } from "./frames.js";
import { termFill } from "./palette.js";

const SIGN = { ok: "✓", busy: "…", stuck: "!", paused: "❚❚" };
const HOLD_MS = 700; // the slider is not moved by frames while a hand is on it

/** The status panel. `pace` adds the controls of time and "start over". */
export function status(ctx, { pace = true } = {}) {
  const sign = h("span", { class: "rl-sign", "aria-hidden": "true" });
  const text = h("span", { class: "rl-situation", "data-testid": "situation" });
  const facts = Object.fromEntries(["term", "leader", "commit", "time"].map((name) => [name,
    h("b", { "data-testid": `fact-${name}` }, "–")]));
  const modified = h("p", { class: "rl-modified", hidden: true, "data-testid": "modified" });
  const el = h("header", { class: "rl-status", "data-testid": "status" },
    h("div", { class: "rl-line" }, sign, text,
      h("div", { class: "rl-figures" }, ...Object.entries(facts).map(([name, value]) =>
        h("div", { class: `rl-figure rl-figure-${name}` }, h("span", {}, name), value)))),
    modified);
  const time = pace ? paceControls(ctx) : null;
  if (time) el.append(time.el);

  function change(parts) {
    const { state } = ctx.store;
    if (parts.has("situation") && state.situation) {
      write(text, state.situation.text);
      write(sign, SIGN[state.situation.level] ?? "");
      put(el, { "data-level": state.situation.level });
    }
    if (parts.has("cluster")) {
      put(modified, { hidden: !state.cluster.modified });
      write(modified, state.cluster.modified ? `Modified Raft: ${state.cluster.modified}` : "");
    }
    if (parts.has("nodes")) {
      const { term, commit } = frontier(state);
      write(facts.term, term);
      facts.term.style.setProperty("--term", termFill(term) ?? "transparent");
      write(facts.leader, leaderOf(state)?.id ?? "none");
      write(facts.commit, commit);
    }
    time?.change(parts);
  }
  return { el, change, tick: (now) => write(facts.time, runTime(now)) };
}

function paceControls(ctx) {
  const { store } = ctx;
  let touched = -Infinity;
  const pause = h("button", { type: "button", class: "rl-pause", "data-testid": "pause",
    onclick: () => {
      if (!store.state.cursor.live) {
        ctx.act("live", {}, store.state.cursor.offline ? "" : "Back in the present");
        return;
      }
      const paused = store.state.paused;
      ctx.act(paused ? "resume" : "pause", {}, paused ? "Time goes on" : "Time stands still");
    } });
  const label = h("output", { class: "rl-speed", "data-verb": "speed", "data-testid": "speed-label" });
  const slider = h("input", { type: "range", min: 0, max: SPEED_STEPS, step: 1, "data-testid": "speed",
    "aria-label": "Speed of the cluster",
    oninput: () => {
      touched = performance.now();
      say(speedOf(Number(slider.value)));
    },
    onchange: () => {
      touched = performance.now();
      ctx.act("speed", { value: speedOf(Number(slider.value)) }, "");
    } });
  const say = (speed) => {
    write(label, speedLabel(speed));
    put(slider, { "aria-valuetext": speedLabel(speed) });
  };
  const over = h("button", { type: "button", class: "rl-quiet", "data-testid": "start-over", "data-verb": "start_over",
    title: "A new run of the same cluster: all nodes up, all links whole, empty logs",
    onclick: () => ctx.act("start_over", {}, "A new run begins") }, "Start over");
  const el = h("div", { class: "rl-pace", role: "group", "aria-label": "Time" }, pause,
    h("label", { class: "rl-slider", "data-verb": "speed" }, h("span", {}, "Speed"), slider), label, over);

  function change(parts) {
    if (!parts.has("pace") && !parts.has("cluster") && !parts.has("cursor")) return;
    const { paused, speed, cursor } = store.state;
    write(pause, !cursor.live ? (cursor.offline ? "▶ Play" : "▶ Go live") : paused ? "▶ Resume" : "❚❚ Pause");
    // Where time cannot stand still, this only brings one back to the present.
    put(pause, { "aria-pressed": String(cursor.live && paused), hidden: cursor.live && !can(store.state, "pause") });
    if (performance.now() - touched > HOLD_MS) {
      slider.value = String(stepOf(speed));
      say(speed);
    }
  }
  return { el, change };
}
