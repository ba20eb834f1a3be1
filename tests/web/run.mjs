// The device in a browser against a real provider: node run.mjs PAGE COUNTERSIGN CHROMIUM [PATTERN OF NAMES]. Exits 1 if a test failed.
// With FIREFOX=program some of them run in Firefox, too.
//
// A file per area exports `tests`: functions by the sentence that each proves, called with a browser and a provider of its own. A new
// file is one more line below. Whatever a page does against its Content-Security-Policy fails the test it happens in, unless the test
// says how often that is meant: `browser.violationsMeant = 1`.

import { Autopush } from "./autopush.mjs";
import { Chromium, Deadline } from "./chromium.mjs";
import { Firefox } from "./firefox.mjs";
import { Provider } from "./provider.mjs";
import { tests as access } from "./access.mjs";
import { tests as again } from "./again.mjs";
import { tests as answers } from "./answers.mjs";
import { tests as attacks } from "./attacks.mjs";
import { tests as demo } from "./demo.mjs";
import { tests as inFirefox } from "./inFirefox.mjs";
import { tests as interruptions } from "./interruptions.mjs";
import { tests as keeping } from "./keeping.mjs";
import { tests as opening } from "./opening.mjs";
import { tests as measure } from "./measure.mjs";
import { tests as refusals } from "./refusals.mjs";
import { tests as screens } from "./screens.mjs";
import { tests as serving } from "./serving.mjs";
import { tests as windows } from "./windows.mjs";
import { tests as waking } from "./waking.mjs";
import { tests as worker } from "./worker.mjs";

const tests = {
  ...access,
  ...again,
  ...answers,
  ...attacks,
  ...demo,
  ...inFirefox,
  ...interruptions,
  ...keeping,
  ...opening,
  ...measure,
  ...refusals,
  ...screens,
  ...serving,
  ...waking,
  ...windows,
  ...worker,
};

/** How many tests run side by side. */
const LANES = Number(process.env.LANES ?? 2);
/** How long a test may take, in milliseconds: longer than any wait in it, on a busy machine. Every screen in every way takes longer. */
const TEST_MS = process.env.SCREENS === "all" ? 900_000 : 180_000;

const [page, countersign, program, only] = process.argv.slice(2);
const wanted = new RegExp(only ?? "");
const firefox = process.env.FIREFOX;
const waiting = Object.entries(tests).filter(([name]) => wanted.test(name) && (firefox || !(name in inFirefox)));
const count = waiting.length;
if (count === 0) throw new Error(`no test has a name like ${only}`);
let failed = 0;

async function run(name, test) {
  const began = Date.now();
  const provider = await Provider.start(countersign, page);
  const service = await Autopush.start();
  const isInFirefox = name in inFirefox;
  const browser = await (isInFirefox ? Firefox.start(firefox, service.preferences()) : Chromium.start(program));
  const deadline = new Deadline(TEST_MS, "the test");
  try {
    await Promise.race([test({ browser, provider, service }), browser.died, deadline.passed]);
    browser.checkViolations();
    console.log(`ok ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}\n${error.stack}\n${await browser.report()}\nThe provider said:\n${provider.said}`);
  } finally {
    deadline.clear();
    await browser.end();
    await provider.stop();
    service.stop();
  }
}

async function lane() {
  for (let next = waiting.shift(); next; next = waiting.shift()) await run(...next);
}

await Promise.all(Array.from({ length: LANES }, lane));
console.log(`${count - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
