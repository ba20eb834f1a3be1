// Made from the types of crates/app by its tests; `UPDATE_TYPES=1 cargo test -p countersign-app` writes it again.

/** How a request ended. */
export type Ending = "approved" | "denied" | "expired" | "answered_elsewhere" | "cancelled" | "mismatch" | "refused" | "disputed" | "unknown";

/** Why a provider is offline. */
export type OfflineReason = "unreachable" | "not_the_provider" | "no_reply" | "unwell" | "certificate_unknown_authority" | "certificate_expired" | "certificate_wrong_name" | "certificate_of_authority" | "certificate_unusable";

/** An amount as the client sent it. */
export type Money = { amount: string, currency: string };

/** Where a line is placed on the screen. */
export type Role = "test" | "kind" | "held" | "first_request" | "client" | "client_claimed" | "provider" | "provider_claimed" | "provider_address" | "gateway" | "subject" | "amount" | "payee" | "account" | "detail" | "client_detail" | "section" | "message" | "number" | "choice" | "warning" | "repeat" | "practice" | "scope" | "assurance" | "terminal" | "context" | "client_id" | "asked_at" | "answer_until";

/** One line of a transcript, as it is shown and as it is recorded. */
export type TranscriptLine = { role: Role, label: string, label_from?: string, prominence: 1 | 2 | 3, from: string } & ({ type: "text" | "date" | "account" | "section", value: string } | { type: "money", value: Money });

export type Appearance = "system" | "light" | "dark";

export type Decision = "approve" | "deny" | "not_me";

export type Failure = { 
/**
 * The stable code, which a page turns into words.
 */
code: string, 
/**
 * The error in English, for a log. It holds no secret.
 */
message: string, 
/**
 * After a wrong PIN: tries until the approval key is destroyed.
 */
tries_left?: number, 
/**
 * After wrong PINs: milliseconds until the next try.
 */
wait_ms?: number, };

export type Support = { 
/**
 * A telephone number.
 */
phone: string | null, 
/**
 * A web page, to be shown and not followed.
 */
url: string | null, };

export type Interaction = { 
/**
 * The interaction's type.
 */
type: "boolean" | "number_choose" | "input_manual", 
/**
 * The numbers to choose from, for `number_choose`.
 */
choices: Array<string> | null, 
/**
 * How many digits to type, for `input_manual`.
 */
length: number | null, };

export type PendingRequest = { 
/**
 * The challenge's id.
 */
id: string, 
/**
 * The account's id on this device.
 */
account: string, 
/**
 * The user's id at the provider, for whom it is.
 */
subject: string, 
/**
 * The user's name.
 */
subject_label: string, 
/**
 * What is asked for.
 */
kind: "login" | "payment" | "consent" | "device" | "other", 
/**
 * Whether a person has seen it.
 */
seen: boolean, 
/**
 * Held back because of limits: listed apart, never notified.
 */
held: boolean, 
/**
 * Whether its provider is for tests.
 */
test: boolean, 
/**
 * Whether nothing of this client was ever approved on this account.
 */
first_request: boolean, 
/**
 * For how long Approve is inert after the request appears, in milliseconds.
 */
inert_ms: number, 
/**
 * The client's name.
 */
client_name: string, 
/**
 * Whether the provider's operator has verified that name.
 */
client_verified: boolean, 
/**
 * The name of the provider that issues the tokens.
 */
provider_name: string, 
/**
 * That provider's host.
 */
provider_host: string, 
/**
 * The interaction that binds the answer to the screen where the request began.
 */
interaction: Interaction, 
/**
 * Whether approving needs the PIN now.
 */
needs_pin: boolean, 
/**
 * Milliseconds until it expires by the provider's clock, at the moment of the snapshot; `null` while that clock is not
 * known.
 */
left_ms: number | null, 
/**
 * Whether some `authorization_details` are of an unknown type: the page asks the person once more.
 */
unrecognised: boolean, 
/**
 * The hash of the transcript, to be sent back with the answer.
 */
display_hash: string, 
/**
 * The language of the lines.
 */
locale: string, 
/**
 * The transcript's lines.
 */
lines: TranscriptLine[], };

