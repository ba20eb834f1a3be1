import { render } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { FakeBackend } from "../../backend/fake";
import { AppState } from "../../state/app.svelte";
import { fakeState } from "../../state/fakeState";
import { en } from "../../words/en";
import Trouble from "./Trouble.svelte";

it.each([
  ["home_in_use", en.trouble.home_in_use],
  ["store_newer", en.trouble.store_newer],
  ["disk_on_fire", en.trouble.other],
])("says for %s what happened and what to do", (code, sentence) => {
  const { appState } = fakeState({ trouble: { code, message: "process 7 holds /home/alice/.countersign" } });
  const { getByRole, getByText } = render(Trouble, { appState });
  const heading = getByRole("heading", { name: en.trouble.title });
  expect(document.activeElement).toBe(heading);
  expect(getByText(sentence)).toBeTruthy();
  expect(getByRole("group").textContent).toContain("process 7 holds /home/alice/.countersign");
});

it("offers no details where the app itself does not reply", () => {
  const { getByText, queryByRole } = render(Trouble, { appState: new AppState(new FakeBackend()) });
  expect(getByText(en.trouble.other)).toBeTruthy();
  expect(queryByRole("group")).toBeNull();
});
