// BokehJS, once a page: it comes through the kernel's own channel, asked for by the first chart.

/** After how long it is asked for again: the answer may be lost, or wait behind a cell. */
export const ASK_AGAIN_MS = 5000;

// One BokehJS a page, asked for by the first chart; the others wait for it.
function shelf() {
  if (!globalThis.raftlockBokeh) {
    const shelf = { asked: -Infinity, version: null };
    shelf.ready = new Promise((resolve, reject) => Object.assign(shelf, { resolve, reject }));
    globalThis.raftlockBokeh = shelf;
  }
  return globalThis.raftlockBokeh;
}

/** Whether this chart has to ask for the library. */
export function missing() {
  const { asked, version } = shelf();
  if (version !== null || performance.now() - asked < ASK_AGAIN_MS) return false;
  shelf().asked = performance.now();
  return true;
}

/** BokehJS of the version the figure was made by: the page's own, or the one that came with it. */
export function library(version, buffer) {
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
