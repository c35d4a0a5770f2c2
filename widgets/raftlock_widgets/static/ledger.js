// The logs as a ledger: a row an index, a column a node. Where they differ, the row is marked; at its end
// stands who wrote the entry, and which majority had it.

import { h, keyed, put, write } from "./dom.js";
import { disagree, entryAt, originOf, originWords } from "./entries.js";
import { follow } from "./follow.js";
import { roleLetter, runTime } from "./format.js";
import { logWindow } from "./log.js";
import { termFill, termLine } from "./palette.js";

/** The rows of the ledger: each index, oldest first, with whether nodes differ there. Pure. */
export function ledgerRows(logs) {
  const { first, last } = logWindow(logs);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, k) => ({ index: first + k, odd: disagree(logs, first + k) }));
}

/** The ledger panel. */
export function ledger(ctx) {
  const { store } = ctx;
  const heads = h("tr", {});
  const body = h("tbody", {});
  const table = h("table", { class: "rl-ledger-table", "data-testid": "ledger" },
    h("caption", { class: "rl-sr" }, "The logs by index, a column a node"), h("thead", {}, heads), body);
  const nothing = h("p", { class: "rl-empty" }, "No entry yet: the first leader writes one.");
  const scroll = h("div", { class: "rl-scroll rl-ledger-scroll", tabindex: 0, role: "region", "aria-label": "Ledger" }, table);
  const count = h("span", { class: "rl-note" });
  const el = h("section", { class: "rl-ledger", "aria-label": "Ledger" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Logs, index by index"), count), nothing, scroll);
  const tail = follow(scroll, table, "y");
  let built = "";

  function change(parts) {
    if (!["logs", "nodes", "cluster", "origins"].some((part) => parts.has(part))) return;
    const { state } = store;
    const ids = state.cluster.nodes;
    const key = `${state.run} ${ids.join()}`;
    if (key !== built) {
      built = key;
      body.replaceChildren();
      body.rlKeyed = undefined;
      heads.replaceChildren(h("th", { scope: "col" }, "index"), ...ids.map((id) => h("th", { scope: "col" }, id, h("span", { class: "rl-role" }))),
        h("th", { scope: "col" }, "written by, at; had by"));
    }
    ids.forEach((id, k) => write(heads.children[k + 1].lastChild, roleLetter(state.nodes.get(id) ?? { state: "down" })));
    const rows = ledgerRows([...state.logs.values()]);
    put(nothing, { hidden: rows.length > 0 });
    put(scroll, { hidden: rows.length === 0 });
    const odd = rows.filter((row) => row.odd).length;
    write(count, odd ? `nodes differ at ${odd} ${odd === 1 ? "index" : "indexes"}` : "");
    keyed(body, rows, (row) => row.index, (row) => line(row.index, ids), (tr, row) => tr.rlShow(ctx, row, ids));
    tail.end();
  }
  return { el, change, themed: () => change(new Set(["logs"])), close: tail.close };
}

/** Where an entry comes from, as short as can be. Pure. */
export const shortOrigin = ({ by, at, of, done }) => `${by}, ${runTime(at)}${done ? `; ${of.join(" ")}` : ""}`;

function line(index, ids) {
  const cells = ids.map((id) => h("td", { "data-testid": `ledger-${id}-${index}` }));
  const origin = h("td", { class: "rl-origin rl-muted" });
  const tr = h("tr", { "data-testid": `ledger-${index}` }, h("th", { scope: "row", class: "rl-number" }, index), ...cells, origin);
  tr.rlShow = (ctx, row) => {
    const { state } = ctx.store;
    put(tr, { "data-odd": row.odd });
    let known = null;
    ids.forEach((id, k) => {
      const [node, log] = [state.nodes.get(id), state.logs.get(id)];
      const entry = entryAt(log, index);
      const committed = Boolean(entry && node && index <= node.commit);
      const gone = !entry && index <= (log?.base ?? 0);
      if (entry && (!known || committed)) known = entry;
      const cell = cells[k];
      write(cell, entry ? `${entry.t} ${entry.op || "no-op"}` : gone ? "in its snapshot" : "");
      put(cell, { class: `${entry ? "rl-full" : ""}${committed ? " rl-committed" : ""}${gone ? " rl-gone" : ""}`,
        "data-frontier": Boolean(entry && node && index === node.commit) });
      cell.style.setProperty("--term", (entry && termFill(entry.t)) || "transparent");
      cell.style.setProperty("--term-line", (entry && termLine(entry.t, ctx.theme())) || "transparent");
    });
    const from = known && originOf(state.parts.origins, index, known.t);
    write(origin, from ? shortOrigin(from) : "");
    put(origin, { title: originWords(from) || null });
  };
  return tr;
}
