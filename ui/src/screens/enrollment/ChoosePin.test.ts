import { fireEvent, render, waitFor } from "@testing-library/svelte";
import { expect, it, vi } from "vitest";

import { fakeState, pending } from "../../state/fakeState";
import { en } from "../../words/en";
import ChoosePin from "./ChoosePin.svelte";

function renderPin() {
  const { appState, backend } = fakeState({ accounts: [], suggested_device_name: "Alice’s laptop" });
  const page = render(ChoosePin, { appState });
  const input = (label: string) => page.getByLabelText(label) as HTMLInputElement;
  const fill = (label: string, value: string) => fireEvent.input(input(label), { target: { value } });
  const enroll = page.getByRole("button", { name: en.pin.enroll });
  const isInert = () => enroll.getAttribute("aria-disabled") === "true";
  const submit = () => fireEvent.submit(enroll.closest("form") as HTMLFormElement);
  const typePins = async (pin: string, again: string) => {
    await fill(en.pin.label, pin);
    await fill(en.pin.again, again);
  };
  return { ...page, appState, backend, input, fill, typePins, isInert, submit };
}

it("hides both PINs, suggests a device name, and stays inert until both PINs are typed", async () => {
  const { input, fill, isInert, getByText } = renderPin();
  expect([input(en.pin.label).type, input(en.pin.again).type]).toEqual(["password", "password"]);
  expect(input(en.pin.label).getAttribute("aria-describedby")).toBe(getByText(en.pin.protects).id);
  expect(input(en.pin.name).value).toBe("Alice’s laptop");
  expect(isInert()).toBe(true);
  await fill(en.pin.label, "123456");
  expect(isInert()).toBe(true);
  await fill(en.pin.again, "123456");
  expect(isInert()).toBe(false);
});

it("enrolls nothing with two different PINs, and empties the second one", async () => {
  const { backend, typePins, submit, getByRole, input } = renderPin();
  await typePins("123456", "123465");
  await submit();
  expect(getByRole("alert").textContent).toBe(en.pin.differs);
  expect([input(en.pin.label).value, input(en.pin.again).value]).toEqual(["123456", ""]);
  expect(backend.calls).toEqual([]);
});

it("enrolls with the PIN and the name, and goes on to the confirmation code", async () => {
  const { appState, backend, typePins, fill, submit } = renderPin();
  await typePins("123456", "123456");
  await fill(en.pin.name, "Kitchen tablet");
  await submit();
  await waitFor(() => expect(appState.screen).toEqual({ name: "code", accountId: "ac_1" }));
  expect(backend.calls).toEqual([["enroll", "123456", "Kitchen tablet"]]);
});

it("goes on to the requests where the provider wants no confirmation", async () => {
  const { appState, backend, typePins, submit } = renderPin();
  backend.onEnroll = () => ({ account: "ac_1", confirmation_code: null });
  await typePins("123456", "123456");
  await submit();
  await waitFor(() => expect(appState.screen).toEqual({ name: "requests" }));
});

it("enrolls once while the provider has not replied, and says so", async () => {
  const { backend, typePins, submit, isInert, getByRole } = renderPin();
  const enroll = vi.spyOn(backend, "enroll").mockReturnValue(pending<never>().promise);
  await typePins("123456", "123456");
  await submit();
  expect(getByRole("status").textContent).toBe(en.pin.enrolling);
  expect(isInert()).toBe(true);
  await submit();
  expect(enroll).toHaveBeenCalledTimes(1);
});

it.each([
  ["pin_too_short", en.failure.pin_too_short],
  ["registration_token_already_used", en.failure.registration_token_already_used],
  ["rate_limited", en.failure.rate_limited],
])("says for %s what to do, and stays", async (code, sentence) => {
  const { backend, typePins, submit, findByRole, isInert } = renderPin();
  backend.onEnroll = () => ({ code, message: "for the log" });
  await typePins("1234", "1234");
  await submit();
  expect((await findByRole("alert")).textContent).toBe(sentence);
  expect(isInert()).toBe(false);
});

it("forgets the link when cancelled", async () => {
  const { appState, backend, getByRole } = renderPin();
  await fireEvent.click(getByRole("button", { name: en.cancel }));
  await waitFor(() => expect(appState.screen).toEqual({ name: "welcome" }));
  expect(backend.calls).toEqual([["forgetLink"]]);
});
