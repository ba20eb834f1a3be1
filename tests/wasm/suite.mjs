// Runs every test that a module of tests/wasm exports.

const PREFIX = "test:";

/** Runs the tests in these bytes of WebAssembly: `{passed, failed: [{name, why}]}`. `begins` is told of each. */
export async function run(bytes, begins) {
  const module = await WebAssembly.compile(bytes);
  const imports = WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`);
  if (imports.length > 0) throw new Error(`the core needs something of its host: ${imports.join(", ")}`);
  const names = WebAssembly.Module.exports(module).map(({ name }) => name);
  const tests = names.filter((name) => name.startsWith(PREFIX)).sort();
  const caught = await failure(module, "fails_on_purpose");
  if (!caught?.includes("on purpose")) throw new Error(`a test that fails is not noticed: ${caught}`);
  const failed = [];
  for (const test of tests) {
    const name = test.slice(PREFIX.length);
    await begins(name);
    const why = await failure(module, test);
    if (why !== undefined) failed.push({ name, why });
  }
  return { passed: tests.length - failed.length, failed };
}

/** Why an exported test fails, or undefined. In an instance of its own: one in which something panicked is of no more use. */
async function failure(module, name) {
  const { exports } = await WebAssembly.instantiate(module);
  exports.prepare();
  try {
    exports[name]();
    return undefined;
  } catch (error) {
    const words = new Uint8Array(exports.memory.buffer, exports.panic_at(), exports.panic_length());
    return words.length > 0 ? new TextDecoder().decode(words) : String(error.stack ?? error);
  }
}
