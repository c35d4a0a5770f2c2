// What is known of the chosen node, and what can be done to it. Its place keeps its height, so that
// choosing another node moves nothing.

import { h, put, write } from "./dom.js";
import { nodeWords, votes } from "./format.js";

const VERBS = [
  ["kill", "Kill", "was killed", (node) => node.state !== "down"],
  ["restart", "Restart", "was restarted", (node) => node.state === "down" && node.fate !== "wiped"],
  ["freeze", "Freeze", "was frozen", (node) => node.state === "up"],
  ["thaw", "Thaw", "was thawed", (node) => node.state === "frozen"],
  ["transfer", "Make it lead", "is to lead", (node) => node.state === "up" && votes(node) && node.role !== "leader"],
  ["fire", "Let its timer fire", "'s timer runs out", (node, state) => node.state === "up" && node.timer?.kind === "election" && isPlayed(state)],
  ["wipe", "Lose its disk", "loses its disk", (node) => node.fate !== "wiped"],
];

/** Whether it is a simulation, whose nodes' own clocks can be moved. */
const isPlayed = (state) => (state.cursor.branches ?? []).length > 0;

/** The inspector panel. */
export function inspector(ctx) {
  const name = h("strong", {});
  const words = h("span", { class: "rl-muted" });
  const line = h("p", { class: "rl-facts" }, name, " ", words);
  const buttons = VERBS.map(([verb, label, done, fits]) => {
    const button = h("button", { type: "button", "data-testid": verb,
      onclick: () => {
        const node = ctx.store.state.nodes.get(ctx.ui.node);
        if (node && fits(node, ctx.store.state)) ctx.act(verb, { node: node.id }, done.startsWith("'") ? `${node.id}${done}` : `${node.id} ${done}`);
      } }, label);
    return { button, verb, fits };
  });
  const el = h("div", { class: "rl-inspector", role: "group", "aria-label": "The chosen node",
    "data-testid": "inspector" }, line, h("div", { class: "rl-buttons" }, ...buttons.map((b) => b.button)));

  function show() {
    const node = ctx.store.state.nodes.get(ctx.ui.node);
    put(el, { "data-node": node?.id ?? "" });
    write(name, node ? node.id : "No node chosen.");
    write(words, node ? describe(node) : "Click one to kill, freeze or inspect it; click an arrowhead to cut that way.");
    for (const { button, verb, fits } of buttons) {
      const able = Boolean(node) && fits(node, ctx.store.state);
      // Stays focusable, so that a key press that kills a node does not lose one's place.
      put(button, { hidden: verb === "fire" && !isPlayed(ctx.store.state), "aria-disabled": able ? null : "true",
        "aria-label": node ? `${verb} ${node.id}` : verb });
    }
  }
  return { el, change: (parts) => (parts.has("nodes") || parts.has("cursor")) && show(), ui: show };
}

function describe(node) {
  const facts = [`${nodeWords(node)}, term ${node.term}`];
  if (node.why) facts.push(node.why);
  if (node.state !== "down") {
    facts.push(node.voted_for ? `voted for ${node.voted_for}` : "no vote yet");
    facts.push(node.leader ? `follows ${node.leader === node.id ? "itself" : node.leader}` : "knows no leader");
  }
  if (node.handover) facts.push(`hands over to ${node.handover}`);
  if (node.snapshot) facts.push(`snapshot to ${node.snapshot}`);
  facts.push(`log to ${node.last}, commit ${node.commit}, applied ${node.applied}`);
  if (node.hash) facts.push(`table ${String(node.hash).slice(0, 4)}`);
  return `${facts.join(" · ")}`;
}
