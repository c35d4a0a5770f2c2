// The cluster as a ring: nodes, links, and the messages that travel between them.

import { h, keyed, put, s, write } from "./dom.js";
import { fateWords, isHeartbeat, isReply, nodeWords, roleLetter, votes as hasVote } from "./format.js";
import { endOf, way } from "./frames.js";
import { HEIGHT, WIDTH, along, diamond, flight, lane, ringLayout, timerLeft } from "./geometry.js";
import { termFill, termLine } from "./palette.js";

const SMALL = 32; // nodes smaller than this have room for two lines of text
const ARC_STEP = 0.9; // percent
const CROWN = "M-11 0L-11-9L-5.5-4L0-11L5.5-4L11-9L11 0Z";
let rings = 0;

function snowflake(size) {
  const point = (angle, length) => `${(Math.cos(angle) * length).toFixed(2)} ${(Math.sin(angle) * length).toFixed(2)}`;
  return Array.from({ length: 6 }, (_, k) => {
    const a = (k * Math.PI) / 3 + Math.PI / 6;
    const fork = `M${point(a - 0.42, size * 0.98)}L${point(a, size * 0.55)}L${point(a + 0.42, size * 0.98)}`;
    return `M0 0L${point(a, size)}${fork}`;
  }).join("");
}

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
  const el = h("section", { class: "rl-ring" }, h("h3", { class: "rl-corner rl-title" }, "Cluster"),
    beatsToggle(ctx), picture, legend());
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
    if (parts.has("nodes") || parts.has("groups")) for (const node of nodes.values()) node.update();
    if (parts.has("links") || parts.has("groups")) drawCuts(ctx, layers.links);
  }

  function tick(now) {
    if (!shape) return;
    for (const node of nodes.values()) node.tick(now);
    drawSlips(ctx, shape, layers.slips, slips, now);
  }

  function ui() {
    for (const [id, node] of nodes) {
      put(node.el, { "data-selected": ctx.ui.node === id, "aria-pressed": String(ctx.ui.node === id) });
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

// ---- nodes ----

const SNOWFLAKE = snowflake(7.5);

function nodePicture(ctx, id, shape, hatch) {
  const { x, y } = shape.at.get(id);
  const r = shape.node;
  const parts = {
    arc: s("circle", { class: "rl-arc", r: shape.timer, pathLength: 100, transform: "rotate(-90)" }),
    round: s("circle", { class: "rl-body rl-if-round", r }),
    corner: s("polygon", { class: "rl-body rl-if-candidate", points: diamond(r + 7) }),
    inner: s("circle", { class: "rl-inner rl-if-leader", r: r - 4.5 }),
    hatch: s("circle", { class: "rl-if-frozen", r, fill: `url(#${hatch})` }),
    term: s("text", { class: "rl-term", y: 10 }),
    letter: s("text", { class: "rl-letter", y: 4 }),
    marks: s("text", { class: "rl-marks", y: 24 }),
    votes: s("g", { class: "rl-votes" }),
    group: s("text", { class: "rl-group", x: shape.timer + 4, y: -r + 4 }),
  };
  const badge = s("g", { transform: `translate(${-r * 0.82},${-r * 0.82})` },
    s("circle", { class: "rl-badge", r: 10 }), parts.letter);
  const el = s(
    "g",
    { class: "rl-node", transform: `translate(${x},${y})`, tabindex: 0, role: "button",
      "data-testid": `node-${id}`, onclick: () => ctx.set({ node: id }),
      onkeydown: (event) => {
        if (event.key === "Escape") ctx.set({ node: null });
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        ctx.set({ node: id });
      } },
    s("circle", { class: "rl-select", r: shape.timer + 5 }),
    s("circle", { class: "rl-ground", r: shape.timer + 2 }),
    s("circle", { class: "rl-track", r: shape.timer }),
    parts.arc, parts.round, parts.corner, parts.inner, parts.hatch,
    s("path", { class: "rl-cross rl-if-down", d: `M${-r * 0.6} ${-r * 0.6}L${r * 0.6} ${r * 0.6}M${-r * 0.6} ${r * 0.6}L${r * 0.6} ${-r * 0.6}` }),
    s("path", { class: "rl-crown rl-if-leader", d: CROWN, transform: `translate(0,${-shape.timer - 1})` }),
    s("text", { class: "rl-id", y: -6 }, id), parts.term, badge,
    s("g", { class: "rl-if-frozen", transform: `translate(${r * 0.85},${-r * 0.85})` },
      s("circle", { class: "rl-badge", r: 11 }), s("path", { class: "rl-snow", d: SNOWFLAKE })),
    s("g", { class: "rl-disk", transform: `translate(${r * 0.85},${r * 0.85})` },
      s("title", {}, "writing to its disk"),
      s("rect", { x: -7, y: -7, width: 14, height: 14, rx: 2 }), s("path", { d: "M-4-7V-2H4V-7M-4 7V2H4V7" })),
    parts.votes, parts.group, parts.marks,
  );
  const update = () => updateNode(ctx, id, el, parts, shape);
  let shown = -1;
  const tick = (now) => {
    const node = ctx.store.state.nodes.get(id);
    const left = Math.round(timerLeft(node?.timer, now) * 1000) / 10;
    // Each change repaints the ring: finer steps than these nobody sees.
    if (left === shown || (Math.abs(left - shown) < ARC_STEP && left > 0)) return;
    shown = left;
    put(parts.arc, { "stroke-dasharray": `${left} 100`, "data-left": left });
  };
  return { el, update, tick };
}

function updateNode(ctx, id, el, parts, shape) {
  const node = ctx.store.state.nodes.get(id);
  if (!node) return;
  const live = node.state !== "down";
  put(el, {
    "data-state": node.state, "data-role": live ? node.role : "down", "data-term": node.term,
    "data-part": node.part ?? "voter", "data-fate": node.fate || null,
    "data-commit": node.commit, "data-applied": node.applied, "data-timer": node.timer?.kind ?? "none",
    "data-disk": node.disk_busy, "aria-pressed": String(ctx.ui.node === id),
    "aria-label": `${id}, ${nodeWords(node)}, term ${node.term}, commit ${node.commit}, applied ${node.applied}`,
  });
  const theme = ctx.theme();
  el.style.setProperty("--term", termFill(node.term) ?? "var(--rl-empty)");
  el.style.setProperty("--term-line", termLine(node.term, theme) ?? "var(--rl-edge)");
  put(el, { "data-blank": node.term === 0 });
  // Without a vote: that is said in a word. On a small node it takes the term's place.
  const word = live && !hasVote(node) ? node.part : "";
  const small = shape.node < SMALL;
  write(parts.term, small && word ? word : live || node.term ? `term ${node.term}` : "");
  write(parts.letter, roleLetter(node));
  const votes = live && node.role === "candidate" ? node.tally : null;
  write(parts.marks, votes
    ? `${votes.granted.length} of ${votes.needed}`
    : live ? word || `c${node.commit} a${node.applied}` : fateWords(node));
  drawVotes(ctx, id, votes, parts.votes, shape);
  const group = (ctx.store.state.groups ?? []).findIndex((members) => members.includes(id));
  write(parts.group, group < 0 ? "" : "ABCDEFGHI"[group]);
}

// A dot towards each peer: that peer's answer.
function drawVotes(ctx, id, votes, layer, shape) {
  const { nodes } = ctx.store.state;
  const peers = votes
    ? ctx.store.state.cluster.nodes.filter((peer) => peer !== id && hasVote(nodes.get(peer) ?? {}))
    : [];
  const here = shape.at.get(id);
  keyed(layer, peers, (peer) => peer, () => s("g", {}, s("circle", { r: 4.5 }), s("path", { d: "M-2-2L2 2M-2 2L2-2" })),
    (dot, peer) => {
      const path = lane(here, shape.at.get(peer), 0, 0);
      const out = shape.timer + 9;
      const answer = votes.granted.includes(peer) ? "granted" : votes.refused.includes(peer) ? "refused" : "open";
      put(dot, { transform: `translate(${path.ux * out},${path.uy * out})`, "data-vote": answer });
    });
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
        s("path", { class: "rl-cutmark", d: "M-6-6L6 6M-6 6L6-6",
          transform: `translate(${(ends.x1 + ends.x2) / 2},${(ends.y1 + ends.y2) / 2})` })));
    }
  });
  for (const a of ids) {
    for (const b of ids) if (a !== b) layer.append(arrow(ctx, shape, a, b));
  }
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
    put(pair, { "data-cut": ["no", "one way", "both ways"][cut] });
  }
}

