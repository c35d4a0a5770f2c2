// What is known of what was touched last, and what can be done to it: a node, a link, a message, or a
// group of nodes. Its place keeps its height, so that touching something else moves nothing.

import { h, put, write } from "./dom.js";
import { count, left, listed, nodeWords, votes } from "./format.js";
import { way } from "./frames.js";

/** Whether it is a simulation, whose nodes' own clocks can be moved. */
const isPlayed = (state) => (state.cursor.branches ?? []).length > 0;

/** The inspector panel. */
export function inspector(ctx) {
  const faces = { node: nodeFace(ctx), link: linkFace(ctx), message: messageFace(ctx), group: groupFace(ctx) };
  const el = h("div", { class: "rl-inspector", role: "group", "aria-label": "What was chosen", "data-testid": "inspector" },
    ...Object.values(faces).map((face) => face.el));

  function show() {
    const chosen = faces[ctx.ui.chosen] ? ctx.ui.chosen : "node";
    put(el, { "data-chosen": chosen, "data-node": chosen === "node" ? (ctx.store.state.nodes.get(ctx.ui.node)?.id ?? "") : "" });
    for (const [name, face] of Object.entries(faces)) {
      put(face.el, { hidden: name !== chosen });
      if (name === chosen) face.show();
    }
  }
  return {
    el,
    change: (parts) => ["nodes", "cursor", "links", "messages", "groups"].some((part) => parts.has(part)) && show(),
    ui: show,
    tick: (now) => ctx.ui.chosen === "message" && faces.message.tick(now),
  };
}

function facts() {
  const name = h("strong", {});
  const words = h("span", { class: "rl-muted" });
  return { el: h("p", { class: "rl-facts" }, name, " ", words), name, words };
}

const button = (label, testid, onclick, verb = null) => h("button", { type: "button", "data-testid": testid, "data-verb": verb, onclick }, label);

function field(label, testid, value, more = {}) {
  const input = h("input", { type: "number", "data-testid": testid, value, step: "any", min: 0, autocomplete: "off", ...more });
  return { input, el: h("label", { class: "rl-field rl-small-field" }, h("span", {}, label), input) };
}

/** The number in a field; null, and said so, if there is none. */
function numberIn(ctx, { input }, words) {
  const value = Number(input.value);
  if (input.value.trim() !== "" && Number.isFinite(value)) return value;
  ctx.tell("error", `Give ${words} as a number.`);
  return null;
}

// ---- a node ----

const VERBS = [
  ["kill", "Kill", "was killed", (node) => node.state !== "down"],
  ["restart", "Restart", "was restarted", (node) => node.state === "down" && node.fate !== "wiped"],
  ["freeze", "Freeze", "was frozen", (node) => node.state === "up"],
  ["thaw", "Thaw", "was thawed", (node) => node.state === "frozen"],
  ["transfer", "Make it lead", "is to lead", (node) => node.state === "up" && votes(node) && node.role !== "leader"],
  ["fire", "Let its timer fire", "'s timer runs out", (node) => node.state === "up" && node.timer?.kind === "election", isPlayed],
  ["wipe", "Lose its disk", "loses its disk", (node) => node.fate !== "wiped"],
  ["remove", "Take it out", "leaves the members", (node) => node.part === "voter" || node.part === "learner"],
];

function nodeFace(ctx) {
  const about = facts();
  const buttons = VERBS.map(([verb, label, done, fits, has]) => ({ verb, fits, has,
    button: button(label, verb, () => {
      const node = chosen();
      if (node && fits(node)) ctx.act(verb, { node: node.id }, done.startsWith("'") ? `${node.id}${done}` : `${node.id} ${done}`);
    }, verb) }));
  const percent = field("Clock, % fast", "drift", 10, { min: -50, max: 50 });
  const drift = h("div", { class: "rl-row" }, percent.el, button("Let it drift", "do-drift", () => {
    const value = numberIn(ctx, percent, "the drift");
    if (chosen() && value !== null) ctx.act("drift", { node: chosen().id, percent: value }, `${chosen().id}'s clock is ${value} % fast`);
  }));
  const chosen = () => ctx.store.state.nodes.get(ctx.ui.node);

  function show() {
    const node = chosen();
    write(about.name, node ? node.id : "Nothing chosen.");
    write(about.words, node ? describe(node)
      : "Touch a node, a link or a message to see it and to do something to it; drag across nodes to take several; an arrowhead cuts that way.");
    for (const { button: each, verb, fits, has } of buttons) {
      const able = Boolean(node) && fits(node);
      // Stays focusable, so that a key press that kills a node does not lose one's place.
      put(each, { hidden: has ? !has(ctx.store.state) : false, "aria-disabled": able ? null : "true",
        "aria-label": node ? `${verb} ${node.id}` : verb });
    }
    put(drift, { hidden: !isPlayed(ctx.store.state) || !node });
  }
  return { el: h("div", { class: "rl-face" }, about.el, h("div", { class: "rl-buttons" }, ...buttons.map((b) => b.button)), drift), show };
}

