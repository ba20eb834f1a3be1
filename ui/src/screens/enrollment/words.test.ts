import { render } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { fakeState } from "../../state/fakeState";
import ChoosePin from "./ChoosePin.svelte";
import ConfirmationCode from "./ConfirmationCode.svelte";
import LinkEntry from "./LinkEntry.svelte";
import Practice from "./Practice.svelte";
import ProviderPreview from "./ProviderPreview.svelte";
import Wake from "./Wake.svelte";
import Welcome from "./Welcome.svelte";

const preview = {
  issuer: "https://id.acme.example",
  domain: "acme.example",
  punycode: null,
  new_provider: true,
  subject_label: "Alice Example",
  test: false,
  confirm: true,
};

it.each([
  ["Welcome", Welcome, {}],
  ["LinkEntry", LinkEntry, {}],
  ["ProviderPreview", ProviderPreview, { preview }],
  ["ChoosePin", ChoosePin, {}],
  ["ConfirmationCode", ConfirmationCode, { accountId: "ac_1" }],
  ["Wake", Wake, { accountId: "ac_1" }],
  ["Practice", Practice, { accountId: "ac_1" }],
] as const)("%s: at most 25 words stand before its buttons", (_, Component, props) => {
  for (const locale of ["en", "de"] as const) {
    const { appState } = fakeState({ locale });
    // eslint-disable-next-line @typescript-eslint/no-explicit-any
    const { container, unmount } = render(Component as any, { appState, ...props });
    const before = container.querySelector(".scroll");
    // What is folded is not read before; names, addresses and codes are no words.
    before?.querySelectorAll("details > :not(summary), .verbatim, .digits").forEach((part) => part.remove());
    const words = before?.textContent?.trim().split(/\s+/) ?? [];
    expect(words.length, words.join(" ")).toBeLessThanOrEqual(25);
    expect(words.length).toBeGreaterThan(3);
    unmount();
  }
});
