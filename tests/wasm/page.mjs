// The page's script: fetches the module, runs its tests, and posts each one's name and the result to the server it came from.

import { run } from "./suite.mjs";

const post = (path, body) => fetch(path, { method: "POST", body });

let result;
try {
  const module = await fetch("/module.wasm");
  result = await run(await module.arrayBuffer(), (name) => post("/begins", name));
} catch (error) {
  result = { error: String(error.stack ?? error) };
}
await post("/result", JSON.stringify({ ...result, agent: navigator.userAgent }));
