// What is hard to read on a page: every text inside `.raftlock` that is seen, against what it stands on,
// and every border that says where a control is. Contrasts as WCAG 2 defines them; AA asks for 4.5 for
// text, 3 for large text and for the outlines of controls. Evaluates to a list of findings.
() => {
  const parse = (color) => {
    const found = /rgba?\(([^)]+)\)/.exec(color);
    if (found) {
      const parts = found[1].split(/[\s,/]+/).filter(Boolean).map(Number);
      return { rgb: parts.slice(0, 3), a: parts[3] ?? 1 };
    }
    const mixed = /color\(srgb ([^)]+)\)/.exec(color);
    if (mixed) {
      const parts = mixed[1].split(/[\s/]+/).filter(Boolean).map(Number);
      return { rgb: parts.slice(0, 3).map((c) => c * 255), a: parts[3] ?? 1 };
    }
    return { rgb: [0, 0, 0], a: 0 };
  };
  const over = (top, below) => top.rgb.map((c, k) => c * top.a + below[k] * (1 - top.a));
  const channel = (value) => {
    const c = value / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  const luminance = (rgb) => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const opacity = (element) => {
    let whole = 1;
    for (let each = element; each; each = each.parentElement) whole *= Number(getComputedStyle(each).opacity);
    return whole;
  };

  // What an element paints under a point, as a colour with its own opacity.
  const painted = (element) => {
    const style = getComputedStyle(element);
    if (element instanceof SVGElement && element.localName !== "svg") {
      if (["text", "tspan", "g", "line"].includes(element.localName)) return null;
      const fill = parse(style.fill);
      return fill.a ? { rgb: fill.rgb, a: fill.a * Number(style.fillOpacity) * opacity(element) } : null;
    }
    const ground = parse(style.backgroundColor);
    return ground.a ? { rgb: ground.rgb, a: ground.a * opacity(element) } : null;
  };

  // What is behind `element` at a point, from the page up.
  const behind = (element, x, y, itself) => {
    const stack = document.elementsFromPoint(x, y);
    const at = stack.findIndex((each) => each === element || element.contains(each));
    // Scrolled out of its box, or something else lies over it.
    if (at < 0 || stack.slice(0, at).some((each) => (painted(each)?.a ?? 0) > 0.9)) return null;
    let ground = parse(getComputedStyle(document.body).backgroundColor);
    let rgb = ground.a ? ground.rgb : [255, 255, 255];
    for (const each of stack.slice(at).reverse()) {
      if (!itself && each === element) continue;
      const paint = painted(each);
      if (paint) rgb = over(paint, rgb);
    }
    return rgb;
  };

  const named = (element) => {
    const ids = [];
    for (let each = element; each && !each.classList?.contains("raftlock"); each = each.parentElement) {
      const id = each.dataset?.testid ? `[${each.dataset.testid}]` : each.getAttribute("class") ? `.${each.getAttribute("class").split(/\s+/)[0]}` : each.localName;
      ids.unshift(id);
      if (ids.length === 4) break;
    }
    return ids.join(" ");
  };
  // What cannot be used now, and what is just vanishing, need not be read.
  const off = (element) => element.closest(":disabled, [aria-disabled=true], [hidden], .rl-slip[data-fate=lost]");

  const reach = document.createElement("style");
  reach.textContent = ".raftlock, .raftlock * { pointer-events: auto !important; transition: none !important; animation: none !important; }";
  document.head.append(reach);
  const findings = [];
  const seen = new Map();
  let texts = 0;
  let controls = 0;
  for (const root of document.querySelectorAll(".raftlock")) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (!node.data.trim()) continue;
      const element = node.parentElement;
      if (["style", "script", "title", "option"].includes(element.localName) || off(element)) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const box = range.getBoundingClientRect();
      const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
      if (box.width < 2 || box.height < 2 || x < 0 || y < 0 || x > innerWidth || y > innerHeight) continue;
      const style = getComputedStyle(element);
      if (style.visibility === "hidden" || element.closest(".rl-sr")) continue;
      const ground = behind(element, x, y, true);
      if (!ground) continue;
      const ink = parse(element instanceof SVGElement ? style.fill : style.color);
      const front = over({ rgb: ink.rgb, a: ink.a * opacity(element) }, ground);
      const size = parseFloat(style.fontSize) * (element instanceof SVGElement ? (element.getScreenCTM()?.a ?? 1) : 1);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const ratio = contrast(front, ground);
      texts += 1;
      if (ratio < (large ? 3 : 4.5)) {
        const key = `${named(element)} ${style.color} ${ground}`;
        if (!seen.has(key)) findings.push({ what: "text", where: named(element), text: node.data.trim().slice(0, 40), ratio: Math.round(ratio * 100) / 100, ink: front.map(Math.round), ground: ground.map(Math.round) });
        seen.set(key, true);
      }
    }
    for (const control of root.querySelectorAll("button, input:not([type=range]), select")) {
      const box = control.getBoundingClientRect();
      if (off(control) || box.width < 2 || box.bottom < 0 || box.bottom > innerHeight) continue;
      const style = getComputedStyle(control);
      if (parseFloat(style.borderTopWidth) === 0 || style.borderTopStyle === "none" || control.localName === "input" && ["checkbox", "radio"].includes(control.type)) continue;
      const ground = behind(control, box.left + box.width / 2, box.top + box.height / 2, false);
      if (!ground) continue;
      controls += 1;
      const line = over(parse(style.borderTopColor), ground);
      const inside = over(parse(style.backgroundColor), ground);
      const words = control.textContent.trim();
      const best = Math.max(contrast(line, ground), contrast(inside, ground));
      // A button with words is known by them; a field without is known by its outline alone.
      if (best < 3 && (control.localName !== "button" || !words)) {
        findings.push({ what: "outline", where: named(control), text: words.slice(0, 40), ratio: Math.round(best * 100) / 100, ink: line.map(Math.round), ground: ground.map(Math.round) });
      }
    }
  }
  reach.remove();
  return { findings, texts, controls };
}
