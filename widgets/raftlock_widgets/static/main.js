// Puts panels together. One call of `mount` is one view: its own choices (node, link, table), the
// page's shared store.

import { announcer } from "./announce.js";
import { besides } from "./apart.js";
import { chart } from "./chart.js";
import { checks } from "./checks.js";
import { client, network } from "./controls.js";
import { h, put, write } from "./dom.js";
import { events } from "./events.js";
import { history } from "./history.js";
import { inspector } from "./inspector.js";
import { keyboard } from "./keys.js";
import { ledger } from "./ledger.js";
import { locks } from "./locks.js";
import { log } from "./log.js";
import { metrics } from "./metrics.js";
import { ring } from "./ring.js";
import { rules } from "./rules.js";
import { saver } from "./save.js";
import { scenes, sceneShown } from "./scenes.js";
import { onTheirWay } from "./slips.js";
import { spacetime } from "./spacetime.js";
import { status } from "./status.js";
import { storeOf } from "./store.js";
import { tabs } from "./tabs.js";
import { watchTheme } from "./theme.js";
import { timeline } from "./timeline.js";
import { why } from "./why.js";

const SAY_MS = 6000;

/** Show `layout` of the store behind `storeModel` in `el`; returns what ends it. */
export function mount({ el, storeModel, layout, offline = false }) {
  const store = storeOf(storeModel);
  const ctx = context(store);
  const panels = [];
  const add = (panel) => {
    panels.push(panel);
    return panel.el;
  };
  const body = (LAYOUTS[layout] ?? LAYOUTS.dashboard)(ctx, add);
  const notice = noticeBar(store);
  const root = h("div", { class: "raftlock", "data-layout": layout, "data-testid": `raftlock-${layout}`, "data-offline": offline,
    // JupyterLab's one-letter shortcuts must not act on buttons in here.
    "data-lm-suppress-shortcuts": "true" }, h("div", { class: "rl-root" }, ...body), notice.el, add(announcer(ctx)));
  // The picture that stands for the panels where no kernel runs is not needed beside them.
  const still = /^[\w-]+$/.exec(storeModel.model_id ?? "");
  if (still) root.append(h("style", {}, `.raftlock-still[data-store="${still[0]}"] { display: none; }`));
  const save = saver(ctx, root);
  root.firstChild.append(h("div", { class: "rl-foot" }, save.el, KEYED.includes(layout) ? keyboard(ctx, root) : null));
  el.append(root);

  let greeted = false;
  const change = (parts) => {
    // Who opens a scene wants to see it, unless they have turned to something else meanwhile.
    if (!greeted && !ctx.ui.tabbed && sceneShown(store.state)) ctx.set({ tab: "scenes" });
    greeted ||= Boolean(store.state.cursor.branches?.length);
    for (const panel of panels) panel.change?.(parts);
    if (parts.has("cluster")) bar(root, store.state.cluster.cannot ?? []);
    put(root, { "data-known": store.state.known, "data-lane": store.lane.open ? "yes" : "no", "data-wall": store.state.wall || null, "data-seq": store.state.seq });
  };
  let onScreen = true;
  const tick = (now) => {
    if (onScreen) for (const panel of panels) panel.tick?.(now);
  };
  const everything = () => {
    if (store.state.known) change(new Set([...ALL, ...Object.keys(store.state.parts)]));
    for (const panel of panels) panel.ui?.({ ...ctx.ui });
    tick(store.now());
  };
  ctx.changed = (parts) => {
    for (const panel of panels) panel.ui?.(parts);
    save.change();
    tick(store.now());
  };
  const ends = [
    watchTheme(root, (theme) => {
      ctx.themeName = theme;
      put(root, { "data-theme": theme });
      everything();
      for (const panel of panels) panel.themed?.(theme);
    }),
    store.on("change", change),
    store.on("tick", tick),
    store.on("link", (link) => {
      notice.show(link);
      put(root, { "data-link": link.kind });
    }),
    watchVisible(root, (visible) => {
      onScreen = visible;
      store.visible(ctx, visible);
    }),
    store.attach(ctx),
    besides({ ctx, root, el, storeModel, layout, mount }),
  ];
  notice.show(store.link);
  put(root, { "data-link": store.link.kind });
  everything();
  save.change();
  return () => {
    for (const end of ends) end();
    for (const panel of panels) panel.close?.();
    clearTimeout(ctx.timer);
    root.remove();
  };
}

// What this kind of cluster cannot do is not offered.
function bar(root, cannot) {
  for (const each of root.querySelectorAll("[data-verb]")) put(each, { "data-barred": cannot.includes(each.dataset.verb) ? "" : null });
}

const ALL = ["cluster", "situation", "pace", "members", "nodes", "links", "groups", "messages", "logs", "locks", "terms",
  "events", "clients", "cursor"];

// What takes turns at the right of the dashboard: a name, words, and the panels.
const TABS = [
  ["logs", "Logs and locks", [log, locks]],
  ["ledger", "Ledger", [ledger]],
  ["spacetime", "Space-time", [spacetime]],
  ["history", "History", [history]],
  ["metrics", "Metrics", [metrics]],
  ["scenes", "Scenes", [scenes]],
  ["rules", "Rules", [rules]],
];

// Those that the keys work in: they have what the keys press.
const KEYED = ["dashboard", "presenter", "timeline", "scenes"];