export type RequestResult = { 
/**
 * The challenge's id.
 */
id: string, 
/**
 * The account's id on this device.
 */
account: string, 
/**
 * What people call it once it has ended; `null` before, and where the challenge could not be read.
 */
ref: string | null, 
/**
 * What was asked for; `null` where the challenge could not be read.
 */
kind: "login" | "payment" | "consent" | "device" | "other" | null, 
/**
 * The client's name.
 */
client_name: string, 
/**
 * The amount of a payment.
 */
amount: Money | null, 
/**
 * The payee of a payment.
 */
payee: string | null, 
/**
 * This device's decision, if it answered.
 */
decision: "approved" | "denied" | null, 
/**
 * How it ended, by a verified outcome.
 */
outcome: Ending | null, 
/**
 * The device that answered, where another did.
 */
by: string | null, 
/**
 * When it ended, or was answered; seconds since the epoch.
 */
at: number, };

export type AccountLine = { 
/**
 * The account's id on this device.
 */
account: string, 
/**
 * The provider's issuer.
 */
issuer: string, 
/**
 * The issuer's host.
 */
host: string, 
/**
 * The issuer's registrable domain.
 */
domain: string, 
/**
 * The user's name.
 */
subject_label: string, 
/**
 * The device's name at the provider.
 */
device_name: string, 
/**
 * Whether the provider knows this device.
 */
status: "unconfirmed" | "active" | "not_known" | "suspended" | "revoked", 
/**
 * Since when, for `not_known`, `suspended` and `revoked`; seconds since the epoch.
 */
since: number | null, 
/**
 * Why it can't be used on this device, in English, where it can't.
 */
unusable: string | null, 
/**
 * Whether its approval key still exists.
 */
can_approve: boolean, 
/**
 * What protects the approval key.
 */
key_protection: string, 
/**
 * Whether its provider is for tests.
 */
test: boolean, 
/**
 * Since when the provider is offline, seconds since the epoch.
 */
offline_since: number | null, 
/**
 * Why the provider is offline.
 */
offline_why: OfflineReason | null, 
/**
 * When the provider last replied, seconds since the epoch.
 */
checked_at: number | null, 
/**
 * How many requests wait for an answer.
 */
pending: number, 
/**
 * Whether the same user has another account on this device that takes part: enrolled again since.
 */
replaced: boolean, 
/**
 * The code to type where the link came from, while it is not confirmed.
 */
confirmation_code: string | null, 
/**
 * The provider's support contact.
 */
support: Support | null, 
/**
 * Whether the provider can wake this device; `null` where nothing wakes it.
 */
waking: Waking | null, 
/**
 * What the provider says of the address where it wakes this device; `null` before it said anything.
 */
push: "none" | "ok" | "gone" | "rekey" | "off" | null, };

export type Snapshot = { 
/**
 * Grows with each snapshot of one run. A page drops one that is older than the last it got.
 */
revision: number, 
/**
 * The app's version.
 */
version: string, 
/**
 * The language to show everything in.
 */
locale: "en" | "de", 
/**
 * The window's appearance.
 */
appearance: Appearance, 
/**
 * Why there is no device, where it could not be opened.
 */
trouble: Failure | null, 
/**
 * Whether a link was offered from outside.
 */
link_waiting: boolean, 
/**
 * Grows with each link that is offered from outside.
 */
link_revision: number, 
/**
 * A suggestion for the device's name.
 */
suggested_device_name: string, 
/**
 * All accounts in the order of their enrollment.
 */
accounts: Array<AccountLine>, 
/**
 * Requests that wait for an answer, the earliest expiry first, those held back included.
 */
requests: Array<PendingRequest>, 
/**
 * Answered requests without an outcome yet.
 */
kept: Array<RequestResult>, 
/**
 * Requests that ended since the start, newest first, 20 at most.
 */
results: Array<RequestResult>, };

