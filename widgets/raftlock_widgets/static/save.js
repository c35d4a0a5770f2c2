// A panel as a picture file, as it is on the page now: SVG, or PNG at twice the size.
//
// The SVG holds a copy of the panel's elements with the style sheet and the theme's colours, so it needs
// nothing else; browsers draw it. What a canvas shows goes in as an image.

import { h, put, s } from "./dom.js";
import { runTime } from "./format.js";

const PNG_SCALE = 2;
const EDGE = 12; // round the panel

/** A file's name: what it shows, and when. Pure. */
export function fileName(cluster, words, t, kind) {
  const plain = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 40);
  const parts = [plain(cluster) || "raftlock", plain(words) || "picture", runTime(t).replace(/[:.]/g, "-")];
  return `${parts.join("_")}.${kind}`;
}

/** The sheets among `texts` that are the panels', as one, and the theme's names that they use. Pure. */
export function sheetOf(texts) {
  const rules = texts.filter((text) => /raftlock|\.rl-/.test(text) && !text.includes(".raftlock-still"));
  const used = rules.join("\n").matchAll(/var\((--jp-[\w-]+)/g);
  return { css: rules.join("\n"), theme: [...new Set([...used].map((found) => found[1]))].sort() };
}

// As they were written: what the browser says of a rule leaves out a part of some shorthands.
function rulesOnThePage() {
  const texts = [...document.querySelectorAll("style")].map((style) => style.textContent);
  for (const sheet of document.adoptedStyleSheets ?? []) texts.push(...[...sheet.cssRules].map((rule) => rule.cssText));
  return texts;
}

/** The row with what can be saved: one for a view. `root` is the view's element. */
export function saver(ctx, root) {
  const which = h("select", { "aria-label": "What to save as a picture", "data-testid": "save-what" });
  const button = (kind) => h("button", { type: "button", "data-testid": `save-${kind}`, title: `Save it as ${kind.toUpperCase()}, as it is now`,
    onclick: () => save(kind) }, kind.toUpperCase());
  const el = h("div", { class: "rl-save", role: "group", "aria-label": "Save a picture" },
    h("span", { class: "rl-muted" }, "Save a picture of"), which, button("svg"), button("png"));
  let panels = [];

  // What is seen now: each panel has a title.
  function look() {
    const titles = [...root.querySelectorAll(".rl-title, legend")].filter((title) => title.getClientRects().length);
    panels = [["everything", root.firstChild], ...titles.map((title) => [title.textContent, title.closest("section, fieldset") ?? title.parentElement])];
    const names = panels.map(([name]) => name);
    if ([...which.options].map((option) => option.textContent).join("\n") === names.join("\n")) return;
    const chosen = which.selectedOptions[0]?.textContent;
    which.replaceChildren(...names.map((name, k) => h("option", { value: k }, name)));
    which.value = String(Math.max(0, names.indexOf(chosen)));
  }

  async function save(kind) {
    look();
    const [words, panel] = panels[Number(which.value)] ?? panels[0];
    const name = fileName(ctx.store.state.cluster.name, words, ctx.store.now(), kind);
    try {
      const { text, width, height } = drawing(root, panel, words);
      download(kind === "svg" ? new Blob([text], { type: "image/svg+xml" }) : await pixels(text, width, height), name);
      ctx.tell("ok", `Saved as ${name}.`);
    } catch (error) {
      ctx.tell("error", `It could not be saved as ${kind.toUpperCase()} (${error.message ?? error}): try the other kind.`);
    }
  }
  which.addEventListener("pointerdown", look);
  which.addEventListener("focus", look);
  return { el, change: look };
}

/** The SVG's text for a panel in a view, and its size. */
export function drawing(root, panel, words) {
  const { css, theme } = sheetOf(rulesOnThePage());
  const box = panel.getBoundingClientRect();
  const [width, height] = [Math.ceil(box.width) + 2 * EDGE, Math.ceil(Math.max(box.height, panel.scrollHeight)) + 2 * EDGE];
  let copy = copied(panel);
  copy.style.width = `${Math.ceil(box.width)}px`;
  copy.style.margin = "0";
  // The rules may speak of what the panel is in.
  for (let outer = panel.parentElement; outer && outer !== root; outer = outer.parentElement) {
    const shell = outer.cloneNode(false);
    shell.style.display = "contents";
    shell.append(copy);
    copy = shell;
  }
  const ground = root.cloneNode(false);
  const computed = getComputedStyle(root);
  for (const name of theme) ground.style.setProperty(name, computed.getPropertyValue(name));
  Object.assign(ground.style, { font: computed.font, color: computed.color, background: computed.backgroundColor,
    padding: `${EDGE}px`, width: `${width}px`, height: `${height}px`, maxWidth: "none", overflow: "hidden", opacity: "1" });
  ground.append(copy);
  const svg = s("svg", { width, height, viewBox: `0 0 ${width} ${height}` }, s("title", {}, words), s("style", {}, `${css}\n* { box-sizing: border-box; }`),
    s("foreignObject", { width, height }, ground));
  return { text: new XMLSerializer().serializeToString(svg), width, height };
}

// The element and what is in it, without what is not seen, and with what only the page knows.
function copied(element) {
  if (element.shadowRoot || element.localName === "canvas") return asImage(element);
  const copy = element.cloneNode(false);
  if (element.localName === "input") {
    put(copy, { value: element.value });
    put(copy, { checked: element.checked });
  }
  if (element.localName === "option") put(copy, { selected: element.selected });
  for (const child of element.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) copy.append(child.cloneNode());
    else if (child.nodeType === Node.ELEMENT_NODE && isDrawn(child)) copy.append(copied(child));
  }
  if (element.scrollTop || element.scrollLeft) scrolled(element, copy);
  return copy;
}

function isDrawn(element) {
  if (["script", "style"].includes(element.localName)) return false;
  return element instanceof SVGElement || element.localName === "option" || getComputedStyle(element).display !== "none";
}

function scrolled(element, copy) {
  copy.style.overflow = "hidden";
  for (const child of copy.children) child.style.translate = `${-element.scrollLeft}px ${-element.scrollTop}px`;
}

// All canvases in the element, those in shadows too, as one image in its place.
function asImage(element) {
  const box = element.getBoundingClientRect();
  const scale = globalThis.devicePixelRatio || 1;
  const whole = h("canvas", { width: Math.max(1, Math.round(box.width * scale)), height: Math.max(1, Math.round(box.height * scale)) });
  const pen = whole.getContext("2d");
  for (const canvas of canvasesIn(element)) {
    const at = canvas.getBoundingClientRect();
    if (!at.width || !at.height || !canvas.width) continue;
    pen.drawImage(canvas, (at.left - box.left) * scale, (at.top - box.top) * scale, at.width * scale, at.height * scale);
  }
  const image = h("img", { src: whole.toDataURL(), alt: "", class: element.getAttribute("class") });
  Object.assign(image.style, { width: `${box.width}px`, height: `${box.height}px`, display: "block" });
  return image;
}

function* canvasesIn(element) {
  if (element.localName === "canvas") yield element;
  for (const child of [...(element.shadowRoot?.children ?? []), ...element.children]) yield* canvasesIn(child);
}

async function pixels(text, width, height) {
  const image = new Image();
  // Not an object's address: from that one browsers would not let the pixels out again.
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = h("canvas", { width: width * PNG_SCALE, height: height * PNG_SCALE });
  const pen = canvas.getContext("2d");
  pen.scale(PNG_SCALE, PNG_SCALE);
  pen.drawImage(image, 0, 0, width, height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("the browser gave no pixels");
  return blob;
}

function download(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
