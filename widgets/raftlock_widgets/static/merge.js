// The parts of a frame that come from trace/parts, each under its own name: how a page folds them in.
//
// `MERGERS[name](before, value, full)` gives what the state has under that name from now on. `value` is
// what the kernel's part told: all of it in a full frame, what changed otherwise. What is not named
// here takes the place of what was there.

const MARKS_MAX = 3000;
const ORIGINS_MAX = 200;
const SPACETIME_MAX = 140; // as many as the kernel keeps
const BEATS_MAX = 40;
const HISTORY_MAX = 60;
const METRICS_MAX = 1000;

export const MERGERS = {
  /** The track's new marks are laid behind those before; all of them come as {all}, or in a full frame. */
  track(before, value, full) {
    if (full) return value;
    if (!Array.isArray(value)) return value.all;
    const newest = before?.length ? before[before.length - 1][0] : 0;
    return [...(before ?? []), ...value.filter((mark) => mark[0] > newest)].slice(-MARKS_MAX);
  },

  /** The space-time diagram: an item takes the place of the one of its number; the oldest go. */
  spacetime(before, value, full) {
    if (full || !before) return value;
    const newest = (old, fresh, most) => {
      const found = new Map((old ?? []).map((item) => [item[1], item]));
      for (const item of fresh ?? []) found.set(item[1], item);
      return [...found.values()].sort((a, b) => a[1] - b[1]).slice(-most);
    };
    const items = newest(before.items, value.items, SPACETIME_MAX);
    const reach = [...(before.reach ?? []), ...(value.reach ?? [])].filter((row) => row[0] >= (items[0]?.[1] ?? 0));
    return { ...value, items, reach, beats: newest(before.beats, value.beats, BEATS_MAX) };
  },

  /** The clients' history: an operation, and a lock, takes the place of the one of its name. */
  history(before, value, full) {
    if (full || !before) return value;
    const ops = new Map(before.ops.map((op) => [op[0], op]));
    for (const op of value.ops) ops.set(op[0], op);
    const locks = new Map(before.locks.map((each) => [each.lock, each]));
    for (const each of value.locks) locks.set(each.lock, each);
    return { ...value, ops: [...ops.values()].sort((a, b) => a[0] - b[0]).slice(-HISTORY_MAX), locks: [...locks.values()] };
  },

  /** Figures: new ones are laid behind those before. */
  metrics(before, value, full) {
    if (full || !before) return value;
    const joined = Object.entries(value).map(([name, rows]) => {
      const newest = before[name]?.length ? before[name][before[name].length - 1][0] : 0;
      return [name, [...(before[name] ?? []), ...rows.filter((row) => row[0] > newest)].slice(-METRICS_MAX)];
    });
    return { ...before, ...Object.fromEntries(joined) };
  },

  /** Where entries come from: a row takes the place of the one of the same index and term. */
  origins(before, value) {
    const rows = new Map((before ?? []).map((row) => [`${row.i} ${row.t}`, row]));
    for (const row of value) {
      rows.delete(`${row.i} ${row.t}`);
      rows.set(`${row.i} ${row.t}`, row);
    }
    return [...rows.values()].slice(-ORIGINS_MAX);
  },
};

/** Fold the parts of `frame` that are named `names` into `state`. Returns those that changed. */
export function mergeParts(state, frame, known) {
  const changed = [];
  for (const [name, value] of Object.entries(frame)) {
    if (known.has(name)) continue;
    const fold = MERGERS[name];
    state.parts[name] = fold ? fold(frame.full ? undefined : state.parts[name], value, Boolean(frame.full)) : value;
    changed.push(name);
  }
  return changed;
}
