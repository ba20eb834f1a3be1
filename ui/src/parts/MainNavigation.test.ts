import { fireEvent, render } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { activityEntry } from "../backend/fake";
import { fakeState } from "../state/fakeState";
import { en } from "../words/en";
import MainNavigation from "./MainNavigation.svelte";

it("marks the current tab alone, and goes to the one pressed", async () => {
  const { appState } = fakeState();
  appState.go("requests");
  const { getByRole, getAllByRole } = render(MainNavigation, { appState });
  expect(getByRole("navigation", { name: en.nav.label })).toBeTruthy();
  const current = () => getAllByRole("button", { current: "page" }).map((tab) => tab.textContent?.trim());
  expect(current()).toEqual([en.nav.requests]);
  for (const tab of ["accounts", "activity", "settings", "requests"] as const) {
    await fireEvent.click(getByRole("button", { name: en.nav[tab] }));
    expect(appState.screen).toEqual({ name: tab });
    expect(current()).toEqual([en.nav[tab]]);
  }
});

it("counts a request of the past as activity", () => {
  const { appState } = fakeState();
  appState.screen = { name: "past", entry: activityEntry("ch_1") };
  const { getByRole } = render(MainNavigation, { appState });
  expect(getByRole("button", { current: "page" }).textContent?.trim()).toBe(en.nav.activity);
});
