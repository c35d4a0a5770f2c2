// The clients' history as the panel draws it: operations in rows, what became of them, and the order
// that explains them. Pure.

import { listed } from "./format.js";

/** An operation as the kernel tells it, with names. */
export function opOf([call, client, op, lock, t, end, status, word, token, queued, again]) {
  return { call, client, op, lock, t, end, status, word, token, queued, again };
}

const OPS = { acquire: "acquire", enqueue_waiter: "wait for", release: "release", renew: "renew", cancel_wait: "stop waiting for", get_lock_info: "look at" };

/** What was asked, such as "acquire door". */
export const asked = (op) => `${OPS[op.op] ?? op.op.replaceAll("_", " ")} ${op.lock}`;

/** What became of it: "done", "refused", "unknown" (its caller gave up) or "open" (no answer yet). */
export function outcome(op) {
  if (op.status === "ok") return "done";
  if (op.status === "fail") return "refused";
  return op.status ? "unknown" : "open";
}

/** Its mark, so that no outcome is told by colour or pattern alone. */
export const SIGN = { done: "✓", refused: "✗", unknown: "?", open: "…" };

/** What the bar says: what was asked, and what came of it. */
export function barWords(op, withLock = true, stuck = false) {
  const what = withLock ? asked(op) : (OPS[op.op] ?? op.op).replace(/ (for|at)$/, "");
  const token = op.token && outcome(op) === "done" ? ` #${op.token}` : "";
  return stuck ? `fits nowhere: ${what}${token || ` (${op.word})`}` : `${SIGN[outcome(op)]} ${what}${token}`;
}

/** Clients in the order of their first operation, each with rows in which no two operations overlap:
 * [{client, rows: [[op]]}]. An operation without an answer ends at `now`. */
export function lanesOf(ops, now) {
  const clients = new Map();
  for (const op of ops) {
    if (!clients.has(op.client)) clients.set(op.client, []);
    const rows = clients.get(op.client);
    const free = rows.find((row) => endOf(row[row.length - 1], now) <= op.t);
    if (free) free.push(op);
    else rows.push([op]);
  }
  return [...clients].map(([client, rows]) => ({ client, rows }));
}

/** Where its bar ends. Who gave up does not know what became of it: that bar stays open. */
export const endOf = (op, now) => (op.end && outcome(op) !== "open" ? op.end : Math.max(now, op.t));

/** Faults in lanes in which no two overlap: [[band]]; a band is {seq, what, who, from, to}. */
export function bandLanes(bands, now) {
  const lanes = [];
  for (const [seq, what, who, from, to] of bands) {
    const band = { seq, what, who, from, to: to || now, lasts: !to };
    const free = lanes.find((lane) => lane[lane.length - 1].to <= from);
    if (free) free.push(band);
    else lanes.push([band]);
  }
  return lanes;
}

const BANDS = { down: "down", frozen: "frozen", split: "split", cut: "cut" };

/** A fault in words: "n2 down", "split n1 | n2 n3". */
export const bandWords = (band) => (["split", "cut"].includes(band.what) ? `${BANDS[band.what]} ${band.who}` : `${band.who} ${BANDS[band.what] ?? band.what}`);

/** The order found for each lock, by call: {t, how, before, after}; and what a lock did by itself. */
export function pointsOf(locks) {
  const points = new Map();
  const alone = [];
  for (const { lock, steps } of locks) {
    let before = "";
    for (const [call, t, how, after] of steps) {
      if (how === "ttl" || how === "back") alone.push({ lock, t, how, before, after });
      else points.set(call, { lock, t, how, before, after });
      before = after;
    }
  }
  return { points, alone };
}

const seconds = (t) => `${(t / 1_000_000).toFixed(3)} s`;

/** One operation in full sentences: what screen readers say, and what stands below the picture. */
export function sentences(op, point, stuck) {
  const said = {
    done: `was answered at ${seconds(op.end)}: ${op.word || "done"}${op.token ? `, token ${op.token}` : ""}`,
    refused: `was refused at ${seconds(op.end)}: ${op.word}`,
    unknown: `was given up at ${seconds(op.end)}: nobody told what became of it`,
    open: "has no answer yet",
  }[outcome(op)];
  const parts = [`${op.client} asked to ${asked(op)} at ${seconds(op.t)} and ${said}.`];
  if (op.again) parts.push(`It was asked again ${op.again === 1 ? "once" : `${op.again} times`}.`);
  if (op.queued) parts.push(`It stood in the queue from ${seconds(op.queued)} on.`);
  if (stuck) parts.push("No order explains this answer.");
  if (point) {
    const how = point.how === "log" ? `took effect at ${seconds(point.t)}, when its entry was first applied` : `fits at ${seconds(point.t)}, a moment chosen to explain the answers`;
    parts.push(`It ${how}. ${point.before ? `Before: ${point.before}; ` : ""}after: ${point.after}.`);
  }
  return parts.join(" ");
}

/** What is found about the locks, in a sentence, and the first call that fits nowhere (0: none). */
export function verdictOf(locks) {
  const broken = locks.filter((each) => each.verdict === "illegal").sort((a, b) => a.stuck - b.stuck);
  if (broken.length) return { kind: "broken", text: broken[0].text, stuck: broken[0].stuck };
  const dark = locks.filter((each) => each.verdict === "unknown");
  if (locks.length === 1) return { kind: dark.length ? "unknown" : "holds", text: locks[0].text, stuck: 0 };
  const lit = locks.length - dark.length;
  const some = lit ? [`${lit} ${lit === 1 ? "lock: one order explains" : "locks: of each, one order explains"} all answers.`] : [];
  if (dark.length) some.push(`Not judged: ${listed(dark.map((each) => each.lock))}.`);
  return { kind: dark.length ? "unknown" : "holds", text: some.join(" "), stuck: 0 };
}

/** Up to which moment to draw: while an answer is awaited up to `now`, else not much beyond the last one. */
export function drawnUpTo(ops, now, beyond) {
  if (ops.some((op) => outcome(op) === "open")) return now;
  return Math.min(now, Math.max(...ops.map((op) => op.end || op.t)) + beyond);
}
