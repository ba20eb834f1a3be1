// Writes compressed files, by gzip and by Brotli, beside each file of the page in a browser (node compress.js FOLDER), which `op serve`
// sends to whoever accepts them. Prints the size; with --limit, fails where it is above the limit.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const GOAL_KIB = 500;
/** What it had when this was last set, and a fiftieth (docs/performance.md). */
const LIMIT_KIB = 759;
const folder = process.argv[2];
const sizes = {};
for (const file of readdirSync(folder, { recursive: true })) {
  const path = join(folder, file);
  if (!statSync(path).isFile() || /\.(gz|br|png)$/.test(file)) continue;
  const content = readFileSync(path);
  const compressed = gzipSync(content, { level: 9 });
  writeFileSync(`${path}.br`, brotliCompressSync(content));
  writeFileSync(`${path}.gz`, compressed);
  const kind = file.slice(file.lastIndexOf(".") + 1);
  sizes[kind] = (sizes[kind] ?? 0) + compressed.length;
}
const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;
const kinds = Object.entries(sizes).map(([kind, size]) => `${kind} ${kib(size)}`);
console.log(`The page in a browser: ${kib(total)} compressed, the goal is ${GOAL_KIB} KiB (${kinds.join(", ")})`);
if (process.argv.includes("--limit") && total > LIMIT_KIB * 1024) {
  console.error(`That is above the limit of ${LIMIT_KIB} KiB: what made it larger?`);
  process.exit(1);
}
