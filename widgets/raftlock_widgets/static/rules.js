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
  // Where leaving a rule out breaks nothing, the run in which it does is offered.
  let offered = "";
  const offer = h("p", { class: "rl-rules-offer", hidden: true, role: "status", "data-testid": "offer" });
  const el = h("section", { class: "rl-rules", "aria-label": "Rules", "data-testid": "rules" },
    h("div", { class: "rl-head" }, h("h3", { class: "rl-title" }, "Leave a rule out"), find, count),
    h("p", { class: "rl-muted" }, h("span", { class: "rl-rules-here" }, "“Leave it out” does the run that you see once more, without the rule. "),
      "Each rule has a recorded run as well, made as short as it can be, in which its absence breaks a promise: “Show the event” leads to what broke. Mended, it is the same run with the rule in its place."),
    offer,
    h("div", { class: "rl-scroll rl-rules-scroll", tabindex: 0, role: "region", "aria-label": "The rules" }, list));

  const isOut = (name) => (store.state.cluster?.modified ?? "").split(", ").includes(name);

  async function leaveOut(rule) {
    const out = isOut(rule.name);
    put(offer, { hidden: true });
    const { ok, text } = await store.do("leave_out", { rule: rule.name });
    ctx.tell(ok ? "ok" : "error", text);
    if (!ok) return;
    offered = !out && text.includes("No promise is broken") ? rule.name : "";
    put(offer, { hidden: !offered });
    offer.replaceChildren(`Without ${rule.name} this run breaks no promise. `,
      h("button", { type: "button", "data-testid": "open-offer", onclick: () => {
        put(offer, { hidden: true });
        ctx.act("break", { rule: rule.name, mended: false }, "");
      } }, "Open the recorded run in which it does"));
  }

  function item(rule) {
    const run = (mended) => {
      put(offer, { hidden: true });
      return ctx.act("break", { rule: rule.name, mended }, "");
    };
    return h("li", { "data-testid": `rule-${rule.name}` },
      h("div", {}, h("b", {}, rule.story), " ",
        h("span", { class: "rl-muted" }, `${rule.name}${rule.number ? `, no. ${rule.number}` : ""}; breaks: ${rule.breaks}`)),
      h("div", { class: "rl-rule-buttons" },
        h("button", { type: "button", class: "rl-rule-leave", "data-testid": `leave-${rule.name}`, onclick: () => leaveOut(rule) }, "Leave it out"),
        h("button", { type: "button", "data-testid": `break-${rule.name}`, "aria-label": `Its recorded run, without the rule: ${rule.name}`,
          title: "Its recorded run, without the rule", onclick: () => run(false) }, "Recorded"),
        h("button", { type: "button", "data-testid": `mend-${rule.name}`, "aria-label": `Its recorded run, with the rule: ${rule.name}`,
          title: "Its recorded run, with the rule", onclick: () => run(true) }, "Mended")));
  }

  // A live cluster keeps its rules: only recorded runs can be shown in its place.
  function mark() {
    const simulated = (store.state.cursor.branches ?? []).length > 0;
    put(el, { "data-simulated": simulated });
    for (const child of list.children) {
      const leave = child.querySelector(".rl-rule-leave");
      const name = child.getAttribute("data-testid").slice("rule-".length);
      const out = isOut(name);
      write(leave, out ? "Put it back" : "Leave it out");
      put(leave, { "aria-label": `${out ? "Put back" : "Leave out"} the rule: ${name}`, "aria-pressed": String(out) });
    }
  }

  function show() {
    const found = matching(known, find.value);
    keyed(list, found, (rule) => rule.name, item, () => {});
    mark();
    write(count, known.length ? `${found.length} of ${known.length}` : "");
    put(el, { "data-known": known.length });
  }

  const off = store.on("extra", ({ content }) => {
    if (content?.type !== "answer" || content.what !== "rules") return;
    known = content.value;
    show();
  });
  function change(parts) {
    ask();
    if (parts.has("cluster") || parts.has("cursor")) mark();
  }
  // Asked for once there is somebody to answer: when the first frame has come.
  function ask() {
    if (asked || !store.state.known) return;
    asked = store.send({ type: "ask", what: "rules" });
  }
  return { el, change, tick: ask, close: off };
}
