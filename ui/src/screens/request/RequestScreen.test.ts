import { fireEvent, render, waitFor, within } from "@testing-library/svelte";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { account, line, payment, result, signIn } from "../../backend/fake";
import type { PendingRequest, Snapshot, TranscriptLine } from "../../backend/types";
import { fakeState, pending } from "../../state/fakeState";
import { en } from "../../words/en";
import RequestScreen from "./RequestScreen.svelte";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function renderRequest(request: PendingRequest, overrides: Partial<Snapshot> = {}) {
  const { appState, backend } = fakeState({ requests: [request], ...overrides });
  const page = render(RequestScreen, { appState, request });
  const button = (label: string) => page.getByRole("button", { name: label });
  const isInert = (label: string) => button(label).getAttribute("aria-disabled") === "true";
  /** The reason that a screen reader adds to an inert Approve. */
  const inertReason = () => {
    const id = button(en.request.approve).getAttribute("aria-describedby");
    return id === null ? null : document.getElementById(id)?.textContent;
  };
  const press = (label: string) => fireEvent.click(button(label));
  /** Until Approve is no longer inert by its delay. */
  const ready = async () => {
    await vi.advanceTimersByTimeAsync(600);
    appState.now = performance.now();
  };
  const answers = () => backend.calls.filter(([method]) => method === "answer").map(([, answer]) => answer);
  return { ...page, appState, backend, button, isInert, inertReason, press, ready, answers };
}

/** A request without number and PIN. */
const plain = (overrides: Partial<PendingRequest> = {}) => payment("ch_1", { needs_pin: false, ...overrides });

/** The payment's lines, one of a role replaced or added. */
function withLine(added: TranscriptLine): TranscriptLine[] {
  return [...payment("ch_1").lines.filter(({ role }) => role !== added.role), added];
}

