// Terms and roles over time, drawn by bokeh. The figure is made in Python and comes once; BokehJS
// comes once a page, through the kernel's own channel; the columns are computed here from the points
// that the frames bring, twice a second at most.

import { arriving, inks } from "./bokeh.js";
import { h, put, write } from "./dom.js";
import { columns, ranges, spread } from "./segments.js";

const EVERY_MS = 500;
const SPAN_US = 180_000_000;
const SLOW_MS = 8000;
const INNER_PX = 112; // the height of the part with the lines
const LABEL_PX = 11;
const LABELS_PX = 62; // room for the longest label

/** The chart panel. */
export function chart(ctx) {
  const { store } = ctx;
  const place = h("div", { class: "rl-chart-place", "data-testid": "chart", "data-ready": "no" });
  const word = h("p", { class: "rl-empty", "data-testid": "chart-word" }, "The chart is on its way …");
  const el = h("section", { class: "rl-chart" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Terms and roles"), legend()), word, place);
  let drawn = 0;
  const slow = setTimeout(() => {
    if (!arrived.figure) write(word, "Still waiting for the chart: the kernel may be busy with a cell.");
  }, SLOW_MS);
  const arrived = arriving(store, "terms", place, {
    embed,
    failed: (text) => write(word, text),
    ready() {
      put(word, { hidden: true });
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
    const { terms, cluster } = store.state;
    const span = ranges(terms, now, SPAN_US, LABELS_PX / Math.max(200, place.clientWidth));
    const all = columns(terms, cluster.nodes, now, ctx.theme());
    const pixel = (span.y[1] - span.y[0]) / INNER_PX;
    all.ends.y = spread(all.ends.y, LABEL_PX * pixel, span.y[0] + 4 * pixel, span.y[1] - 4 * pixel);
    arrived.figure.range(span);
    arrived.figure.fill(all);
    put(place, { "data-points": terms.length });
  }

  function tick(now) {
    arrived.tick();
    if (arrived.figure && performance.now() - drawn >= EVERY_MS) draw(now);
  }

  function close() {
    clearTimeout(slow);
    arrived.close();
  }
  return { el, change: () => {}, tick, themed: dress, close };
}

function legend() {
  const item = (cls, words) => h("li", {}, h("i", { class: `rl-key-line ${cls}`, "aria-hidden": "true" }), words);
  return h("ul", { class: "rl-legend", "aria-label": "Legend" }, item("rl-key-leader", "leader"),
    item("rl-key-candidate", "candidate"), item("rl-key-follower", "follower"), h("li", { class: "rl-wide" }, "gap: down or frozen"));
}

async function embed(Bokeh, item, place) {
  place.replaceChildren();
  const views = await Bokeh.embed.embed_item({ ...item, target_id: null }, place);
  const [view] = [...(views.roots ?? views)];
  const doc = view.model.document;
  const named = (name) => doc.get_model_by_name(name);
  const plot = named("plot");
  return {
    fill(all) {
      for (const [name, data] of Object.entries(all)) named(name).data = data;
    },
    range({ x, y }) {
      plot.x_range.setv({ start: x[0], end: x[1] });
      plot.y_range.setv({ start: y[0], end: y[1] });
    },
    dress({ ink, edge, strong }) {
      for (const axis of [named("time"), named("terms")]) {
        axis.setv({ axis_label_text_color: ink, major_label_text_color: ink, axis_line_color: edge,
          major_tick_line_color: edge, minor_tick_line_color: null });
      }
      for (const grid of [named("grid")]) grid.setv({ grid_line_color: edge, grid_line_alpha: 0.7 });
      named("rises-glyph").setv({ line_color: ink });
      named("starts-glyph").setv({ line_color: strong, fill_color: strong });
      named("ends-glyph").setv({ text_color: ink });
    },
    close() {
      view.remove?.();
      doc.clear?.();
    },
  };
}
