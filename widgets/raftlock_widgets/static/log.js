// The logs side by side: a row a node, a column an index, so that what agrees stands in line. What
// is cut off leaves a ghost for a moment; a cell that is touched tells where its entry comes from.

import { h, put, write } from "./dom.js";
import { cellWords, disagree } from "./entries.js";
import { follow } from "./follow.js";
import { nodeWords, opLines, roleLetter } from "./format.js";
import { leaderOf } from "./frames.js";
import { termFill, termLine } from "./palette.js";

const COLUMNS = 60;
const GHOST_MS = 2000;

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
  const told = h("p", { class: "rl-cell-words rl-muted", role: "status", "data-testid": "cell-words" }, HINT);
  el.append(told);
  const tail = follow(scroll, table, "x");
  let place = null; // the cell that is touched: {id, index}
  let seen = 0; // up to which event this was drawn
  for (const kind of ["pointerover", "focusin"]) table.addEventListener(kind, touch);
  table.addEventListener("keydown", walk);
  let rows = new Map();
  let span = { first: 1, last: 0, key: "" };

  function touch(event) {
    const cell = event.target.closest("td[data-index]");
    if (!cell) return;
    place = { id: cell.getAttribute("data-node"), index: Number(cell.getAttribute("data-index")) };
    say();
  }

  function say() {
    const node = place && store.state.nodes.get(place.id);
    write(told, node ? cellWords(node, store.state.logs.get(place.id), place.index, store.state.parts.origins) : HINT);
  }

  // The arrow keys go from cell to cell; one of them can be reached with the Tab key.
  function walk(event) {
    const here = event.target.closest("td[data-index]");
    if (!here) return;
    const [line, k] = [here.parentElement, [...here.parentElement.children].indexOf(here)];
    const next = { ArrowLeft: here.previousElementSibling, ArrowRight: here.nextElementSibling, ArrowUp: line.previousElementSibling?.children[k],
      ArrowDown: line.nextElementSibling?.children[k] }[event.key];
    if (!next?.hasAttribute("data-index")) return;
    event.preventDefault();
    event.stopPropagation();
    next.focus();
  }

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
    if (!["logs", "nodes", "cluster", "origins"].some((part) => parts.has(part))) return;
    const next = logWindow([...store.state.logs.values()]);
    put(nothing, { hidden: next.last > 0 });
    put(scroll, { hidden: next.last === 0 });
    if (next.last === 0) return;
    lay(next);
    const leader = leaderOf(store.state);
    const { seq } = store.state.cursor;
    const onward = seq >= seen; // going back takes entries away, too, and cuts nothing off
    seen = seq;
    for (const [id, r] of rows) r.update(ctx, store.state.nodes.get(id), store.state.logs.get(id), leader, span.first, onward);
    const logs = [...store.state.logs.values()];
    [...head.children].slice(1).forEach((th, k) => {
      const odd = disagree(logs, span.first + k);
      put(th, { "data-odd": odd });
      for (const r of rows.values()) if (r.cells[k]) put(r.cells[k].td, { "data-odd": odd });
    });
    const last = body.lastElementChild?.lastElementChild?.previousElementSibling;
    if (last && !table.querySelector('td[tabindex="0"]')) put(last, { tabindex: 0 });
    if (place) say();
    tail.end();
  }
  return { el, change, close: tail.close };
}

const HINT = "Touch an entry to see who wrote it, and which majority had it.";

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
    parts.td = h("td", { "data-testid": `cell-${id}-${index}`, "data-node": id, "data-index": index, tabindex: -1 }, parts.box, parts.mark);
    cells.push(parts);
    el.append(parts.td);
  }

  function update(ctx, node, log, leader, first, onward) {
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
      if (onward && cell.entry && !gone && entry?.t !== cell.entry.t) haunt(cell);
      cell.entry = entry;
      fill(cell, entry, index, node, marksAt(progress, index), theme, gone);
    });
  }
  return { el, cells, append, update };
}

// An entry that was cut off stays to be seen, struck through, for a moment.
function haunt(cell) {
  const ghost = h("div", { class: "rl-cell rl-ghost", "data-testid": "ghost", "aria-hidden": "true" }, h("s", {}, `${cell.entry.t} ${cell.entry.op || "no-op"}`));
  cell.td.append(ghost);
  setTimeout(() => ghost.remove(), GHOST_MS);
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
  });
  put(cell.box, { class: `rl-cell${entry ? " rl-full" : ""}${committed ? " rl-committed" : ""}${index === node.commit && entry ? " rl-frontier" : ""}${gone ? " rl-gone" : ""}` });
  cell.box.style.setProperty("--term", (entry && termFill(entry.t)) || "transparent");
  cell.box.style.setProperty("--term-line", (entry && termLine(entry.t, theme)) || "transparent");
}
