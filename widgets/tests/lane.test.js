import assert from "node:assert/strict";
import { test } from "node:test";

import { Lane, addresses } from "../raftlock_widgets/static/lane.js";

const HERE = { protocol: "http:", hostname: "127.0.0.1", host: "127.0.0.1:8888" };
const HUB = { protocol: "https:", hostname: "hub.example", host: "hub.example" };

/** A socket whose other end the test plays: `behave` is called when the page has said the secret. */
class Socket {
  static made = [];

  constructor(url, behave) {
    Object.assign(this, { url, behave, readyState: 1, sent: [], closed: false });
    Socket.made.push(this);
    queueMicrotask(() => (behave === "refuse" ? this.onerror?.() : this.onopen?.()));
  }

  send(text) {
    this.sent.push(JSON.parse(text));
    if (this.sent.length === 1 && this.behave === "greet") queueMicrotask(() => this.onmessage?.({ data: '{"type":"lane"}' }));
    if (this.sent.length === 1 && this.behave === "babble") queueMicrotask(() => this.onmessage?.({ data: "<html>" }));
  }

  close() {
    this.closed = true;
    this.readyState = 3;
  }
}

function lane(behaviours, place = HERE, base = "/") {
  Socket.made = [];
  const heard = [];
  const lost = [];
  const made = new Lane((message) => heard.push(message), () => lost.push(true), {
    dial: (url) => new Socket(url, behaviours[Socket.made.length] ?? "refuse"), place, base: () => base,
  });
  return { made, heard, lost };
}

test("directly on this machine, through the server's proxy elsewhere, under a hub's prefix too", () => {
  assert.deepEqual(addresses(HERE, "/", 7000), ["ws://127.0.0.1:7000/", "ws://127.0.0.1:8888/proxy/7000/"]);
  assert.deepEqual(addresses(HUB, "/user/ann/", 7000), ["wss://hub.example/user/ann/proxy/7000/"]);
  assert.deepEqual(addresses(HUB, "/user/ann", 7000), ["wss://hub.example/user/ann/proxy/7000/"]);
  assert.deepEqual(addresses(HUB, null, 7000), []);
});

test("once it has let us in, commands go there and answers come back", async () => {
  const { made, heard } = lane(["greet"]);
  assert.equal(made.send({ type: "do" }), false, "there is none yet");
  await made.offered({ port: 7000, token: "s", proxied: true });
  assert.equal(made.open, true);
  assert.deepEqual(Socket.made[0].sent, [{ token: "s" }]);
  assert.equal(made.send({ type: "do", id: "p-1" }), true);
  Socket.made[0].onmessage({ data: '{"type":"done","id":"p-1","ok":true}' });
  Socket.made[0].onmessage({ data: "not json" });
  assert.deepEqual(heard, [{ type: "done", id: "p-1", ok: true }]);
});

test("where one way leads nowhere the next is tried, and where none does there is no lane", async () => {
  const second = lane(["refuse", "greet"]);
  await second.made.offered({ port: 7000, token: "s", proxied: true });
  assert.equal(second.made.open, true);
  assert.equal(Socket.made[1].url, "ws://127.0.0.1:8888/proxy/7000/");
  const none = lane(["babble", "refuse"]);
  await none.made.offered({ port: 7000, token: "s", proxied: true });
  assert.equal(none.made.open, false);
  assert.equal(Socket.made[0].closed, true, "whoever babbles is not listened to");
  assert.deepEqual(none.lost, []);
});

test("what says nothing is given up after a while", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { made } = lane(["silent", "greet"]);
  const trying = made.offered({ port: 7000, token: "s", proxied: true });
  await Promise.resolve();
  t.mock.timers.tick(5000);
  await trying;
  assert.equal(made.open, true);
  assert.equal(Socket.made[0].closed, true);
});

test("a lane that is lost is told of once, and may be offered again", async () => {
  const { made, lost } = lane(["greet", "greet"]);
  await made.offered({ port: 7000, token: "s", proxied: true });
  await made.offered({ port: 7000, token: "s", proxied: true });
  assert.equal(Socket.made.length, 1, "what stands already stays");
  Socket.made[0].readyState = 3;
  Socket.made[0].onclose();
  assert.deepEqual(lost, [true]);
  assert.equal(made.send({ type: "do" }), false);
  await made.offered({ port: 7000, token: "s", proxied: true });
  assert.equal(made.open, true);
  made.close();
  assert.equal(Socket.made[1].closed, true);
  assert.deepEqual(lost, [true], "who closes it knows");
});

test("the server's proxy is not asked where there is none", async () => {
  const { made } = lane(["refuse", "greet"]);
  await made.offered({ port: 7000, token: "s", proxied: false });
  assert.equal(made.open, false);
  assert.equal(Socket.made.length, 1);
});
