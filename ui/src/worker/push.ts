// A push: it carries nothing but "look", so that whoever forges one makes the device look. Every push ends in a notification, for
// browsers take the permission from who shows none; while a page is looked at, the request is on it, and browsers ask for none.

import type { WokenDevice, WorkerModule } from "../backend/workerMessages";
import { notificationWords } from "../words/notifications";
import { pages, tell } from "./click";
import { showLook, showNoAccount } from "./notifications";

/** A page that is hidden gives the device up at once, unless something is under way in it. */
const LOCK_MS = 2_000;
const LOOK_MS = 5_000;
/** All of it, in milliseconds: something is shown within ten seconds. */
const ALL_MS = 8_000;

/** Brings the device's module. */
export type Load = () => Promise<WorkerModule["WokenDevice"]>;

export async function pushed(worker: ServiceWorkerGlobalScope, load: Load): Promise<void> {
  const shownIn = await pages(worker);
  for (const page of shownIn) tell(page, { pushed: true });
  if (shownIn.some(({ focused, visibilityState }) => focused && visibilityState === "visible")) return;
  const words = notificationWords(worker.navigator.language);
  const { registration } = worker;
  const { hostname } = worker.location;
  const looked = async (device: WokenDevice) => {
    const look = await device.look(LOOK_MS);
    const told = await showLook(registration, look, words, Date.now());
    const reached = look.accounts.length > 0 && look.accounts.every((account) => account.reached);
    if (!told && reached) await showNoAccount(registration, hostname, words.nothingWaits, true);
    return told || reached;
  };
  let work: Promise<void> | undefined;
  const looking = new Promise<boolean>((resolve) => {
    work = withDevice(load, async (device) => resolve(await looked(device))).then(
      () => resolve(false),
      () => resolve(false),
    );
  });
  const shown = await within(ALL_MS, looking).catch(() => false);
  if (!shown) await showNoAccount(registration, hostname, words.somethingMayWait, false);
  await work;
}

/** The browser has another subscription, or none any more. */
export async function subscriptionChanged(worker: ServiceWorkerGlobalScope, load: Load): Promise<void> {
  const shownIn = await pages(worker);
  // The look brings what each provider says of the subscription that it knows.
  const look = async (device: WokenDevice) => {
    await device.look(LOOK_MS);
    return true;
  };
  const looked = await withDevice(load, look).catch(() => false);
  if (!looked) for (const page of shownIn) tell(page, { subscription: true });
}

/** The device while it is looked by: pushes that come close together look by the same one, for nobody else could open it meanwhile. */
let current: { load: Load; device: Promise<WokenDevice | undefined>; users: number } | undefined;

/** Opens the device and, afterwards, sees to its subscription; `undefined` where a page keeps it. */
async function withDevice<T>(load: Load, use: (device: WokenDevice) => Promise<T>): Promise<T | undefined> {
  const begun = current?.load === load ? current : undefined;
  const shared = begun ?? { load, device: load().then((Device) => Device.open(LOCK_MS)), users: 0 };
  current = shared;
  shared.users += 1;
  try {
    const device = await shared.device;
    if (!device) return undefined;
    const result = await use(device);
    await within(ALL_MS, device.look_to_push()).catch(() => undefined);
    return result;
  } finally {
    shared.users -= 1;
    if (shared.users === 0) {
      if (current === shared) current = undefined;
      await shared.device.then((device) => device?.free()).catch(() => undefined);
    }
  }
}

function within<T>(millis: number, promise: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("not in time")), millis));
  return Promise.race([promise, late]);
}
