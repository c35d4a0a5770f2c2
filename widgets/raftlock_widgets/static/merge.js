// The parts of a frame that come from trace/parts, each under its own name: how a page folds them in.
//
// `MERGERS[name](before, value, full)` gives what the state has under that name from now on. `value` is
// what the kernel's part told: all of it in a full frame, what changed otherwise. What is not named
// here takes the place of what was there.

export const MERGERS = {};

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
