import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { importsOf, inOrder, rewrite } from "../raftlock_widgets/static/loader.js";

const STATIC = new URL("../raftlock_widgets/static/", import.meta.url);
const sources = Object.fromEntries(
  readdirSync(STATIC).filter((name) => name.endsWith(".js") && name !== "loader.js")
    .map((name) => [name, readFileSync(new URL(name, STATIC), "utf8")]),
);

test("imports are found in every form that is used", () => {
  const source = `import { a } from "./a.js";\nimport {\n  b,\n  c as d,\n} from './b.js';
import "./c.js";\nimport * as e from "./e.js";\nexport { f } from "./f.js";\nimport g from "https://x/y.js";`;
  assert.deepEqual(importsOf(source), ["a.js", "b.js", "c.js", "e.js", "f.js"]);
});

test("every module comes after those it imports, and nothing is missing", () => {
  const order = inOrder(sources);
  assert.deepEqual([...order].sort(), Object.keys(sources).sort());
  for (const name of order) {
    for (const other of importsOf(sources[name])) assert.ok(order.indexOf(other) < order.indexOf(name));
  }
});

test("no import is left that only a server could answer", () => {
  const urls = Object.fromEntries(Object.keys(sources).map((name) => [name, `blob:${name}`]));
  for (const [name, source] of Object.entries(sources)) {
    assert.doesNotMatch(rewrite(source, urls), /from\s*["']\.|import\s*["']\./, name);
    assert.doesNotMatch(source, /https?:\/\/(?!www\.w3\.org\/2000\/svg)/, `${name} names another server`);
  }
});

test("a missing module and a circle are errors", () => {
  assert.throws(() => inOrder({ "a.js": 'import "./b.js";' }), /a\.js imports \.\/b\.js/);
  assert.throws(() => inOrder({ "a.js": 'import "./b.js";', "b.js": 'import "./a.js";' }), /circle/);
});

test("nothing parses markup", () => {
  for (const [name, source] of Object.entries(sources)) {
    assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/, name);
  }
});
