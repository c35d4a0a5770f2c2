// Making and changing elements. Data from the cluster only ever becomes text or attribute values;
// nothing here, and nothing anywhere else, parses markup.

const SVG = "http://www.w3.org/2000/svg";

function build(element, attributes, children) {
  put(element, attributes ?? {});
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** An HTML element: h("button", {class: "x", onclick: f}, "text", child). */
export function h(tag, attributes, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/** An SVG element, the same way. */
export function s(tag, attributes, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

/** Set attributes where they differ. `null` and `false` remove one; functions become listeners. */
export function put(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value);
    } else if (value === null || value === undefined || value === false) {
      if (element.hasAttribute(name)) element.removeAttribute(name);
    } else {
      const text = String(value);
      if (element.getAttribute(name) !== text) element.setAttribute(name, text);
    }
  }
  return element;
}

/** Set an element's text where it differs. */
export function write(element, text) {
  const value = String(text);
  if (element.textContent !== value) element.textContent = value;
  return element;
}

/** Keep one child a key, in the keys' order. `make(key)` builds one, `update(child, item)` fills it. */
export function keyed(parent, items, key, make, update) {
  const old = (parent.rlKeyed ??= new Map());
  const wanted = new Map();
  let next = parent.firstChild;
  for (const item of items) {
    const k = key(item);
    if (wanted.has(k)) continue;
    const child = old.get(k) ?? make(item);
    wanted.set(k, child);
    if (child === next) next = next.nextSibling;
    else parent.insertBefore(child, next);
    update(child, item);
  }
  for (const [k, child] of old) if (!wanted.has(k)) child.remove();
  parent.rlKeyed = wanted;
}
