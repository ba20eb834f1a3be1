// Runs the tests of a module in a headless Chromium: node run.mjs MODULE PROGRAM. Exits 1 if one failed, or if there was none.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** How long the browser may take to start, and for each test, in milliseconds. */
const PATIENCE_MS = 120_000;
/** How long it may take to end when it is asked to. */
const GRACE_MS = 5_000;
const PAGE = '<!doctype html><meta charset="utf-8"><title>tests</title><script type="module" src="/page.mjs"></script>';

const [module, program] = process.argv.slice(2);
const { passed = 0, failed = [], error, agent = program } = await inBrowser(program, await readFile(module));
for (const { name, why } of failed) console.error(`FAILED ${name}\n${why}\n`);
if (error !== undefined) console.error(error);
console.log(`As WebAssembly in ${agent}:\n${passed} passed, ${failed.length} failed`);
process.exit(error === undefined && failed.length === 0 && passed > 0 ? 0 : 1);

/** Serves a page with the tests on a port of its own, and has the browser open it. */
async function inBrowser(program, module) {
  const files = {
    "/": ["text/html", PAGE],
    "/page.mjs": ["text/javascript", await readFile(new URL("page.mjs", import.meta.url))],
    "/suite.mjs": ["text/javascript", await readFile(new URL("suite.mjs", import.meta.url))],
    "/module.wasm": ["application/wasm", module],
  };
  let done;
  let running = "the browser's start";
  let said = "";
  const finished = new Promise((resolve) => (done = resolve));
  const late = () => done({ error: `${running} takes longer than ${PATIENCE_MS / 1000} s:\n${said}` });
  let patience = setTimeout(late, PATIENCE_MS);
  const server = createServer(async (request, response) => {
    if (request.method === "POST") {
      let body = "";
      for await (const chunk of request) body += chunk;
      response.writeHead(204).end();
      if (request.url === "/result") return done(JSON.parse(body));
      running = body;
      clearTimeout(patience);
      patience = setTimeout(late, PATIENCE_MS);
      return;
    }
    const [type, content] = files[request.url] ?? [];
    if (type === undefined) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": type }).end(content);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const profile = await mkdtemp(join(tmpdir(), "countersign-chromium-"));
  const options = [
    "--headless=new",
    "--no-sandbox", // needs a user of its own, which a container's root is not; the page is this folder's
    "--disable-gpu",
    "--disable-dev-shm-usage", // a container has little of it
    "--no-first-run",
    `--user-data-dir=${profile}`,
    `http://127.0.0.1:${server.address().port}/`,
  ];
  const child = spawn(program, options, { stdio: ["ignore", "ignore", "pipe"] });
  child.stderr.on("data", (chunk) => (said = (said + chunk).slice(-4000)));
  const ended = once(child, "exit").then(([code]) => ({ error: `${program} ended with ${code}:\n${said}` }));
  const result = await Promise.race([finished, ended]);
  clearTimeout(patience);
  child.kill();
  setTimeout(() => child.kill("SIGKILL"), GRACE_MS).unref();
  await ended;
  server.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  return result;
}
