// The lock table as applied at one node: who holds, with which token, how long, and who waits. A lock
// that is shared, or has permits, has a line for each of its holders.

import { beliefs, holdersOf } from "./beliefs.js";
import { clusterNow } from "./clock.js";
import { h, keyed, put, s, write } from "./dom.js";
import { count, left } from "./format.js";
import { leaderOf } from "./frames.js";
import { sliding } from "./motion.js";

/** The node whose table is shown: the chosen one, or with "leader" the one that is furthest. */
export function tableNode(state, chosen) {
  if (chosen !== "leader") return state.nodes.get(chosen) ?? null;
  const leader = leaderOf(state);
  if (leader) return leader;
  let best = null;
  for (const node of state.nodes.values()) {
    if (node.state !== "down" && (!best || node.applied > best.applied)) best = node;
  }
  return best;
}

/** How many committed entries a node has not applied. */
export function behind(state, node) {
  let commit = 0;
  for (const other of state.nodes.values()) commit = Math.max(commit, other.commit);
  return node ? Math.max(0, commit - node.applied) : 0;
}

// A holder counts 2 % less than it was given, from before it asked: hands closer than this are together.
const apartFrom = (ttl) => 400 + 0.05 * ttl;

/** How long a lock's holder relies on it yet, in milliseconds; null if it does not. Pure. */
export function believedLeft(client, lock, now) {
  const hold = client?.holds?.find((each) => each.lock === lock.lock && each.token === lock.token);
  return hold && hold.until > now ? (hold.until - now) / 1000 : null;
}

/** On which terms a lock is held or waited for, in a word or two; empty if by one client alone. Pure. */
export function termsWords({ shared, permits, slot }) {
  if (shared) return "shared";
  if (!permits) return "";
  return slot ? `permit ${slot} of ${permits}` : `1 of ${permits}`;
}