export type LinkPreview = { 
/**
 * The provider's issuer.
 */
issuer: string, 
/**
 * The provider's registrable domain.
 */
domain: string, 
/**
 * The domain in ASCII, where that differs.
 */
punycode: string | null, 
/**
 * Whether this device has no account at this provider yet.
 */
new_provider: boolean, 
/**
 * The user's name.
 */
subject_label: string, 
/**
 * Whether the provider is for tests.
 */
test: boolean, 
/**
 * Whether a confirmation code will have to be typed where the link came from.
 */
confirm: boolean, 
/**
 * Whether the approval key can be a passkey: the screen lock takes the place of a PIN.
 */
passkey: boolean, 
/**
 * Whether the provider takes passkeys from this device: where `passkey` is not, a screen lock may be what is missing.
 */
takes_passkeys: boolean, 
/**
 * Whether a passkey that this person has for this page already may take the new one's place.
 */
known_passkey: boolean, };

export type EnrollmentResult = { 
/**
 * The account's id on this device.
 */
account: string, 
/**
 * Six digits to type where the link came from; until then the account receives nothing.
 */
confirmation_code: string | null, };

export type AnswerResult = { 
/**
 * The challenge's id.
 */
id: string, 
/**
 * The decision that this device signed.
 */
decision: "approved" | "denied", 
/**
 * How the request ended; `null`: the answer is in the outbox and will be sent.
 */
outcome: Ending | null, 
/**
 * The device that answered first, where another did.
 */
by: string | null, 
/**
 * After "this wasn't me": until when the provider holds this client back, seconds since the epoch.
 */
held_until: number | null, 
/**
 * The provider's support contact.
 */
support: Support | null, };

export type ActivityEntry = { 
/**
 * The challenge's id.
 */
id: string, 
/**
 * The account's id on this device.
 */
account: string, 
/**
 * What people call it; `null` while it waits for an answer, and where the challenge could not be read.
 */
ref: string | null, 
/**
 * The provider's host.
 */
host: string, 
/**
 * The user's name, for whom it was.
 */
subject_label: string, 
/**
 * What was asked for; `null` where the challenge could not be read.
 */
kind: "login" | "payment" | "consent" | "device" | "other" | null, 
/**
 * The client's name; `null` where the challenge could not be read.
 */
client_name: string | null, 
/**
 * Whether the provider's operator had verified that name.
 */
client_verified: boolean, 
/**
 * The client's `binding_message`.
 */
message: string | null, 
/**
 * The amount of a payment.
 */
amount: Money | null, 
/**
 * When the challenge was issued, seconds since the epoch.
 */
issued_at: number, 
/**
 * How far it has come on this device.
 */
stage: "received" | "shown" | "answering" | "refused" | "ended", 
/**
 * This device's decision, if it answered.
 */
decision: "approved" | "denied" | null, 
/**
 * When it answered, seconds since the epoch.
 */
answered_at: number | null, 
/**
 * How it ended, by the newest verified outcome.
 */
outcome: Ending | null, 
/**
 * The device that answered, where another did.
 */
by: string | null, 
/**
 * The lines that were on the screen when it was answered.
 */
lines: TranscriptLine[] | null, 
/**
 * Whether it can still be disputed.
 */
can_dispute: boolean, 
/**
 * Whether there is evidence to save.
 */
has_evidence: boolean, };

export type Waking = "on" | "askable" | "denied" | "unsupported" | "not_pushed" | "not_told";

export type WakeResult = "on" | "refused" | "blocked" | "unsupported" | "absent" | "silent";

export type PushTrial = { 
/**
 * From the call until the provider sent it, in milliseconds.
 */
queued_ms: number, 
/**
 * From then until the push service took it, in milliseconds; `null`: it did not.
 */
accepted_ms: number | null, 
/**
 * The push service's host.
 */
service: string, };

export type WaitingRequest = { 
/**
 * The challenge's id.
 */
id: string, 
/**
 * Milliseconds until it expires, by the provider's clock; `null` while that is not known.
 */
left_ms: number | null, };

export type AccountLook = { 
/**
 * The account's id on this device.
 */
account: string, 
/**
 * The provider's name, where a verified request says it; else its host.
 */
provider: string, 
/**
 * Whether the provider answered.
 */
reached: boolean, 
/**
 * The requests, the earliest expiry first, without those that come quietly.
 */
requests: Array<WaitingRequest>, };

export type Look = { 
/**
 * Every account that takes part.
 */
accounts: Array<AccountLook>, };