describe("what is shown", () => {
  it.each(["login", "payment", "consent", "device", "other"] as const)(
    "a request of the kind %s is named by it",
    (kind) => {
      const lines = withLine(line("kind", "Request", en.kind[kind]));
      const { getByRole } = renderRequest(plain({ kind, lines }));
      expect(document.activeElement).toBe(getByRole("heading", { level: 1, name: en.kind[kind] }));
      expect(getByRole("region", { name: en.kind[kind] })).toBeTruthy();
    },
  );

  it("the catalogue names the kind where no line does", () => {
    const lines = payment("ch_1").lines.filter(({ role }) => role !== "kind");
    const { getByRole } = renderRequest(plain({ kind: "consent", lines }));
    expect(getByRole("heading", { level: 1, name: en.kind.consent })).toBeTruthy();
  });

  it("practice says so before anything else", () => {
    const lines = [
      line("practice", "PRACTICE", "This is practice: nothing happens, whatever you answer"),
      ...plain().lines,
    ];
    const { container } = renderRequest(plain({ lines }));
    const [note, client] = ["#practice", "#client"].map((place) => container.querySelector(place));
    expect(note?.textContent).toContain("PRACTICE.");
    expect(note?.textContent).toContain("nothing happens, whatever you answer");
    expect(client && note?.compareDocumentPosition(client)).toBe(Node.DOCUMENT_POSITION_FOLLOWING);
  });

  it("a payment shows who, via whom, how much, to whom, and the message", () => {
    const { getByRole, getByText } = renderRequest(plain());
    const content = within(getByRole("group", { name: en.request.details }));
    for (const shown of [
      "Acme Coffee",
      "€\u00a080.00",
      "Acme Coffee, Berlin",
      "POS terminal #14: Approve €80.00 at Acme Coffee?",
    ]) {
      expect(content.getByText(shown, { normalizer: (text) => text.trim() })).toBeTruthy();
    }
    expect(getByText(en.request.via("Acme ID", "id.acme.example"))).toBeTruthy();
  });

  it("the heading is described by client, amount, payee, for whom and time left", () => {
    const { getByRole } = renderRequest(plain({ lines: withLine(line("subject", "For", "Alice Example")) }));
    const ids = getByRole("heading", { level: 1 }).getAttribute("aria-describedby")?.split(" ") ?? [];
    const described = ids.map((id) => document.getElementById(id)?.textContent?.trim());
    expect(described).toEqual([
      "Acme Coffee",
      "€\u00a080.00",
      "To Acme Coffee, Berlin",
      "For: Alice Example",
      en.request.left("1:42"),
    ]);
  });

  it("an unverified name is captioned, a verified one is not", () => {
    const lines = withLine(line("client", "Calls itself", "Acme Coffee"));
    const { getByText } = renderRequest(plain({ client_verified: false, lines }));
    expect(getByText("Calls itself")).toBeTruthy();
    const verified = renderRequest(plain({ lines }));
    expect(within(verified.container).queryByText("Calls itself")).toBeNull();
  });

  it("what is new, for tests, held back or said by way of another is marked", () => {
    const lines = [
      ...withLine(line("first_request", "New to you", "Nothing approved for Acme Coffee yet")),
      line("test", "Test", "Nothing here is real"),
      line("held", "Quiet", "Its client asked too often", "text"),
      line("gateway", "By way of", "Acme Connector"),
      line("repeat", "Asked again", "Like the one you approved 40 s ago (K7Q2-9FDM)"),
    ];
    const { getByText } = renderRequest(plain({ held: true, test: true, first_request: true, lines }));
    for (const shown of [
      "Nothing approved for Acme Coffee yet",
      en.test.badge,
      "Quiet.",
      "Its client asked too often",
      "By way of: Acme Connector",
      "Asked again.",
      "Like the one you approved 40 s ago (K7Q2-9FDM)",
    ]) {
      expect(getByText(shown)).toBeTruthy();
    }
  });

  it("details fold under a summary that names them, and the origin under another", () => {
    const { getByText } = renderRequest(plain());
    const details = getByText("To account, Reference").closest("details") as HTMLDetailsElement;
    expect(within(details).getByText("DE02100100109307118603")).toBeTruthy();
    const whereFrom = getByText(en.request.whereFrom).closest("details") as HTMLDetailsElement;
    expect(within(whereFrom).getByText("Acme Coffee says: terminal")).toBeTruthy();
    expect([details.open, whereFrom.open]).toEqual([false, false]);
  });

  it("says so where the client told no origin", () => {
    const lines = payment("ch_1").lines.filter(({ role }) => role !== "context");
    const { getByText } = renderRequest(plain({ lines }));
    const whereFrom = getByText(en.request.whereFrom).closest("details") as HTMLDetailsElement;
    expect(within(whereFrom).getAllByText(en.request.notTold)).toHaveLength(2);
  });

  it("a long message is shown whole, and markup as text", () => {
    const message = `<img src=x onerror=alert(1)>${"approve ".repeat(200)}`.trim();
    const { getByText, container } = renderRequest(plain({ lines: withLine(line("message", "Message", message)) }));
    expect(getByText(message)).toBeTruthy();
    expect(container.querySelector("img")).toBeNull();
  });

  it("says how many others wait, and how the one before ended", () => {
    const { appState, backend } = fakeState({
      requests: [plain(), payment("ch_2"), payment("ch_3"), payment("ch_4", { held: true })],
    });
    appState.previousResult = result("ch_0");
    const { getByText } = render(RequestScreen, { appState, request: plain() });
    expect(getByText(en.requests.more(2))).toBeTruthy();
    expect(getByText(/^Approved € 4\.20 to Acme Coffee, Berlin · /)).toBeTruthy();
    expect(backend.calls).toEqual([["shown", "ch_1"]]);
  });
});

