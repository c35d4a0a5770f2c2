// anywidget loads one text of JavaScript a widget; the panels are many modules. Their texts come in
// the store's `modules` trait. This gives each a blob address, those first that others import, and
// points the imports at them. Loaded once a page and content, however many panels there are.

const IMPORT = /((?:import|export)\s*(?:[\w*{}\s,$]+?\s*from\s*)?)(["'])\.\/([\w.-]+)\2/g;

/** The names a module imports from its own folder. */
export function importsOf(source) {
  return [...source.matchAll(IMPORT)].map((match) => match[3]);
}

/** All module names, each after those it imports. Throws on a missing module or a circle. */
export function inOrder(sources) {
  const order = [];
  const open = new Set();
  const visit = (name, from) => {
    if (order.includes(name)) return;
    if (!(name in sources)) throw new Error(`${from} imports ./${name}, which is not there`);
    if (open.has(name)) throw new Error(`modules import each other in a circle at ${name}`);
    open.add(name);
    for (const other of importsOf(sources[name])) visit(other, name);
    open.delete(name);
    order.push(name);
  };
  for (const name of Object.keys(sources).sort()) visit(name, "the list");
  return order;
}

/** The text of a module with its imports pointed at `urls`. */
export function rewrite(source, urls) {
  return source.replace(IMPORT, (_, before, quote, name) => `${before}${quote}${urls[name]}${quote}`);
}

function digest(sources) {
  let hash = 5381;
  for (const name of Object.keys(sources).sort()) {
    for (const char of `${name}\n${sources[name]}`) hash = (hash * 33 + char.codePointAt(0)) >>> 0;
  }
  return hash.toString(16);
}

/** The module `entry`, with everything it needs. */
export function load(sources, entry) {
  const loaded = (globalThis.raftlockModules ??= new Map());
  const key = `${digest(sources)} ${entry}`;
  if (!loaded.has(key)) {
    const urls = {};
    for (const name of inOrder(sources)) {
      const text = `${rewrite(sources[name], urls)}\n//# sourceURL=raftlock/${name}\n`;
      urls[name] = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    }
    loaded.set(key, import(urls[entry]));
  }
  return loaded.get(key);
}

async function render({ model, el }) {
  const reference = model.get("store");
  if (!reference) return undefined; // the store itself has no picture
  const storeModel = await model.widget_manager.get_model(reference.slice("IPY_MODEL_".length));
  const { mount } = await load(storeModel.get("modules"), "main.js");
  return mount({ el, storeModel, layout: model.get("view") });
}

export default { render };
