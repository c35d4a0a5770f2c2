// The figures of a run, drawn by bokeh, one above the other along one time: how far nodes lag, how long
// nobody led, how long clients waited. Filled here from the frames, twice a second at most.

import { arriving, inks } from "./bokeh.js";
import { h, put, write } from "./dom.js";
import { TERM_LINE } from "./palette.js";

const EVERY_MS = 500;
const SPAN_S = 180;
const MARKERS = ["circle", "square", "triangle", "diamond", "inverted_triangle", "hex", "plus", "star"];
const EMPTY = {
  lag: "every node has applied what is committed",
  failovers: "no leader was lost yet",
  waits: "nobody stood in a queue yet",
  latency: "nobody asked for anything yet",
};

const sec = (us) => us / 1e6;

/** Each name's colour and marker, so that greyscale tells them apart too. Pure. */
export function looks(names, theme) {
  return new Map(names.map((name, k) => [name, { color: TERM_LINE[theme][k % 5], marker: MARKERS[k % MARKERS.length] }]));
}

/** The columns of each figure's source, from the part's rows. Pure. */
export function sources(part, nodes, theme) {
  const clients = [...new Set((part?.calls ?? []).map((row) => row[2]))].sort();
  const [ofNode, ofClient] = [looks(nodes, theme), looks(clients, theme)];
  const plain = { color: TERM_LINE[theme][0], marker: "circle" };
  const columns = (rows, point) => {
    const made = { x: [], y: [], node: [], what: [], status: [], before: [], term: [], color: [], marker: [] };
    for (const row of rows) {
      const full = { what: "", status: "", before: "", term: 0, ...point(row) };
      for (const [name, values] of Object.entries(made)) values.push(full[name]);
    }
    return made;
  };
  const call = ([, t, client, op, ms, status]) => ({ x: sec(t), y: ms, node: client, what: op.replaceAll("_", " "), status, ...(ofClient.get(client) ?? plain) });
  const calls = part?.calls ?? [];
  return {
    lag: columns(part?.lag ?? [], ([, t, node, behind]) => ({ x: sec(t), y: behind, node, ...(ofNode.get(node) ?? plain) })),
    failovers: columns(part?.failovers ?? [], ([, t, ms, before, node, term]) => ({ x: sec(t), y: ms, node, before, term, ...(ofNode.get(node) ?? plain) })),
    waits: columns(calls.filter((row) => row[6]), call),
    latency: columns(calls.filter((row) => !row[6]), call),
    "lag-line": worst(part?.lag ?? []),
  };
}

/** How far the furthest behind was, as it changed. Pure. */
export function worst(lag) {
  const now = new Map();
  const line = { x: [], y: [] };
  for (const [, t, node, behind] of lag) {
    now.set(node, behind);
    line.x.push(sec(t));
    line.y.push(Math.max(...now.values()));
  }
  return line;
}

/** What there is nothing to see of yet, in words. Pure. */
export function missingWords(all) {
  const empty = Object.keys(EMPTY).filter((name) => all[name].x.length === 0).map((name) => EMPTY[name]);
  return empty.length ? `Nothing to see yet where ${empty.join(", ")}.` : "";
}

/** The panel. */
export function metrics(ctx) {
  const { store } = ctx;
  const place = h("div", { class: "rl-metrics-place", "data-testid": "metrics", "data-ready": "no" });
  const word = h("p", { class: "rl-muted", role: "status", "data-testid": "metrics-word" }, "The figures are on their way …");
  const el = h("section", { class: "rl-metrics", "aria-label": "Metrics" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Metrics"), word), place);
  let drawn = 0;
  const arrived = arriving(store, "metrics", place, {
    embed,
    failed: (text) => write(word, text),
    ready() {
      dress();
      draw(store.now());
    },
  });

  function dress() {
    arrived.figure?.dress(inks(el));
    drawn = 0;
  }

  function draw(now) {
    drawn = performance.now();
    const all = sources(store.state.parts.metrics, store.state.cluster.nodes, ctx.theme());
    const end = Math.max(sec(now), 10);
    arrived.figure.range(Math.max(0, end - SPAN_S), end + 1);
    arrived.figure.fill(all);
    write(word, missingWords(all));
    put(place, { "data-calls": all.latency.x.length + all.waits.x.length, "data-failovers": all.failovers.x.length });
  }

  function tick(now) {
    arrived.tick();
    if (arrived.figure && performance.now() - drawn >= EVERY_MS) draw(now);
  }
  return { el, change: () => {}, tick, themed: dress, close: arrived.close };
}

async function embed(Bokeh, item, place) {
  place.replaceChildren();
  const views = await Bokeh.embed.embed_item({ ...item, target_id: null }, place);
  const [view] = [...(views.roots ?? views)];
  const doc = view.model.document;
  const named = (name) => doc.get_model_by_name(name);
  const names = Object.keys(EMPTY);
  return {
    fill(all) {
      for (const [name, data] of Object.entries(all)) named(name).data = data;
    },
    range(start, end) {
      named("together").setv({ start, end });
    },
    dress({ ink, strong, edge }) {
      for (const name of names) {
        for (const axis of [named(`time-${name}`), named(`values-${name}`)]) {
          axis.setv({ major_label_text_color: ink, axis_line_color: edge, major_tick_line_color: edge, minor_tick_line_color: null });
        }
        named(`grid-${name}`).setv({ grid_line_color: edge, grid_line_alpha: 0.7 });
        named(`title-${name}`).setv({ text_color: strong });
        named(`dots-${name}`).setv({ line_color: ink });
      }
      named("step").setv({ line_color: ink });
    },
    close() {
      view.remove?.();
      doc.clear?.();
    },
  };
}