describe("the time left", () => {
  it.each([
    [61_000, "1:01", ""],
    [60_000, "1:00", en.request.minute],
    [10_000, "0:10", en.request.seconds],
  ])(
    "%d milliseconds are shown as %s and announced once below a minute and below ten seconds",
    (left_ms, shown, announced) => {
      const { getByText, getAllByRole } = renderRequest(plain({ left_ms }));
      expect(getByText(en.request.left(shown))).toBeTruthy();
      expect(getAllByRole("status")[0]?.textContent).toBe(announced);
    },
  );

  it("is not claimed while the provider's clock is not known", () => {
    const { getByText, getAllByRole } = renderRequest(plain({ left_ms: null }));
    expect(getByText(en.request.leftUnknown)).toBeTruthy();
    expect(getAllByRole("status")[0]?.textContent).toBe("");
  });
});

describe("Approve", () => {
  it("is inert until the app has known for half a second that the request is on the screen", async () => {
    const { isInert, inertReason, press, ready, answers } = renderRequest(plain());
    expect([isInert(en.request.approve), inertReason()]).toEqual([true, en.request.inertSoon]);
    await press(en.request.approve);
    expect(answers()).toEqual([]);
    await ready();
    expect([isInert(en.request.approve), inertReason()]).toEqual([false, null]);
    await press(en.request.approve);
    expect(answers()).toEqual([{ challengeId: "ch_1", displayHash: "hash-of-ch_1", decision: "approve" }]);
  });

  it("stays inert for as long as the app says, which is longer where the same was asked before", async () => {
    const { isInert, ready } = renderRequest(plain({ inert_ms: 2_000 }));
    await ready();
    expect(isInert(en.request.approve)).toBe(true);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(isInert(en.request.approve)).toBe(false);
  });

  it("stays inert where the app does not know that the request is on the screen", async () => {
    const { appState, backend } = fakeState({ requests: [plain()] });
    vi.spyOn(backend, "shown").mockRejectedValue({ code: "stopped", message: "" });
    const { getByRole } = render(RequestScreen, { appState, request: plain() });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(getByRole("button", { name: en.request.approve }).getAttribute("aria-disabled")).toBe("true");
  });

  it("is inert until the typed number has all its digits", async () => {
    const { getByLabelText, isInert, inertReason, press, ready, answers } = renderRequest(
      signIn("ch_1", { needs_pin: false }),
    );
    const field = getByLabelText("Enter the number that the other screen shows") as HTMLInputElement;
    await ready();
    expect([isInert(en.request.approve), inertReason()]).toEqual([true, en.request.inertNumber]);
    await fireEvent.input(field, { target: { value: "48 29-1" } });
    expect([field.value, isInert(en.request.approve)]).toEqual(["48291", true]);
    await press(en.request.approve);
    expect(answers()).toEqual([]);
    await fireEvent.input(field, { target: { value: "48 29-13 7" } });
    expect([field.value, isInert(en.request.approve)]).toEqual(["482913", false]);
    await press(en.request.approve);
    expect(answers()).toMatchObject([{ decision: "approve", number: "482913" }]);
  });

  it("is inert until one of the numbers is chosen, of which none is preselected", async () => {
    const interaction = { type: "number_choose", choices: ["17", "42", "83"], length: null } as const;
    const choice = plain({
      interaction: { ...interaction, choices: [...interaction.choices] },
      lines: withLine(line("number", "Choose the number", "")),
    });
    const { getByRole, isInert, inertReason, press, ready, answers } = renderRequest(choice);
    const radios = within(getByRole("radiogroup", { name: "Choose the number" })).getAllByRole("radio");
    const checked = () =>
      radios.filter((radio) => radio.getAttribute("aria-checked") === "true").map((radio) => radio.textContent);
    await ready();
    expect([checked(), isInert(en.request.approve), inertReason()]).toEqual([[], true, en.request.inertNumber]);
    await fireEvent.keyDown(radios[0] as HTMLElement, { key: "ArrowLeft" });
    expect([checked(), document.activeElement]).toEqual([["83"], radios[2]]);
    await fireEvent.keyDown(radios[2] as HTMLElement, { key: "ArrowDown" });
    expect([checked(), document.activeElement]).toEqual([["17"], radios[0]]);
    await fireEvent.click(radios[1] as HTMLElement);
    expect([checked(), isInert(en.request.approve)]).toEqual([["42"], false]);
    expect(radios.map((radio) => radio.tabIndex)).toEqual([-1, 0, -1]);
    await press(en.request.approve);
    expect(answers()).toMatchObject([{ decision: "approve", number: "42" }]);
  });

  it("is inert for an unrecognised request until the person confirms having read it", async () => {
    const { getByRole, isInert, inertReason, ready } = renderRequest(plain({ unrecognised: true }));
    await ready();
    expect([isInert(en.request.approve), inertReason()]).toEqual([true, en.request.inertConfirm]);
    await fireEvent.click(getByRole("checkbox", { name: en.request.unrecognised }));
    expect(isInert(en.request.approve)).toBe(false);
  });
});

