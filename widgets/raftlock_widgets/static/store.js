// The page's side of a store: one a page and kernel-side store, shared by all its panels. It takes
// frames, keeps the clock, tells the panels what changed and when to move, and sends commands.

import { RunClock } from "./clock.js";
import { isHeartbeat } from "./format.js";
import { empty, endOf, merge, mergeMessages, placeOf, prune } from "./frames.js";
import { Lane } from "./lane.js";

const ACK_MS = 1000;
const QUEUED_MS = 300; // no echo in this time: a cell is running
const STALE_MS = 3500; // frames come at least every second
const OFFSCREEN_MS = 10_000; // scrolled away for this long counts as not looking
const HIDDEN_MS = 1500; // a hidden tab for this long, too
const FADE_MS = 700; // how long a lost message is seen
const CALM_MS = 45; // between two drawings while only timers move
const REDUCED_MS = 250; // between two drawings for those who asked for less motion
const CATCH_UP_MS = 600;
const BACKLOG = 60;
const OWNERS_MAX = 64;

const stores = new WeakMap();

/** The page's store for a widget model. */
export function storeOf(model) {
  let store = stores.get(model);
  if (!store) {
    store = new Store(model);
    stores.set(model, store);
  }
  return store;
}

const local = () => performance.now();
const REDUCED = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)") ?? { matches: false };

export class Store {
  constructor(model) {
    this.model = model;
    this.page = Math.random().toString(36).slice(2, 10);
    this.state = empty();
    this.clock = new RunClock();
    this.pending = []; // frames whose time on screen has not come
    this.views = new Map(); // view -> {visible, since}
    this.listeners = { change: new Set(), tick: new Set(), link: new Set(), extra: new Set() };
    this.commands = new Map();
    this.next = 1;
    this.owners = new Map(); // which view asked, by command: what comes of it may come later than the answer
    this.lane = new Lane((message) => this.#told(message), () => this.#askAgain());
    this.link = { kind: "waiting", text: "" };
    this.watching = false;
    this.heard = local(); // when the last message came
    this.asked = local();
    this.acked = 0;
    this.hand = false;
    this.frame = 0; // the animation frame asked for
    this.drawn = 0;
    this.onMessage = (content, buffers) => this.#receive(content, buffers);
    this.onDead = () => this.#dead();
    this.onHand = () => {
      this.hand = true;
    };
    this.onPage = () => this.#watch();
  }

  // ---- panels ----

  /** A panel begins to look; returns what ends it. `view.ui.beats`: whether it draws heartbeats. */
  attach(view) {
    if (this.views.size === 0) this.#open();
    this.views.set(view, { visible: true, since: local() });
    this.#hello();
    return () => {
      this.views.delete(view);
      this.#watch();
      if (this.views.size === 0) this.#close();
    };
  }

  /** A panel came on the screen or left it. */
  visible(view, visible) {
    const entry = this.views.get(view);
    if (!entry || entry.visible === visible) return;
    Object.assign(entry, { visible, since: local() });
    this.#watch();
  }

  on(kind, listener) {
    this.listeners[kind].add(listener);
    return () => this.listeners[kind].delete(listener);
  }

  /** The run time to draw. */
  now() {
    return this.clock.now(local());
  }

  /** How long a lost message is seen, in run time. */
  get fade() {
    return FADE_MS * 1000 * this.state.speed;
  }

  #emit(kind, value) {
    for (const listener of this.listeners[kind]) {
      try {
        listener(value);
      } catch (error) {
        console.error("raftlock: a panel failed to draw", error);
      }
    }
  }

  // ---- the channel ----

  #open() {
    this.model.on("msg:custom", this.onMessage, this);
    this.model.on("comm_live_update", this.onDead, this);
    this.model.on("destroy", this.onDead, this);
    for (const kind of ["pointerdown", "pointermove", "keydown", "wheel"]) {
      document.addEventListener(kind, this.onHand, { passive: true, capture: true });
    }
    document.addEventListener("visibilitychange", this.onPage);
    this.timer = setInterval(() => this.#second(), ACK_MS);
    const picture = this.model.get("snapshot");
    if (!this.state.known && picture?.type === "frame") this.#take(picture);
  }

