// The fast lane: a connection of the page's own to the cluster, for commands, so that a click need not wait
// for the cell that runs. Where none comes about, commands go through the kernel as ever.

const HELLO_MS = 5000; // no word in this time: this way leads nowhere; commands do not wait for that
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);

/** Where the port may be reached from a page at `place`: directly on this machine, or through the notebook
 * server's proxy under its `base` address, if it has one. Pure. */
export function addresses(place, base, port) {
  const secure = place.protocol === "https:" ? "wss:" : "ws:";
  const found = [];
  if (LOOPBACK.has(place.hostname)) found.push(`ws://127.0.0.1:${port}/`);
  if (base) found.push(`${secure}//${place.host}${base.replace(/\/*$/, "/")}proxy/${port}/`);
  return found;
}

/** The notebook server's base address, as its pages say it; null elsewhere. */
function baseOfServer() {
  try {
    return JSON.parse(document.getElementById("jupyter-config-data").textContent).baseUrl ?? null;
  } catch {
    return null;
  }
}

export class Lane {
  /** `receive(message)` hears what comes, `lost()` that it is gone. */
  constructor(receive, lost, { dial = (url) => new WebSocket(url), place = globalThis.location, base = baseOfServer } = {}) {
    this.receive = receive;
    this.lost = lost;
    this.dial = dial;
    this.place = place;
    this.base = base;
    this.socket = null; // the one that stands
    this.trying = false;
    this.offer = null;
  }

  get open() {
    return this.socket !== null;
  }

  /** The kernel told where to connect. What stands already stays. */
  async offered({ port, token, proxied }) {
    if (this.trying || (this.socket && this.offer === token)) return;
    this.close();
    this.offer = token;
    this.trying = true;
    for (const url of addresses(this.place, proxied ? this.base() : null, port)) {
      const socket = await this.#greeted(url, token);
      if (socket && this.trying) this.#stands(socket);
      else socket?.close();
      if (this.socket || !this.trying) break;
    }
    this.trying = false;
  }

  /** Send a command; false if there is no lane. */
  send(content) {
    if (!this.socket || this.socket.readyState !== 1) return false;
    this.socket.send(JSON.stringify(content));
    return true;
  }

  close() {
    const socket = this.socket;
    this.socket = null;
    this.trying = false;
    socket?.close();
  }

  // The socket at `url` once it has let us in, or null.
  #greeted(url, token) {
    return new Promise((resolve) => {
      let socket;
      try {
        socket = this.dial(url);
      } catch {
        resolve(null); // the page's own rules forbid it
        return;
      }
      const end = (value) => {
        clearTimeout(timer);
        socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
        if (!value) socket.close();
        resolve(value);
      };
      const timer = setTimeout(() => end(null), HELLO_MS);
      socket.onopen = () => socket.send(JSON.stringify({ token }));
      socket.onmessage = ({ data }) => end(read(data)?.type === "lane" ? socket : null);
      socket.onerror = socket.onclose = () => end(null);
    });
  }

  #stands(socket) {
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      const message = read(data);
      if (message) this.receive(message);
    };
    socket.onclose = socket.onerror = () => {
      if (this.socket !== socket) return;
      this.socket = null;
      this.lost();
    };
  }
}

function read(data) {
  try {
    const message = JSON.parse(data);
    return typeof message === "object" ? message : null;
  } catch {
    return null;
  }
}