describe("the PIN", () => {
  async function atPin() {
    const page = renderRequest(payment("ch_1"));
    await page.ready();
    await page.press(en.request.approve);
    const field = page.getByLabelText(new RegExp(`^${en.request.pinLabel}`)) as HTMLInputElement;
    const type = (pin: string) => fireEvent.input(field, { target: { value: pin } });
    const submit = () => fireEvent.submit(field.form as HTMLFormElement);
    return { ...page, field, type, submit };
  }

  it("takes the focus and the place of the buttons, hidden; client and amount stay", async () => {
    const { field, queryByRole, isInert, getByText } = await atPin();
    expect([document.activeElement, field.type]).toEqual([field, "password"]);
    expect(queryByRole("button", { name: en.request.deny })).toBeNull();
    expect(getByText("€\u00a080.00", { normalizer: (text) => text.trim() })).toBeTruthy();
    expect(isInert(en.request.approve)).toBe(true);
  });

  it("goes with the answer", async () => {
    const { type, submit, answers } = await atPin();
    await submit();
    expect(answers()).toEqual([]);
    await type("123456");
    await submit();
    expect(answers()).toEqual([
      { challengeId: "ch_1", displayHash: "hash-of-ch_1", decision: "approve", pin: "123456" },
    ]);
  });

  it("can be cancelled, which answers nothing", async () => {
    const { press, button, answers } = await atPin();
    await press(en.cancel);
    expect(button(en.request.deny)).toBeTruthy();
    expect(answers()).toEqual([]);
  });

  it("when wrong: says how many tries are left, empties the field, and makes the person wait", async () => {
    const { backend, appState, type, submit, findByRole, field, isInert, getByText } = await atPin();
    backend.onAnswer = () => ({ code: "wrong_pin", message: "", tries_left: 1, wait_ms: 30_000 });
    await type("000000");
    await submit();
    expect((await findByRole("alert")).textContent).toBe(en.failure.wrong_pin(1));
    expect([field.value, field.getAttribute("aria-invalid"), document.activeElement]).toEqual(["", "true", field]);
    expect(getByText(en.failure.pin_wait("0:30"))).toBeTruthy();
    await type("123456");
    expect(isInert(en.request.approve)).toBe(true);
    appState.now = performance.now() + 30_000;
    await waitFor(() => expect(isInert(en.request.approve)).toBe(false));
  });

  it("when the key was destroyed: leads back to Deny", async () => {
    const { backend, type, submit, findByRole, button } = await atPin();
    backend.onAnswer = () => ({ code: "pin_spent", message: "" });
    await type("000000");
    await submit();
    expect((await findByRole("alert")).textContent).toBe(en.failure.pin_spent);
    expect(button(en.request.deny)).toBeTruthy();
  });

  it("is sent once while the app has not replied, which is said", async () => {
    const { backend, type, submit, getByText, isInert } = await atPin();
    const answer = vi.spyOn(backend, "answer").mockReturnValue(pending<never>().promise);
    await type("123456");
    await submit();
    expect(getByText(en.request.sending)).toBeTruthy();
    expect([isInert(en.cancel), isInert(en.request.approve)]).toEqual([true, true]);
    await submit();
    expect(answer).toHaveBeenCalledTimes(1);
  });
});

