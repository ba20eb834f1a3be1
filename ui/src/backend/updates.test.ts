import { expect, it, vi } from "vitest";

import { TAKE_OVER } from "../worker/messages";
import { followUpdates } from "./updates";

function world(waiting: boolean) {
  const workers = Object.assign(new EventTarget(), { controller: {} as object | null });
  const found = { postMessage: vi.fn() };
  const registration = Object.assign(new EventTarget(), {
    waiting: waiting ? found : null,
    installing: null as unknown,
  });
  const page = { isIdle: true, idle: () => page.isIdle, reload: vi.fn() };
  const hidden = vi.spyOn(document, "hidden", "get").mockReturnValue(false);
  const follow = () => {
    followUpdates(
      workers as unknown as ServiceWorkerContainer,
      registration as unknown as ServiceWorkerRegistration,
      page,
    );
  };
  const hide = () => {
    hidden.mockReturnValue(true);
    document.dispatchEvent(new Event("visibilitychange"));
  };
  return { workers, registration, found, page, follow, hide };
}

it("a version that waits takes over when the page is opened, and the page opens anew", () => {
  const { workers, found, page, follow } = world(true);
  follow();
  expect(found.postMessage).toHaveBeenCalledExactlyOnceWith(TAKE_OVER);
  expect(page.reload).not.toHaveBeenCalled();
  workers.dispatchEvent(new Event("controllerchange"));
  expect(page.reload).toHaveBeenCalledOnce();
});

it("a version that comes later waits until the page is out of sight and nothing is begun in it", () => {
  const { registration, found, page, follow, hide } = world(false);
  follow();
  registration.waiting = found;
  page.isIdle = false;
  hide();
  expect(found.postMessage).not.toHaveBeenCalled();
  page.isIdle = true;
  hide();
  expect(found.postMessage).toHaveBeenCalledOnce();
});

it("what was begun meanwhile is not lost", () => {
  const { workers, page, follow } = world(true);
  follow();
  page.isIdle = false;
  workers.dispatchEvent(new Event("controllerchange"));
  expect(page.reload).not.toHaveBeenCalled();
});

it("a page that no worker serves takes nothing over, and is not opened anew by its first worker", () => {
  const { workers, found, page, follow } = world(true);
  workers.controller = null;
  follow();
  workers.dispatchEvent(new Event("controllerchange"));
  expect(found.postMessage).not.toHaveBeenCalled();
  expect(page.reload).not.toHaveBeenCalled();
});
