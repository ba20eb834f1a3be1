// The state of a page whose app is a fake, for tests of single components.

import { FakeBackend } from "../backend/fake";
import type { Snapshot } from "../backend/types";
import { AppState } from "./app.svelte";

/** A state that has received one snapshot and receives every later one of the backend. */
export function fakeState(overrides: Partial<Snapshot> = {}): { appState: AppState; backend: FakeBackend } {
  const backend = new FakeBackend(overrides);
  const appState = new AppState(backend);
  void backend.watch((snapshot) => appState.receive(snapshot));
  appState.receive(backend.state);
  return { appState, backend };
}

/** A promise that a test settles, for what is shown in between. */
export function pending<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
