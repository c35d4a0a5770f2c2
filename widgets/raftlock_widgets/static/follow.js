// A list or table that shows its end, until somebody scrolls away from it, and again once they are
// back at the end.

const NEAR_PX = 10;

/** Follow the end of `box`, which scrolls along "x" or "y". Returns {end, close}: `end()` goes to
 * the end if it is followed; `content` growing by itself counts too. */
export function follow(box, content, axis) {
  const [at, inner, whole] = axis === "x" ? ["scrollLeft", "clientWidth", "scrollWidth"]
    : ["scrollTop", "clientHeight", "scrollHeight"];
  let following = true;
  // Only a person's scrolling counts: the browser also scrolls by itself when sizes change.
  let hands = 0;
  const hand = () => {
    hands = performance.now();
  };
  const look = () => {
    const near = box[at] + box[inner] >= box[whole] - NEAR_PX;
    if (near) following = true;
    else if (performance.now() - hands < 1000) following = false;
  };
  const end = () => {
    if (following) box[at] = box[whole];
  };
  const moves = ["wheel", "pointerdown", "pointermove", "keydown", "touchmove"];
  for (const move of moves) box.addEventListener(move, hand, { passive: true });
  box.addEventListener("scroll", look, { passive: true });
  const sizes = new ResizeObserver(end);
  sizes.observe(box);
  sizes.observe(content);
  return { end, close: () => sizes.disconnect() };
}
