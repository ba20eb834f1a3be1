// The page's files, kept so that the page opens without the network. The list of them, each with its hash, is part of the worker's own
// script: what a cache holds is served only if it is what the provider listed, for every script of this origin can write to caches.

import { TAKE_OVER } from "./messages";

/** The list that the provider puts before the worker's script. */
export interface ShellList {
  version: string;
  /** By their names below the page's address; `hash` is SHA-256 in base64url. */
  files: Record<string, { hash: string; type: string }>;
  /** The headers that confine the page, as the provider sends them with every file. */
  headers: Record<string, string>;
}

const INDEX = "index.html";
const SCRIPT = "sw.js";

export class Shell {
  #worker: ServiceWorkerGlobalScope;
  #list: ShellList;
  /** Of the caches of every version. An issuer with a path has a page of its own on the same origin. */
  #prefix: string;

  constructor(worker: ServiceWorkerGlobalScope, list: ShellList) {
    this.#worker = worker;
    this.#list = list;
    this.#prefix = `countersign-shell ${worker.registration.scope} `;
  }

  /** Keeps every file of this version; fails, and with it this version's worker, if one is not what is listed. */
  async keep(): Promise<void> {
    await Promise.all(Object.keys(this.#list.files).map((file) => this.#load(file)));
  }

  /** Forgets the files of other versions. */
  async tidy(): Promise<void> {
    await this.#forget((cache) => cache !== this.#cacheName);
  }

  /** The name of the kept file that a request is for; `undefined`: it is none of the page's, and goes its own way. */
  fileOf(request: { method: string; mode: string; url: string }): string | undefined {
    const [url, scope] = [new URL(request.url), new URL(this.#worker.registration.scope)];
    if (request.method !== "GET" || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
    const file = url.pathname.slice(scope.pathname.length);
    if (request.mode === "navigate") return file === "" || file === INDEX ? INDEX : undefined;
    return file !== INDEX && Object.hasOwn(this.#list.files, file) ? file : undefined;
  }

  /** The file from the cache if it is what is listed, else from the provider, checked alike. */
  async serve(file: string): Promise<Response> {
    const kept = await this.#kept(file);
    if (kept) return this.#response(file, kept);
    try {
      return this.#response(file, await this.#load(file));
    } catch {
      // A newer page, begun as its provider sends it: none of this version's files are in it. Others fail.
      return file === INDEX ? fetch(this.#address(file), { cache: "reload" }) : Response.error();
    }
  }

  /**
   * Looks whether the provider has another version. Where it has no page any more this worker goes, with all it kept: a browser alone
   * would leave a worker whose script is missing.
   */
  async update(): Promise<void> {
    const { registration } = this.#worker;
    const failed = await registration.update().then(
      () => false,
      () => true,
    );
    if (!failed) return;
    const reply = await fetch(this.#address(SCRIPT), { cache: "no-store" }).catch(() => undefined);
    if (reply?.status !== 404 && reply?.status !== 410) return;
    await this.#forget(() => true);
    await registration.unregister();
  }

  /** Takes over from an older version, unless another page is open: something may be begun there. */
  async takeOver(): Promise<void> {
    const pages = await this.#worker.clients.matchAll({ type: "window", includeUncontrolled: true });
    const own = pages.filter(({ url }) => url.startsWith(this.#worker.registration.scope));
    if (own.length <= 1) await this.#worker.skipWaiting();
  }

  get #cacheName(): string {
    return this.#prefix + this.#list.version;
  }

  #address(file: string): string {
    return new URL(file, this.#worker.registration.scope).href;
  }

  async #forget(which: (cache: string) => boolean): Promise<void> {
    const names = await this.#worker.caches.keys();
    const own = names.filter((cache) => cache.startsWith(this.#prefix) && which(cache));
    await Promise.all(own.map((cache) => this.#worker.caches.delete(cache)));
  }

  /** The content from this version's cache, if it is what is listed. */
  async #kept(file: string): Promise<ArrayBuffer | undefined> {
    const cache = await this.#worker.caches.open(this.#cacheName);
    const kept = await cache.match(this.#address(file));
    const content = await kept?.arrayBuffer();
    return content && (await this.#isListed(file, content)) ? content : undefined;
  }

  /** The content from the provider, kept from now on. */
  async #load(file: string): Promise<ArrayBuffer> {
    const address = this.#address(file);
    // What the page loaded just now is in the browser's own cache; what that holds may be older, or changed.
    for (const cache of ["default", "reload"] as const) {
      const reply = await fetch(address, { cache });
      const content = await reply.arrayBuffer();
      if (!reply.ok || !(await this.#isListed(file, content))) continue;
      await (await this.#worker.caches.open(this.#cacheName)).put(address, this.#response(file, content));
      return content;
    }
    throw new Error(`${file} is not what this version lists`);
  }

  async #isListed(file: string, content: ArrayBuffer): Promise<boolean> {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
    const text = btoa(String.fromCharCode(...hash));
    return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "") === this.#list.files[file]?.hash;
  }

  /** With the listed headers alone: a cache's could lack what confines the page. */
  #response(file: string, content: ArrayBuffer): Response {
    const type = this.#list.files[file]?.type ?? "application/octet-stream";
    return new Response(content, { headers: { ...this.#list.headers, "content-type": type } });
  }
}

/** Serves the page's files from now on, where the provider listed them; else `undefined`. */
export function serveShell(worker: ServiceWorkerGlobalScope): Shell | undefined {
  const list = (worker as unknown as { countersignShell?: ShellList }).countersignShell;
  if (!list) return undefined;
  const shell = new Shell(worker, list);
  worker.addEventListener("install", (event) => event.waitUntil(shell.keep()));
  worker.addEventListener("activate", (event) => event.waitUntil(shell.tidy()));
  worker.addEventListener("message", (event) => {
    if (event.data === TAKE_OVER) event.waitUntil(shell.takeOver());
  });
  worker.addEventListener("fetch", (event) => {
    const file = shell.fileOf(event.request);
    if (file === undefined) return;
    event.respondWith(shell.serve(file));
    if (event.request.mode === "navigate") event.waitUntil(shell.update());
  });
  return shell;
}
