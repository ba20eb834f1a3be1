-- Times are milliseconds since the epoch. Ids carry their prefix (dv_, ap_, ch_). Hashes are base64url.
-- Rows over ~200 bytes live in rowid tables, so that one commit's inserts share pages; small rows live in WITHOUT ROWID tables.

-- The chain of key manifests, oldest first, as signed.
CREATE TABLE manifest (sequence INTEGER PRIMARY KEY, jws TEXT NOT NULL) STRICT;

-- An enrollment link: one registration token.
CREATE TABLE link (
    id              TEXT PRIMARY KEY,           -- the token's jti
    subject         TEXT NOT NULL,
    subject_label   TEXT NOT NULL,
    confirm         TEXT NOT NULL,              -- code | none
    allow_automated INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    tries_left      INTEGER NOT NULL,
    state           TEXT NOT NULL,              -- open | registered | confirmed | ended
    device_id       TEXT,
    alerted         INTEGER NOT NULL DEFAULT 0, -- the user's devices know that another device tried it
    registration    TEXT                        -- hash of the registration's body, to know a repeated one
) STRICT, WITHOUT ROWID;
CREATE INDEX link_by_expiry ON link (expires_at);

CREATE TABLE device (
    id                TEXT NOT NULL PRIMARY KEY,
    subject           TEXT NOT NULL,
    status            TEXT NOT NULL,            -- unconfirmed | active | suspended | revoked | abandoned; decoy: nobody holds it
    name              TEXT NOT NULL,
    class             TEXT NOT NULL,            -- interactive | automated
    platform          TEXT NOT NULL,
    key_protection    TEXT NOT NULL,            -- as claimed
    key_verified      TEXT,                     -- as verified by attestation
    transport_kid     TEXT NOT NULL,
    transport_jwk     TEXT NOT NULL,
    approval_kid      TEXT NOT NULL,
    approval_jwk      TEXT NOT NULL,
    passkey           TEXT,                     -- JSON: what its statements say of it; NULL: the approval key is none
    credential_id     TEXT,                     -- the passkey's, base64url
    sign_count        INTEGER,                  -- as the passkey's authenticator counted last
    backup_state      INTEGER,                  -- whether the passkey was backed up then (BS)
    shared            INTEGER NOT NULL DEFAULT 0, -- several people use it
    code_origin       TEXT,                     -- of the page that is the device
    resumed           TEXT,                     -- link | alone: its passkey was known, and registered again with or without a link
    interaction_types TEXT NOT NULL,            -- JSON array
    version           INTEGER NOT NULL,         -- countersign_version it speaks
    allow_automated   INTEGER NOT NULL,         -- its link allowed an automated device
    link_id           TEXT NOT NULL,
    registered_at     INTEGER NOT NULL,
    confirmed_at      INTEGER,
    statement_hash    TEXT,                     -- of its latest enrollment statement
    on_behalf_of      TEXT,                     -- as that statement says it: JSON array; NULL: no other provider's
    feed_head         INTEGER NOT NULL,         -- number of its latest feed entry
    seq               INTEGER,                  -- highest history number it has answered with
    revocation        TEXT,                     -- the signed revocation, once there is one
    ended_at          INTEGER
) STRICT;
CREATE INDEX device_by_subject ON device (subject, status);
CREATE INDEX device_by_transport_kid ON device (transport_kid);
CREATE INDEX device_by_approval_kid ON device (approval_kid);
CREATE INDEX device_by_credential_id ON device (credential_id) WHERE credential_id IS NOT NULL;
CREATE INDEX device_on_behalf ON device (on_behalf_of) WHERE on_behalf_of IS NOT NULL;
CREATE INDEX device_unconfirmed ON device (registered_at) WHERE status = 'unconfirmed';

CREATE TABLE credential (
    hash       TEXT PRIMARY KEY,
    device_id  TEXT NOT NULL REFERENCES device (id),
    expires_at INTEGER NOT NULL,
    used       INTEGER NOT NULL                 -- its first use ends the ones before
) STRICT, WITHOUT ROWID;
CREATE INDEX credential_by_device ON credential (device_id);

