// Made from the types of crates/app by its tests; `UPDATE_TYPES=1 cargo test -p countersign-app` writes it again.

/** How a request ended. */
export type Ending = "approved" | "denied" | "expired" | "answered_elsewhere" | "cancelled" | "mismatch" | "refused" | "disputed" | "unknown";

/** An amount as the client sent it. */
export type Money = { amount: string, currency: string };

/** Where a line is placed on the screen. */
export type Role = "test" | "kind" | "held" | "first_request" | "client" | "provider" | "provider_address" | "by_way_of" | "amount" | "payee" | "detail" | "section" | "message" | "number" | "warning" | "scope" | "assurance" | "context" | "client_id" | "asked_at" | "answer_until";

/** One line of a transcript, as it is shown and as it is recorded. */
export type TranscriptLine = { label: string, prominence: 1 | 2 | 3 } & ({ type: "text" | "date" | "account" | "section", value: string } | { type: "money", value: Money });

export type Appearance = "system" | "light" | "dark";

export type Decision = "approve" | "deny" | "not_me";

export type Failure = { 
/**
 * Which; a page turns it into words.
 */
code: string, 
/**
 * The same in English, for a log. It holds no secret.
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
 * Which way.
 */
type: "boolean" | "number_choose" | "input_manual", 
/**
 * The numbers to choose from.
 */
choices: Array<string> | null, 
/**
 * How many digits to type.
 */
length: number | null, };

export type Line = { label: string, prominence: 1 | 2 | 3, role: Role } & ({ type: "text" | "date" | "account" | "section", value: string } | { type: "money", value: Money });

export type PendingRequest = { 
/**
 * Its id.
 */
id: string, 
/**
 * Whose.
 */
account: string, 
/**
 * What it is about.
 */
kind: "login" | "payment" | "consent" | "device" | "other", 
/**
 * Whether a person saw it.
 */
seen: boolean, 
/**
 * Muted: to be listed apart.
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
 * Who asks.
 */
client_name: string, 
/**
 * Whether the operator vouches for that name.
 */
client_verified: boolean, 
/**
 * Who issues the tokens.
 */
provider_name: string, 
/**
 * Where.
 */
provider_host: string, 
/**
 * How the person proves that they look at the right request.
 */
interaction: Interaction, 
/**
 * Whether approving will ask for the PIN.
 */
needs_pin: boolean, 
/**
 * Milliseconds left by the provider's clock, at the moment of the snapshot.
 */
left_ms: number, 
/**
 * Whether some of its details are of an unknown type, which is to be confirmed once more.
 */
unrecognised: boolean, 
/**
 * The hash of what is shown, to be handed back with the answer.
 */
display_hash: string, 
/**
 * The language of the lines.
 */
locale: string, 
/**
 * What is to be shown.
 */
lines: Array<Line>, };

export type RequestResult = { 
/**
 * Which.
 */
id: string, 
/**
 * Whose.
 */
account: string, 
/**
 * What it was about; unknown for one that could not be read.
 */
kind: "login" | "payment" | "consent" | "device" | "other" | null, 
/**
 * Who asked.
 */
client_name: string, 
/**
 * How much it was about.
 */
amount: Money | null, 
/**
 * Who is paid.
 */
payee: string | null, 
/**
 * What this device said, if it did.
 */
decision: "approved" | "denied" | null, 
/**
 * How it ended, as the provider signed it.
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
 * Its id on this device.
 */
account: string, 
/**
 * The provider's address.
 */
issuer: string, 
/**
 * Its host.
 */
host: string, 
/**
 * Its registrable domain.
 */
domain: string, 
/**
 * Who the account is of.
 */
subject_label: string, 
/**
 * What this device is called there.
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
 * Why it can't be used on this device, in English words, where it can't.
 */
unusable: string | null, 
/**
 * Whether its approval key still exists.
 */
can_approve: boolean, 
/**
 * What keeps the approval key.
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
 * Why.
 */
offline_why: "unreachable" | "not_the_provider" | "no_reply" | "unwell" | null, 
/**
 * When the provider last replied, seconds since the epoch.
 */
checked_at: number | null, 
/**
 * How many requests wait.
 */
pending: number, 
/**
 * The code to type where the link came from, while it is not confirmed.
 */
confirmation_code: string | null, 
/**
 * The provider's own help line.
 */
support: Support | null, };

