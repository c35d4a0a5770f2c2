// The messages in the ring: slips that travel, stop where they are lost, and stay where they are held.

import { h, keyed, put, s, write } from "./dom.js";
import { isHeartbeat, isReply } from "./format.js";
import { endOf } from "./frames.js";
import { along, flight, lane } from "./geometry.js";
import { termFill, termLine } from "./palette.js";

const LISTED = 8;

function slipPicture(ctx, message) {
  const beat = isHeartbeat(message);
  const height = beat ? 11 : 16;
  const width = beat ? message.label.length * 5.4 + 8 : Math.max(26, message.label.length * 6.6 + 9);
  const term = message.fields?.term ?? 0;
  const el = s("g", { class: "rl-slip", "data-testid": "slip", "data-type": message.type, "data-beat": beat,
    "data-reply": isReply(message), "data-label": message.label, "data-message": message.id,
    onclick: (event) => {
      event.stopPropagation();
      ctx.set({ message: message.id });
    } },
    s("title", {}, `${message.label} from ${message.src} to ${message.dst}: click to do something to it`),
    s("rect", { class: "rl-hit", x: -width / 2 - 5, y: -height / 2 - 5, width: width + 10, height: height + 10 }),
    s("rect", { class: "rl-paper", x: -width / 2, y: -height / 2, width, height, rx: height / 2.6 }),
    s("text", { y: beat ? 3 : 4 }, message.label),
    s("path", { class: "rl-pin", d: `M0 ${-height / 2 - 9}V${-height / 2 + 1}M-4 ${-height / 2 - 9}H4` }),
    s("path", { class: "rl-lost", d: "M-9-9L9 9M-9 9L9-9" }));
  el.style.setProperty("--term", termFill(term) ?? "var(--rl-empty)");
  el.style.setProperty("--term-line", termLine(term, ctx.theme()) ?? "var(--rl-edge)");
  return el;
}

/** Draw what is on its way at run time `now` into `layer`; `slips` has those that are drawn. */
export function drawSlips(ctx, shape, layer, slips, now) {
  const seen = new Set();
  for (const message of ctx.store.flying(now)) {
    if (!shape.at.has(message.src) || !shape.at.has(message.dst)) continue;
    if (!ctx.ui.beats && isHeartbeat(message) && !message.held) continue;
    seen.add(message.id);
    let slip = slips.get(message.id);
    if (!slip) {
      slip = { el: slipPicture(ctx, message),
        path: lane(shape.at.get(message.src), shape.at.get(message.dst), shape.timer + 2, 8) };
      slips.set(message.id, slip);
      layer.append(slip.el);
    }
    const end = endOf(message);
    const { part, lost } = flight(message, now, end);
    const { x, y } = along(slip.path, part);
    slip.el.setAttribute("transform", `translate(${x.toFixed(1)},${y.toFixed(1)})`);
    put(slip.el, { "data-fate": lost ? "lost" : message.held ? "held" : "flying", "data-selected": ctx.ui.message === message.id });
    if (lost) slip.el.style.opacity = String(Math.max(0, 1 - (now - end) / Math.max(1, ctx.store.fade)));
  }
  for (const [id, slip] of slips) {
    if (seen.has(id)) continue;
    slip.el.remove();
    slips.delete(id);
  }
}

/** Those that can be reached, the ones one looks for first: held, then not heartbeats, then the newest. Pure. */
export function listed(messages, most = LISTED) {
  const rank = (message) => (message.held ? 0 : isHeartbeat(message) ? 2 : 1);
  return messages.filter((message) => message.fate !== "lost")
    .sort((a, b) => rank(a) - rank(b) || b.id - a.id).slice(0, most);
}

/** The messages on their way as a list, for hands without a mouse: while time stands still, or one is held. */
export function onTheirWay(ctx) {
  const list = h("ul", { class: "rl-onway-list", "aria-label": "Messages on their way" });
  const el = h("div", { class: "rl-onway", hidden: true, "data-testid": "on-their-way" }, h("span", { class: "rl-muted" }, "On their way"), list);
  let before = "";

  function show() {
    const { state } = ctx.store;
    const there = ctx.store.flying(ctx.store.now());
    const shown = state.paused || !state.cursor.live || there.some((message) => message.held) ? listed(there) : [];
    const key = `${shown.map((message) => `${message.id}${message.held ? "h" : ""}`).join()} ${ctx.ui.message}`;
    if (key === before) return;
    before = key;
    put(el, { hidden: shown.length === 0 });
    keyed(list, shown, (message) => message.id, (message) => h("li", {},
      h("button", { type: "button", class: "rl-chip", "data-testid": `message-${message.id}`, onclick: () => ctx.set({ message: message.id }) })),
    (item, message) => {
      write(item.firstChild, `${message.held ? "held: " : ""}${message.label} ${message.src}→${message.dst}`);
      put(item.firstChild, { "aria-pressed": String(ctx.ui.message === message.id) });
    });
  }
  return { el, change: show, tick: show, ui: show };
}