const LAYOUTS = {
  dashboard: (ctx, add) => [
    add(status(ctx)),
    add(why(ctx)),
    h("div", { class: "rl-main-row" },
      h("div", { class: "rl-left" }, add(ring(ctx)), add(onTheirWay(ctx)), add(inspector(ctx))),
      h("div", { class: "rl-right" }, ...tabs(ctx, add, TABS))),
    add(timeline(ctx)),
    add(checks(ctx)),
    h("div", { class: "rl-controls" }, add(network(ctx)), add(client(ctx))),
    ctx.message.el,
    h("div", { class: "rl-bottom" }, add(chart(ctx)), add(events(ctx))),
  ],
  presenter: (ctx, add) => [
    add(status(ctx)),
    h("div", { class: "rl-main-row" },
      h("div", { class: "rl-left" }, add(ring(ctx)), add(locks(ctx))),
      h("div", { class: "rl-right" }, add(scenes(ctx, { folded: true })), add(log(ctx)))),
    ctx.message.el,
    add(timeline(ctx)),
    add(why(ctx)),
    add(checks(ctx)),
    // Out of sight until the key for it is pressed.
    h("div", { class: "rl-behind", "data-testid": "hidden-controls", hidden: true },
      add(inspector(ctx)), h("div", { class: "rl-controls" }, add(network(ctx)), add(client(ctx)))),
  ],
  ring: (ctx, add) => [add(status(ctx)), h("div", { class: "rl-alone" }, add(ring(ctx)), h("div", {}, add(onTheirWay(ctx)), add(inspector(ctx)))), ctx.message.el],
  scenes: (ctx, add) => [
    add(status(ctx)),
    add(scenes(ctx)),
    h("div", { class: "rl-main-row" },
      h("div", { class: "rl-left" }, add(ring(ctx))),
      h("div", { class: "rl-right" }, add(log(ctx)), add(locks(ctx)))),
    ctx.message.el,
    add(timeline(ctx)),
    add(checks(ctx)),
  ],
  rules: (ctx, add) => [add(status(ctx)), add(why(ctx)), add(rules(ctx)), add(timeline(ctx)), add(checks(ctx)), ctx.message.el],
  timeline: (ctx, add) => [add(status(ctx)), add(why(ctx)), add(timeline(ctx)), add(checks(ctx)), ctx.message.el],
  spacetime: (ctx, add) => [add(status(ctx)), add(spacetime(ctx)), ctx.message.el],
  history: (ctx, add) => [add(status(ctx)), add(history(ctx)), ctx.message.el],
  metrics: (ctx, add) => [add(status(ctx, { pace: false })), add(metrics(ctx))],
  ledger: (ctx, add) => [add(status(ctx, { pace: false })), add(ledger(ctx))],
  log: (ctx, add) => [add(status(ctx, { pace: false })), add(log(ctx))],
  locks: (ctx, add) => [add(status(ctx, { pace: false })), add(locks(ctx)), add(client(ctx)), ctx.message.el],
};

// What the panels of one view share.
function context(store) {
  const ctx = {
    store,
    ui: { chosen: "node", node: null, link: null, message: null, group: [], lockNode: "leader", beats: true, tab: "logs" },
    themeName: "light",
    theme: () => ctx.themeName,
    changed: () => {},
    timer: 0,
    message: messagePlace(),
    /** Change what is chosen in this view; `client` and `lock` fill the client's form. */
    set(parts) {
      // What was touched last is what the inspector shows.
      const touched = ["node", "link", "message", "group"].find((each) => parts[each] !== undefined);
      if (touched && !parts.chosen) parts.chosen = touched;
      Object.assign(ctx.ui, parts);
      ctx.changed(parts);
    },
    tell(kind, text) {
      clearTimeout(ctx.timer);
      ctx.message.show(kind, text);
      if (kind === "ok") ctx.timer = setTimeout(() => ctx.message.show("", ""), SAY_MS);
    },
    /** Ask the cluster to do something, and say here how it went. */
    async act(verb, args, words) {
      const { ok, text } = await store.do(verb, args, (kind, said) => {
        if (kind === "queued") ctx.tell("queued", said);
        if (kind === "taken") ctx.tell("taken", words ? `${words} …` : "");
      }, ctx);
      ctx.tell(ok ? "ok" : "error", text || (ok ? `${words}.`.replace(/^\.$/, "") : "That did not work."));
      return ok;
    },
  };
  return ctx;
}

// One line for the answers to what one does; it keeps its height.
function messagePlace() {
  const status = h("span", { role: "status", "data-testid": "message" });
  const alert = h("span", { role: "alert", "data-testid": "error" });
  const el = h("p", { class: "rl-message" }, status, alert);
  return {
    el,
    show(kind, text) {
      put(el, { "data-kind": kind });
      write(status, kind === "error" ? "" : text);
      write(alert, kind === "error" ? text : "");
    },
  };
}

// Lies over the view when there is something to know about the stream itself.
function noticeBar(store) {
  const text = h("span", {});
  const go = h("button", { type: "button", "data-testid": "go-on", onclick: () => store.wake() }, "Go on");
  const el = h("div", { class: "rl-notice", role: "status", "data-testid": "notice" }, text, go);
  return {
    el,
    show({ kind, text: words }) {
      put(el, { hidden: kind === "live", "data-kind": kind });
      put(go, { hidden: kind !== "asleep" });
      write(text, words || (kind === "waiting" ? "Waiting for the first frame …" : ""));
    },
  };
}

function watchVisible(el, changed) {
  const observer = new IntersectionObserver((entries) => changed(entries[entries.length - 1].isIntersecting));
  observer.observe(el);
  return () => observer.disconnect();
}
