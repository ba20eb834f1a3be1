import { fireEvent, render, waitFor } from "@testing-library/svelte";
import { expect, it } from "vitest";

import { linkPreview } from "../../backend/fake";
import type { LinkPreview } from "../../backend/types";
import { fakeState } from "../../state/fakeState";
import { en } from "../../words/en";
import ProviderPreview from "./ProviderPreview.svelte";

function renderPreview(overrides: Partial<LinkPreview> = {}) {
  const { appState, backend } = fakeState();
  const preview = linkPreview({ new_provider: false, ...overrides });
  return { ...render(ProviderPreview, { appState, preview }), appState, backend };
}

it("shows provider and user, and marks nothing on an ordinary provider", () => {
  const { getByText, getByRole, queryByText } = renderPreview();
  expect(document.activeElement).toBe(getByRole("heading", { name: en.preview.title }));
  for (const shown of ["acme.example", "https://id.acme.example", "Alice"]) expect(getByText(shown)).toBeTruthy();
  expect(queryByText(en.preview.isNew)).toBeNull();
  expect(queryByText(en.test.badge)).toBeNull();
  expect(queryByText(/plain letters/)).toBeNull();
});

it("marks a new provider and one for tests, and spells an international domain in ASCII", () => {
  const { getByText } = renderPreview({
    new_provider: true,
    test: true,
    domain: "аcme.example",
    punycode: "xn--cme-5cd.example",
  });
  expect(getByText(en.preview.isNew)).toBeTruthy();
  expect(getByText(en.test.badge)).toBeTruthy();
  expect(getByText(en.preview.also("xn--cme-5cd.example"))).toBeTruthy();
});

it("shows a long name whole, and markup as text", () => {
  const subject_label = `<b>${"Alice-".repeat(40)}</b>`;
  const { getByText, container } = renderPreview({ subject_label });
  expect(getByText(subject_label)).toBeTruthy();
  expect(container.querySelector("b")).toBeNull();
});

it("goes on to the PIN only when confirmed", async () => {
  const { appState, backend, getByRole } = renderPreview();
  await fireEvent.click(getByRole("button", { name: en.preview.confirm }));
  expect(appState.screen).toEqual({ name: "pin-new" });
  expect(backend.calls).toEqual([]);
});

it("enrolls at once where the screen lock takes the place of a PIN", async () => {
  const { appState, backend, getByRole } = renderPreview({ passkey: true });
  await fireEvent.click(getByRole("button", { name: en.preview.confirm }));
  await waitFor(() => expect(appState.screen).toEqual({ name: "code", accountId: "ac_1" }));
  expect(backend.calls).toEqual([["enroll", undefined, "Laptop"]]);
});

it("offers the passkey that a person may have to a page that has no account yet, and to no other", async () => {
  const other = renderPreview({ passkey: true, known_passkey: true, new_provider: false });
  expect(other.queryByRole("button", { name: en.preview.again })).toBeNull();
  other.unmount();
  const { appState, backend, getByRole } = renderPreview({ passkey: true, known_passkey: true, new_provider: true });
  backend.onEnroll = () => ({ code: "unknown_passkey", message: "" });
  await fireEvent.click(getByRole("button", { name: en.preview.again }));
  await waitFor(() => expect(getByRole("alert").textContent).toBe(en.failure.unknown_passkey));
  backend.onEnroll = () => ({ account: "ac_1", confirmation_code: null });
  await fireEvent.click(getByRole("button", { name: en.preview.again }));
  await waitFor(() => expect(appState.screen.name).toBe("requests"));
  expect(backend.calls).toEqual([
    ["enrollAgain", "Laptop"],
    ["enrollAgain", "Laptop"],
  ]);
});

it("says that the person would not, and lets her try again", async () => {
  const { appState, backend, getByRole } = renderPreview({ passkey: true });
  backend.onEnroll = () => ({ code: "declined", message: "" });
  await fireEvent.click(getByRole("button", { name: en.preview.confirm }));
  await waitFor(() => expect(getByRole("alert").textContent).toBe(en.failure.declined));
  expect(appState.screen.name).not.toBe("pin-new");
  await fireEvent.click(getByRole("button", { name: en.preview.confirm }));
  await waitFor(() => expect(backend.calls).toHaveLength(2));
});

it("offers a PIN to a person who would not, or could not", async () => {
  const { appState, backend, getByRole } = renderPreview({ passkey: true });
  backend.onEnroll = () => ({ code: "declined", message: "" });
  await fireEvent.click(getByRole("button", { name: en.preview.confirm }));
  await waitFor(() => expect(getByRole("alert").textContent).toBe(en.failure.declined));
  await fireEvent.click(getByRole("button", { name: en.preview.pin }));
  expect(appState.screen).toEqual({ name: "pin-new" });
});

it.each(["no_screen_lock", "passkey_not_allowed"])("goes on to the PIN where a passkey is none (%s)", async (code) => {
  const { appState, backend, getByRole } = renderPreview({ passkey: true });
  backend.onEnroll = () => ({ code, message: "" });
  await fireEvent.click(getByRole("button", { name: en.preview.confirm }));
  await waitFor(() => expect(appState.screen).toEqual({ name: "pin-new" }));
});

it("forgets the link when cancelled", async () => {
  const { appState, backend, getByRole } = renderPreview();
  await fireEvent.click(getByRole("button", { name: en.preview.cancel }));
  await waitFor(() => expect(appState.screen).toEqual({ name: "requests" }));
  expect(backend.calls).toEqual([["forgetLink"]]);
});
