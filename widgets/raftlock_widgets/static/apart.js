// A prepared run in the place of a live cluster, which goes on behind it.

import { h } from "./dom.js";

/** Watch for what the kernel offers to a view that asked for it; returns what ends it. */
export function besides({ ctx, root, el, storeModel, layout, mount }) {
  const words = "This is a run of its own. Your live cluster goes on behind it.";
  const back = h("button", { type: "button", class: "rl-main", "data-testid": "back-to-live", onclick: close }, "Back to the live cluster");
  const holder = h("div", { class: "raftlock-apart", "data-testid": "apart", hidden: true });
  const bar = h("div", { class: "raftlock" }, h("p", { class: "rl-apart" }, back, h("span", {}, words)));
  let end = null;

  async function open(id) {
    const other = await storeModel.widget_manager.get_model(id);
    end?.();
    holder.replaceChildren(bar);
    if (!holder.isConnected) el.append(holder);
    bar.setAttribute("data-theme", ctx.theme());
    end = mount({ el: holder, storeModel: other, layout });
    const whole = document.fullscreenElement === root;
    holder.hidden = false;
    root.hidden = true;
    if (whole) holder.requestFullscreen?.().catch(() => {}); // a hall must not see the notebook behind
    holder.querySelector(`[data-testid="raftlock-${layout}"]`)?.focus({ preventScroll: true });
  }

  function close() {
    end?.();
    end = null;
    const whole = document.fullscreenElement === holder;
    holder.hidden = true;
    root.hidden = false;
    if (whole) root.requestFullscreen?.().catch(() => {});
    root.focus({ preventScroll: true });
  }

  const off = ctx.store.on("extra", ({ content }) => {
    // Every view of the cluster hears of it; it is for the one that asked.
    if (content?.type === "apart" && ctx.store.owners.get(content.id) === ctx) open(content.store);
  });
  return () => {
    off();
    end?.();
    holder.remove();
  };
}
