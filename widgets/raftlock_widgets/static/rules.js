// The rules that can be left out: a story each, and the recorded run in which a promise breaks then.

import { h, keyed, put, write } from "./dom.js";

/** Those rules that `words` are found in, anywhere. Pure. */
export function matching(rules, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return rules.filter((rule) => {
    const all = `${rule.number || ""} ${rule.name} ${rule.story} ${rule.breaks}`.toLowerCase();
    return wanted.every((word) => all.includes(word));
  });
}

/** The rules panel. */
export function rules(ctx) {
  const { store } = ctx;
  let known = [];
  let asked = false;
  const find = h("input", { type: "search", placeholder: "find: vote, token, disk …", "aria-label": "Find a rule",
    "data-testid": "find-rule", oninput: () => show() });
  const count = h("span", { class: "rl-muted", role: "status" });
  const list = h("ol", { class: "rl-rules-list" });
  const el = h("section", { class: "rl-rules", "aria-label": "Rules", "data-testid": "rules" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Leave a rule out"), find, count),
    h("p", { class: "rl-muted" }, "Each has a short recorded run, made as short as it can be, in which the rule's absence breaks ",
      "a promise. It opens at its end: “Show the event” leads to what broke, and back from there to why."),
    h("div", { class: "rl-scroll rl-rules-scroll", tabindex: 0, role: "region", "aria-label": "The rules" }, list));

  function item(rule) {
    const run = (mended) => ctx.act("break", { rule: rule.name, mended }, "");
    return h("li", { "data-testid": `rule-${rule.name}` },
      h("div", {}, h("b", {}, rule.story), " ",
        h("span", { class: "rl-muted" }, `${rule.name}${rule.number ? `, no. ${rule.number}` : ""}; breaks: ${rule.breaks}`)),
      h("div", { class: "rl-rule-buttons" },
        h("button", { type: "button", "data-testid": `break-${rule.name}`, "aria-label": `Run without the rule: ${rule.name}`,
          onclick: () => run(false) }, "Leave it out"),
        h("button", { type: "button", "data-testid": `mend-${rule.name}`, "aria-label": `The same run with the rule: ${rule.name}`,
          onclick: () => run(true) }, "With the rule")));
  }

  function show() {
    const found = matching(known, find.value);
    keyed(list, found, (rule) => rule.name, item, () => {});
    write(count, known.length ? `${found.length} of ${known.length}` : "");
    put(el, { "data-known": known.length });
  }

  const off = store.on("extra", ({ content }) => {
    if (content?.type !== "answer" || content.what !== "rules") return;
    known = content.value;
    show();
  });
  // Asked for once there is somebody to answer: when the first frame has come.
  function ask() {
    if (asked || !store.state.known) return;
    asked = store.send({ type: "ask", what: "rules" });
  }
  return { el, change: ask, tick: ask, close: off };
}
