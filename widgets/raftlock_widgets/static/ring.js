// The cluster as a ring: nodes, links, and the messages that travel between them.

import { h, put, s, write } from "./dom.js";
import { way } from "./frames.js";
import { HEIGHT, WIDTH, along, lane, ringLayout } from "./geometry.js";
import { SMALL, nodePicture } from "./nodes.js";
import { drawSlips } from "./slips.js";

let rings = 0;

/** The ring panel. */
export function ring(ctx) {
  const { store } = ctx;
  const hatch = `rl-hatch-${++rings}`;
  const layers = Object.fromEntries(
    ["links", "slips", "nodes"].map((name) => [name, s("g", { class: `rl-${name}` })]),
  );
  const picture = s(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "rl-ring-svg", role: "group", "aria-label": "The cluster",
      "data-testid": "ring" },
    hatching(hatch),
    layers.links,
    layers.slips,
    layers.nodes,
  );
  const band = s("rect", { class: "rl-band", hidden: true });
  picture.append(band);
  const el = h("section", { class: "rl-ring" }, h("h3", { class: "rl-corner rl-title" }, "Cluster"),
    beatsToggle(ctx), picture, legend(), addNode(ctx));
  rubberBand(ctx, picture, band, () => shape);
  let shape = null; // the layout, and the nodes it is for
  let nodes = new Map();
  let slips = new Map();

  function lay() {
    const ids = store.state.cluster.nodes;
    const layout = ringLayout(ids.length);
    put(el, { "data-small": layout.node < SMALL });
    shape = { ...layout, key: ids.join(), at: new Map(ids.map((id, k) => [id, layout.places[k]])) };
    for (const layer of Object.values(layers)) {
      layer.replaceChildren();
      layer.rlKeyed = undefined;
    }
    slips = new Map();
    nodes = new Map(ids.map((id) => [id, nodePicture(ctx, id, shape, hatch)]));
    layers.nodes.append(...[...nodes.values()].map((node) => node.el));
    drawPairs(ctx, shape, ids, layers.links);
    ui(); // what was chosen stays chosen, if it is still there
  }

  function change(parts) {
    if (shape?.key !== store.state.cluster.nodes.join()) lay();
    if (parts.has("nodes") || parts.has("groups") || parts.has("logs")) for (const node of nodes.values()) node.update();
    if (parts.has("links") || parts.has("groups")) drawCuts(ctx, layers.links);
  }

  function tick(now) {
    if (!shape) return;
    for (const node of nodes.values()) node.tick(now);
    drawSlips(ctx, shape, layers.slips, slips, now);
  }

  function ui() {
    for (const [id, node] of nodes) {
      put(node.el, { "data-selected": ctx.ui.node === id, "aria-pressed": String(ctx.ui.node === id),
        "data-grouped": ctx.ui.chosen === "group" && (ctx.ui.group ?? []).includes(id) });
    }
    put(el, { "data-beats": ctx.ui.beats ? "shown" : "hidden" });
    const chosen = ctx.ui.link;
    for (const line of layers.links.querySelectorAll("[data-pair]")) {
      const pair = line.getAttribute("data-pair").split(" ");
      put(line, { "data-selected": chosen !== null && pair.includes(chosen.src) && pair.includes(chosen.dst) });
    }
  }
  return { el, change, tick, ui };
}

/** A name that no node has: the highest number there is, and one. Pure. */
export function nextName(ids) {
  const numbers = ids.map((id) => Number(/^n(\d+)/.exec(id)?.[1] ?? 0));
  return `n${Math.max(0, ...numbers) + 1}`;
}

function addNode(ctx) {
  return h("button", { type: "button", class: "rl-corner rl-right rl-low", "data-testid": "add-node", "data-verb": "add",
    title: "Start a new node, and make it a member", onclick: () => {
      const name = nextName(ctx.store.state.cluster.nodes);
      ctx.act("add", { node: name }, `${name} joins`);
    } }, "+ node");
}

