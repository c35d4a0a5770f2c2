// What is promised, and whether it holds: one mark a property. A broken promise is the only red thing on the page.

import { h, keyed, put, write } from "./dom.js";

const SIGN = { holds: "✓", broken: "✗", expected: "△", unknown: "?" };
const WORDS = { holds: "holds", broken: "is broken", expected: "is broken, as was to be expected: a voter lost its disk",
  unknown: "is not known: not all that was before has been seen" };

/** One line for a whole list of rows. Pure. */
export function summary(rows) {
  if (!rows.length) return "";
  const count = (state) => rows.filter((row) => row.state === state).length;
  if (count("broken")) return count("broken") === 1 ? "a promise is broken" : `${count("broken")} promises are broken`;
  if (count("expected")) return "a voter lost its disk: loss was to be expected";
  if (count("unknown")) return "not known: not all that was before has been seen";
  return `all ${rows.length} hold`;
}

/** The invariants panel. */
export function checks(ctx) {
  const list = h("ul", { class: "rl-checks-list" });
  const told = h("span", { class: "rl-checks-sum", "data-testid": "checks-sum" });
  const first = h("p", { class: "rl-broken", hidden: true, role: "alert", "data-testid": "broken" });
  const el = h("section", { class: "rl-checks", "aria-label": "Promises", "data-testid": "checks" },
    h("details", {}, h("summary", {}, h("b", {}, "Promises"), " ", told), list), first);

  let standing = ""; // the finding that stands there

  function go(row) {
    if (row.seq) ctx.act("seek", { seq: row.seq }, "");
  }

  function change(parts) {
    if (!parts.has("checks")) return;
    const rows = ctx.store.state.parts.checks ?? [];
    write(told, summary(rows));
    const broken = rows.find((row) => row.state === "broken");
    const state = ["broken", "expected", "unknown"].find((each) => rows.some((row) => row.state === each)) ?? "holds";
    put(el, { "data-state": state });
    put(first, { hidden: !broken });
    // Told once: a finding that stands already is not said again, and keeps the focus.
    const finding = broken ? `${broken.property}\n${broken.text}\n${broken.seq}` : "";
    if (finding !== standing) first.replaceChildren();
    if (broken && finding !== standing) {
      first.append(h("b", {}, `Broken: ${broken.words}. `), broken.text, " ",
        h("button", { type: "button", "data-testid": "go-broken", onclick: () => go(broken) }, "Show the event"));
    }
    standing = finding;
    keyed(list, rows, (row) => row.property, (row) => {
      const item = h("li", {}, h("button", { type: "button", "data-testid": `check-${row.property.replaceAll(" ", "-")}`,
        onclick: () => go(ctx.store.state.parts.checks.find((each) => each.property === row.property)) },
        h("span", { class: "rl-sign", "aria-hidden": "true" }), h("span", {})));
      return item;
    }, (item, row) => {
      const button = item.firstChild;
      put(button, { "data-state": row.state, title: `${row.property}: ${row.text ?? WORDS[row.state]}`,
        "aria-label": `${row.words}: ${WORDS[row.state]}${row.text ? `. ${row.text}` : ""}`, "aria-disabled": row.seq ? null : "true" });
      write(button.firstChild, SIGN[row.state] ?? "?");
      write(button.lastChild, row.words);
    });
  }
  return { el, change };
}