export type Snapshot = { 
/**
 * Grows with each snapshot of one run; an older one that comes late is to be dropped.
 */
revision: number, 
/**
 * The version of the app.
 */
version: string, 
/**
 * The language of what is shown.
 */
locale: "en" | "de", 
/**
 * Light or dark.
 */
appearance: Appearance, 
/**
 * Why there is no device, where it could not be opened.
 */
trouble: Failure | null, 
/**
 * Whether a link waits that was given from outside.
 */
link_waiting: boolean, 
/**
 * Grows with each link that was given from outside.
 */
link_revision: number, 
/**
 * What this device could be called.
 */
suggested_device_name: string, 
/**
 * All accounts, oldest first.
 */
accounts: Array<AccountLine>, 
/**
 * What waits for an answer, the oldest deadline first; what is held back is among it.
 */
requests: Array<PendingRequest>, 
/**
 * Answers that were signed and are still to be taken by a provider.
 */
kept: Array<RequestResult>, 
/**
 * What ended since the start, newest first, 20 at most.
 */
results: Array<RequestResult>, };

export type LinkPreview = { 
/**
 * The provider.
 */
issuer: string, 
/**
 * Its registrable domain.
 */
domain: string, 
/**
 * The same in ASCII, where that is something else.
 */
punycode: string | null, 
/**
 * Whether no account is at this provider yet.
 */
new_provider: boolean, 
/**
 * The user.
 */
subject_label: string, 
/**
 * Whether the provider is for tests.
 */
test: boolean, 
/**
 * Whether a confirmation code will have to be typed where the link came from.
 */
confirm: boolean, };

export type EnrollmentResult = { 
/**
 * Its id on this device.
 */
account: string, 
/**
 * Six digits to type where the link came from; until then the account gets nothing.
 */
confirmation_code: string | null, };

export type AnswerResult = { 
/**
 * Which request.
 */
id: string, 
/**
 * The decision that this device signed.
 */
decision: "approved" | "denied", 
/**
 * How it ended; `null`: the answer is kept and will be sent.
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
 * The provider's own help line.
 */
support: Support | null, };

export type ActivityEntry = { 
/**
 * Which.
 */
id: string, 
/**
 * Whose.
 */
account: string, 
/**
 * The provider's host.
 */
host: string, 
/**
 * What it was about; `null` for one that could not be read.
 */
kind: "login" | "payment" | "consent" | "device" | "other" | null, 
/**
 * Who asked; `null` for one that could not be read.
 */
client_name: string | null, 
/**
 * Whether the operator vouched for that name.
 */
client_verified: boolean, 
/**
 * The client's message.
 */
message: string | null, 
/**
 * How much it was about.
 */
amount: Money | null, 
/**
 * Asked at, seconds since the epoch.
 */
issued_at: number, 
/**
 * How far it is.
 */
stage: "received" | "shown" | "answering" | "refused" | "ended", 
/**
 * What this device said, if it did.
 */
decision: "approved" | "denied" | null, 
/**
 * When it said so, seconds since the epoch.
 */
answered_at: number | null, 
/**
 * How it ended, as far as the provider signed.
 */
outcome: Ending | null, 
/**
 * The device that answered, where another did.
 */
by: string | null, 
/**
 * What was on the screen when it was answered.
 */
lines: TranscriptLine[] | null, 
/**
 * Whether the person can still say: that wasn't me.
 */
can_dispute: boolean, 
/**
 * Whether there is something signed to save.
 */
has_evidence: boolean, };
