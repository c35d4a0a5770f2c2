// Scenes: prepared runs that each show one thing. One opens at its beginning; played, it stops by
// itself where there is something to say, and the words are shown large. Some stops ask the hall.

import { h, keyed, put, write } from "./dom.js";

/** How many of the stops at these events are reached at event `seq`. Pure. */
export function reached(events, seq) {
  return events.filter((event) => event <= seq).length;
}

/** The run that an address holds, behind ? or #, as a text; "" if there is none. Pure. */
export function runIn(address) {
  const [rest, hash = ""] = String(address).split("#");
  const query = rest.split("?").slice(1).join("?");
  for (const part of [query, hash.split("?").pop()]) {
    const found = new URLSearchParams(part).get("raftlock");
    if (found) return found;
  }
  return "";
}

/** The addresses a page may have been opened under: JupyterLab rewrites its own while it starts. */
export function addresses(scope = globalThis) {
  const first = scope.performance?.getEntriesByType?.("navigation")?.[0]?.name ?? "";
  return [scope.location?.href ?? "", first];
}

/** This page's address with a run in it, and nothing else: a token in it stays at home. Pure. */
export function addressFor({ origin, pathname }, text) {
  return `${origin}${pathname}?raftlock=${encodeURIComponent(text)}`;
}

/** What a scene came to by event `seq`: "" while that is not to be said yet. Pure. */
export function outcome(way, breaks, seq) {
  if (way.broken && seq >= way.broken[1]) return `Broken: ${way.broken[0]}. ${way.broken[2]}`;
  const last = way.events[way.events.length - 1] ?? 0;
  if (seq < last) return "";
  if (way.broken) return `Broken in the end: ${way.broken[0]}. ${way.broken[2]}`;
  return breaks ? "Every promise holds." : "Every promise holds: what is at stake here is whether anything goes on.";
}

/** The scene that is shown, as its branch tells; null if none is. Pure. */
export function sceneShown(state) {
  return (state.cursor.branches ?? []).find((branch) => branch.shown)?.scene ?? null;
}

