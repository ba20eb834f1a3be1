import { afterEach, expect, it } from "vitest";

import { providerName } from "./side";

afterEach(() => document.head.replaceChildren());

it("has the name that the provider put into its page, as text", () => {
  const meta = document.createElement("meta");
  meta.name = "application-name";
  meta.content = "Example <b>Bank</b>";
  document.head.append(meta);
  expect(providerName()).toBe("Example <b>Bank</b>");
});

it("has the host where there is no name", () => {
  expect(providerName()).toBe(location.hostname);
});
