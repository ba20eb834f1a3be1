// A provider as a process that serves the device's page, behind a proxy that can take its gateway away.

import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request as call } from "node:http";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const SECRET = "t1ll-3f9ac07be2d84651b0c2a97e4d18f635";
/** The clients: one that can show no number, and one that can. */
const TILL = "coffee-pos";
const TERMINAL = "station-terminal";
/** How many providers this process has started. */
let started = 0;

export class Provider {
  /** Set: calls of the device get no reply; `"altogether"`: neither do others. */
  away = false;
  /** Set: calls of the device are taken, and get no reply. */
  slow = false;
  /** HTML that somebody put into the page on its way. */
  injected = "";
  /** Who asked, by `auth_req_id`. */
  #clients = new Map();
  /** Commands that wait for a code. */
  #asking = [];
  /** The addresses that were asked for. */
  asked = [];
  /** What it wrote to its standard error, at last. */
  said = "";

  static async start(program, page) {
    const provider = new Provider();
    provider.program = program;
    provider.folder = await mkdtemp(join(tmpdir(), "countersign-web-"));
    provider.server = createServer((request, response) => provider.#pass(request, response));
    provider.server.listen(0, "127.0.0.1");
    await once(provider.server, "listening");
    provider.origin = `http://localhost:${provider.server.address().port}`;
    // A loopback address of this process's own: nothing else looks for a free port there but its other providers.
    started += 1;
    provider.host = `127.${83 + (started % 64)}.${(process.pid >> 8) & 0xff}.${process.pid & 0xff}`;
    const probe = createServer().listen(0, provider.host);
    await once(probe, "listening");
    provider.port = probe.address().port;
    probe.close();
    provider.page = page;
    await provider.#serve("");
    return provider;
  }

  /** With more tables in its configuration. */
  async #serve(more) {
    const text = configuration(this.origin, `${this.host}:${this.port}`);
    await writeFile(join(this.folder, "provider.toml"), `${text}\n${more}`, { mode: 0o600 });
    const env = { ...process.env, COUNTERSIGN_WEB: this.page };
    this.child = spawn(this.program, ["op", "serve", ...this.#options()], { env, stdio: ["pipe", "pipe", "pipe"] });
    this.child.stderr.on("data", (chunk) => (this.said = (this.said + chunk).slice(-4000)));
    for await (const line of createInterface({ input: this.child.stdout })) {
      if (line.includes('"ready"')) return;
    }
    throw new Error(`the provider ended:\n${this.said}`);
  }

  /** Starts it anew, with these tables in its configuration. */
  async restart(more) {
    const ended = once(this.child, "exit");
    this.child.kill();
    await ended;
    await this.#serve(more);
  }

  #options() {
    return ["--config", join(this.folder, "provider.toml"), "--home", join(this.folder, "home"), "--json"];
  }

  #pass(request, response) {
    // Of the gateway alone: the page can be opened meanwhile.
    if (this.away === "altogether" || (this.away && request.url.startsWith("/push/"))) return request.destroy();
    this.asked.push(request.url);
    if (this.slow && request.url.startsWith("/push/")) return void request.resume();
    const { method, headers } = request;
    if (this.injected) headers["accept-encoding"] = "identity";
    const passed = call({ host: this.host, port: this.port, path: request.url, method, headers }, (reply) => {
      if (this.injected && reply.headers["content-type"]?.startsWith("text/html")) return this.#inject(reply, response);
      response.writeHead(reply.statusCode, reply.headers);
      reply.pipe(response);
    });
    passed.on("error", () => response.destroy());
    response.on("close", () => passed.destroy());
    request.pipe(passed);
  }