CREATE TABLE approval (
    id                TEXT NOT NULL PRIMARY KEY,
    decoy             INTEGER NOT NULL,         -- 1: about a user who can't be asked, so that the client sees no difference
    subject           TEXT NOT NULL,
    client_id         TEXT NOT NULL,
    status            TEXT NOT NULL,            -- pending | approved | denied | expired | cancelled | device_revoked | mismatch | refused
    held              INTEGER NOT NULL,
    terminal          TEXT,                     -- of a verified client: its pending requests count by it
    unvouched         INTEGER NOT NULL,         -- its client is one of those that share limits
    practice          INTEGER NOT NULL,         -- 1: a device asked for it; nothing redeems it
    interaction       TEXT NOT NULL,
    salt              TEXT,                     -- with `value`: what opens the challenges' commitment
    value             TEXT,
    user_verification TEXT NOT NULL,
    allow_automated   INTEGER NOT NULL,
    details_hash      TEXT,
    requested_at      INTEGER NOT NULL,
    expires_at        INTEGER NOT NULL,         -- the request's
    answer_until      INTEGER NOT NULL,         -- the challenges' exp
    not_me_hold       INTEGER NOT NULL,         -- milliseconds
    decided_at        INTEGER,
    reason            TEXT,                     -- of a denial
    challenge_id      TEXT,                     -- the one whose answer decided
    answer_hash       TEXT,
    amr               TEXT,                     -- JSON array
    acr               TEXT,
    auth_time         INTEGER,
    by_approval_key   INTEGER,                  -- which of the device's keys decided: 1 its approval key, 0 its transport key
    disputed_at       INTEGER
) STRICT;
CREATE INDEX approval_pending ON approval (subject, client_id, held) WHERE status = 'pending';
CREATE INDEX approval_due ON approval (answer_until) WHERE status = 'pending';
-- Approvals that ended are deleted after a while, oldest first.
CREATE INDEX approval_ended ON approval (decided_at) WHERE decided_at IS NOT NULL;
-- Ends that need no answer.
CREATE INDEX approval_unanswered ON approval (decided_at)
    WHERE status IN ('expired', 'cancelled', 'device_revoked', 'refused');
CREATE INDEX approval_practice ON approval (decided_at) WHERE practice = 1 AND decided_at IS NOT NULL;
CREATE INDEX approval_decoy ON approval (decided_at) WHERE decoy = 1 AND decided_at IS NOT NULL;

CREATE TABLE challenge (
    id          TEXT NOT NULL PRIMARY KEY,
    approval_id TEXT NOT NULL REFERENCES approval (id),
    device_id   TEXT NOT NULL REFERENCES device (id),
    signature   BLOB NOT NULL,                  -- made once, never changed
    header      TEXT,                           -- as `iat`, of one that was signed later than the approval's others
    iat         INTEGER,
    hash        TEXT NOT NULL,
    feed_n      INTEGER NOT NULL,               -- its entry in the device's feed
    refused     TEXT,                           -- the device's code, when it could not show it
    outcome     TEXT,                           -- signed, once the approval ended
    disputed    TEXT                            -- the second statement, signed
) STRICT;
CREATE INDEX challenge_by_approval ON challenge (approval_id);
CREATE INDEX challenge_open ON challenge (device_id) WHERE outcome IS NULL;

-- What the challenges of an approval share: their JWS are put together again from it, byte for byte. Deleted some time after
-- an end without an answer; the challenges' hashes stay.
CREATE TABLE challenge_content (
    approval_id TEXT NOT NULL PRIMARY KEY REFERENCES approval (id),
    header      TEXT NOT NULL,                  -- base64url
    iat         INTEGER NOT NULL,               -- seconds, as in the payload
    frame       TEXT NOT NULL,                  -- the payload with places for device, challenge, iat and details
    details     ANY                             -- the client's bytes; a BLOB: deflated
) STRICT;

-- The first valid answer to each challenge, whether it decided or came too late: to know the same one again, and as evidence.
CREATE TABLE answer (
    challenge_id TEXT NOT NULL PRIMARY KEY REFERENCES challenge (id),
    jti          TEXT NOT NULL,
    signed_hash  TEXT NOT NULL,                 -- of header and payload: ECDSA signatures are malleable
    received_at  INTEGER NOT NULL,
    jws          TEXT NOT NULL,                 -- as it was signed
    transcript   TEXT                           -- whose hash it signs; NULL if a denial came without it
) STRICT;

