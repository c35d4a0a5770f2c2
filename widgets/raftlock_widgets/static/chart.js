// Terms and roles over time, drawn by bokeh. The figure is made in Python and comes once; BokehJS
// comes once a page, through the kernel's own channel; the columns are computed here from the points
// that the frames bring, twice a second at most.

import { ASK_AGAIN_MS, library, missing } from "./bokeh.js";
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
  let figure = null; // {doc, plot, source(name)}
  let drawn = 0;
  let ask = 0;
  let patience = ASK_AGAIN_MS;
  let closed = false;
  const slow = setTimeout(() => {
    if (!figure) write(word, "Still waiting for the chart: the kernel may be busy with a cell.");
  }, SLOW_MS);

  const stop = store.on("extra", async ({ content, buffers }) => {
    if (content?.type === "chart-missing") {
      write(word, content.text);
    } else if (content?.type === "chart" && content.which !== "metrics" && !figure && !closed) {
      try {
        const Bokeh = await library(content.version, buffers?.[0]);
        if (figure || closed) return;
        figure = await embed(Bokeh, content.item, place);
        put(word, { hidden: true });
        put(place, { "data-ready": "yes" });
        dress();
        draw(store.now());
      } catch (error) {
        console.warn("raftlock: no chart", error);
        write(word, `The chart could not be drawn: ${error.message}`);
      }
    }
  });

  function dress() {
    if (!figure) return;
    const style = getComputedStyle(el);
    figure.dress({ ink: style.getPropertyValue("--rl-ink-2").trim(), edge: style.getPropertyValue("--rl-line").trim(),
      strong: style.getPropertyValue("--rl-ink").trim(), ground: style.getPropertyValue("--rl-ground").trim() });
    drawn = 0;
  }

  function draw(now) {
    drawn = performance.now();
    const { terms, cluster } = store.state;
    const span = ranges(terms, now, SPAN_US, LABELS_PX / Math.max(200, place.clientWidth));
    const all = columns(terms, cluster.nodes, now, ctx.theme());
    const pixel = (span.y[1] - span.y[0]) / INNER_PX;
    all.ends.y = spread(all.ends.y, LABEL_PX * pixel, span.y[0] + 4 * pixel, span.y[1] - 4 * pixel);
    figure.range(span);
    figure.fill(all);
    put(place, { "data-points": terms.length });
  }

  function tick(now) {
    if (!figure && store.state.known && performance.now() >= ask) {
      // Again after a while, less and less often: the answer may be lost, or wait behind a cell.
      ask = performance.now() + patience;
      patience *= 2;
      store.send({ type: "chart", library: missing() });
    }
    if (figure && performance.now() - drawn >= EVERY_MS) draw(now);
  }

  function close() {
    closed = true;
    clearTimeout(slow);
    stop();
    figure?.close();
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
