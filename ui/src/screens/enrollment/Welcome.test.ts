import { fireEvent, render } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { fakeState } from "../../state/fakeState";
import { en } from "../../words/en";
import Welcome from "./Welcome.svelte";

it("explains the device and leads to the entry of a link", async () => {
  const { appState } = fakeState({ accounts: [] });
  const { getByRole, getByText } = render(Welcome, { appState });
  expect(document.activeElement).toBe(getByRole("heading", { name: en.welcome.title }));
  expect(getByText(en.welcome.lead)).toBeTruthy();
  await fireEvent.click(getByRole("button", { name: en.welcome.have }));
  expect(appState.screen).toEqual({ name: "link" });
});

it("speaks the language of the snapshot", () => {
  const { appState } = fakeState({ accounts: [], locale: "de" });
  const { getByRole } = render(Welcome, { appState });
  expect(getByRole("button", { name: "Ich habe einen Link" })).toBeTruthy();
  expect(document.documentElement.lang).toBe("de");
});
