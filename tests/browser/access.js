// What a test asks of the page about focus. Evaluates to functions by name.
({
  /** Where the focus is: whether it is in the view, can be seen, and is marked. */
  focused() {
    const at = document.activeElement;
    const drawn = (s) => (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none";
    const inked = (s) => parseFloat(s.strokeWidth) >= 2 && s.visibility !== "hidden" && s.display !== "none";
    // A field that is out of sight is marked on its label.
    const owner = at.closest(".rl-sr") ? at.parentElement : at;
    const parts = [owner, ...owner.querySelectorAll("*")].map((each) => getComputedStyle(each));
    const box = owner.getBoundingClientRect();
    return {
      inside: Boolean(at.closest(".raftlock")),
      name: this.named(at),
      seen: box.width > 0 && box.height > 0,
      marked: parts.some(drawn) || (at instanceof SVGElement && parts.some(inked)),
    };
  },

  /** What Tab should come to. Of radio buttons only the chosen one: arrow keys lead to the others. A chart is a
   * picture: nothing is done there. */
  reachable() {
    const all = [...document.querySelectorAll(".raftlock :is(button, input, select, summary, [tabindex])")];
    return all.filter((e) => e.tabIndex >= 0 && !e.disabled && e.getClientRects().length
      && getComputedStyle(e).visibility !== "hidden" && (e.type !== "radio" || e.checked)
      && !e.closest(".rl-chart-place") && (e.localName === "summary" || !e.closest("details:not([open])"))).map((e) => this.named(e));
  },

  named(e) {
    return e.dataset.testid ?? e.getAttribute("aria-label") ?? (e.textContent.trim().slice(0, 30) || e.value || e.getAttribute("class"));
  },

  /** Whether anything runs on although less motion was asked for. */
  moving() {
    return document.getAnimations().filter((a) => a.effect?.target?.closest?.(".raftlock") && a.playState === "running").length;
  },

  /** Whether the view can be scrolled sideways, or sticks out. */
  wide() {
    const root = document.querySelector(".raftlock");
    return root.scrollWidth > root.clientWidth + 1;
  },

  /** How the borders of entries are drawn that are committed, and that are not yet. */
  borders() {
    const cells = [...document.querySelectorAll(".rl-log-table .rl-full")];
    const styles = (committed) => new Set(cells.filter((c) => c.classList.contains("rl-committed") === committed).map((c) => getComputedStyle(c).borderTopStyle));
    return [[...styles(true)], [...styles(false)]];
  },
})
