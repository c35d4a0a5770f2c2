// The logs side by side: a row a node, a column an index, so that what agrees stands in line.

import { h, put, write } from "./dom.js";
import { follow } from "./follow.js";
import { nodeWords, opLines, roleLetter } from "./format.js";
import { leaderOf } from "./frames.js";
import { termFill, termLine } from "./palette.js";

const COLUMNS = 60;

/** The first and last index shown: the last ones, and one empty column for the mark "next". */
export function logWindow(logs, columns = COLUMNS) {
  let last = 0;
  let first = Infinity;
  for (const log of logs) {
    const end = log.entries.length ? log.entries[log.entries.length - 1].i : log.first - 1;
    last = Math.max(last, end);
    if (log.entries.length) first = Math.min(first, log.entries[0].i);
  }
  if (last <= 0) return { first: 1, last: 0 };
  return { first: Math.max(first, last - columns + 1, 1), last };
}

/** The leader's marks at `index` of a follower's row: ● match, ▲ next. */
export function marksAt(progress, index) {
  if (!progress) return "";
  return `${progress.match === index ? "●" : ""}${progress.next === index ? "▲" : ""}`;
}

/** The log panel. */
export function log(ctx) {
  const { store } = ctx;
  const head = h("tr", {}, h("th", { scope: "col", class: "rl-row-head" }, "index"));
  const body = h("tbody", {});
  const table = h("table", { class: "rl-log-table", "data-testid": "log" },
    h("caption", { class: "rl-sr" }, "The log of each node, by index"), h("thead", {}, head), body);
  const scroll = h("div", { class: "rl-scroll", tabindex: 0, role: "region", "aria-label": "Logs, scrolls sideways" }, table);
  const nothing = h("p", { class: "rl-empty" }, "No entry yet: the first leader writes one.");
  const el = h("section", { class: "rl-log" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Logs"), legend()), nothing, scroll);
  const tail = follow(scroll, table, "x");
  let rows = new Map();
  let span = { first: 1, last: 0, key: "" };

  function lay(next) {
    const ids = store.state.cluster.nodes;
    const key = `${store.state.run} ${ids.join()}`;
    if (key !== span.key || next.first < span.first || next.last < span.last) {
      while (head.children.length > 1) head.lastChild.remove();
      rows = new Map(ids.map((id) => [id, row(id)]));
      body.replaceChildren(...[...rows.values()].map((r) => r.el));
      span = { first: next.first, last: next.first - 2, key }; // the empty column comes below
    }
    for (; span.first < next.first; span.first += 1) {
      for (const line of [{ el: head, cells: null }, ...rows.values()]) {
        if (line.el.children.length > 1) line.el.children[1].remove();
        line.cells?.shift();
      }
    }
    for (let i = span.last + 2; i <= next.last + 1; i += 1) {
      head.append(h("th", { scope: "col" }, String(i)));
      for (const r of rows.values()) r.append(i);
    }
    span.last = next.last;
  }

  function change(parts) {
    if (!["logs", "nodes", "cluster"].some((part) => parts.has(part))) return;
    const next = logWindow([...store.state.logs.values()]);
    put(nothing, { hidden: next.last > 0 });
    put(scroll, { hidden: next.last === 0 });
    if (next.last === 0) return;
    lay(next);
    const leader = leaderOf(store.state);
    for (const [id, r] of rows) r.update(ctx, store.state.nodes.get(id), store.state.logs.get(id), leader, span.first);
    tail.end();
  }
  return { el, change, close: tail.close };
}

function legend() {
  const item = (mark, words) => h("li", {}, mark, words);
  const cell = (cls) => h("i", { class: `rl-key-cell ${cls}`, "aria-hidden": "true" });
  return h("ul", { class: "rl-legend", "aria-label": "Legend" }, item(cell("rl-committed"), "committed"),
    item(cell(""), "not yet"), item(cell("rl-gone"), "in a snapshot"), item(h("i", { class: "rl-mark" }, "●"), "match"),
    item(h("i", { class: "rl-mark" }, "▲"), "next, as the leader sees them"));
}

function row(id) {
  const letter = h("span", { class: "rl-role" });
  const el = h("tr", { "data-testid": `log-${id}` },
    h("th", { scope: "row", class: "rl-row-head" }, id, letter));
  const cells = [];

  function append(index) {
    const parts = { index, sign: "", term: h("b", {}), what: h("span", { class: "rl-what" }),
      object: h("span", { class: "rl-object" }), mark: h("span", { class: "rl-mark" }) };
    parts.box = h("div", { class: "rl-cell" }, parts.term, parts.what, parts.object);
    parts.td = h("td", { "data-testid": `cell-${id}-${index}` }, parts.box, parts.mark);
    cells.push(parts);
    el.append(parts.td);
  }

  function update(ctx, node, log, leader, first) {
    if (!node) return;
    write(letter, roleLetter(node));
    put(letter, { title: nodeWords(node) });
    put(el, { "data-state": node.state, "data-role": node.role, "data-part": node.part ?? "voter" });
    const progress = leader && leader.id !== id ? leader.progress?.[id] : null;
    const theme = ctx.theme();
    cells.forEach((cell, k) => {
      const index = first + k;
      const entry = log?.entries[index - (log.entries[0]?.i ?? 0)] ?? null;
      const gone = entry === null && index <= (log?.base ?? 0);
      fill(cell, entry, index, node, marksAt(progress, index), theme, gone);
    });
  }
  return { el, cells, append, update };
}

// `gone`: the entry was there, and a snapshot stands for it now.
function fill(cell, entry, index, node, mark, theme, gone) {
  const committed = entry !== null && index <= node.commit;
  const sign = entry ? `${entry.t}|${entry.op}|${committed}|${index === node.commit}|${mark}|${theme}` : `|${mark}|${gone}`;
  if (sign === cell.sign) return;
  cell.sign = sign;
  const [what, object] = opLines(entry?.op);
  write(cell.term, entry ? entry.t : "");
  write(cell.what, what);
  write(cell.object, object);
  write(cell.mark, mark);
  put(cell.td, {
    "data-term": entry?.t ?? null, "data-op": entry?.op ?? null, "data-mark": mark || null,
    "data-committed": entry ? String(committed) : null, "data-gone": gone,
    title: gone ? `index ${index}: no longer in the log, ${node.id}'s snapshot stands for it` : entry ? `index ${index}, term ${entry.t}: ${entry.op || "no-op"}${committed ? "" : " (not committed here)"}` : null,
  });
  put(cell.box, { class: `rl-cell${entry ? " rl-full" : ""}${committed ? " rl-committed" : ""}${index === node.commit && entry ? " rl-frontier" : ""}${gone ? " rl-gone" : ""}` });
  cell.box.style.setProperty("--term", (entry && termFill(entry.t)) || "transparent");
  cell.box.style.setProperty("--term-line", (entry && termLine(entry.t, theme)) || "transparent");
}
