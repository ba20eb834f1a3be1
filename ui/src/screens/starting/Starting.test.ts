import { render } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { FakeBackend } from "../../backend/fake";
import { AppState } from "../../state/app.svelte";
import { en } from "../../words/en";
import Starting from "./Starting.svelte";

it("says that the accounts are being opened, before the first snapshot", () => {
  const { getByRole, queryByRole } = render(Starting, { appState: new AppState(new FakeBackend()) });
  expect(getByRole("main").getAttribute("aria-busy")).toBe("true");
  expect(getByRole("heading", { level: 1, name: en.app })).toBeTruthy();
  expect(getByRole("status").textContent).toBe(en.starting);
  expect(queryByRole("button")).toBeNull();
});
