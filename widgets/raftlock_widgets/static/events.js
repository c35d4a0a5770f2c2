// What happened, one plain sentence a line, newest last.

import { h, put } from "./dom.js";
import { runTime } from "./format.js";
import { follow } from "./follow.js";
import { KEEP } from "./frames.js";

const SIGN = { info: "·", good: "✓", warn: "△", fault: "✂" };

/** The events panel. */
export function events(ctx) {
  const list = h("ol", { class: "rl-events-list", tabindex: 0, "aria-label": "Events: arrow keys go through them, Enter asks why",
    "data-testid": "events", onkeydown: go });
  const nothing = h("p", { class: "rl-empty" }, "Nothing has happened yet.");
  const el = h("section", { class: "rl-events" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Events")), nothing, list);
  const tail = follow(list, list, "y");
  let last = -1;
  let run = -1;

  function go(event) {
    const here = list.contains(document.activeElement) ? document.activeElement.closest("li") : null;
    const next = { ArrowUp: here ? here.previousSibling : list.lastChild, ArrowDown: here?.nextSibling ?? (here ? null : list.lastChild),
      Home: list.firstChild, End: list.lastChild }[event.key];
    if (!next) return;
    event.preventDefault();
    next.querySelector("button").focus();
  }

  function change(parts) {
    const { state } = ctx.store;
    if (!parts.has("events") && !parts.has("cluster")) return;
    const newest = state.events.length ? state.events[state.events.length - 1].seq : -1;
    // Another run, an earlier moment, or a gap: what stood there is not what led here.
    if (state.run !== run || newest < last || (state.events.length && state.events[0].seq > last)) {
      list.replaceChildren();
      [last, run] = [-1, state.run];
    }
    const fresh = state.events.filter((event) => event.seq > last);
    if (fresh.length) {
      list.append(...fresh.map((event) => line(ctx, event)));
      last = fresh[fresh.length - 1].seq;
    }
    while (list.children.length > KEEP.events) list.firstChild.remove();
    put(nothing, { hidden: list.children.length > 0 });
    tail.end();
  }
  return { el, change, close: tail.close };
}

// A sentence leads to its moment's reason: `why` opens it, and from there to the moment itself.
function line(ctx, event) {
  return h("li", { "data-seq": event.seq, "data-level": event.level, "data-node": event.node, "data-kind": event.kind },
    h("time", { class: "rl-number" }, runTime(event.t)),
    h("span", { class: "rl-sign", "aria-hidden": "true" }, SIGN[event.level] ?? "·"),
    h("button", { type: "button", class: "rl-sentence", tabindex: -1, title: "Why did this happen?",
      onclick: () => ctx.set({ why: event }) }, event.text));
}
