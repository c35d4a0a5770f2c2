// One node in the ring: its shape is its role, its fill its term, the ring round it its timer.

import { keyed, put, s, write } from "./dom.js";
import { fateWords, nodeWords, roleLetter, votes as hasVote } from "./format.js";
import { frontier } from "./frames.js";
import { diamond, lane, timerLeft } from "./geometry.js";
import { driftWords } from "./inspector.js";
import { termFill, termLine } from "./palette.js";

/** Nodes smaller than this have room for two lines of text. */
export const SMALL = 32;
const ARC_STEP = 0.9; // percent
const CROWN = "M-11 0L-11-9L-5.5-4L0-11L5.5-4L11-9L11 0Z";
const STRIP = 8; // cells of the log under a node

function snowflake(size) {
  const point = (angle, length) => `${(Math.cos(angle) * length).toFixed(2)} ${(Math.sin(angle) * length).toFixed(2)}`;
  return Array.from({ length: 6 }, (_, k) => {
    const a = (k * Math.PI) / 3 + Math.PI / 6;
    const fork = `M${point(a - 0.42, size * 0.98)}L${point(a, size * 0.55)}L${point(a + 0.42, size * 0.98)}`;
    return `M0 0L${point(a, size)}${fork}`;
  }).join("");
}

const SNOWFLAKE = snowflake(7.5);

/** The picture of a node: its element, how to bring it up to date, and how to move with time. */
export function nodePicture(ctx, id, shape, hatch) {
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
    marks: s("text", { class: "rl-marks", y: 23 }),
    strip: s("g", { class: "rl-strip", transform: `translate(${-STRIP * 2.7},${r * 0.72})` },
      ...Array.from({ length: STRIP }, (_, k) => s("rect", { x: k * 5.4, width: 4.2, height: 4.6 }))),
    hash: s("text", { class: "rl-hash", y: 3.5 }),
    drift: s("text", { class: "rl-drift", y: 3.5 }),
    votes: s("g", { class: "rl-votes" }),
    group: s("text", { class: "rl-group", x: shape.timer + 4, y: -r + 4 }),
  };
  const badge = s("g", { transform: `translate(${-r * 0.82},${-r * 0.82})` },
    s("circle", { class: "rl-badge", r: 10 }), parts.letter);
  const el = s(
    "g",
    { class: "rl-node", transform: `translate(${x},${y})`, tabindex: 0, role: "button",
      "data-testid": `node-${id}`,
      onclick: (event) => (event.shiftKey ? inOrOut(ctx, id) : ctx.set({ node: id })),
      onkeydown: (event) => {
        if (event.key === "Escape") ctx.set({ node: null });
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        if (event.shiftKey) inOrOut(ctx, id);
        else ctx.set({ node: id });
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
    parts.hashBox = s("g", { class: "rl-hash-box", transform: `translate(${-r * 0.95},${r * 0.95})` },
      s("title", {}, "what its table holds, in short: the same letters, the same table"),
      s("rect", { x: -15, y: -7, width: 30, height: 14, rx: 3 }), parts.hash),
    parts.driftBox = s("g", { class: "rl-drift-box", transform: `translate(0,${shape.timer})` },
      s("title", {}, "its clock runs too fast or too slow"),
      s("rect", { x: -23, y: -7.5, width: 46, height: 15, rx: 7 }), parts.drift),
    parts.votes, parts.group, parts.marks, parts.strip,
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
  drawSmall(ctx, node, live, parts);
  const group = (ctx.store.state.groups ?? []).findIndex((members) => members.includes(id));
  write(parts.group, group < 0 ? "" : "ABCDEFGHI"[group]);
}

/** What the last `many` indexes are on one node, of those up to `last`: "c" committed, "u" not yet, "-" missing. Pure. */
export function stripOf(node, last, many = STRIP) {
  const first = Math.max(1, last - many + 1);
  return Array.from({ length: many }, (_, k) => {
    const index = first + k;
    if (index > last) return "";
    return index > node.last ? "-" : index <= node.commit ? "c" : "u";
  });
}

function inOrOut(ctx, id) {
  const group = ctx.ui.group ?? [];
  ctx.set({ group: group.includes(id) ? group.filter((each) => each !== id) : [...group, id] });
}

// What of a node is small print: the end of its log, what its table holds, how its clock runs.
function drawSmall(ctx, node, live, parts) {
  const { commit } = frontier(ctx.store.state);
  let last = commit;
  for (const other of ctx.store.state.nodes.values()) last = Math.max(last, other.last);
  const cells = stripOf(node, last);
  [...parts.strip.children].forEach((cell, k) => put(cell, { "data-cell": cells[k] || null }));
  const hash = live && node.hash ? String(node.hash).slice(0, 4) : "";
  write(parts.hash, hash);
  put(parts.hashBox, { "data-shown": hash !== "" });
  if (hash) parts.hashBox.style.setProperty("--hue", String((Number.parseInt(hash, 16) * 137) % 360 || 0));
  write(parts.drift, node.rate_ppm ? driftWords(node.rate_ppm) : "");
  put(parts.driftBox, { "data-shown": Boolean(node.rate_ppm) });
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

