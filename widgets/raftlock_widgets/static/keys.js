// The keys: they work while the panel has the focus, and each does what a button does.

import { h, keyed } from "./dom.js";
import { leaderOf } from "./frames.js";
import { sceneShown } from "./scenes.js";

const press = (root, id) => root.querySelector(`[data-testid="${id}"]`)?.click();

/** Each key: its names, words, and what it does with a view's context and root. */
export const KEYS = [
  { keys: [" ", "."], shown: "Space or .", words: "pause or go on; in the past: go live", run: (ctx, root) => press(root, "pause") },
  { keys: ["ArrowLeft"], shown: "←", words: "one moment back", run: (ctx, root) => press(root, "back") },
  { keys: ["ArrowRight"], shown: "→", words: "one moment on", run: (ctx, root) => press(root, "forward") },
  { keys: ["PageDown", "n", "N"], shown: "N or PageDown", words: "on to the scene's next stop; without a scene, one moment on",
    run: (ctx, root) => press(root, inScene(ctx) ? "scene-next" : "forward") },
  { keys: ["PageUp", "b", "B"], shown: "B or PageUp", words: "back to the scene's stop before; without a scene, one moment back",
    run: (ctx, root) => press(root, inScene(ctx) ? "scene-back" : "back") },
  ...[1, 2, 3, 4].map((k) => ({ keys: [String(k)], shown: `${k}`, words: `the hall says ${"ABCD"[k - 1]}`,
    run: (ctx, root) => press(root, `answer-${k - 1}`) })),
  { keys: ["v", "V"], shown: "V", words: "reveal the answer", run: (ctx, root) => press(root, "reveal") },
  { keys: ["t", "T"], shown: "T", words: "what is for the teacher, and away again", run: (ctx, root) => press(root, "scene-notes") },
  { keys: ["c", "C"], shown: "C", words: "the controls that are out of sight, and away again", run: (ctx, root) => showBehind(root) },
  { keys: ["["], shown: "[", words: "to the mark before", run: (ctx, root) => press(root, "jump-back") },
  { keys: ["]"], shown: "]", words: "to the next mark", run: (ctx, root) => press(root, "jump-on") },
  { keys: ["l", "L"], shown: "L", words: "to the present", run: (ctx, root) => press(root, "go-live") },
  { keys: ["k", "K"], shown: "K", words: "kill the leader", run: (ctx) => onLeader(ctx, "kill", "was killed") },
  { keys: ["z", "Z"], shown: "Z", words: "freeze the leader", run: (ctx) => onLeader(ctx, "freeze", "was frozen") },
  { keys: ["r", "R"], shown: "R", words: "restart and thaw all nodes", run: mendNodes },
  { keys: ["a", "A"], shown: "A", words: "all election timers run out at one time (in a simulation)", run: (ctx) => ctx.act("align", {}, "All timers run out together") },
  { keys: ["s", "S"], shown: "S", words: "spread the election timers (in a simulation)", run: (ctx) => ctx.act("spread", {}, "All timers run out one by one") },
  { keys: ["p", "P"], shown: "P", words: "cut off the leader with as few as can be", run: strand },
  { keys: ["h", "H"], shown: "H", words: "heal the network", run: (ctx) => ctx.act("heal", {}, "All links are whole") },
  { keys: ["f", "F"], shown: "F", words: "the whole screen, and back", run: (ctx, root) => fullScreen(root) },
  { keys: ["?"], shown: "?", words: "these keys", run: (ctx, root) => press(root, "keys") },
];

function onLeader(ctx, verb, words) {
  const leader = leaderOf(ctx.store.state);
  if (!leader) return ctx.tell("error", "Nobody leads now.");
  return ctx.act(verb, { node: leader.id }, `${leader.id} ${words}`);
}

async function mendNodes(ctx) {
  for (const node of [...ctx.store.state.nodes.values()]) {
    if (node.state === "down" && node.fate !== "wiped") await ctx.act("restart", { node: node.id }, `${node.id} was restarted`);
    if (node.state === "frozen") await ctx.act("thaw", { node: node.id }, `${node.id} was thawed`);
  }
}

/** The groups that leave the leader in a minority. Pure. */
export function stranded(ids, leader) {
  const others = ids.filter((id) => id !== leader);
  const small = Math.max(0, Math.ceil(ids.length / 2) - 2);
  return [[leader, ...others.slice(0, small)], others.slice(small)];
}

function strand(ctx) {
  const leader = leaderOf(ctx.store.state);
  if (!leader) return ctx.tell("error", "Nobody leads now.");
  const [few, many] = stranded(ctx.store.state.cluster.nodes, leader.id);
  return ctx.act("partition", { groups: [few, many] }, `${few.join(", ")} cut off from the others`);
}

const inScene = (ctx) => {
  const scene = sceneShown(ctx.store.state);
  return Boolean(scene) && !scene.left;
};

// Only a hall's view has anything behind it.
function showBehind(root) {
  const behind = root.querySelector('[data-testid="hidden-controls"]');
  if (behind) behind.hidden = !behind.hidden;
}

function fullScreen(root) {
  if (document.fullscreenElement) document.exitFullscreen();
  else root.requestFullscreen?.();
}

/** Which key an event is, if any; keys that are typed into a field, or with Ctrl and the like, are not. Pure. */
export function keyOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const tag = event.target?.tagName ?? "";
  const kind = event.target?.type ?? "";
  if (tag === "TEXTAREA" || tag === "SELECT" || (tag === "INPUT" && !["checkbox", "radio"].includes(kind))) return null;
  // A button that has the focus is pressed by the space bar, and so are nodes of the picture.
  const pressed = ["BUTTON", "SUMMARY"].includes(tag) || event.target?.getAttribute?.("role") === "button" || tag === "INPUT";
  if (event.key === " " && pressed) return null;
  if (event.key.startsWith("Arrow") && event.target?.getAttribute?.("role") === "tab") return null;
  return KEYS.find((each) => each.keys.includes(event.key)) ?? null;
}

/** Let the keys work in `root`; returns the button that lists them, with the list. */
export function keyboard(ctx, root) {
  const list = h("dl", { class: "rl-keys-list", hidden: true, "data-testid": "keys-list" });
  keyed(list, KEYS, (key) => key.shown, (key) => h("div", {}, h("dt", {}, h("kbd", {}, key.shown)), h("dd", {}, key.words)), () => {});
  const button = h("button", { type: "button", "aria-expanded": "false", "data-testid": "keys",
    onclick: () => {
      list.hidden = !list.hidden;
      button.setAttribute("aria-expanded", String(!list.hidden));
    } }, "Keys");
  const whole = h("button", { type: "button", "data-testid": "full-screen", onclick: () => fullScreen(root) }, "Full screen");
  root.tabIndex = -1;
  root.addEventListener("keydown", (event) => {
    const key = keyOf(event);
    if (!key) return;
    event.preventDefault();
    event.stopPropagation();
    key.run(ctx, root);
  });
  return h("div", { class: "rl-keys" }, h("div", { class: "rl-keys-row" }, button, whole), list);
}
