// What of a space-time diagram could have brought something about: all that came before it at the same
// place, and at the other end of each message that arrived by then. Pure.

/** The points of the items, as {seq, place, arrow}: where each begins, and where each message arrives. */
export function pointsOf(items) {
  const points = [];
  for (const item of items) {
    if (item[0] === "e") points.push({ seq: item[1], place: item[2], key: item[1] });
    if (item[0] === "m") {
      points.push({ seq: item[1], place: item[2], key: item[1] });
      if (item[7] === "got") points.push({ seq: item[8], place: item[3], key: item[1], from: item[1] });
    }
  }
  return points.sort((a, b) => a.seq - b.seq);
}

/** The numbers of the items that may have led to event `seq` at `place`, that one's own item included. */
export function causalPast(items, seq, place) {
  const points = pointsOf(items);
  const source = new Map(items.filter((item) => item[0] === "m").map((item) => [item[1], item[2]]));
  const known = new Map([[place, seq]]); // up to which event each place is part of the past
  const past = new Set();
  // Backwards in the order of the trace: a message was sent before it arrived, so one pass is enough.
  for (const point of points.reverse()) {
    const upTo = known.get(point.place);
    if (upTo === undefined || point.seq > upTo) continue;
    past.add(point.key);
    if (point.from !== undefined) {
      const sender = source.get(point.from);
      known.set(sender, Math.max(known.get(sender) ?? 0, point.from));
    }
  }
  return past;
}
