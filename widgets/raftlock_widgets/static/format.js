// Words and numbers, the same on every panel. Pure.

/** Run time as m:ss.t. */
export function runTime(us) {
  const tenths = Math.floor(us / 100_000);
  const seconds = Math.floor(tenths / 10);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}.${tenths % 10}`;
}

/** A time left in milliseconds, as people say it. */
export function left(ms) {
  if (ms <= 0) return "0.0 s";
  if (ms < 99_950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.floor((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`;
}

function span(ms) {
  if (ms >= 1000) return `${trim(ms / 1000)} s`;
  if (ms >= 1) return `${trim(ms)} ms`;
  return `${trim(ms * 1000)} µs`;
}

const trim = (n) => String(Number(n.toPrecision(2)));

/** A speed both ways: as a factor, and as what a second of screen shows. */
export function speedLabel(speed) {
  if (speed === 1) return "1× · as it happens";
  return `${trim(speed)}× · 1 s of screen = ${span(speed * 1000)} of cluster`;
}

/** The slider has 0 (slowest, 0.01x) to 200 (1x), the same step everywhere on a logarithm. */
export const SPEED_STEPS = 200;

export function speedOf(step) {
  const exact = 10 ** ((2 * step) / SPEED_STEPS - 2);
  return Math.min(1, Math.max(0.01, Number(exact.toPrecision(2))));
}

export function stepOf(speed) {
  return Math.round(((Math.log10(Math.min(1, Math.max(0.01, speed))) + 2) / 2) * SPEED_STEPS);
}

/** A short operation in two lines: what, and to what. */
export function opLines(op) {
  const text = op ?? "";
  const cut = text.indexOf(" ");
  return cut < 0 ? [text, ""] : [text.slice(0, cut), text.slice(cut + 1)];
}

/** "1 entry", "2 entries". */
export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/** "n1, n2 and n3". */
export function listed(words) {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

const FATES = { wiped: "disk lost", stopped: "disk failed", refused: "refuses" };

/** Why a node is down, in a word or two. */
export const fateWords = (node) => FATES[node.fate] ?? "down";

/** Whether a node has a vote; a frame of an older kernel does not say, and then it has. */
export const votes = (node) => (node.part ?? "voter") === "voter";

/** What a node is, in words, for its inspector and for screen readers. */
export function nodeWords(node) {
  if (node.state === "down") return node.fate in FATES ? `down (${fateWords(node)})` : "down";
  const plain = { follower: "follower", candidate: "candidate", leader: "leader" }[node.role] ?? node.role;
  const role = votes(node) ? plain : node.role === "follower" ? node.part : `${plain} (${node.part})`;
  return node.state === "frozen" ? `frozen ${role}` : role;
}

const ROLE_LETTER = { follower: "F", candidate: "C", leader: "L" };

/** A node's role in a letter: × is down, ℓ a learner, – no member. */
export function roleLetter(node) {
  if (node.state === "down") return "×";
  if (node.role === "follower" && !votes(node)) return node.part === "learner" ? "ℓ" : "–";
  return ROLE_LETTER[node.role] ?? "?";
}

/** Whether a message is a reply, and whether it is part of a heartbeat. */
export const isReply = (message) => /reply|response|[✓✗]/i.test(`${message.type} ${message.label}`);
export const isHeartbeat = (message) => /^HB/.test(message.label);
