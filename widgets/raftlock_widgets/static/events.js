// What happened, one plain sentence a line, newest last.

import { h, keyed, put, write } from "./dom.js";
import { runTime } from "./format.js";
import { follow } from "./follow.js";
import { KEEP } from "./frames.js";
import { TOPICS, asText, fits, sifts } from "./sift.js";

const SIGN = { info: "·", good: "✓", warn: "△", fault: "✂" };

/** The events panel. */
export function events(ctx) {
  const list = h("ol", { class: "rl-events-list", tabindex: 0, "aria-label": "Events: arrow keys go through them, Enter asks why",
    "data-testid": "events", onkeydown: go });
  const nothing = h("p", { class: "rl-empty", "data-testid": "events-empty" });
  const says = h("span", {});
  const wanted = { topic: "", node: "", find: "" };
  const choose = (name, label, ...options) => h("select", { "aria-label": label, "data-testid": `events-${name}`, onchange: (event) => {
    wanted[name] = event.target.value;
    again();
  } }, ...options);
  const all = (words) => h("option", { value: "" }, words);
  const topic = choose("topic", "Which events", all("all events"), ...TOPICS.map(([value, words]) => h("option", { value }, words)));
  const node = choose("node", "Of which node");
  const find = h("input", { type: "search", placeholder: "Find", "aria-label": "Events with these words", size: 9, autocomplete: "off",
    spellcheck: "false", "data-testid": "events-find", oninput: () => {
      wanted.find = find.value;
      again();
    } });
  const copy = h("button", { type: "button", "data-testid": "events-copy", title: "Copy what is shown as text", onclick: copied }, "Copy");
  const every = h("button", { type: "button", "data-testid": "events-all", onclick: () => {
    for (const field of [topic, node, find]) field.value = "";
    Object.assign(wanted, { topic: "", node: "", find: "" });
    again();
    topic.focus();
  } }, "Show all");
  nothing.append(says, every);
  const el = h("section", { class: "rl-events" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Events"), h("div", { class: "rl-events-sift" }, topic, node, find, copy)), nothing, list);
  const tail = follow(list, list, "y");
  let last = -1;
  let run = -1;

  function again() {
    last = -1;
    list.replaceChildren();
    change(new Set(["events"]));
  }

  async function copied() {
    const shown = [...list.children].map((item) => item.rlLine);
    try {
      await navigator.clipboard.writeText(asText(shown));
      ctx.tell("ok", `${shown.length} events are in the clipboard.`);
    } catch {
      ctx.tell("error", "The browser did not let the clipboard be used: select the lines and copy them.");
    }
  }

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
    if (parts.has("cluster")) keyed(node, ["", ...state.cluster.nodes], (id) => id, (id) => h("option", { value: id }, id || "all nodes"), () => {});
    if (!parts.has("events") && !parts.has("cluster")) return;
    const newest = state.events.length ? state.events[state.events.length - 1].seq : -1;
    // Another run, an earlier moment, or a gap: what stood there is not what led here.
    if (state.run !== run || newest < last || (state.events.length && state.events[0].seq > last)) {
      list.replaceChildren();
      [last, run] = [-1, state.run];
    }
    const fresh = state.events.filter((event) => event.seq > last);
    if (fresh.length) {
      list.append(...fresh.filter((event) => fits(event, wanted)).map((event) => line(ctx, event)));
      last = fresh[fresh.length - 1].seq;
    }
    while (list.children.length > KEEP.events) list.firstChild.remove();
    put(nothing, { hidden: list.children.length > 0 });
    write(says, sifts(wanted) ? `None of the last ${state.events.length} events fits. ` : "Nothing has happened yet.");
    put(every, { hidden: !sifts(wanted) });
    tail.end();
  }
  return { el, change, close: tail.close };
}

// A sentence leads to its moment's reason: `why` opens it, and from there to the moment itself.
function line(ctx, event) {
  const item = h("li", { "data-seq": event.seq, "data-level": event.level, "data-node": event.node, "data-kind": event.kind },
    h("time", { class: "rl-number" }, runTime(event.t)),
    h("span", { class: "rl-sign", "aria-hidden": "true" }, SIGN[event.level] ?? "·"),
    h("button", { type: "button", class: "rl-sentence", tabindex: -1, title: "Why did this happen?",
      onclick: () => ctx.set({ why: event }) }, event.text));
  item.rlLine = event;
  return item;
}
