// What is known of one entry: where it comes from, who had it, and how a node stands to it. The words
// that the grid and the ledger share. Pure.

import { listed, runTime } from "./format.js";

/** The entry at `index` of a log, or null. */
export const entryAt = (log, index) => log?.entries[index - (log.entries[0]?.i ?? 0)] ?? null;

/** Whether nodes have different entries at `index`; who has none there does not differ. */
export function disagree(logs, index) {
  let term = null;
  for (const log of logs) {
    const entry = entryAt(log, index);
    if (!entry) continue;
    if (term !== null && entry.t !== term) return true;
    term = entry.t;
  }
  return false;
}

/** Who wrote the entry of that index and term, and which majority had it, if that is known. */
export const originOf = (origins, index, term) => (origins ?? []).findLast((row) => row.i === index && row.t === term) ?? null;

/** An entry's origin in words; nothing if it is no longer known. */
export function originWords(origin) {
  if (!origin) return "";
  const written = `written by ${origin.by} at ${runTime(origin.at)}`;
  return origin.done ? `${written}, committed at ${runTime(origin.done)} with ${listed(origin.of)}` : `${written}, not committed yet`;
}

/** What stands at `index` on `node`, in words. */
export function cellWords(node, log, index, origins) {
  const entry = entryAt(log, index);
  if (!entry) {
    return index <= (log?.base ?? 0) ? `Entry ${index} is no longer in ${node.id}'s log: its snapshot stands for it.`
      : `${node.id} has no entry ${index}.`;
  }
  const here = index <= node.applied ? "applied here" : index <= node.commit ? "committed, not yet applied here" : "not committed as far as it knows";
  return [`${node.id}, entry ${index}, term ${entry.t}: ${entry.op || "no-op"}`, originWords(originOf(origins, index, entry.t)), here]
    .filter(Boolean).join("; ") + ".";
}