describe("Deny and This wasn’t me", () => {
  it("work at once, without number and PIN", async () => {
    const { press, isInert, answers, appState } = renderRequest(signIn("ch_1"));
    expect([isInert(en.request.deny), isInert(en.request.notMe)]).toEqual([false, false]);
    await press(en.request.deny);
    await vi.advanceTimersByTimeAsync(0);
    expect(answers()).toEqual([{ challengeId: "ch_1", displayHash: "hash-of-ch_1", decision: "deny" }]);
    expect(appState.screen.name).toBe("requests");
  });

  it("lead to what becomes of the client", async () => {
    const { press, appState } = renderRequest(payment("ch_1"));
    await press(en.request.notMe);
    await vi.advanceTimersByTimeAsync(0);
    expect(appState.screen).toMatchObject({
      name: "not-me",
      result: { decision: "denied", held_until: 1_790_000_900 },
    });
  });

  it("are sent once while the app has not replied", async () => {
    const { backend, press, isInert } = renderRequest(payment("ch_1"));
    const answer = vi.spyOn(backend, "answer").mockReturnValue(pending<never>().promise);
    await press(en.request.deny);
    await press(en.request.deny);
    await press(en.request.notMe);
    expect(answer).toHaveBeenCalledTimes(1);
    expect([en.request.deny, en.request.approve, en.request.notMe].map(isInert)).toEqual([true, true, true]);
  });

  it.each([
    ["display_changed", en.failure.display_changed],
    ["request_expired", en.failure.request_expired],
    ["novelty", en.failure.unknown("novelty")],
  ])("say for %s what happened, and stay", async (code, sentence) => {
    const { backend, press, getByRole, isInert } = renderRequest(payment("ch_1"));
    backend.onAnswer = () => ({ code, message: "for the log" });
    await press(en.request.deny);
    await vi.advanceTimersByTimeAsync(0);
    expect(getByRole("alert").textContent).toBe(sentence);
    expect(isInert(en.request.deny)).toBe(false);
  });
});

describe("a request that ends while it is shown", () => {
  it.each([
    ["expired", null, en.ending.expired],
    ["answered_elsewhere", "Alice’s terminal", en.result.elsewhere("Alice’s terminal")],
    ["answered_elsewhere", null, en.ending.answered_elsewhere],
    ["cancelled", null, en.result.cancelled("Acme Coffee")],
    ["mismatch", null, en.ending.mismatch],
    ["refused", null, en.ending.refused],
    [null, null, en.ending.gone],
  ] as const)("stays with its outcome %s (by %s), without buttons to answer", async (outcome, by, sentence) => {
    const { backend, appState, findByText, getByText, queryByRole, press } = renderRequest(payment("ch_1"));
    backend.change({ requests: [], results: [result("ch_1", { decision: null, outcome, by })] });
    expect((await findByText(sentence)).getAttribute("role")).toBe("status");
    expect(getByText(en.request.over)).toBeTruthy();
    for (const gone of [en.request.deny, en.request.approve, en.request.notMe])
      expect(queryByRole("button", { name: gone })).toBeNull();
    await press(en.done);
    expect(appState.screen).toEqual({ name: "requests" });
  });

  it("says so where nothing is known of its outcome", async () => {
    const { backend, findByText } = renderRequest(payment("ch_1"));
    backend.change({ requests: [] });
    expect(await findByText(en.request.ended)).toBeTruthy();
  });

  it("no longer takes a number", async () => {
    const { backend, findByText, queryByRole } = renderRequest(signIn("ch_1"));
    expect(queryByRole("textbox")).toBeTruthy();
    backend.change({ requests: [], results: [result("ch_1", { outcome: "expired" })] });
    await findByText(en.ending.expired);
    expect(queryByRole("textbox")).toBeNull();
  });
});

it("Back leaves the request unanswered", async () => {
  const { appState, answers, press } = renderRequest(payment("ch_1"), { accounts: [account()] });
  await press(en.back);
  expect(appState.screen).toEqual({ name: "requests" });
  expect(answers()).toEqual([]);
});
