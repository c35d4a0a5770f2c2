// Panels that take turns in one place. What is not shown is not drawn; it catches up when it is.

import { h, put } from "./dom.js";

let groups = 0;

/** The tabs' elements; `list` has a name, words, and the panels of each. With one there is no choice to make. */
export function tabs(ctx, add, list) {
  const group = `rl-tabs-${++groups}`;
  const pages = list.map(([name, words, makers]) => page(ctx, `${group}-${name}`, name, words, makers));
  const bar = h("div", { class: "rl-tabs", role: "tablist", "aria-label": "Views", hidden: list.length < 2,
    onkeydown: (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      const at = pages.findIndex((each) => each.name === ctx.ui.tab);
      const next = pages[(at + by + pages.length) % pages.length];
      ctx.set({ tab: next.name, tabbed: true });
      next.button.focus();
    } }, ...pages.map((each) => each.button));
  add({
    el: bar,
    change: (parts) => pages.forEach((each) => each.change(parts)),
    tick: (now) => pages.forEach((each) => each.tick(now)),
    ui: (choices) => pages.forEach((each) => each.ui(choices)),
    themed: (theme) => pages.forEach((each) => each.each("themed", theme)),
    close: () => pages.forEach((each) => each.each("close")),
  });
  return [bar, ...pages.map((each) => each.el)];
}

function page(ctx, id, name, words, makers) {
  const panels = makers.map((make) => make(ctx));
  const missed = new Set(); // the parts that changed while it was out of sight
  const each = (what, value) => panels.forEach((panel) => panel[what]?.(value));
  const shown = () => ctx.ui.tab === name;
  const button = h("button", { type: "button", role: "tab", id: `${id}-tab`, "aria-controls": id,
    "data-testid": `tab-${name}`, onclick: () => ctx.set({ tab: name, tabbed: true }) }, words);
  const el = h("div", { class: "rl-tab", role: "tabpanel", id, "aria-labelledby": `${id}-tab` },
    ...panels.map((panel) => panel.el));
  return {
    name, button, el, each,
    change(parts) {
      if (shown()) each("change", parts);
      else for (const part of parts) missed.add(part);
    },
    tick: (now) => shown() && each("tick", now),
    ui(choices) {
      put(el, { hidden: !shown() });
      put(button, { "aria-selected": String(shown()), tabindex: shown() ? 0 : -1 });
      if (shown() && missed.size && ctx.store.state.known) {
        each("change", new Set(missed));
        missed.clear();
      }
      each("ui", choices);
    },
  };
}
