// The kernel's place in a file that was exported: it has all frames of a run, and answers what a page
// asks of the cursor. While it plays, the frames come as they did then.

const TURN_MS = 50;

/** Where the frames up to event `seq` begin and end: the last whole one, and the last of all. Pure. */
export function stretch(frames, seq) {
  let end = 0;
  let high = frames.length - 1;
  while (end < high) {
    const middle = Math.ceil((end + high) / 2);
    if (frames[middle][0] <= seq) end = middle;
    else high = middle - 1;
  }
  let start = end;
  while (start > 0 && !frames[start][1].full) start -= 1;
  return { start, end };
}

/** The place of the moment that event `seq` is part of. Pure. */
export function moment(frames, seq) {
  const { end } = stretch(frames, seq);
  return frames[end][0] < seq ? Math.min(end + 1, frames.length - 1) : end;
}

/** The next mark of a kind after the moment at `place` of the frames, or the one before it; null if none. Pure. */
export function nextMark(track, kind, frames, place, by) {
  const marks = track.filter((mark) => mark[2] === kind);
  if (by > 0) return marks.find((mark) => mark[0] > frames[place][0]) ?? null;
  const before = place > 0 ? frames[place - 1][0] : 0;
  return marks.findLast((mark) => mark[0] <= before) ?? null;
}

const READ_ONLY = "This file shows a recorded run: nothing can be done to it. Open a notebook to try something else.";

export class OfflineModel {
  constructor(run) {
    this.frames = run.frames;
    this.track = run.track;
    this.reasons = run.why ?? {};
    this.charts = run.charts ?? null;
    const [seq, last] = this.frames[this.frames.length - 1];
    this.last = seq;
    this.end = last.t;
    this.at = 0; // the place of the frame that is shown
    this.t = 0;
    this.number = 0;
    this.speed = 1;
    this.playing = false;
    this.listeners = new Set();
    this.at = this.frames.length - 1;
    this.t = this.end;
  }

  get(name) {
    return name === "snapshot" ? {} : undefined;
  }

  on(kind, listener) {
    if (kind === "msg:custom") this.listeners.add(listener);
  }

  off(kind, listener) {
    this.listeners.delete(listener);
  }

  send(content) {
    if (content.type === "hello") this.#show();
    else if (content.type === "ack" && !this.playing) this.#pulse();
    else if (content.type === "chart") this.#chart(content);
    else if (content.type === "ask" && content.what === "why") this.#explain(content);
    else if (content.type === "do") {
      const text = this.#do(content.verb, content.args ?? {});
      queueMicrotask(() => this.#tell({ type: "done", id: content.id, ok: text === "", text }));
    }
  }

  // What the kernel would send: the figure, and once a page the library that draws it.
  #chart({ which, library }) {
    const item = this.charts?.[which];
    const message = item ? { type: "chart", which, version: this.charts.version, item }
      : { type: "chart-missing", text: "The charts are not part of this file." };
    queueMicrotask(() => this.#tell(message, item && library ? [this.charts.library] : []));
  }

  #explain({ rule, kind }) {
    const value = { rule, kind, why: this.reasons[`${rule}/${kind}`] ?? null };
    queueMicrotask(() => this.#tell({ type: "answer", what: "why", value }));
  }

  #tell(message, buffers = []) {
    for (const listener of this.listeners) listener(message, buffers);
  }

  #cursor() {
    return { live: this.playing, offline: true, seq: this.frames[this.at][0], t: this.t, first: 0, last: this.last,
      last_t: this.end, branches: [] };
  }

  #frame(frame) {
    this.number += 1;
    return { ...frame, type: "frame", seq: this.number, t: this.t, speed: this.speed, paused: !this.playing, run: 0,
      full: Boolean(frame.full), cursor: this.#cursor() };
  }

  // The last whole frame, and what changed since, all as of the moment that is shown.
  #show() {
    const { start } = stretch(this.frames, this.frames[this.at][0]);
    for (let k = start; k <= this.at; k += 1) {
      const extra = k === start ? { full: true, track: this.track } : {};
      this.#tell(this.#frame({ ...this.frames[k][1], ...extra }));
    }
  }

  #pulse() {
    this.#tell(this.#frame({}));
  }

  #go(place) {
    this.playing = false;
    this.at = Math.min(Math.max(place, 0), this.frames.length - 1);
    this.t = this.frames[this.at][1].t ?? 0;
    this.#show();
  }

  #do(verb, args) {
    switch (verb) {
      case "seek":
        this.#go("t" in args ? this.#before(args.t) : moment(this.frames, args.seq));
        return "";
      case "back":
        if (this.at === 0) return "This is the beginning.";
        this.#go(this.at - 1);
        return "";
      case "forward":
      case "step":
        if (this.at === this.frames.length - 1) return "This is the end of what was recorded.";
        this.#go(this.at + 1);
        return "";
      case "jump": {
        const mark = nextMark(this.track, args.kind, this.frames, this.at, args.by);
        if (!mark) return `There is no ${args.kind} ${args.by > 0 ? "after" : "before"} this.`;
        this.#go(moment(this.frames, mark[0]));
        return "";
      }
      case "live":
      case "resume":
        this.#play();
        return "";
      case "pause":
        this.#go(this.at);
        return "";
      case "speed":
        this.speed = args.value;
        this.#pulse();
        return "";
      default:
        return READ_ONLY;
    }
  }

  #before(t) {
    let place = 0;
    let high = this.frames.length - 1;
    while (place < high) {
      const middle = Math.ceil((place + high) / 2);
      if ((this.frames[middle][1].t ?? 0) <= t) place = middle;
      else high = middle - 1;
    }
    return place;
  }

  #play() {
    if (this.playing) return;
    if (this.at === this.frames.length - 1) this.at = 0;
    this.t = this.frames[this.at][1].t ?? 0;
    this.playing = true;
    this.#show();
    this.before = performance.now();
    this.timer ??= setInterval(() => this.#turn(), TURN_MS);
  }

  #turn() {
    if (!this.playing) {
      clearInterval(this.timer);
      this.timer = undefined;
      return;
    }
    const now = performance.now();
    this.t = Math.min(this.end, this.t + (now - this.before) * 1000 * this.speed);
    this.before = now;
    let moved = false;
    while (this.at + 1 < this.frames.length && this.frames[this.at + 1][1].t <= this.t) {
      this.at += 1;
      moved = true;
      this.#tell(this.#frame({ ...this.frames[this.at][1], full: false }));
    }
    if (this.at === this.frames.length - 1) this.#go(this.at);
    else if (!moved) this.#pulse();
  }
}
