// What of a space-time diagram could have brought something about: all that came before it at the same
// place, at the other end of each message that had arrived by then, and what heartbeats told. Pure.

/** The points of the items, as {seq, place, key, from}: where each begins, and where each message arrives.
 * `from` is {seq, place} at the other end. */
export function pointsOf(items) {
  const points = [];
  for (const item of items) {
    const [sort, seq, place] = item;
    if (sort === "e") points.push({ seq, place, key: seq, from: item.length > 8 ? { place: item[8], seq: item[9] } : null });
    if (sort === "m") {
      points.push({ seq, place, key: seq, from: null });
      if (item[7] === "got") points.push({ seq: item[8], place: item[3], key: seq, from: { place, seq } });
    }
  }
  return points.sort((a, b) => a.seq - b.seq);
}

/** Up to which event each place belongs to the past of event `seq` at `place`, as a map: the past of a
 * place is all that came before there. `reach` has what only heartbeats told, as [seq, place, upto]. */
export function reachOf(items, seq, place, reach = []) {
  const told = new Map();
  for (const [point, other, upto] of reach) {
    if (!told.has(point)) told.set(point, []);
    told.get(point).push([other, upto]);
  }
  const known = new Map([[place, seq]]);
  const learn = (other, upto) => known.set(other, Math.max(known.get(other) ?? 0, upto));
  // Backwards in the order of the trace: what brings a thing about comes before it, so one pass is enough.
  for (const point of pointsOf(items).reverse()) {
    if (!(point.seq <= known.get(point.place))) continue;
    if (point.from) learn(point.from.place, point.from.seq);
    for (const [other, upto] of told.get(point.seq) ?? []) learn(other, upto);
  }
  return known;
}

/** The numbers of the items that may have led to event `seq` at `place`, that one's own item included. */
export function causalPast(items, seq, place, reach = []) {
  const known = reachOf(items, seq, place, reach);
  return new Set(pointsOf(items).filter((point) => point.seq <= known.get(point.place)).map((point) => point.key));
}
