// What the kernel sends (frames) folded into what the panels draw (one state). Pure.
//
// A full frame holds everything; the others only what changed. Every part is a whole (a whole node,
// a whole lock table) except the tail of a log and the new points, messages and sentences, so a
// frame that comes twice changes nothing.

import { mergeParts } from "./merge.js";

export const KEEP = { entries: 60, events: 200, termsUs: 180_000_000 };

/** The state before anything is known. */
export function empty() {
  return {
    known: false, // whether a full frame has been seen
    seq: 0,
    t: 0,
    speed: 1,
    paused: false,
    run: 0, // counts the runs seen: 0, 1, ...
    source: undefined, // the kernel's own number of the run
    cluster: { name: "", timing: "", nodes: [], modified: "", timings: null },
    situation: null,
    members: { voters: [], learners: [], outgoing: [] },
    nodes: new Map(),
    links: new Map(),
    groups: null,
    messages: new Map(),
    logs: new Map(),
    locks: new Map(),
    terms: [],
    events: [],
    clients: new Map(),
    cursor: { live: true, seq: 0, t: 0, first: 0, last: 0, last_t: 0 }, // where the panels look
    parts: {}, // what trace/parts tell, by name; merge.js folds them
  };
}

// What this module folds itself, and what only says how a frame is to be taken.
/** Whether this kind of cluster can do it. Pure. */
export const can = (state, verb) => !(state.cluster.cannot ?? []).includes(verb);

const OWN = new Set(["type", "cursor", "full", "seq", "t", "speed", "paused", "wall_ms", "run", "situation", "cluster",
  "members", "nodes", "links", "groups", "messages", "logs", "locks", "terms", "events", "clients"]);

/** The name of a direction between two nodes. */
export const way = (src, dst) => `${src}>${dst}`;

/** Which moment a cursor is at: the present, or an event. */
export const placeOf = (cursor) => (!cursor || cursor.live ? "live" : String(cursor.seq));

/** Fold `frame` into `state`; returns the names of the parts that changed. */
export function merge(state, frame) {
  const changed = new Set();
  if (frame.full) {
    // Who looks at another moment of the same run sees no new run, but other messages.
    const moved = placeOf(frame.cursor) !== placeOf(state.cursor);
    const again = state.known && (frame.run !== state.source || (!moved && frame.t < state.t));
    const messages = again || moved ? new Map() : state.messages;
    const parts = again ? {} : state.parts;
    const run = state.run + (again ? 1 : 0);
    Object.assign(state, empty(), { run, messages, parts, source: frame.run, known: true });
    for (const part of ["cluster", "situation", "nodes", "links", "groups", "messages", "logs",
      "locks", "terms", "events", "clients"]) changed.add(part);
    changed.add("members");
    if (frame.cluster) state.cluster = { ...state.cluster, ...frame.cluster };
  }
  if (frame.speed !== state.speed || frame.paused !== state.paused) changed.add("pace");
  state.seq = frame.seq ?? state.seq;
  state.t = frame.t ?? state.t;
  state.wall = frame.wall_ms ?? 0;
  state.speed = frame.speed ?? state.speed;
  state.paused = frame.paused ?? state.paused;
  if (frame.situation) {
    state.situation = frame.situation;
    changed.add("situation");
  }
  if (frame.cursor) {
    state.cursor = frame.cursor;
    changed.add("cursor");
  }
  mergeMessages(state, frame, changed);
  for (const node of frame.nodes ?? []) put(state.nodes, node.id, node, changed, "nodes");
  if (frame.links) {
    state.links = new Map(frame.links.map((link) => [way(link.src, link.dst), link]));
    changed.add("links");
  }
  if (frame.members) {
    state.members = frame.members;
    changed.add("members");
  }
  if ("groups" in frame) {
    state.groups = frame.groups;
    changed.add("groups");
  }
  for (const [node, tail] of Object.entries(frame.logs ?? {})) {
    state.logs.set(node, mergeLog(state.logs.get(node), tail));
    changed.add("logs");
  }
  for (const [node, table] of Object.entries(frame.locks ?? {})) {
    put(state.locks, node, table, changed, "locks");
  }
  for (const client of frame.clients ?? []) {
    put(state.clients, client.id, client, changed, "clients");
  }
  mergeTerms(state, frame.terms, changed);
  mergeEvents(state, frame.events, changed);
  for (const part of mergeParts(state, frame, OWN)) changed.add(part);
  return changed;
}

