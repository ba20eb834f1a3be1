//! Hard limits of the protocol: constants that no configuration changes. Policy (lifetimes, prompts per minute …) is not here.

/// Bits of randomness in an id that names something secret or guessable. NIST SP 800-63B asks for 64, CIBA Core §7.3 for
/// 128 and recommends 160.
pub const ID_BITS: usize = 256;

/// Largest HTTP body a gateway reads, in bytes.
pub const BODY_BYTES: usize = 16 * 1024;

/// Largest HTTP body of an answer, in bytes: the answer and its transcript, with what JSON escapes.
pub const ANSWER_BODY_BYTES: usize = 96 * 1024;

/// Largest transcript, in bytes of its JSON text.
pub const TRANSCRIPT_BYTES: usize = 32 * 1024;

/// Most that the lines of authorization details may take by [`Details::transcript_bound`](crate::details::Details), in bytes;
/// leaves room for the other lines within [`TRANSCRIPT_BYTES`].
pub const DETAILS_TRANSCRIPT_BYTES: usize = 24 * 1024;

/// Most issuers in a statement's `on_behalf_of`.
pub const ON_BEHALF_OF: usize = 16;

/// Largest compact JWS, in bytes.
pub const JWS_BYTES: usize = 16 * 1024;

/// Largest signature that is attached to a message, in bytes: a passkey's authenticator data, client data and signature in
/// base64url, with what JSON adds.
pub const SIGNATURE_BYTES: usize = 5 * 1024;

/// Largest authenticator data in a passkey's signature, in bytes.
pub const AUTHENTICATOR_DATA_BYTES: usize = 1024;

/// Largest client data of a passkey's signature or creation, in bytes.
pub const CLIENT_DATA_BYTES: usize = 2 * 1024;

/// Largest compact challenge a gateway sends, in bytes; leaves room for the envelope within [`BODY_BYTES`].
pub const CHALLENGE_BYTES: usize = 14 * 1024;

/// Largest response to a fetch, in bytes; the rest follows in the next one (`more: true`).
pub const FETCH_BYTES: usize = 128 * 1024;

/// Largest JWK, in bytes.
pub const JWK_BYTES: usize = 8 * 1024;

/// Largest push address, in bytes.
pub const PUSH_ADDRESS_BYTES: usize = 2 * 1024;

/// Largest `authorization_details`, in bytes as the client sent them.
pub const DETAILS_BYTES: usize = 6 * 1024;

/// Deepest nesting of a JSON document; the root counts as 1.
pub const JSON_DEPTH: usize = 8;

/// Largest integer that every JSON implementation keeps exactly: 2^53 − 1 (RFC 8259 §6).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Longest number literal, in characters.
pub const NUMBER_CHARACTERS: usize = 40;

/// Longest binding message, in characters; the conformance suite sends about 450.
pub const BINDING_MESSAGE_CHARACTERS: usize = 500;

/// Longest name of a terminal, in characters.
pub const TERMINAL_CHARACTERS: usize = 24;

/// Longest name (client, provider, device, user label), in characters.
pub const NAME_CHARACTERS: usize = 100;

/// Statements about one device beyond which it can't rename itself: evidence has all of them up to the one that counted, and must
/// stay within [`FILE_BYTES`](crate::evidence::FILE_BYTES).
pub const STATEMENTS_OF_A_DEVICE: u64 = 64;

/// Most nonspacing marks on one character (UTS #39 §5.4).
pub const COMBINING_MARKS: usize = 4;

/// The same in scripts that stack letters, which are marks to Unicode: as many as Tibetan needs to write Sanskrit.
pub const STACKED_MARKS: usize = 8;

/// Longest lifetime of a registration token, in seconds (800-63B, ASVS 6.5.5 and the push-device draft all allow at most 10
/// minutes).
pub const REGISTRATION_TOKEN_SECONDS: u64 = 600;

/// How far a DPoP proof's `iat` may be from the gateway's clock, in seconds, either way.
pub const DPOP_SKEW_SECONDS: u64 = 120;

/// How long a DPoP nonce is accepted after it was issued, in seconds.
pub const DPOP_NONCE_SECONDS: u64 = 300;

/// How far in the future an `iat` of the gateway may be for a device that knows the server's time, in seconds.
pub const IAT_SKEW_SECONDS: u64 = 120;

/// Longest lifetime of an authentication request, in seconds: 72 hours.
pub const REQUEST_SECONDS: u64 = 72 * 3600;

/// Lifetime of a device credential, in seconds: 30 days. A device renews it after half of it.
pub const CREDENTIAL_SECONDS: u64 = 30 * 86_400;

/// How long after its expiry a credential may still be renewed by the transport key, in seconds: 90 days.
pub const CREDENTIAL_GRACE_SECONDS: u64 = 90 * 86_400;

/// How long after its verdict an approval may be disputed, in seconds: 30 days.
pub const DISPUTE_SECONDS: u64 = 30 * 86_400;

/// Longest wait of a long poll, in seconds; CIBA Core §10.1 and RFC 6202 put the ceiling at 30.
pub const FETCH_WAIT_SECONDS: u64 = 25;

/// Streams that a device may have open, and long polls: the oldest ends when one more comes. The app and a
/// command beside it, and for each of them one that a lost network left behind (docs/operating.md, "Connections").
pub const DEVICE_HELD_CALLS: usize = 4;

/// As [`DEVICE_HELD_CALLS`], for a device that is not confirmed yet: anybody with an enrollment link has one.
pub const UNCONFIRMED_HELD_CALLS: usize = 1;

/// Time between two comments on an idle stream, in seconds.
pub const STREAM_COMMENT_SECONDS: u64 = 15;

/// Time between two nonces on a stream, in seconds, so that an answer needs one round trip.
pub const STREAM_NONCE_SECONDS: u64 = 120;

/// Attempts at the confirmation code; after the last wrong one, link and device are revoked.
pub const CONFIRMATION_TRIES: u32 = 3;

/// Shortest PIN of a device, in digits (800-63B activation secret).
pub const PIN_DIGITS: usize = 6;

/// Wrong PINs in a row that destroy the account's approval key.
pub const PIN_TRIES: u32 = 10;

/// Wrong PINs in a row before the first wait.
pub const PIN_FREE_TRIES: u32 = 3;

/// First wait after a wrong PIN, in seconds; doubles with each further one up to [`PIN_LONGEST_WAIT_SECONDS`].
pub const PIN_FIRST_WAIT_SECONDS: u64 = 30;

/// Longest wait after a wrong PIN, in seconds.
pub const PIN_LONGEST_WAIT_SECONDS: u64 = 3600;

/// Approve is inert for this long after a request appears, in milliseconds (tapjacking, standards: MASTG-0035).
pub const APPROVE_INERT_MILLISECONDS: u64 = 500;
/// The same for a request that is like one approved a moment ago, in milliseconds: long enough to read that it is.
pub const REPEAT_INERT_MILLISECONDS: u64 = 2_000;

/// Digits of an `input_manual` interaction (800-63B: six digits).
pub const INPUT_MANUAL_DIGITS: usize = 6;

/// Choices of a `number_choose` interaction.
pub const NUMBER_CHOICES: usize = 3;

/// Shortest time between two fetches of the keys because of an unknown `kid`, in seconds.
pub const KEY_REFETCH_SECONDS: u64 = 60;