function describe(node) {
  const told = [`${nodeWords(node)}, term ${node.term}`];
  if (node.why) told.push(node.why);
  if (node.state !== "down") {
    told.push(node.voted_for ? `voted for ${node.voted_for}` : "no vote yet");
    told.push(node.leader ? `follows ${node.leader === node.id ? "itself" : node.leader}` : "knows no leader");
  }
  if (node.handover) told.push(`hands over to ${node.handover}`);
  if (node.snapshot) told.push(`snapshot to ${node.snapshot}`);
  if (node.rate_ppm) told.push(`clock ${driftWords(node.rate_ppm)}`);
  told.push(`log to ${node.last}, commit ${node.commit}, applied ${node.applied}`);
  if (node.hash) told.push(`table ${String(node.hash).slice(0, 4)}`);
  return told.join(" · ");
}

/** "+12 %" for a clock that is that much too fast. Pure. */
export const driftWords = (ppm) => `${ppm > 0 ? "+" : "−"}${Number((Math.abs(ppm) / 10_000).toPrecision(2))} %`;

// ---- a link ----

/** How the two directions of a link are, in words. Pure. */
export function linkWords(one, other, src, dst, plainMs) {
  const cut = [one?.cut, other?.cut];
  const told = [];
  if (cut[0] && cut[1]) told.push(one.wall ? "cut by the split" : "cut both ways");
  else if (cut[0]) told.push(`cut from ${src} to ${dst}`);
  else if (cut[1]) told.push(`cut from ${dst} to ${src}`);
  else told.push("whole");
  const slow = [one, other].find((each) => each && (each.delay_ms !== plainMs || each.jitter_ms));
  if (slow) told.push(`takes ${slow.delay_ms} ms${slow.jitter_ms ? ` and up to ${slow.jitter_ms} more` : ""}`);
  const lossy = [one, other].find((each) => each?.loss);
  if (lossy) told.push(`loses ${Number((lossy.loss * 100).toPrecision(3))} %`);
  return told.join(" · ");
}

function linkFace(ctx) {
  const about = facts();
  const delay = field("Delay, ms", "link-delay", 100);
  const jitter = field("and up to", "link-jitter", 0);
  const loss = field("Loss, %", "link-loss", 0, { max: 100 });
  const ends = () => ctx.ui.link ?? { src: "", dst: "" };
  const cut = (src, dst, oneWay, words) => ctx.act("cut", { src, dst, one_way: oneWay }, words);
  const there = button("", "cut-there", () => cut(ends().src, ends().dst, true, `${ends().src} → ${ends().dst} cut`));
  const back = button("", "cut-back", () => cut(ends().dst, ends().src, true, `${ends().dst} → ${ends().src} cut`));
  const both = button("Cut both ways", "cut-this", () => cut(ends().src, ends().dst, false, `${ends().src} – ${ends().dst} cut`));
  const mend = button("Restore", "restore-this", () => ctx.act("restore", ends(), `${ends().src} – ${ends().dst} restored`));
  const set = button("Set both ways", "set-link", () => {
    const [ms, more, percent] = [numberIn(ctx, delay, "the delay"), numberIn(ctx, jitter, "the jitter"), numberIn(ctx, loss, "the loss")];
    if (ms === null || more === null || percent === null) return;
    ctx.act("link", { ...ends(), delay_ms: ms, jitter_ms: more, loss_percent: percent }, `${ends().src} – ${ends().dst} changed`);
  });
  let shown = "";

  function show() {
    const { src, dst } = ends();
    const [one, other] = [ctx.store.state.links.get(way(src, dst)), ctx.store.state.links.get(way(dst, src))];
    const plain = ctx.store.state.cluster.timings?.delay_ms ?? 0;
    write(about.name, `${src} – ${dst}`);
    write(about.words, linkWords(one, other, src, dst, plain));
    write(there, `Cut ${src} → ${dst}`);
    write(back, `Cut ${dst} → ${src}`);
    put(there, { "aria-disabled": one?.cut ? "true" : null });
    put(back, { "aria-disabled": other?.cut ? "true" : null });
    if (shown !== way(src, dst)) {
      shown = way(src, dst);
      if (one) [delay.input.value, jitter.input.value, loss.input.value] = [one.delay_ms, one.jitter_ms, one.loss * 100];
    }
  }
  return { el: h("div", { class: "rl-face" }, about.el, h("div", { class: "rl-buttons", "data-verb": "cut" }, there, back, both, mend),
    h("div", { class: "rl-row rl-fields", "data-verb": "link" }, delay.el, jitter.el, loss.el, set)), show };
}

// ---- a message ----

