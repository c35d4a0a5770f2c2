// What one can do to the network, and what one can ask as a client. The cluster's own answer is
// shown: nothing here judges a request beyond whether its numbers are numbers.

import { h, keyed, put, write } from "./dom.js";
import { listed } from "./format.js";

const LETTERS = ["A", "B", "C"];

/** Which group each node is in, as lists of nodes; empty groups are left out. */
export function groupsOf(ids, letters) {
  return LETTERS.map((letter) => ids.filter((id) => letters.get(id) === letter)).filter((g) => g.length);
}

/** A first split: the smaller half in A, the rest in B. */
export function firstSplit(ids) {
  const small = Math.floor((ids.length - 1) / 2);
  return new Map(ids.map((id, k) => [id, k < small ? "A" : "B"]));
}

/** The groups of before; who is new comes into the last one, and who is gone is forgotten. */
export function lettersFor(ids, before) {
  if (before.size === 0) return firstSplit(ids);
  return new Map(ids.map((id) => [id, before.get(id) ?? "B"]));
}

/** What of the network is not plain now, in words. */
export function linksNow({ links, groups }) {
  const cut = [...links.values()].filter((link) => link.cut && !link.wall);
  const both = (a) => cut.some((b) => b.src === a.dst && b.dst === a.src);
  const words = cut.filter((a) => !both(a) || a.src < a.dst)
    .map((a) => `${a.src} ${both(a) ? "–" : "→"} ${a.dst}`);
  const parts = [];
  if (groups) parts.push(`Split: ${groups.map((group) => group.join(" ")).join(" | ")}.`);
  if (words.length) parts.push(`Cut: ${words.join(", ")}.`);
  return parts.join(" ") || "All links are whole.";
}

/** The network controls. */
export function network(ctx) {
  const from = h("select", { "data-testid": "link-from", "aria-label": "from" });
  const to = h("select", { "data-testid": "link-to", "aria-label": "to" });
  const chips = h("div", { class: "rl-groups", role: "group", "aria-label": "Groups: click a node to move it" });
  let letters = new Map();
  let built = "";
  const link = () => ({ src: from.value, dst: to.value });
  const choose = () => ctx.set({ link: link() });
  from.addEventListener("change", choose);
  to.addEventListener("change", choose);
  const act = (verb, args, words) => {
    if (from.value === to.value) return ctx.tell("error", "A link has two ends: choose two different nodes.");
    return ctx.act(verb, { ...link(), ...args }, words());
  };
  const button = (label, testid, onclick) => h("button", { type: "button", "data-testid": testid, onclick }, label);
  const now = h("p", { class: "rl-links-now rl-muted", "data-testid": "links-now" });
  const el = h("fieldset", { class: "rl-network", "data-verb": "cut" }, h("legend", {}, "Network"),
    h("div", { class: "rl-row" }, h("span", { class: "rl-label" }, "Link"), from, h("span", { class: "rl-muted" }, "→"), to,
      button("Cut this way", "cut-one-way", () => act("cut", { one_way: true }, () => `${from.value} → ${to.value} cut`)),
      button("Cut both", "cut-both", () => act("cut", { one_way: false }, () => `${from.value} – ${to.value} cut`)),
      button("Restore", "restore", () => act("restore", {}, () => `${from.value} – ${to.value} restored`))),
    h("div", { class: "rl-row" }, h("span", { class: "rl-label" }, "Groups"), chips,
      button("Split", "partition", split),
      button("Heal all", "heal", () => ctx.act("heal", {}, "All links are whole"))), now);

  function split() {
    const groups = groupsOf(ctx.store.state.cluster.nodes, letters);
    if (groups.length < 2) return ctx.tell("error", "Put the nodes in at least two groups first: click them.");
    return ctx.act("partition", { groups }, `Split: ${groups.map((g) => listed(g)).join(" | ")}`);
  }

  function change(parts) {
    const ids = ctx.store.state.cluster.nodes;
    if (parts.has("links") || parts.has("groups")) write(now, linksNow(ctx.store.state));
    if (!parts.has("cluster") || built === ids.join()) return;
    built = ids.join();
    letters = lettersFor(ids, letters);
    for (const select of [from, to]) select.replaceChildren(...ids.map((id) => h("option", { value: id }, id)));
    to.value = ids[1] ?? ids[0];
    chips.replaceChildren(...ids.map(groupChip));
  }

  function groupChip(id) {
    const letter = h("b", {});
    const chip = h("button", { type: "button", class: "rl-group-chip", "data-testid": `group-${id}`,
      onclick: () => {
        letters.set(id, LETTERS[(LETTERS.indexOf(letters.get(id)) + 1) % LETTERS.length]);
        show();
      } }, id, letter);
    const show = () => {
      write(letter, letters.get(id));
      put(chip, { "data-group": letters.get(id), "aria-label": `${id} is in group ${letters.get(id)}: move it` });
    };
    show();
    return chip;
  }

  function ui() {
    if (!ctx.ui.link) return;
    from.value = ctx.ui.link.src;
    to.value = ctx.ui.link.dst;
  }
  return { el, change, ui };
}

