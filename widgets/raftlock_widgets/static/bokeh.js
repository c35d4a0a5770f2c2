// BokehJS, once a page: it comes through the kernel's own channel, asked for by the first chart.

const ASK_AGAIN_MS = 5000;

// One BokehJS a page, asked for by the first chart; the others wait for it.
function shelf() {
  if (!globalThis.raftlockBokeh) {
    const shelf = { asked: -Infinity, version: null };
    shelf.ready = new Promise((resolve, reject) => Object.assign(shelf, { resolve, reject }));
    globalThis.raftlockBokeh = shelf;
  }
  return globalThis.raftlockBokeh;
}

// Whether this chart has to ask for the library.
function missing() {
  const { asked, version } = shelf();
  if (version !== null || performance.now() - asked < ASK_AGAIN_MS) return false;
  shelf().asked = performance.now();
  return true;
}

// BokehJS of the version the figure was made by: the page's own, or the one that came with it.
function library(version, buffer) {
  const here = shelf();
  if (here.version === null && globalThis.Bokeh?.version === version) {
    here.version = version;
    here.resolve(globalThis.Bokeh);
  } else if (here.version === null && buffer) {
    here.version = version;
    const url = URL.createObjectURL(new Blob([buffer], { type: "text/javascript" }));
    const script = document.createElement("script");
    script.onload = () => {
      URL.revokeObjectURL(url);
      here.resolve(globalThis.Bokeh?.[version] ?? globalThis.Bokeh);
    };
    script.onerror = () => here.reject(new Error("BokehJS did not load"));
    script.src = url;
    document.head.append(script);
  }
  return here.ready;
}

/** One figure of the kernel's in `place`: asked for by `tick`, drawn by `embed`, which makes what is given back
 * as `figure`. `ready` is called when it stands there, `failed` with words if it cannot. */
export function arriving(store, which, place, { embed, ready, failed }) {
  let ask = 0;
  let patience = ASK_AGAIN_MS;
  let closed = false;
  const made = { figure: null, tick, close };
  const stop = store.on("extra", async ({ content, buffers }) => {
    if (content?.type === "chart-missing") {
      failed(content.text);
    } else if (content?.type === "chart" && content.which === which && !made.figure && !closed) {
      try {
        const Bokeh = await library(content.version, buffers?.[0]);
        if (made.figure || closed) return;
        made.figure = await embed(Bokeh, content.item, place);
        // A picture: nothing is done there with keys, so Tab does not stop there.
        outOfReach(place);
        place.setAttribute("data-ready", "yes");
        ready();
      } catch (error) {
        console.warn(`raftlock: no figure of ${which}`, error);
        failed(`It could not be drawn: ${error.message}`);
      }
    }
  });

  function tick() {
    if (made.figure || !store.state.known || performance.now() < ask) return;
    // Again after a while, less and less often: the answer may be lost, or wait behind a cell.
    ask = performance.now() + patience;
    patience *= 2;
    store.send({ type: "chart", which, library: missing() });
  }

  function close() {
    closed = true;
    stop();
    made.figure?.close();
  }
  return made;
}

// Elements with shadows of their own hold the parts that can be reached.
function outOfReach(part) {
  for (const each of [...(part.shadowRoot?.querySelectorAll("*") ?? []), ...part.querySelectorAll("*")]) {
    if (each.tabIndex >= 0) each.tabIndex = -1;
    if (each.shadowRoot) outOfReach(each);
  }
}

/** The colours of the panel that a figure takes over. */
export function inks(el) {
  const style = getComputedStyle(el);
  const of = (name) => style.getPropertyValue(name).trim();
  return { ink: of("--rl-ink-2"), strong: of("--rl-ink"), edge: of("--rl-line") };
}
