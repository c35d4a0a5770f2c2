// What a screen reader is told without being asked: elections, grants and broken promises, and of those
// no more than can be listened to. All else can be read where it stands.

import { h, write } from "./dom.js";

const APART_MS = 2000;
const SAID_MAX = 2;

/** Whether a line is told of by itself: who leads, and who holds a lock now, however that came about. Pure. */
export const isNews = (line) => (line.kind === "role" && line.rule === "BecomeLeader")
  || (line.kind === "lock" && (line.level === "good" || / holds .* with token /.test(line.text)));

/** What is said of so many lines at once. Pure. */
export function utterance(lines) {
  const last = lines.slice(-SAID_MAX).map((line) => line.text).join(" ");
  const more = lines.length - SAID_MAX;
  return more > 0 ? `${more} more before. ${last}` : last;
}

/** The place from which it is told, out of sight. */
export function announcer(ctx) {
  const { store } = ctx;
  const el = h("p", { class: "rl-sr", role: "status", "data-testid": "announced" });
  let seen = null; // the newest event that was told of, or that was there before one looked
  let run = -1;
  let waiting = [];
  let timer = 0;

  function change(parts) {
    if (!parts.has("events") && !parts.has("cursor")) return;
    const { state } = store;
    const newest = state.events[state.events.length - 1]?.seq ?? 0;
    // Who goes back in time, or opens a view, is told where they are by what they used.
    if (seen === null || state.run !== run || !state.cursor.live || newest < seen) {
      [seen, run, waiting] = [newest, state.run, []];
      return;
    }
    waiting.push(...state.events.filter((line) => line.seq > seen && isNews(line)));
    seen = newest;
    if (waiting.length && !timer) say();
  }

  function say() {
    timer = 0;
    if (!waiting.length) return;
    write(el, utterance(waiting));
    waiting = [];
    timer = setTimeout(say, APART_MS);
  }
  return { el, change, close: () => clearTimeout(timer) };
}
