// What each client believes it holds, beside what the table says; and what the locks protect, with the
// writes that it took and refused. Between the two lies why a lock alone is not enough.

import { h, keyed, put, write } from "./dom.js";
import { left } from "./format.js";

const FLASH_MS = 1200;

/** All who hold a lock by its row of the table, each with its token and deadline. Pure. */
export function holdersOf(row) {
  if (!row?.owner) return [];
  const { token, deadline, ttl, slot } = row;
  return [{ client: row.owner, token, deadline, ttl, slot }, ...(row.others ?? [])];
}

/** The beliefs at run time `now`, each held against `table`, the rows of a node that has applied the
 * entries up to `applied`. Pure.
 *
 * `sign` is "same" (the table agrees), "other" (it does not: somebody is wrong), "ahead" (that node has
 * not applied the grant yet), "past" (the client no longer believes it, and the table still has it) or
 * "unheard" (it is no client of this cluster's notebook). */
export function beliefsOf(clients, table, now, applied) {
  const rows = new Map(table.map((row) => [row.lock, row]));
  const told = [];
  const believed = new Set();
  const known = new Set(clients.map((client) => client.id));
  for (const client of clients) {
    for (const hold of client.holds ?? []) {
      if (hold.until <= now) continue;
      believed.add(`${client.id}\n${hold.lock}`);
      const row = rows.get(hold.lock);
      told.push({ client: client.id, state: client.state ?? "up", lock: hold.lock, token: hold.token,
        until: hold.until, ...verdict(client.id, hold, row, applied) });
    }
  }
  for (const row of table) {
    for (const { client, token } of holdersOf(row)) {
      if (believed.has(`${client}\n${row.lock}`)) continue;
      // What a client of another program believes is not heard here.
      const heard = known.has(client);
      told.push({ client, state: "", lock: row.lock, token, until: 0, sign: heard ? "past" : "unheard",
        words: heard ? "still in the table" : "what it believes is not heard here" });
    }
  }
  return told;
}

// A token is the index of the entry that granted it: a node that is that far knows of the grant.
function verdict(client, hold, row, applied) {
  const holders = holdersOf(row);
  if (holders.some((one) => one.client === client && one.token === hold.token)) return { sign: "same", words: "as in the table" };
  if (applied < hold.token) return { sign: "ahead", words: "not yet in this table" };
  const [first] = holders;
  return { sign: "other", words: first ? `the table gave it to ${first.client}, #${first.token}` : "the table took it back" };
}

/** One write in words. Pure. */
export function writeWords({ accepted, token, over }) {
  if (accepted) return token < over ? `taken, though #${over} was here before` : "taken";
  return `refused: ${token} < ${over}`;
}

const SIGN = { same: "=", other: "≠", ahead: "…", past: "–", unheard: "·" };

/** The panel of beliefs and writes; `tableOf()` gives the rows that are shown, and how far
 * their node is. */
export function beliefs(ctx, tableOf) {
  const { store } = ctx;
  const list = h("ul", { class: "rl-beliefs-list", "data-testid": "beliefs" });
  const writes = h("ul", { class: "rl-writes", "data-testid": "resources" });
  const believing = h("div", { class: "rl-beliefs-part" }, h("h4", { class: "rl-sub" }, "What clients believe"), list);
  const protectedThings = h("div", { class: "rl-beliefs-part" }, h("h4", { class: "rl-sub" }, "What the locks protect"), writes);
  const el = h("div", { class: "rl-beliefs" }, believing, protectedThings);
  let shown = "";
  let seen = 0; // the newest write that was drawn

  function show(now) {
    const { rows, applied } = tableOf();
    const told = beliefsOf([...store.state.clients.values()], rows, now, applied);
    const key = JSON.stringify(told.map((each) => [each.client, each.lock, each.token, each.sign, each.words, each.state]));
    if (key !== shown) {
      shown = key;
      put(believing, { hidden: told.length === 0 });
      keyed(list, told, (each) => `${each.client}\n${each.lock}\n${each.token}`, () => item(ctx), (li, each) => li.rlShow(each));
      put(el, { hidden: told.length === 0 && protectedThings.hidden });
    }
    for (const li of list.children) li.rlTick(now);
  }

  function showWrites() {
    const rows = store.state.parts.resources ?? [];
    put(protectedThings, { hidden: rows.length === 0 });
    put(el, { hidden: rows.length === 0 && believing.hidden });
    let newest = seen;
    keyed(writes, rows, (row) => `${row.lock}\n${row.slot ?? 0}`, () => resource(), (li, row) => {
      newest = Math.max(newest, li.rlShow(row, seen));
    });
    seen = newest;
  }

  return {
    el,
    change(parts) {
      if (parts.has("resources")) showWrites();
      if (["clients", "locks", "nodes", "cursor"].some((part) => parts.has(part))) show(store.now());
    },
    tick: show,
  };
}

function item(ctx) {
  const name = h("b", {});
  const what = h("span", {});
  const sign = h("span", { class: "rl-sign", "aria-hidden": "true" });
  const words = h("span", { class: "rl-muted" });
  const li = h("li", {}, h("button", { type: "button", class: "rl-chip", onclick: () => ctx.set({ client: told.client, lock: told.lock }) }, name),
    what, sign, words);
  let told = null;
  li.rlShow = (next) => {
    told = next;
    put(li, { "data-testid": `belief-${next.client}-${next.lock}`, "data-sign": next.sign, "data-state": next.state });
    write(name, next.client);
    write(sign, SIGN[next.sign]);
    write(words, next.words);
    li.rlTick(ctx.store.now());
  };
  li.rlTick = (now) => {
    const frozen = told.state === "frozen" ? ", frozen" : "";
    const time = told.until ? ` for ${left((told.until - now) / 1000)}` : "";
    const alone = { past: "had", unheard: "has" }[told.sign];
    write(what, alone ? `${alone} ${told.lock} #${told.token}` : `has ${told.lock} #${told.token}${time}${frozen}`);
  };
  return li;
}

function resource() {
  const name = h("b", {});
  const highest = h("span", { class: "rl-muted rl-number" });
  const list = h("ol", { class: "rl-writes-list" });
  const li = h("li", {}, h("span", { class: "rl-resource-name" }, name, " ", highest), list);
  /** Draw the row; gives the number of its newest write. */
  li.rlShow = (row, seen) => {
    put(li, { "data-testid": `resource-${row.lock}`, "data-highest": row.highest });
    write(name, row.slot ? `${row.lock}, permit ${row.slot}` : row.lock);
    write(highest, `has seen #${row.highest}`);
    keyed(list, row.writes, (each) => each.seq, () => h("li", {}, h("span", { class: "rl-sign", "aria-hidden": "true" }), h("span", {})),
      (place, each) => {
        const broken = each.accepted && each.token < each.over;
        put(place, { "data-accepted": String(each.accepted), "data-broken": broken, title: `${each.client} wrote with token ${each.token}: ${writeWords(each)}` });
        write(place.firstChild, each.accepted ? "✓" : "✗");
        write(place.lastChild, `${each.client} #${each.token} ${writeWords(each)}`);
        if (seen && each.seq > seen && !place.rlFlashed) {
          place.rlFlashed = true;
          put(place, { "data-fresh": true });
          setTimeout(() => put(place, { "data-fresh": false }), FLASH_MS);
        }
      });
    return row.writes.length ? row.writes[row.writes.length - 1].seq : 0;
  };
  return li;
}