// ---- messages ----

function slipPicture(ctx, message) {
  const beat = isHeartbeat(message);
  const height = beat ? 11 : 16;
  const width = beat ? message.label.length * 5.4 + 8 : Math.max(26, message.label.length * 6.6 + 9);
  const term = message.fields?.term ?? 0;
  const el = s("g", { class: "rl-slip", "data-testid": "slip", "data-type": message.type, "data-beat": beat,
    "data-reply": isReply(message), "data-label": message.label },
    s("title", {}, `${message.label} from ${message.src} to ${message.dst}`),
    s("rect", { x: -width / 2, y: -height / 2, width, height, rx: height / 2.6 }),
    s("text", { y: beat ? 3 : 4 }, message.label),
    s("path", { class: "rl-lost", d: "M-9-9L9 9M-9 9L9-9" }));
  el.style.setProperty("--term", termFill(term) ?? "var(--rl-empty)");
  el.style.setProperty("--term-line", termLine(term, ctx.theme()) ?? "var(--rl-edge)");
  return el;
}

function drawSlips(ctx, shape, layer, slips, now) {
  const seen = new Set();
  for (const message of ctx.store.flying(now)) {
    if (!shape.at.has(message.src) || !shape.at.has(message.dst)) continue;
    if (!ctx.ui.beats && isHeartbeat(message)) continue;
    seen.add(message.id);
    let slip = slips.get(message.id);
    if (!slip) {
      slip = { el: slipPicture(ctx, message),
        path: lane(shape.at.get(message.src), shape.at.get(message.dst), shape.timer + 2, 8) };
      slips.set(message.id, slip);
      layer.append(slip.el);
    }
    const end = endOf(message);
    const { part, lost } = flight(message, now, end);
    const { x, y } = along(slip.path, part);
    slip.el.setAttribute("transform", `translate(${x.toFixed(1)},${y.toFixed(1)})`);
    put(slip.el, { "data-fate": lost ? "lost" : "flying" });
    if (lost) slip.el.style.opacity = String(Math.max(0, 1 - (now - end) / Math.max(1, ctx.store.fade)));
  }
  for (const [id, slip] of slips) {
    if (seen.has(id)) continue;
    slip.el.remove();
    slips.delete(id);
  }
}