/** The locks panel. */
export function locks(ctx) {
  const { store } = ctx;
  const note = h("span", { class: "rl-note", "data-testid": "behind" });
  const body = h("tbody", {});
  const table = h("table", { class: "rl-locks-table", "data-testid": "locks" },
    h("caption", { class: "rl-sr" }, "Locks, their holders and those who wait"),
    h("thead", {}, h("tr", {}, ...["Lock", "Holder", "Token", "Time left", "Waiting, next first"].map(
      (name) => h("th", { scope: "col" }, name)))), body);
  const nothing = h("p", { class: "rl-empty", "data-testid": "no-locks" });
  const switcher = nodeSwitch(ctx);
  const el = h("section", { class: "rl-locks" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Locks"), switcher.el, note),
    h("div", { class: "rl-scroll rl-locks-scroll" }, nothing, table));
  const rowsShown = () => (node && node.state !== "down" && store.state.locks.get(node.id)) || [];
  const believed = beliefs(ctx, () => ({ rows: rowsShown(), applied: node?.applied ?? 0 }));
  el.append(believed.el);
  let node = null;
  let clocks = [];

  function change(parts) {
    if (["locks", "nodes", "cluster", "clients"].some((part) => parts.has(part))) showTable();
    believed.change(parts);
  }

  function showTable() {
    switcher.show();
    node = tableNode(store.state, ctx.ui.lockNode);
    const rows = rowsShown();
    const k = behind(store.state, node);
    write(note, words(node, k));
    put(note, { "data-behind": k });
    put(table, { hidden: rows.length === 0 });
    put(nothing, { hidden: rows.length > 0 });
    write(nothing, node?.state === "down" ? `${node.id} is down: its table is gone${node.fate === "wiped" ? ", and so is its disk" : " until it restarts"}.`
      : "No lock is held, and nobody waits for one.");
    keyed(body, rows, (lock) => lock.lock, () => lockRow(ctx), (tr, lock) => tr.rlShow(lock));
    clocks = [...body.querySelectorAll("[data-deadline]")].map((place) => place.rlTick);
    tick(store.now());
  }

  function tick(now) {
    if (!node) return;
    const time = clusterNow(node.cluster_time, now);
    for (const clock of clocks) clock(time, now);
    believed.tick(now);
  }
  return { el, change, tick, ui: () => change(new Set(["locks"])) };
}

function words(node, k) {
  if (!node) return "";
  if (node.state === "frozen") return `${node.id} is frozen`;
  if (k > 0) return `${node.id} is behind by ${count(k, "entry", "entries")}`;
  if (!node.cluster_time?.running && node.role !== "leader" && node.state === "up" && !node.leader) {
    return "no leader: cluster time stands still";
  }
  return "";
}

function nodeSwitch(ctx) {
  const name = `rl-switch-${Math.random().toString(36).slice(2)}`;
  const el = h("div", { class: "rl-segments", role: "radiogroup", "aria-label": "As applied at" },
    h("span", { class: "rl-muted" }, "as applied at"));
  let built = "";
  function show() {
    const choices = ["leader", ...ctx.store.state.cluster.nodes];
    if (!choices.includes(ctx.ui.lockNode)) ctx.ui.lockNode = "leader"; // that node is gone
    if (built !== choices.join()) {
      built = choices.join();
      while (el.children.length > 1) el.lastChild.remove();
      for (const value of choices) {
        const radio = h("input", { type: "radio", name, value, class: "rl-sr",
          onchange: () => ctx.set({ lockNode: value }) });
        el.append(h("label", { "data-testid": `table-${value}` }, radio, h("span", {}, value)));
      }
    }
    for (const radio of el.querySelectorAll("input")) radio.checked = radio.value === ctx.ui.lockNode;
  }
  return { el, show };
}

// One holder: a chip, a token and a ring, each for a cell of its own.
function holding(ctx) {
  const holder = h("button", { type: "button", class: "rl-chip rl-holder" });
  const token = h("div", { class: "rl-number rl-token" });
  const arc = s("circle", { class: "rl-arc", r: 7, cx: 10, cy: 10, pathLength: 100, transform: "rotate(-90 10 10)" });
  const hand = s("line", { class: "rl-hand", x1: 10, y1: 10, x2: 10, y2: 1.5 });
  const time = h("span", { class: "rl-number" });
  const own = h("span", { class: "rl-number rl-own" });
  const ttl = h("div", { class: "rl-ttl" },
    s("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, s("circle", { class: "rl-track", r: 7, cx: 10, cy: 10 }), arc, hand),
    h("span", { class: "rl-two" }, time, own));
  let hold = null;
  let lock = "";
  holder.addEventListener("click", () => ctx.set({ client: hold.client, lock }));
  ttl.rlTick = (now, runNow) => {
    const rest = hold.client ? hold.deadline - now : 0;
    const part = hold.ttl > 0 ? Math.min(1, Math.max(0, rest / hold.ttl)) : 0;
    put(arc, { "stroke-dasharray": `${Math.round(part * 1000) / 10} 100` });
    write(time, hold.client ? (rest > 0 ? left(rest) : "due") : "");
    put(ttl, { "data-low": part < 0.25 && hold.client !== "" });
    if (runNow === undefined) return;
    const believes = believedLeft(ctx.store.state.clients.get(hold.client), { lock, token: hold.token }, runNow);
    put(hand, { transform: `rotate(${Math.round(3600 * Math.min(1, Math.max(0, (believes ?? 0) / (hold.ttl || 1)))) / 10} 10 10)`,
      hidden: believes === null });
    // Only a difference that can be seen is told in figures.
    const apart = believes !== null && Math.abs(believes - rest) > apartFrom(hold.ttl);
    write(own, apart ? `own ${left(believes)}` : "");
    put(ttl, { "data-apart": apart, title: believes === null
      ? (hold.client ? "The arc is cluster time, which decides; its holder relies on it no more." : null)
      : "The arc is cluster time, which decides; the hand is the time its holder counts." });
  };
  const show = (next, of) => {
    [hold, lock] = [next, of];
    write(holder, hold.client || "free");
    put(holder, { title: hold.client ? `Use ${hold.client} and ${lock} in the form below` : null,
      "data-testid": hold.client ? `holder-${lock}-${hold.client}` : null });
    write(token, hold.token || "");
    put(token, { title: hold.slot ? `token ${hold.token}, permit ${hold.slot}` : null });
    put(ttl, { "data-deadline": hold.deadline });
  };
  return { holder, token, ttl, show };
}

const FREE = { client: "", token: 0, deadline: 0, ttl: 0 };

function lockRow(ctx) {
  const name = h("span", { class: "rl-lock-name" });
  const terms = h("span", { class: "rl-terms" });
  const cells = { holder: h("div", { class: "rl-held" }), token: h("div", { class: "rl-held" }), ttl: h("div", { class: "rl-held" }) };
  const more = h("div", { class: "rl-muted" });
  const queue = h("ol", { class: "rl-queue" });
  const tr = h("tr", {}, h("th", { scope: "row" }, name, terms), ...Object.values(cells).map((cell) => h("td", {}, cell)), h("td", {}, queue));
  const holds = new Map();
  let lock = null;
  // By client: whoever waits, and whoever holds it. So a grant is seen to come from the queue.
  const placed = () => new Map([...[...queue.children].map((item) => [item.rlClient, item]),
    ...[...holds].filter(([client]) => client).map(([client, each]) => [client, each.holder])]);
  const who = (each) => [...(each ? holdersOf(each) : []), ...(each?.queue ?? [])].map((one) => one.client).join("\n");
  tr.rlShow = (next) => (who(lock) === who(next) ? show(next) : sliding(placed, () => show(next)));
  const showHolds = (shown) => {
    for (const [client, each] of holds) {
      if (shown.some((one) => one.client === client)) continue;
      for (const part of Object.keys(cells)) each[part].remove();
      holds.delete(client);
    }
    for (const one of shown) {
      if (!holds.has(one.client)) holds.set(one.client, holding(ctx));
      const each = holds.get(one.client);
      each.show(one, lock.lock);
      for (const [part, cell] of Object.entries(cells)) cell.append(each[part]); // in their order
    }
  };
  const show = (next) => {
    lock = next;
    put(tr, { "data-testid": `lock-${lock.lock}`, "data-owner": lock.owner, "data-token": lock.token });
    write(name, lock.lock);
    put(name, { title: lock.lock });
    const permits = lock.permits ? `${lock.holders ?? 1} of ${lock.permits} permits` : "";
    write(terms, lock.shared ? "shared" : permits);
    const shown = holdersOf(lock);
    showHolds(shown.length ? shown : [FREE]);
    const hidden = (lock.holders ?? 1) - shown.length;
    write(more, hidden > 0 && shown.length ? `and ${hidden} more` : "");
    if (hidden > 0 && shown.length) cells.holder.append(more);
    else more.remove();
    keyed(queue, lock.queue, (waiter) => waiter.client, () => chip(ctx), (item, waiter) => item.rlShow(waiter, lock.lock));
  };
  return tr;
}

function chip(ctx) {
  const name = h("span", { class: "rl-chip-name" });
  const priority = h("span", { class: "rl-priority" });
  const terms = h("span", { class: "rl-terms" });
  const time = h("span", { class: "rl-number rl-muted" });
  const button = h("button", { type: "button", class: "rl-chip" }, name, terms, priority, time);
  const item = h("li", {}, button);
  let waiter = null;
  let lock = "";
  button.addEventListener("click", () => ctx.set({ client: waiter.client, lock }));
  item.rlTick = (now) => {
    if (waiter.deadline === null || waiter.deadline === undefined) return write(time, "");
    return write(time, waiter.deadline > now ? left(waiter.deadline - now) : "due");
  };
  item.rlShow = (next, of) => {
    [waiter, lock] = [next, of];
    item.rlClient = next.client;
    put(item, { "data-testid": `waiter-${of}-${next.client}`, "data-deadline": next.deadline ?? 0 });
    write(name, next.client);
    write(priority, `p${next.priority}`);
    put(priority, { "data-high": next.priority > 0 });
    write(terms, termsWords(next));
    const what = next.shared ? " to share it" : next.permits ? ` for one of ${next.permits} permits` : "";
    put(button, { title: `${next.client} waits${what} with priority ${next.priority}, since entry ${next.index}` });
  };
  return item;
}
