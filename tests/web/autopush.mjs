// A push service: browsers on one side, by the WebSocket protocol that Firefox speaks to its own; senders on the other, by RFC 8030.
// What comes for a browser that is not connected waits for it.

import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const { WebSocketServer } = createRequire(new URL("../../ui/package.json", import.meta.url))("ws");

export class Autopush {
  /** Every message that was sent here. */
  sent = [];
  /** Subscriptions by the last part of their address; `null`: there was one. */
  #channels = new Map();
  #connected = new Map();
  #kept = new Map();

  static async start() {
    const service = new Autopush();
    service.server = createServer((request, response) => void service.#take(request, response));
    service.server.listen(0, "127.0.0.1");
    await once(service.server, "listening");
    service.host = `127.0.0.1:${service.server.address().port}`;
    const protocol = "push-notification";
    const handleProtocols = (offered) => offered.has(protocol) && protocol;
    new WebSocketServer({ server: service.server, handleProtocols }).on("connection", (socket) =>
      service.#serve(socket),
    );
    return service;
  }

  /** What a Firefox is to be told of it. */
  preferences() {
    return {
      "dom.push.enabled": true,
      "dom.push.connection.enabled": true,
      "dom.push.serverURL": `ws://${this.host}/`,
      "dom.push.testing.allowInsecureServerURL": true,
      "dom.push.testing.ignorePermission": true,
      "permissions.default.desktop-notification": 1,
    };
  }

  /** The addresses that browsers subscribe to now. */
  get addresses() {
    return [...this.#channels].filter(([, channel]) => channel).map(([name]) => this.#address(name));
  }

  /** Forgets all subscriptions: what is sent there gets 410. */
  forget() {
    for (const name of this.#channels.keys()) this.#channels.set(name, null);
  }

  #address(name) {
    return `http://${this.host}/push/${name}`;
  }

  async #take(request, response) {
    const parts = [];
    for await (const part of request) parts.push(part);
    const { headers } = request;
    const channel = this.#channels.get(request.url.split("/").pop());
    this.sent.push({ url: `http://${this.host}${request.url}`, headers, isKnown: !!channel });
    if (!channel) return response.writeHead(channel === null ? 410 : 404).end();
    // RFC 8030 §5.2: a sender says how long.
    if (headers.ttl === undefined) return response.writeHead(400).end();
    const message = {
      messageType: "notification",
      channelID: channel.id,
      version: randomUUID(),
      ttl: Number(headers.ttl),
      data: Buffer.concat(parts).toString("base64url"),
      headers: { encoding: headers["content-encoding"] },
    };
    const socket = this.#connected.get(channel.browser);
    if (socket) socket.send(JSON.stringify(message));
    else this.#kept.set(channel.browser, [...(this.#kept.get(channel.browser) ?? []), message]);
    response.writeHead(201, { location: `${this.#address("message")}/${message.version}`, ttl: headers.ttl }).end();
  }

  #serve(socket) {
    let browser;
    const say = (message) => socket.send(JSON.stringify(message));
    const replies = {
      hello: ({ uaid }) => {
        browser = uaid || randomUUID().replaceAll("-", "");
        this.#connected.set(browser, socket);
        say({ messageType: "hello", uaid: browser, status: 200, use_webpush: true, broadcasts: {} });
        for (const message of this.#kept.get(browser) ?? []) say(message);
        this.#kept.delete(browser);
      },
      register: ({ channelID }) => {
        const name = randomBytes(16).toString("hex");
        this.#channels.set(name, { browser, id: channelID });
        say({ messageType: "register", channelID, status: 200, pushEndpoint: this.#address(name) });
      },
      unregister: ({ channelID }) => {
        for (const [name, channel] of this.#channels) if (channel?.id === channelID) this.#channels.set(name, null);
        say({ messageType: "unregister", channelID, status: 200 });
      },
      ping: () => socket.send("{}"),
    };
    socket.on("message", (text) => {
      const message = JSON.parse(text);
      replies[message.messageType ?? "ping"]?.(message);
    });
    socket.on("close", () => this.#connected.get(browser) === socket && this.#connected.delete(browser));
  }

  stop() {
    for (const socket of this.#connected.values()) socket.terminate();
    this.server.closeAllConnections();
    this.server.close();
  }
}