  #close() {
    this.model.off("msg:custom", this.onMessage, this);
    this.model.off("comm_live_update", this.onDead, this);
    this.model.off("destroy", this.onDead, this);
    for (const kind of ["pointerdown", "pointermove", "keydown", "wheel"]) {
      document.removeEventListener(kind, this.onHand, { capture: true });
    }
    document.removeEventListener("visibilitychange", this.onPage);
    clearInterval(this.timer);
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.lane.close();
  }

  /** Send something to the kernel; false if there is no way to. */
  send(content) {
    if (this.model.comm_live === false) {
      this.#dead();
      return false;
    }
    try {
      this.model.send({ ...content, page: this.page });
      return true;
    } catch {
      this.#dead();
      return false;
    }
  }

  #hello() {
    this.watching = true;
    const asked = (this.asked = local());
    if (!this.send({ type: "hello" }) || !this.state.known) return;
    setTimeout(() => {
      if (this.watching && this.heard < asked && this.asked === asked) {
        this.#linked("stale", "Catching up: a cell is running, the picture follows when it ends.");
      }
    }, CATCH_UP_MS);
  }

  /** The "go on" button of a dashboard that went to sleep. */
  wake() {
    this.hand = true;
    this.#hello();
  }

  // Whether anybody looks: told to the kernel when it changes, after a while of not looking.
  #watch() {
    const now = local();
    const hidden = document.visibilityState === "hidden";
    this.hiddenSince = hidden ? (this.hiddenSince ?? now) : undefined;
    const gone = hidden && now - this.hiddenSince >= HIDDEN_MS;
    const looking = !gone && [...this.views.values()].some(
      (view) => view.visible || now - view.since < OFFSCREEN_MS,
    );
    if (looking && !this.watching && !hidden) this.#hello();
    if (!looking && this.watching) {
      this.watching = false;
      this.send({ type: "away" });
    }
    if (!hidden) this.#draw();
  }

  #second() {
    this.#watch();
    const quiet = local() - Math.max(this.heard, this.asked);
    if (this.watching && quiet > STALE_MS && ["live", "waiting", "stale"].includes(this.link.kind)) {
      const words = this.state.known
        ? `No news from the kernel for ${Math.round(quiet / 1000)} s: it may be busy with a cell, or gone.`
        : "Waiting for the kernel: it may be busy with a cell.";
      this.#linked("stale", words);
    }
    if (this.watching && this.state.seq !== this.acked) {
      this.acked = this.state.seq;
      this.send({ type: "ack", seq: this.state.seq, hand: this.hand });
      this.hand = false;
    }
  }

  #dead() {
    if (this.model.comm_live !== false && !this.model._closed) return;
    this.#linked("gone", "The kernel is gone: run the cell again.");
    for (const id of [...this.commands.keys()]) {
      this.#done({ id, ok: false, text: "The kernel is gone: run the cell again." });
    }
  }

  #linked(kind, text = "") {
    if (this.link.kind === "gone" && kind !== "live") return;
    if (this.link.kind === kind && this.link.text === text) return;
    this.link = { kind, text };
    this.#emit("link", this.link);
  }

  #receive(content, buffers) {
    this.heard = local();
    switch (content?.type) {
      case "frame":
        this.#take(content);
        this.#linked("live");
        break;
      case "taken":
      case "done":
        this.#told(content);
        break;
      case "lane":
        this.lane.offered(content);
        break;
      case "asleep":
      case "stopped":
        this.#linked(content.type, content.text);
        break;
      default:
        this.#emit("extra", { content, buffers });
    }
  }

  // ---- frames ----

  #take(frame) {
    const now = local();
    if (!frame.full && !this.state.known) {
      // The beginning was missed; a full frame follows at the latest in some seconds.
      return;
    }
    // Another moment is another reading of the clock, earlier or later.
    if (frame.full && placeOf(frame.cursor) !== placeOf(this.state.cursor)) this.clock.reset();
    this.clock.sample(frame.t, frame.speed, frame.paused, now);
    if (frame.full) {
      this.pending = [];
      const restarted = this.state.known && frame.t < this.state.t;
      if (restarted) {
        this.clock.reset();
        this.clock.sample(frame.t, frame.speed, frame.paused, now);
      }
      this.#emit("change", merge(this.state, frame));
    } else {
      mergeMessages(this.state, frame);
      this.pending.push(frame);
    }
    if (document.visibilityState === "hidden" || this.pending.length > BACKLOG) this.#apply(Infinity);
    this.#draw();
  }

  #apply(now) {
    const changed = new Set();
    while (this.pending.length && this.pending[0].t <= now) {
      for (const part of merge(this.state, this.pending.shift())) changed.add(part);
    }
    if (changed.size) this.#emit("change", changed);
    if (now !== Infinity) prune(this.state, now, this.fade);
  }

  #draw() {
    if (!this.frame && this.views.size) this.frame = requestAnimationFrame(() => this.#animate());
  }

  // One animation frame. The next is asked for only while something moves.
  #animate() {
    this.frame = 0;
    const at = local();
    const now = this.clock.now(at);
    const flying = this.#seesFlying();
    const apart = REDUCED.matches ? REDUCED_MS : flying ? 0 : CALM_MS;
    if (at - this.drawn < apart && this.clock.running) {
      this.#apply(now);
      this.#draw();
      return;
    }
    this.drawn = at;
    this.#apply(now);
    this.#emit("tick", now);
    const due = this.pending.length > 0;
    const moving = this.clock.running && ["live", "waiting"].includes(this.link.kind);
    if (due || moving) this.#draw();
  }

  #seesFlying() {
    const beats = [...this.views.keys()].some((view) => view.ui.beats);
    return [...this.state.messages.values()].some((message) => beats || !isHeartbeat(message));
  }

  /** Messages to draw at `now`, in the order they were sent. */
  flying(now) {
    return [...this.state.messages.values()].filter(
      (m) => now >= m.t0 && ((m.held && m.fate !== "lost") || now <= endOf(m) + (m.fate === "lost" ? this.fade : 0)),
    );
  }

  // ---- commands ----

  /** Ask the cluster to do something. `told(kind, text)` hears "queued", "taken" and then the end. */
  do(verb, args, told = () => {}, owner = null) {
    const id = `${this.page}-${this.next++}`;
    this.owners.set(id, owner);
    if (this.owners.size > OWNERS_MAX) this.owners.delete(this.owners.keys().next().value);
    return new Promise((resolve) => {
      const timer = setTimeout(() => told("queued", "queued: a cell is running"), QUEUED_MS);
      const content = { type: "do", id, verb, args };
      const fast = this.lane.send({ ...content, page: this.page });
      this.commands.set(id, { resolve, told, timer, content, fast });
      if (!fast) this.#ask(id, content);
    });
  }

  #ask(id, content) {
    if (!this.send(content)) this.#done({ id, ok: false, text: "The kernel is gone: run the cell again." });
  }

  // The lane is gone: what it was not answered is asked through the kernel. The id is the same, so nothing is done twice.
  #askAgain() {
    for (const [id, command] of this.commands) {
      if (!command.fast) continue;
      command.fast = false;
      this.#ask(id, command.content);
    }
  }

  #told(message) {
    if (message.type === "taken") this.#taken(message.id);
    if (message.type === "done") this.#done(message);
  }

  #taken(id) {
    const command = this.commands.get(id);
    if (!command) return;
    clearTimeout(command.timer);
    command.told("taken", "");
  }

  #done({ id, ok, text }) {
    const command = this.commands.get(id);
    if (!command) return;
    this.commands.delete(id);
    clearTimeout(command.timer);
    command.told(ok ? "ok" : "error", text ?? "");
    command.resolve({ ok, text: text ?? "" });
  }
}