  async #inject(reply, response) {
    let html = "";
    for await (const chunk of reply.setEncoding("utf8")) html += chunk;
    const headers = { ...reply.headers };
    delete headers["content-length"];
    response.writeHead(reply.statusCode, headers);
    response.end(html.replace("<body>", `<body>${this.injected}`));
  }

  async op(...arguments_) {
    const { stdout } = await run(this.program, ["op", ...arguments_, ...this.#options()]);
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  }

  /** What `countersign verify` says of evidence, without a trusted root: that it is consistent (6). */
  async verify(file) {
    const ended = await run(this.program, ["verify", file, "--json"]).catch((error) => error);
    if (ended.code !== 6) throw new Error(`verify ended with ${ended.code}: ${ended.stdout}${ended.stderr}`);
    return JSON.parse(ended.stdout.trim().split("\n")[0]);
  }

  /** The token of a link for this user, which needs no confirmation. */
  async linkToken(user) {
    const lines = await this.op("link", user, "--confirm", "none");
    const link = lines.find(({ enrollment_link }) => enrollment_link);
    return link.enrollment_link.split("#")[1];
  }

  /** The token of a link for this user, where the device's code will be typed; nobody types one. */
  async linkTokenWithCode(user) {
    const child = spawn(this.program, ["op", "link", user, ...this.#options()], { stdio: ["pipe", "pipe", "ignore"] });
    this.#asking.push(child);
    for await (const line of createInterface({ input: child.stdout })) {
      const { enrollment_link } = JSON.parse(line);
      if (enrollment_link) return enrollment_link.split("#")[1];
    }
    throw new Error("there is no link");
  }

  async #post(path, form, client = TILL) {
    const authorization = `Basic ${Buffer.from(`${client}:${SECRET}`).toString("base64")}`;
    const body = new URLSearchParams(form);
    const reply = await fetch(`http://${this.host}:${this.port}${path}`, {
      method: "POST",
      headers: { authorization },
      body,
    });
    return { status: reply.status, body: await reply.json() };
  }

  /** Asks a user; returns `auth_req_id`. */
  async ask(user, message, more = {}) {
    return (await this.acknowledgement(user, message, more)).auth_req_id;
  }

  /** Asks a user, with further parameters; returns all that the client is told. Whoever wants a number, has a screen for it. */
  async acknowledgement(user, message, more) {
    const asked = { scope: "openid", login_hint: user, binding_message: message, ...more };
    const client = more.interaction_type ? TERMINAL : TILL;
    const { status, body } = await this.#post("/bc-authorize", asked, client);
    if (status !== 200) throw new Error(`bc-authorize: ${status} ${JSON.stringify(body)}`);
    this.#clients.set(body.auth_req_id, client);
    return body;
  }

  /** What the client is told of a request at this moment: the tokens, or the error. */
  async poll(auth_req_id) {
    const redeemed = { grant_type: "urn:openid:params:grant-type:ciba", auth_req_id };
    return (await this.#post("/token", redeemed, this.#clients.get(auth_req_id))).body;
  }

  /** Waits for the end of a request: the tokens, or the error. */
  async end(auth_req_id) {
    for (;;) {
      const body = await this.poll(auth_req_id);
      if (!["authorization_pending", "slow_down"].includes(body.error)) return body;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
  }

  async stop() {
    for (const child of this.#asking) child.kill();
    this.server.closeAllConnections();
    this.server.close();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = once(this.child, "exit");
      this.child.kill();
      await ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

const configuration = (issuer, listen) => `issuer = "${issuer}"
listen = "${listen}"
mode = "test"
name = "Example Bank"

[egress]
allow = ["127.0.0.1"]

[policy]
interval = "1s"
prompts_per_minute = 1000

[[users]]
sub = "alice"
name = "Alice Example"

[[users]]
sub = "bob"
name = "Bob Example"

[[clients]]
client_id = "${TILL}"
name = "Acme Coffee"
secret = "${SECRET}"
verified = true
first_party = true

[[clients]]
client_id = "${TERMINAL}"
name = "Central Station"
secret = "${SECRET}"
verified = true
first_party = true
interaction_types = ["boolean", "number_choose", "input_manual"]
`;