const OPERATIONS = [
  ["acquire", "Acquire", "take it if it is free", (c, l) => `${c} asks for ${l}`],
  ["wait", "Wait for it", "take it, or stand in line until it is free", (c, l) => `${c} asks for ${l} and waits`],
  ["renew", "Renew", "the holder asks for more time", (c, l) => `${c} renews ${l}`],
  ["release", "Release", "the holder gives it back", (c, l) => `${c} releases ${l}`],
  ["cancel", "Stop waiting", "leave the line", (c, l) => `${c} waits for ${l} no more`],
  ["write", "Write", "write to what the lock protects, with the token that the client believes to hold", (c, l) => `${c} writes to what ${l} protects`],
];

// On which terms a lock is asked for, as the field sends them.
const TERMS = [["", "alone"], ["shared", "shared"], ["2", "1 of 2"], ["3", "1 of 3"], ["5", "1 of 5"]];

/** The client's controls: ask for a lock under any name. */
export function client(ctx) {
  const names = h("datalist", { id: `rl-names-${Math.random().toString(36).slice(2)}` });
  const lockNames = h("datalist", { id: `rl-locks-${Math.random().toString(36).slice(2)}` });
  const field = (label, testid, attributes) => {
    const input = h("input", { "data-testid": testid, autocomplete: "off", spellcheck: "false", ...attributes });
    return { input, el: h("label", { class: "rl-field" }, h("span", {}, label), input) };
  };
  const fields = {
    client: field("Client", "client-name", { value: "alice", list: names.id, size: 9 }),
    lock: field("Lock", "lock-name", { value: "printer", list: lockNames.id, size: 10 }),
    ttl_s: field("TTL, s", "ttl", { type: "number", value: 10, step: "any" }),
    priority: field("Priority", "priority", { type: "number", value: 0, step: 1 }),
    wait_s: field("Wait, s", "wait", { type: "number", value: 60, step: "any" }),
  };
  const terms = h("select", { "data-testid": "terms", title: "with whom: who shares a lock reads it, and a lock with permits has up to so many holders" },
    ...TERMS.map(([value, words]) => h("option", { value }, words)));
  const buttons = OPERATIONS.map(([verb, label, title, say]) => h("button", { type: "button", title,
    "data-testid": `op-${verb}`, class: verb === "wait" || verb === "acquire" ? "rl-main" : null,
    onclick: () => submit(verb, say) }, label));
  const still = h("button", { type: "button", "data-testid": "op-freeze", onclick: freeze }, "Freeze");
  const others = h("ul", { class: "rl-clients", "aria-label": "Clients", "data-testid": "clients" });
  const el = h("fieldset", { class: "rl-client" }, h("legend", {}, "Client"), names, lockNames,
    h("div", { class: "rl-row" }, ...Object.values(fields).map((f) => f.el),
      h("label", { class: "rl-field" }, h("span", {}, "Held"), terms)),
    h("div", { class: "rl-row" }, ...buttons.slice(0, -1)),
    h("div", { class: "rl-row rl-row-as-is" }, buttons[buttons.length - 1], still), others);
  fields.client.input.addEventListener("input", showFreeze);
  const known = new Set(["alice", "bob", "carol"]);

  function submit(verb, say) {
    const args = { client: fields.client.input.value, lock: fields.lock.input.value };
    for (const [name, label] of [["ttl_s", "TTL"], ["priority", "priority"], ["wait_s", "wait"]]) {
      const value = fields[name].input.value.trim();
      if (value === "" || !Number.isFinite(Number(value))) return ctx.tell("error", `Give the ${label} as a number.`);
      args[name] = Number(value);
    }
    if (terms.value === "shared") args.shared = true;
    else if (terms.value) args.permits = Number(terms.value);
    known.add(args.client);
    offer(names, known);
    return ctx.act(verb, args, say(args.client, args.lock));
  }

  // The client that is named stands still, or goes on: what it had decided goes out first then.
  function freeze() {
    const name = fields.client.input.value;
    const frozen = isFrozen(name);
    return ctx.act(frozen ? "thaw" : "freeze", { node: `client:${name}` }, `${name} was ${frozen ? "thawed" : "frozen"}`);
  }

  function isFrozen(name) {
    return ctx.store.state.clients.get(name)?.state === "frozen";
  }

  function showFreeze() {
    const name = fields.client.input.value;
    write(still, isFrozen(name) ? "Thaw" : "Freeze");
    put(still, { disabled: !ctx.store.state.clients.has(name), title: isFrozen(name)
      ? "let the client go on: first it does what it had decided before"
      : "let the client stand still, as in a long garbage collection, while its clock runs on" });
  }

  function change(parts) {
    const { state } = ctx.store;
    if (parts.has("clients") || parts.has("cluster")) showFreeze();
    if (parts.has("clients") || parts.has("cluster")) {
      for (const id of state.clients.keys()) known.add(id);
      offer(names, known);
      keyed(others, [...state.clients.values()], (c) => c.id, () => clientChip(ctx), (item, c) => item.rlShow(c));
    }
    if (parts.has("locks")) {
      const all = new Set();
      for (const table of state.locks.values()) for (const lock of table) all.add(lock.lock);
      offer(lockNames, all);
    }
  }

  function ui(changed) {
    if (changed.client !== undefined) fields.client.input.value = changed.client;
    showFreeze();
    if (changed.lock !== undefined) fields.lock.input.value = changed.lock;
  }
  const tick = (now) => {
    for (const item of others.children) item.rlTick(now);
  };
  offer(names, known);
  return { el, change, tick, ui };
}

function offer(list, words) {
  keyed(list, [...words].slice(-30), (word) => word, (word) => h("option", { value: word }), () => {});
}

/** What a client does, or else what it believes it holds at run time `now`. */
export function clientWords(client, now) {
  const holds = (client.holds ?? []).filter((hold) => hold.until > now);
  if (client.state === "frozen") return "stands still, frozen";
  if (client.doing) return client.doing;
  return holds.length ? `has ${listed(holds.map((hold) => `${hold.lock} #${hold.token}`))}` : "idle";
}

function clientChip(ctx) {
  const name = h("b", {});
  const words = h("span", {});
  const button = h("button", { type: "button", class: "rl-chip" }, name, words);
  const item = h("li", {}, button);
  let client = null;
  button.addEventListener("click", () => ctx.set({ client: client.id }));
  item.rlTick = (now) => {
    const told = clientWords(client, now);
    write(words, told);
    // What does not fit is there to be read all the same.
    if (button.title !== told) button.title = told;
  };
  item.rlShow = (next) => {
    client = next;
    write(name, next.id);
    put(item, { "data-testid": `client-${next.id}`, "data-state": next.state ?? null });
    item.rlTick(ctx.store.now());
  };
  return item;
}