// Drag across the ground, and the nodes inside are chosen together.
function rubberBand(ctx, picture, band, shapeNow) {
  let from = null;
  const at = (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(picture.getScreenCTM().inverse());
    return { x: point.x, y: point.y };
  };
  const box = (to) => ({ x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) });
  picture.addEventListener("pointerdown", (event) => {
    if (event.target !== picture || event.button !== 0) return;
    from = at(event);
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener("pointermove", (event) => {
    if (from) put(band, { ...box(at(event)), hidden: null });
  });
  picture.addEventListener("pointerup", (event) => {
    if (!from) return;
    const { x, y, width, height } = box(at(event));
    from = null;
    put(band, { hidden: true });
    if (width < 8 && height < 8) return;
    const inside = [...(shapeNow()?.at ?? [])].filter(([, place]) => place.x > x && place.x < x + width && place.y > y && place.y < y + height);
    if (inside.length) ctx.set({ group: inside.map(([id]) => id) });
  });
  picture.addEventListener("pointercancel", () => {
    from = null;
    put(band, { hidden: true });
  });
}

function hatching(id) {
  return s("defs", {}, s("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse",
    patternTransform: "rotate(45)" }, s("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "rl-hatch" })));
}

function legend() {
  const item = (cls, words) => h("li", {}, h("i", { class: cls, "aria-hidden": "true" }), words);
  return h("ul", { class: "rl-legend rl-ring-legend", "aria-label": "Legend" },
    item("rl-key-slip", "request"), item("rl-key-slip rl-key-reply", "reply"),
    item("rl-key-ring rl-roomy", "time to election"));
}

function beatsToggle(ctx) {
  const box = h("input", { type: "checkbox", "data-testid": "hide-heartbeats",
    onchange: () => ctx.set({ beats: !box.checked }) });
  box.checked = !ctx.ui.beats;
  return h("label", { class: "rl-corner rl-right rl-check" }, box, "hide heartbeats");
}

// ---- links ----

function drawPairs(ctx, shape, ids, layer) {
  ids.forEach((a, k) => {
    for (const b of ids.slice(k + 1)) {
      const straight = lane(shape.at.get(a), shape.at.get(b), shape.timer + 3, 0);
      const ends = { x1: straight.x1, y1: straight.y1, x2: straight.x2, y2: straight.y2 };
      const choose = () => ctx.set({ link: { src: a, dst: b } });
      layer.append(s("g", { class: "rl-pair", "data-pair": `${a} ${b}`, "data-testid": `link-${a}-${b}` },
        s("title", {}, `${a} – ${b}: click to choose this link`),
        s("line", { ...ends, class: "rl-link" }),
        s("line", { ...ends, class: "rl-hit", onclick: choose }),
        s("path", { class: "rl-wave", d: wave(straight) }),
        s("text", { class: "rl-link-words", x: (ends.x1 + ends.x2) / 2, y: (ends.y1 + ends.y2) / 2 - 9 }),
        s("path", { class: "rl-cutmark", d: "M-6-6L6 6M-6 6L6-6",
          transform: `translate(${(ends.x1 + ends.x2) / 2},${(ends.y1 + ends.y2) / 2})` })));
    }
  });
  for (const a of ids) {
    for (const b of ids) if (a !== b) layer.append(arrow(ctx, shape, a, b));
  }
}

/** A wavy line along a lane: a link that is not as it was. Pure. */
export function wave({ x1, y1, ux, uy, length }) {
  const steps = Math.max(2, Math.round(length / 9));
  let path = `M${x1.toFixed(1)} ${y1.toFixed(1)}`;
  for (let k = 1; k <= steps; k += 1) {
    const [mid, end] = [(k - 0.5) / steps, k / steps].map((part) => ({ x: x1 + ux * length * part, y: y1 + uy * length * part }));
    const side = k % 2 ? 6 : -6;
    path += `Q${(mid.x - uy * side).toFixed(1)} ${(mid.y + ux * side).toFixed(1)} ${end.x.toFixed(1)} ${end.y.toFixed(1)}`;
  }
  return path;
}

/** What is written on a link that is slow or loses messages; nothing on a plain one. Pure. */
export function onLink(one, other, plainMs) {
  const told = [];
  const slow = [one, other].filter((each) => each && (each.delay_ms !== plainMs || each.jitter_ms));
  if (slow.length) {
    const most = slow.reduce((a, b) => (b.delay_ms + b.jitter_ms > a.delay_ms + a.jitter_ms ? b : a));
    told.push(most.jitter_ms ? `${most.delay_ms}–${most.delay_ms + most.jitter_ms} ms` : `${most.delay_ms} ms`);
  }
  const loss = Math.max(one?.loss ?? 0, other?.loss ?? 0);
  if (loss) told.push(`loses ${Number((100 * loss).toPrecision(2))} %`);
  return told.join(", ");
}

function arrow(ctx, shape, a, b) {
  const path = lane(shape.at.get(a), shape.at.get(b), shape.timer + 3);
  const tip = along(path, 1 - 10 / path.length);
  const middle = along(path, 0.5);
  const toggle = () => {
    const cut = ctx.store.state.links.get(way(a, b))?.cut;
    ctx.set({ link: { src: a, dst: b } });
    ctx.act(cut ? "restore" : "cut", { src: a, dst: b, one_way: true },
      `${a} → ${b} ${cut ? "restored" : "cut"}`);
  };
  return s("g", { class: "rl-way", "data-way": way(a, b), "data-testid": `way-${a}-${b}`, onclick: toggle },
    s("title", {}, `${a} → ${b}: click to cut or restore this direction`),
    s("line", { class: "rl-gap", x1: path.x1, y1: path.y1, x2: path.x2, y2: path.y2 }),
    s("g", { transform: `translate(${tip.x},${tip.y}) rotate(${path.angle})` },
      s("circle", { class: "rl-hit", r: 10 }), s("path", { class: "rl-arrow", d: "M-5-4L5 0L-5 4Z" })),
    s("path", { class: "rl-cutmark", d: "M-5-5L5 5M-5 5L5-5", transform: `translate(${middle.x},${middle.y})` }));
}

function drawCuts(ctx, layer) {
  for (const mark of layer.querySelectorAll("[data-way]")) {
    const [src, dst] = mark.getAttribute("data-way").split(">");
    const cut = Boolean(ctx.store.state.links.get(way(src, dst))?.cut);
    const both = cut && Boolean(ctx.store.state.links.get(way(dst, src))?.cut);
    put(mark, { "data-cut": String(cut), "data-both": both });
  }
  for (const pair of layer.querySelectorAll("[data-pair]")) {
    const [a, b] = pair.getAttribute("data-pair").split(" ");
    const cut = [way(a, b), way(b, a)].filter((key) => ctx.store.state.links.get(key)?.cut).length;
    const words = onLink(ctx.store.state.links.get(way(a, b)), ctx.store.state.links.get(way(b, a)),
      ctx.store.state.cluster.timings?.delay_ms ?? 0);
    put(pair, { "data-cut": ["no", "one way", "both ways"][cut], "data-odd": words !== "" });
    write(pair.querySelector(".rl-link-words"), words);
  }
}