/** The scenes panel; `folded`: the list shows when it is asked for. */
export function scenes(ctx, { folded = false } = {}) {
  const { store } = ctx;
  const details = new Map(); // name -> the scene with both its ways
  const asked = new Set();
  const voted = new Map(); // stop's key -> the answer that was chosen, or revealed
  let listed = [];
  let open = null; // {name, without, left}
  let choosing = false; // the list, though a scene is open

  const button = (id, label, onclick, more = {}) => h("button", { type: "button", "data-testid": id, onclick, ...more }, label);
  const act = (verb, args, words = "") => ctx.act(verb, args, words);

  // ---- the list ----

  const list = h("ol", { class: "rl-scenes-list" });
  const item = (scene) => h("li", { "data-testid": `scene-${scene.name}` },
    h("div", {}, h("b", {}, scene.title), h("span", {}, scene.sentence)),
    button(`open-${scene.name}`, "Open", () => openScene(scene.name, false), { "aria-label": `Open the scene: ${scene.title}` }));
  const listBox = h("div", { class: "rl-scroll rl-scenes-scroll", tabindex: 0, role: "region", "aria-label": "All scenes" }, list);

  // ---- sharing ----

  const address = button("open-address", "Open the run from the address", () => act("open", { text: found() }), { hidden: true });
  const link = h("input", { class: "rl-share-text", readonly: true, hidden: true, "aria-label": "This run as a text", "data-testid": "share-text" });
  const share = button("share", "Copy this run", () => copy((text) => text));
  const shareAddress = button("share-address", "as an address", () => copy((text) => addressFor(globalThis.location, text)),
    { "aria-label": "Copy this run as an address of this page" });
  const typed = h("input", { placeholder: "s=figure-8 …", "aria-label": "A run as a text", "data-testid": "run-text", spellcheck: "false", autocomplete: "off",
    onkeydown: (event) => event.key === "Enter" && openTyped() });
  const sharing = h("div", { class: "rl-row rl-sharing" }, share, shareAddress, link, h("span", { class: "rl-push" }),
    typed, button("open-run", "Open", openTyped, { "aria-label": "Open the run of this text" }), address);

  // ---- one scene ----

  const title = h("h3", { class: "rl-title", "data-testid": "scene-title" });
  const ways = h("div", { class: "rl-segments", role: "group", "aria-label": "The rule of this scene" },
    button("scene-with", "With the rule", () => openScene(open.name, false)),
    button("scene-without", "Without the rule", () => openScene(open.name, true)));
  const sentence = h("p", { class: "rl-scene-sentence" });
  const rule = h("p", { class: "rl-scene-rule rl-muted", "data-testid": "scene-rule" });
  const count = h("span", { class: "rl-scene-count" });
  const note = h("p", { class: "rl-scene-note", role: "status", "data-testid": "scene-note" });
  const back = button("scene-back", "◀ Back", () => step(-1));
  const next = button("scene-next", "Continue ▶", () => step(1), { class: "rl-main" });
  const stops = h("ol", { class: "rl-scene-stops", "aria-label": "The stops of this scene" });
  const left = h("p", { class: "rl-scene-left", hidden: true, "data-testid": "scene-left" },
    "You did something else here, so this run has left the scene. ",
    button("scene-return", "Back to the scene", goBack));
  const question = h("div", { class: "rl-scene-question", hidden: true, "data-testid": "scene-question" });
  const end = h("p", { class: "rl-scene-end", hidden: true, "data-testid": "scene-end" });
  const watch = h("ul", { class: "rl-scene-watch", "aria-label": "What to watch" });
  const teacher = h("ul", { class: "rl-scene-teacher", hidden: true, "aria-label": "For the teacher", "data-testid": "scene-teacher" });
  const notes = button("scene-notes", "For the teacher", () => {
    teacher.hidden = !teacher.hidden;
    put(notes, { "aria-expanded": String(!teacher.hidden) });
  }, { "aria-expanded": "false" });
  const one = h("div", { class: "rl-scene", hidden: true, "data-testid": "scene" },
    h("div", { class: "rl-head" }, title, ways, h("span", { class: "rl-push" }),
      button("all-scenes", "All scenes", choose)),
    sentence, rule, left,
    h("div", { class: "rl-scene-stage" }, count, note, question, end),
    h("div", { class: "rl-scene-go" }, back, next, stops, h("span", { class: "rl-push" }), notes),
    h("div", { class: "rl-scene-look" }, h("b", {}, "Watch"), watch), teacher);
  const chooser = button("choose-scene", "Choose one", choose);
  const intro = h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Scenes"),
    h("span", { class: "rl-muted" }, "Each shows one thing, and stops where there is something to say."),
    h("span", { class: "rl-push" }), chooser);
  const el = h("section", { class: "rl-scenes", "aria-label": "Scenes", "data-testid": "scenes" }, one, intro, listBox, sharing);

  // ---- doing ----

  function choose() {
    choosing = !choosing;
    show();
  }

  function openScene(name, without) {
    choosing = false;
    for (const key of [...voted.keys()]) if (key.startsWith(`${name} `)) voted.delete(key);
    return act("scene", { scene: name, without });
  }

  function openTyped() {
    if (typed.value.trim()) act("open", { text: typed.value });
  }

  async function copy(form) {
    const { ok, text } = await store.do("share", {});
    if (!ok) return ctx.tell("error", text);
    put(link, { hidden: false });
    link.value = form(text);
    try {
      await navigator.clipboard.writeText(link.value);
      ctx.tell("ok", "Copied: whoever opens this has this run.");
    } catch {
      link.select();
      ctx.tell("ok", "Here it is, as a text: copy it.");
    }
    return undefined;
  }

  const way = () => details.get(open?.name)?.[open.without ? "without" : "with"] ?? null;
  const here = () => (way() ? reached(way().events, store.state.cursor.seq) : 0);
  const standsAt = (stop) => (stop ? store.state.cursor.seq === way().events[stop - 1] : store.state.cursor.t === 0);

  // On: play to the next stop; pressed while it plays, be there at once. Back: to the stop before.
  async function step(by) {
    if (!open || open.left || !way()) return undefined;
    const at = here();
    if (by < 0) return act("stop_at", { stop: Math.max(0, standsAt(at) ? at - 1 : at) });
    const playing = store.state.cursor.live && !store.state.paused;
    if (at >= way().events.length && !playing) return undefined;
    if (playing || calm()) return act("stop_at", { stop: Math.min(at + 1, way().events.length) });
    if (!store.state.cursor.live) return act("stop_at", { stop: at + 1 });
    return act("resume", {});
  }

  function goBack() {
    const home = store.state.cursor.branches.findLast((each) => each.scene?.name === open.name && !each.scene.left
      && each.scene.without === open.without);
    return home ? act("choose", { branch: home.id }) : openScene(open.name, open.without);
  }

  // ---- showing ----

  function found() {
    return addresses().map(runIn).find(Boolean) ?? "";
  }

  function ask(what, name = "") {
    const key = `${what} ${name}`;
    if (asked.has(key) || !store.state.known) return;
    if (store.send({ type: "ask", what, name })) asked.add(key);
  }

  function showStops(all, at) {
    const passed = (k) => k < at;
    keyed(stops, all.map((stop, k) => ({ k, stop })), ({ k }) => k, ({ k }) => h("li", {}, h("button", { type: "button",
      "data-testid": `scene-stop-${k + 1}`, onclick: () => act("stop_at", { stop: k + 1 }) }, String(k + 1))),
    (child, { k, stop }) => put(child.firstChild, { "aria-current": k + 1 === at ? "step" : null, "data-passed": passed(k),
      // What lies ahead is not given away.
      "aria-label": passed(k) ? `Stop ${k + 1}: ${stop.text}` : `Stop ${k + 1}`, title: passed(k) ? stop.text : `Stop ${k + 1}` }));
  }

  function showQuestion(asking, key) {
    put(question, { hidden: !asking });
    if (!asking) return question.replaceChildren();
    const shown = JSON.stringify([key, voted.get(key) ?? null]);
    if (question.rlShown === shown) return undefined;
    question.rlShown = shown;
    const { chosen = null, revealed = false } = voted.get(key) ?? {};
    const set = (parts) => {
      voted.set(key, { chosen, revealed, ...parts });
      const focus = document.activeElement?.getAttribute?.("data-testid");
      show();
      question.querySelector(`[data-testid="${focus}"]`)?.focus();
    };
    const answers = asking.answers.map((answer, k) => {
      const right = revealed && k === asking.right;
      const sign = right ? "✓" : revealed && k === chosen ? "✗" : "ABCD"[k];
      return h("li", {}, h("button", { type: "button", "data-testid": `answer-${k}`, "aria-pressed": String(k === chosen),
        "data-right": right, "data-wrong": revealed && k === chosen && !right, onclick: () => !revealed && set({ chosen: k }) },
      h("span", { class: "rl-sign", "aria-hidden": "true" }, sign), h("span", {}, answer),
      right ? h("span", { class: "rl-sr" }, ", right") : null));
    });
    question.replaceChildren(h("p", { class: "rl-scene-ask" }, asking.text), h("ol", {}, ...answers),
      revealed ? h("p", { class: "rl-scene-why", role: "status", "data-testid": "scene-why" }, asking.why)
        : button("reveal", "Reveal", () => set({ revealed: true })));
    return undefined;
  }

  function showScene(scene) {
    const told = way();
    const at = here();
    const stop = at ? told.stops[at - 1] : null;
    const past = !stop || standsAt(at);
    write(title, scene.title);
    write(sentence, scene.sentence);
    write(rule, open.without ? `Left out: ${scene.rule}. ${scene.left_out}` : `Its rule can be left out: ${scene.rule}.`);
    put(ways.firstChild, { "aria-pressed": String(!open.without) });
    put(ways.lastChild, { "aria-pressed": String(open.without) });
    put(left, { hidden: !open.left });
    const playing = store.state.cursor.live && !store.state.paused;
    write(count, at ? `Stop ${at} of ${told.stops.length}` : `The beginning, ${told.stops.length} stops ahead`);
    write(note, stop ? stop.text : "It stands at its beginning: Continue plays it to the first stop.");
    put(note, { "data-playing": playing && !past });
    showQuestion(stop?.question && !open.left ? stop.question : null, `${scene.name} ${open.without} ${at}`);
    const stuck = store.state.cursor.branches.find((branch) => branch.shown)?.stuck ?? "";
    const words = open.left ? "" : [outcome(told, scene.breaks, store.state.cursor.seq), stuck].filter(Boolean).join(" ");
    put(end, { hidden: !words, "data-broken": Boolean(told.broken) && words.startsWith("Broken") });
    write(end, words);
    const over = at >= told.stops.length;
    write(next, playing ? "Skip to the stop ▶▶" : "Continue ▶");
    put(next, { "aria-disabled": open.left || (over && !playing) ? "true" : null });
    put(back, { "aria-disabled": open.left || (at === 0 && store.state.cursor.seq <= 1) ? "true" : null });
    showStops(told.stops, at);
    put(stops, { hidden: open.left });
    keyed(watch, scene.watch, (line) => line, (line) => h("li", {}, line), () => {});
    keyed(teacher, scene.teacher, (line) => line, (line) => h("li", {}, line), () => {});
    put(el, { "data-scene": scene.name, "data-stop": at, "data-without": open.without, "data-stops": told.stops.length });
  }

  function show() {
    open = sceneShown(store.state);
    const scene = open && details.get(open.name);
    if (open && !scene) ask("scene", open.name);
    const listing = choosing || (!scene && !folded);
    put(one, { hidden: !scene || choosing });
    put(intro, { hidden: Boolean(scene) && !choosing });
    put(listBox, { hidden: !listing });
    put(sharing, { hidden: folded && !choosing });
    put(chooser, { hidden: !scene && !folded });
    write(chooser, choosing ? (scene ? `Back to: ${scene.title}` : "Close the list") : "Choose one");
    put(address, { hidden: !found() });
    if (scene) showScene(scene);
    else put(el, { "data-scene": null, "data-stop": null });
  }

  const off = store.on("extra", ({ content }) => {
    if (content?.type !== "answer" || !content.value) return;
    if (content.what === "scenes") {
      listed = content.value;
      keyed(list, listed, (scene) => scene.name, item, () => {});
      put(el, { "data-known": listed.length });
    } else if (content.what === "scene") {
      details.set(content.value.name, content.value);
    } else return;
    show();
  });

  show();

  function change(parts) {
    ask("scenes");
    if (parts.has("cursor") || parts.has("pace") || parts.has("cluster")) show();
  }
  return { el, change, tick: () => ask("scenes"), close: off };
}

/** Whether somebody asked for less motion: then scenes go from stop to stop. */
function calm() {
  return globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false;
}
