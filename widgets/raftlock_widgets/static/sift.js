// Which of the events are shown: those of a topic, of a node, or with some words in them. Pure.

import { runTime } from "./format.js";

/** What one may want to see, and the kinds of event that belong to it. */
export const TOPICS = [
  ["elections", "elections", ["role", "term", "vote", "tally", "pre_vote", "leader", "timer_set", "timer_fire", "transfer"]],
  ["log", "the log", ["append", "truncate", "commit", "apply", "write", "fsync", "snapshot", "install", "restore", "compact", "progress"]],
  ["locks", "locks and clients", ["lock", "client_call", "client_return", "belief", "storage"]],
  ["network", "messages", ["send", "deliver", "drop", "due", "dup"]],
  ["faults", "faults", ["node", "fault", "violation"]],
  ["members", "members", ["config"]],
];

const KINDS = new Map(TOPICS.map(([name, , kinds]) => [name, new Set(kinds)]));

/** Whether anything is left out. */
export const sifts = ({ topic, node, find }) => Boolean(topic || node || find.trim());

/** Whether a line is to be shown. A node's lines are those that happened there, and those that name it. */
export function fits(line, { topic, node, find }) {
  if (topic && !KINDS.get(topic)?.has(line.kind)) return false;
  if (node && line.node !== node && !names(line.text, node)) return false;
  const words = find.trim().toLowerCase();
  return !words || line.text.toLowerCase().includes(words);
}

function names(text, node) {
  const at = text.indexOf(node);
  if (at < 0) return false;
  const beside = /[\w.-]/;
  const after = text[at + node.length] ?? " ";
  // A full stop ends a sentence; inside a name more follows it.
  const ends = !beside.test(after) || (after === "." && !/\w/.test(text[at + node.length + 1] ?? " "));
  return !beside.test(text[at - 1] ?? " ") && ends;
}

/** Lines as text, to be pasted elsewhere: the time, a tab, the sentence. */
export const asText = (lines) => lines.map((line) => `${runTime(line.t)}\t${line.text}`).join("\n");