-- A device's enrollment statements, each naming the hash of the one before.
CREATE TABLE statement (
    device_id TEXT NOT NULL REFERENCES device (id),
    sequence  INTEGER NOT NULL,
    jws       TEXT NOT NULL,
    PRIMARY KEY (device_id, sequence)
) STRICT;

-- Entries of each device's feed, in order. `n` grows and is unique to this history: a restored backup never repeats it.
CREATE TABLE feed (
    device_id TEXT NOT NULL REFERENCES device (id),
    n         INTEGER NOT NULL,
    kind      TEXT NOT NULL,                    -- challenge | ended | disputed | notice
    item      TEXT NOT NULL,                    -- the challenge's id, or the notice's JWS
    at        INTEGER NOT NULL,
    PRIMARY KEY (device_id, n)
) STRICT;
CREATE INDEX feed_by_age ON feed (at);

-- One client's recent prompts to one user, for the limits that mute. client_id '' stands for all that nobody vouches for.
CREATE TABLE prompt_history (
    subject        TEXT NOT NULL,
    client_id      TEXT NOT NULL,
    window_from    INTEGER NOT NULL,
    prompts        INTEGER NOT NULL,            -- in the window
    step           INTEGER NOT NULL,            -- of the growing wait; 0: none
    next_prompt    INTEGER NOT NULL,
    not_me_count   INTEGER NOT NULL,
    wrong_in_a_row INTEGER NOT NULL,
    held_until     INTEGER NOT NULL,            -- after not_me or wrong numbers
    PRIMARY KEY (subject, client_id)
) STRICT, WITHOUT ROWID;

-- Where a device can be woken. The endpoint is a capability: it is deleted when the push service no longer knows it, or the device
-- ends; the row stays, to say why nothing is pushed.
CREATE TABLE push_address (
    device_id    TEXT NOT NULL PRIMARY KEY REFERENCES device (id),
    state        TEXT NOT NULL,                 -- ok | gone | rekey
    service      TEXT NOT NULL,                 -- the endpoint's host, and its port unless that is 443
    endpoint     TEXT,
    p256dh       TEXT,                          -- base64url, as auth
    auth         TEXT,
    quiet        INTEGER NOT NULL,              -- withdrawals are pushed, too
    vapid_kid    TEXT NOT NULL,                 -- the key the subscription was made for
    sent_at      INTEGER,                       -- the last attempt: at most one a second
    last_ok      INTEGER,                       -- when the service last accepted a push
    last_failure INTEGER,
    looked_at    INTEGER                        -- the first call after that: then the address is proven
) STRICT;

-- Outbox of pushes: at most one row per device, added in the transaction of the challenge it is about and deleted once the push
-- service accepted the push, or the device confirmed what it is about.
CREATE TABLE wakeup (
    device_id TEXT NOT NULL PRIMARY KEY REFERENCES device (id),
    service   TEXT NOT NULL,
    version   INTEGER NOT NULL,                 -- grows with each reason: what is added during an attempt outlives it
    feed_n    INTEGER NOT NULL,                 -- the latest feed entry it is about
    due_at    INTEGER NOT NULL,
    attempts  INTEGER NOT NULL,
    streamed  INTEGER NOT NULL,                 -- waits for the confirmation of an open stream
    kept      INTEGER NOT NULL,                 -- a test or a practice request: no confirmation ends it
    until     INTEGER NOT NULL                  -- sent until then even where nothing waits for an answer
) STRICT, WITHOUT ROWID;
CREATE INDEX wakeup_due ON wakeup (service, (attempts > 0), due_at);
CREATE INDEX wakeup_streamed ON wakeup (device_id) WHERE streamed = 1;

-- What came of the pushes about a challenge, for the operator's trace.
CREATE TABLE wakeup_trace (
    challenge_id TEXT NOT NULL PRIMARY KEY,
    device_id    TEXT NOT NULL,
    accepted_at  INTEGER NOT NULL,              -- by the push service
    looked_at    INTEGER                        -- the device's first call after it
) STRICT, WITHOUT ROWID;
CREATE INDEX wakeup_unseen ON wakeup_trace (device_id) WHERE looked_at IS NULL;
