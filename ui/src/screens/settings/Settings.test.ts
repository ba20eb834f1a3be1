import { fireEvent, render } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { fakeState } from "../../state/fakeState";
import { en } from "../../words/en";
import Settings from "./Settings.svelte";

it.each(["system", "light", "dark"] as const)(
  "shows that the appearance is %s, in the radios and on the page",
  (appearance) => {
    const { appState } = fakeState({ appearance });
    const { getByRole, getAllByRole } = render(Settings, { appState });
    expect((getByRole("radio", { name: en.settings[appearance] }) as HTMLInputElement).checked).toBe(true);
    expect((getAllByRole("radio") as HTMLInputElement[]).filter((radio) => radio.checked)).toHaveLength(1);
    expect(document.documentElement.dataset["appearance"]).toBe(appearance);
  },
);

it("makes the page dark at once, and tells the app", async () => {
  const { appState, backend } = fakeState();
  const { getByRole } = render(Settings, { appState });
  expect(getByRole("group", { name: en.settings.appearance })).toBeTruthy();
  await fireEvent.click(getByRole("radio", { name: en.settings.dark }));
  expect(document.documentElement.dataset["appearance"]).toBe("dark");
  expect(backend.calls).toEqual([["setAppearance", "dark"]]);
});

it("shows the version", () => {
  const { appState } = fakeState({ version: "0.1.0" });
  const { getByText } = render(Settings, { appState });
  expect(getByText(`${en.app} · ${en.settings.version("0.1.0")}`)).toBeTruthy();
});
