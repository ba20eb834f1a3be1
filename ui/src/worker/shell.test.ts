// @vitest-environment node
import { beforeEach, describe, expect, it, vi } from "vitest";

import { Shell, type ShellList } from "./shell";

const SCOPE = "https://approve.example.com/tenant/device/";
const POLICY = "default-src 'none'";

/** What the provider has now, by address. */
let served: Record<string, string>;
let asked: string[];
/** Caches of this origin: any script of it can write to them. */
let stored: Map<string, Map<string, Response>>;
let windows: string[];
const skipWaiting = vi.fn(() => Promise.resolve());
const unregister = vi.fn(() => Promise.resolve(true));
const update = vi.fn(() => Promise.resolve());

const worker = {
  registration: { scope: SCOPE, unregister, update },
  clients: { matchAll: () => Promise.resolve(windows.map((url) => ({ url }))) },
  skipWaiting,
  caches: {
    keys: () => Promise.resolve([...stored.keys()]),
    delete: (file: string) => Promise.resolve(stored.delete(file)),
    open: (file: string) => {
      const entries = stored.get(file) ?? new Map<string, Response>();
      stored.set(file, entries);
      return Promise.resolve({
        match: (address: string) => Promise.resolve(entries.get(address)?.clone()),
        put: (address: string, response: Response) => Promise.resolve(void entries.set(address, response)),
      });
    },
  },
} as unknown as ServiceWorkerGlobalScope;

async function hash(content: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(content));
  const text = btoa(String.fromCharCode(...new Uint8Array(digest)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function list(version: string, files: Record<string, string>): Promise<ShellList> {
  const listed = [];
  for (const [file, content] of Object.entries(files))
    listed.push([file, { hash: await hash(content), type: "text/x" }]);
  return {
    version,
    files: Object.fromEntries(listed) as ShellList["files"],
    headers: { "content-security-policy": POLICY },
  };
}

function serve(files: Record<string, string>): void {
  served = Object.fromEntries(Object.entries(files).map(([file, content]) => [SCOPE + file, content]));
}

const FILES = { "index.html": "<h1>", "assets/page-1.js": "page" };
const ONE = await list("one", FILES);
const cacheOf = (version: string) => stored.get(`countersign-shell ${SCOPE} ${version}`);

beforeEach(() => {
  vi.clearAllMocks();
  update.mockResolvedValue();
  stored = new Map();
  asked = [];
  windows = [];
  serve(FILES);
  vi.stubGlobal("fetch", (address: string) => {
    asked.push(address);
    const content = served[address];
    return Promise.resolve(content === undefined ? new Response("", { status: 404 }) : new Response(content));
  });
});

describe("the page's files", () => {
  it("are served without the network once they are kept", async () => {
    const shell = new Shell(worker, ONE);
    await shell.keep();
    asked = [];
    for (const [file, content] of Object.entries(FILES)) {
      const response = await shell.serve(file);
      expect(await response.text()).toBe(content);
      expect(response.headers.get("content-type")).toBe("text/x");
    }
    expect(asked).toEqual([]);
  });

  it("attack: an entry that another script changed is not served", async () => {
    const shell = new Shell(worker, ONE);
    await shell.keep();
    for (const file of Object.keys(FILES)) {
      cacheOf("one")?.set(SCOPE + file, new Response("stolen()", { headers: { "content-type": "text/x" } }));
      expect(await (await shell.serve(file)).text()).toBe(FILES[file as keyof typeof FILES]);
    }
    asked = [];
    await shell.serve("assets/page-1.js");
    expect(asked).toEqual([]);
  });

  it("attack: an entry without the headers that confine the page is served with them", async () => {
    const shell = new Shell(worker, ONE);
    await shell.keep();
    const bare = new Response("<h1>", { headers: { "content-security-policy": "script-src *", "x-own": "1" } });
    cacheOf("one")?.set(`${SCOPE}index.html`, bare);
    const { headers } = await shell.serve("index.html");
    const sent: string[] = [];
    headers.forEach((_, header) => sent.push(header));
    expect(sent.sort()).toEqual(["content-security-policy", "content-type"]);
    expect(headers.get("content-security-policy")).toBe(POLICY);
  });

  it("fail where neither cache nor provider has what is listed, and a version with such a file is never begun", async () => {
    serve({ ...FILES, "assets/page-1.js": "of another version" });
    const shell = new Shell(worker, ONE);
    await expect(shell.keep()).rejects.toThrow("assets/page-1.js");
    expect((await shell.serve("assets/page-1.js")).type).toBe("error");
  });

  it("are never those of two versions", async () => {
    const [first, second] = [new Shell(worker, ONE), new Shell(worker, await list("two", { "index.html": "<h2>" }))];
    await first.keep();
    serve({ "index.html": "<h2>" });
    await second.keep();
    expect(await (await first.serve("index.html")).text()).toBe("<h1>");
    expect(await (await first.serve("assets/page-1.js")).text()).toBe("page");
    await second.tidy();
    expect(cacheOf("one")).toBeUndefined();
    expect(second.fileOf({ method: "GET", mode: "cors", url: `${SCOPE}assets/page-1.js` })).toBeUndefined();
  });
});

it("attack: nothing outside of the page's own address is answered, and nothing in it but its files", () => {
  const shell = new Shell(worker, ONE);
  const file = (url: string, mode = "cors", method = "GET") => shell.fileOf({ method, mode, url });
  expect(file(SCOPE, "navigate")).toBe("index.html");
  expect(file(`${SCOPE}?open=ch_1`, "navigate")).toBe("index.html");
  expect(file(`${SCOPE}assets/page-1.js`)).toBe("assets/page-1.js");
  for (const url of [
    "https://approve.example.com/tenant/push/challenges",
    "https://approve.example.com/device/",
    "https://approve.example.com/tenant/device",
    "https://approve.example.com/tenant/devices/assets/page-1.js",
    "https://evil.example/tenant/device/assets/page-1.js",
    `${SCOPE}sw.js`,
    `${SCOPE}assets/page-2.js`,
    `${SCOPE}assets/../../push/enroll`,
    `${SCOPE}constructor`,
  ]) {
    expect(file(url)).toBeUndefined();
    expect(file(url, "navigate")).toBeUndefined();
  }
  expect(file(`${SCOPE}assets/page-1.js`, "cors", "POST")).toBeUndefined();
  expect(file(`${SCOPE}index.html`)).toBeUndefined();
});

it("takes over unless another page is open", async () => {
  const shell = new Shell(worker, ONE);
  windows = [SCOPE, `${SCOPE}?open=ch_1`];
  await shell.takeOver();
  expect(skipWaiting).not.toHaveBeenCalled();
  windows = [SCOPE, "https://approve.example.com/login"];
  await shell.takeOver();
  expect(skipWaiting).toHaveBeenCalledOnce();
});

it("goes with the page, and only with it", async () => {
  const shell = new Shell(worker, ONE);
  await shell.keep();
  stored.set("somebody else's", new Map());
  serve({ ...FILES, "sw.js": "" });
  await shell.update();
  update.mockRejectedValue(new TypeError("offline"));
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
  await shell.update();
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("", { status: 503 })));
  await shell.update();
  expect(unregister).not.toHaveBeenCalled();
  expect(cacheOf("one")?.size).toBe(2);
  vi.stubGlobal("fetch", () => Promise.resolve(new Response("", { status: 404 })));
  await shell.update();
  expect(unregister).toHaveBeenCalledOnce();
  expect([...stored.keys()]).toEqual(["somebody else's"]);
});
