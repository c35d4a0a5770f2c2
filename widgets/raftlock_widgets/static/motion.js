// Things that change their place slide there, so that the eye can follow who went where.

const SLIDE_MS = 280;
const REDUCED = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)") ?? { matches: false };

/** Do `change`, and let each of `placed()` (name -> element) slide from where the element of its name was before.
 * What was not there, or did not move, stays as it is; nothing slides for who asked for less motion. */
export function sliding(placed, change) {
  if (REDUCED.matches) {
    change();
    return;
  }
  const before = new Map([...placed()].map(([name, element]) => [name, element.getBoundingClientRect()]));
  change();
  for (const [name, element] of placed()) {
    const from = before.get(name);
    const to = element.getBoundingClientRect();
    const [x, y] = from ? [from.left - to.left, from.top - to.top] : [0, 0];
    if (!from?.width || (Math.abs(x) < 1 && Math.abs(y) < 1)) continue;
    element.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], { duration: SLIDE_MS, easing: "ease-out" });
  }
}