/** Only a frame's messages: they may be drawn before the rest of the frame is due. */
export function mergeMessages(state, frame, changed = new Set()) {
  for (const message of frame.messages ?? []) {
    put(state.messages, message.id, message, changed, "messages");
  }
  return changed;
}

function put(map, key, value, changed, part) {
  map.set(key, value);
  changed.add(part);
}

/** A log with `tail` in it: `{first, entries}` replaces it, `{from, entries}` its end. Up to `base` it
 * has no entries any more: a snapshot stands for them. */
export function mergeLog(log, tail) {
  if ("first" in tail || !log) {
    const entries = tail.entries.slice(-KEEP.entries);
    return { first: entries.length ? entries[0].i : (tail.first ?? 1), base: tail.base ?? 0, entries };
  }
  const kept = log.entries.filter((entry) => entry.i < tail.from);
  const entries = [...kept, ...tail.entries].slice(-KEEP.entries);
  return { first: entries.length ? entries[0].i : tail.from, base: log.base ?? 0, entries };
}

// Points come in order of time, each node's own too: one of the same moment takes the last's place,
// an earlier one is known already.
function mergeTerms(state, points, changed) {
  if (!points?.length) return;
  const last = new Map();
  state.terms.forEach((point, k) => last.set(point.node, k));
  for (const point of points) {
    const k = last.get(point.node);
    if (k !== undefined && state.terms[k].t === point.t) state.terms[k] = point;
    else if (k === undefined || state.terms[k].t < point.t) {
      last.set(point.node, state.terms.push(point) - 1);
    }
  }
  changed.add("terms");
}

function mergeEvents(state, events, changed) {
  const newest = state.events.length ? state.events[state.events.length - 1].seq : 0;
  const fresh = (events ?? []).filter((event) => event.seq > newest);
  if (!fresh.length) return;
  state.events.push(...fresh);
  changed.add("events");
}

/** When a message is over, in run time: it has arrived, or has come to where it was lost. */
export function endOf(message) {
  if (message.fate !== "lost") return message.t1;
  const half = message.t0 + (message.t1 - message.t0) / 2;
  return Math.max(message.stop ?? half, half);
}

/** Forget what can no longer be seen. `fade` is how long a lost message stays, in run time. */
export function prune(state, now, fade) {
  for (const [id, message] of state.messages) {
    if (message.held && message.fate !== "lost") continue;
    if (now > endOf(message) + (message.fate === "lost" ? fade : 0)) state.messages.delete(id);
  }
  if (state.events.length > KEEP.events * 1.5) {
    state.events.splice(0, state.events.length - KEEP.events);
  }
  const oldest = now - KEEP.termsUs;
  if (state.terms.length > 200 && state.terms[100].t < oldest) {
    state.terms = keepTerms(state.terms, oldest);
  }
}

/** The points since `oldest`, and of each node the last one before, which still holds then. */
export function keepTerms(points, oldest) {
  const before = new Map();
  for (const point of points) if (point.t < oldest) before.set(point.node, point);
  return points.filter((point) => point.t >= oldest || before.get(point.node) === point);
}

/** The node that leads: of several that think so, the one in the highest term. */
export function leaderOf(state) {
  let best = null;
  for (const node of state.nodes.values()) {
    if (node.role === "leader" && node.state !== "down" && (!best || node.term > best.term)) {
      best = node;
    }
  }
  return best;
}

/** The highest index known to be committed, and the highest term. */
export function frontier(state) {
  let commit = 0;
  let term = 0;
  for (const node of state.nodes.values()) {
    commit = Math.max(commit, node.commit);
    term = Math.max(term, node.term);
  }
  return { commit, term };
}
