// Run time on screen. The kernel says now and then what its clock reads; between two readings the
// picture must go on smoothly, never backwards, and never ahead of what the kernel has said.
//
// Times are microseconds of run time, `local` is performance.now() in milliseconds.

/** How far the picture stays behind the kernel, in milliseconds of screen time. A message is known
 * here up to a frame (50 ms) after it left; with this it still starts at its node, or close to it. */
export const DELAY_MS = 60;

const WINDOW_MS = 1500; // readings older than this say nothing about the offset
const SNAP_MS = 400; // a larger error is not smoothed away
const SLEW_MS = 200; // a smaller one is, in about this long
const AHEAD_MS = 1300; // without a newer reading the picture stops here (they come every second)
const RESTART_US = 1_000_000; // a reading this much earlier is another run

export class RunClock {
  constructor() {
    this.reset();
  }

  reset() {
    this.speed = 1;
    this.paused = true;
    this.last = null; // the newest reading {t, local}
    this.samples = [];
    this.shown = null;
    this.at = null; // when `shown` was computed
  }

  /** Take a reading of the kernel's clock. */
  sample(t, speed, paused, local) {
    if (this.last && t < this.last.t - RESTART_US) this.reset();
    if (speed !== this.speed || paused !== this.paused) this.samples = [];
    this.speed = speed;
    this.paused = paused;
    this.last = { t, local };
    this.samples.push({ offset: t - local * 1000 * speed, local });
    this.samples = this.samples.filter((s) => local - s.local <= WINDOW_MS);
  }

  /** Whether time passes by itself. */
  get running() {
    return this.last !== null && !this.paused && this.speed > 0;
  }

  /** The run time to draw. */
  now(local) {
    if (this.last === null) return 0;
    const before = this.shown;
    const passed = this.at === null ? 0 : Math.max(0, local - this.at);
    this.at = local;
    if (before === null || !this.running) {
      // Standing still: exactly what the kernel said, and still never backwards.
      const still = this.running ? this.#target(local) : this.last.t;
      this.shown = before === null ? still : Math.max(before, still);
      return this.shown;
    }
    const perMs = 1000 * this.speed;
    const free = before + passed * perMs;
    const error = this.#target(local) - free;
    const part = Math.abs(error) > SNAP_MS * perMs ? 1 : Math.min(1, passed / SLEW_MS);
    this.shown = Math.max(before, Math.min(free + error * part, this.#limit()));
    return this.shown;
  }

  // A frame can only be late, never early: the largest offset seen lately is the truest.
  #target(local) {
    const perMs = 1000 * this.speed;
    const offset = Math.max(...this.samples.map((s) => s.offset));
    return Math.min(offset + (local - DELAY_MS) * perMs, this.#limit());
  }

  #limit() {
    return this.last.t + AHEAD_MS * 1000 * this.speed;
  }
}

/** Cluster time in milliseconds as a node knows it, at run time `now`. */
export function clusterNow(time, now) {
  if (!time) return 0;
  return time.running ? time.ms + Math.max(0, now - time.at) / 1000 : time.ms;
}