const TOUCHES = [
  ["now", "Deliver it now", "arrives now", () => true],
  ["drop", "Take it away", "is taken off the wire", () => true],
  ["delay", "Delay it", "is delayed", () => true],
  ["duplicate", "Send a copy", "arrives twice", () => true],
  ["hold", "Hold it", "is held", (message) => !message.held],
  ["release", "Let it go", "is let go", (message) => message.held],
];

/** A message's fields in words. Pure. */
export function fieldWords(fields) {
  return Object.entries(fields ?? {}).map(([name, value]) => {
    const shown = Array.isArray(value) ? count(value.length, "entry", "entries") : typeof value === "object" && value ? JSON.stringify(value) : String(value);
    return `${name.replaceAll("_", " ")} ${shown}`;
  }).join(" · ");
}

function messageFace(ctx) {
  const about = facts();
  const late = field("ms", "message-delay", 100);
  const message = () => ctx.store.state.messages.get(ctx.ui.message);
  const buttons = TOUCHES.map(([how, label, done, fits]) => ({ fits, button: button(label, `message-${how}`, () => {
    const it = message();
    if (!it || !fits(it)) return;
    const args = { id: it.id, how };
    if (how === "delay" || how === "duplicate") {
      args.delay_ms = numberIn(ctx, late, "the delay");
      if (args.delay_ms === null) return;
    }
    ctx.act("message", args, `${it.label} from ${it.src} to ${it.dst} ${done}`);
  }) }));
  let last = ""; // what was said of it, for when it is gone

  function tick(now) {
    const it = message();
    if (!it || it.fate === "lost") {
      write(about.words, it ? `is lost: ${it.why}` : last ? "has arrived." : "");
      return;
    }
    const when = it.held ? "held on its link" : now < it.t1 ? `arrives in ${left((it.t1 - now) / 1000)}` : "arrives now";
    write(about.words, [when, fieldWords(it.fields)].filter(Boolean).join(" · "));
    put(about.words, { title: fieldWords(it.fields) });
  }

  function show() {
    const it = message();
    if (it) last = `${it.label} from ${it.src} to ${it.dst}`;
    write(about.name, last || "A message");
    for (const { button: each, fits } of buttons) {
      put(each, { "aria-disabled": it && it.fate !== "lost" && fits(it) ? null : "true" });
    }
    tick(ctx.store.now());
  }
  return { el: h("div", { class: "rl-face" }, about.el, h("div", { class: "rl-buttons", "data-verb": "message" }, ...buttons.map((b) => b.button)),
    h("div", { class: "rl-row rl-fields", "data-verb": "message" }, h("span", { class: "rl-muted" }, "later, or a copy, by"), late.el)), show, tick };
}

// ---- several nodes ----

function groupFace(ctx) {
  const about = facts();
  const chosen = () => (ctx.ui.group ?? []).filter((id) => ctx.store.state.nodes.has(id));
  async function each(verb, words, fits) {
    for (const id of chosen()) {
      if (fits(ctx.store.state.nodes.get(id))) await ctx.act(verb, { node: id }, `${id} ${words}`);
    }
  }
  const timers = [
    button("Timers at one time", "group-align", () => ctx.act("align", { nodes: waiting() }, "Their timers run out together")),
    button("Timers apart", "group-spread", () => ctx.act("spread", { nodes: waiting() }, "Their timers run out one by one")),
  ];
  // Of those that are chosen; who leads, or is down, has no such timer.
  const waiting = () => chosen().filter((id) => ctx.store.state.nodes.get(id).timer?.kind === "election");
  const buttons = [
    button("Split them off", "group-split", () => {
      const others = ctx.store.state.cluster.nodes.filter((id) => !chosen().includes(id));
      if (!others.length) return ctx.tell("error", "These are all nodes: leave some out.");
      return ctx.act("partition", { groups: [chosen(), others] }, `Split: ${listed(chosen())} | ${listed(others)}`);
    }, "partition"),
    button("Kill them", "group-kill", () => each("kill", "was killed", (node) => node.state !== "down"), "kill"),
    button("Restart them", "group-restart", () => each("restart", "was restarted", (node) => node.state === "down" && node.fate !== "wiped"), "restart"),
    button("Freeze them", "group-freeze", () => each("freeze", "was frozen", (node) => node.state === "up"), "freeze"),
    button("Thaw them", "group-thaw", () => each("thaw", "was thawed", (node) => node.state === "frozen"), "thaw"),
    ...timers,
    button("Choose none", "group-none", () => ctx.set({ group: [], chosen: "node" })),
  ];
  const show = () => {
    for (const each of timers) put(each, { hidden: !isPlayed(ctx.store.state) });
    write(about.name, listed(chosen()) || "No nodes");
    write(about.words, `${chosen().length === 1 ? "is" : "are"} chosen. Shift and a click, or Shift and Enter, puts a node in or out.`);
  };
  return { el: h("div", { class: "rl-face" }, about.el, h("div", { class: "rl-buttons" }, ...buttons)), show };
}
