-- Rows of more than some 200 bytes stood inside the trees of their keys, where a page holds four of them and each comparison reads a whole
-- row. They get tables by number, in the order in which they come, beside which the trees hold keys alone. Those that are there
-- are copied in the order of their keys, for sorting a large file would take as much memory.

CREATE TABLE new_device (
    id                TEXT NOT NULL PRIMARY KEY,
    subject           TEXT NOT NULL,
    status            TEXT NOT NULL,            -- unconfirmed | active | suspended | revoked | abandoned
    name              TEXT NOT NULL,
    class             TEXT NOT NULL,            -- interactive | automated
    platform          TEXT NOT NULL,
    key_protection    TEXT NOT NULL,            -- as claimed
    key_verified      TEXT,                     -- as verified by attestation
    transport_kid     TEXT NOT NULL,
    transport_jwk     TEXT NOT NULL,
    approval_kid      TEXT NOT NULL,
    approval_jwk      TEXT NOT NULL,
    interaction_types TEXT NOT NULL,            -- JSON array
    version           INTEGER NOT NULL,         -- countersign_version it speaks
    allow_automated   INTEGER NOT NULL,         -- its link allowed an automated device
    link_id           TEXT NOT NULL,
    registered_at     INTEGER NOT NULL,
    confirmed_at      INTEGER,
    statement_hash    TEXT,                     -- of its latest enrollment statement
    feed_head         INTEGER NOT NULL,         -- number of its latest feed entry
    seq               INTEGER,                  -- highest history number it has answered with
    revocation        TEXT,                     -- the signed revocation, once there is one
    ended_at          INTEGER
) STRICT;
INSERT INTO new_device (
    id, subject, status, name, class, platform, key_protection, key_verified, transport_kid, transport_jwk,
    approval_kid, approval_jwk, interaction_types, version, allow_automated, link_id, registered_at, confirmed_at,
    statement_hash, feed_head, seq, revocation, ended_at
) SELECT
    id, subject, status, name, class, platform, key_protection, key_verified, transport_kid, transport_jwk,
    approval_kid, approval_jwk, interaction_types, version, allow_automated, link_id, registered_at, confirmed_at,
    statement_hash, feed_head, seq, revocation, ended_at
FROM device;
DROP TABLE device;
ALTER TABLE new_device RENAME TO device;
CREATE INDEX device_by_subject ON device (subject, status);
CREATE INDEX device_by_transport_kid ON device (transport_kid);
CREATE INDEX device_by_approval_kid ON device (approval_kid);
CREATE INDEX device_unconfirmed ON device (registered_at) WHERE status = 'unconfirmed';

CREATE TABLE new_approval (
    id                TEXT NOT NULL PRIMARY KEY,
    subject           TEXT NOT NULL,
    client_id         TEXT NOT NULL,
    status            TEXT NOT NULL,            -- pending | approved | denied | expired | cancelled | device_revoked | mismatch | refused
    held              INTEGER NOT NULL,
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
    disputed_at       INTEGER
) STRICT;
INSERT INTO new_approval (
    id, subject, client_id, status, held, interaction, salt, value, user_verification, allow_automated, details_hash,
    requested_at, expires_at, answer_until, not_me_hold, decided_at, reason, challenge_id, answer_hash, amr, acr,
    auth_time, disputed_at
) SELECT
    id, subject, client_id, status, held, interaction, salt, value, user_verification, allow_automated, details_hash,
    requested_at, expires_at, answer_until, not_me_hold, decided_at, reason, challenge_id, answer_hash, amr, acr,
    auth_time, disputed_at
FROM approval;
DROP TABLE approval;
ALTER TABLE new_approval RENAME TO approval;
CREATE INDEX approval_pending ON approval (subject, client_id, held) WHERE status = 'pending';
CREATE INDEX approval_due ON approval (answer_until) WHERE status = 'pending';
CREATE INDEX approval_ended ON approval (decided_at) WHERE decided_at IS NOT NULL;

CREATE TABLE new_challenge (
    id          TEXT NOT NULL PRIMARY KEY,
    approval_id TEXT NOT NULL REFERENCES approval (id),
    device_id   TEXT NOT NULL REFERENCES device (id),
    jws         TEXT NOT NULL,                  -- signed once, never changed
    hash        TEXT NOT NULL,
    refused     TEXT,                           -- the device's code, when it could not show it
    outcome     TEXT,                           -- signed, once the approval ended
    disputed    TEXT                            -- the second statement, signed
) STRICT;
INSERT INTO new_challenge (
    id, approval_id, device_id, jws, hash, refused, outcome, disputed
) SELECT
    id, approval_id, device_id, jws, hash, refused, outcome, disputed
FROM challenge;
DROP TABLE challenge;
ALTER TABLE new_challenge RENAME TO challenge;
CREATE INDEX challenge_by_approval ON challenge (approval_id);
CREATE INDEX challenge_open ON challenge (device_id) WHERE outcome IS NULL;

CREATE TABLE new_answer (
    challenge_id TEXT NOT NULL PRIMARY KEY REFERENCES challenge (id),
    jti          TEXT NOT NULL,
    signed_hash  TEXT NOT NULL,                 -- of header and payload: ECDSA signatures are malleable
    received_at  INTEGER NOT NULL,
    jws          TEXT
) STRICT;
INSERT INTO new_answer (
    challenge_id, jti, signed_hash, received_at, jws
) SELECT
    challenge_id, jti, signed_hash, received_at, jws
FROM answer;
DROP TABLE answer;
ALTER TABLE new_answer RENAME TO answer;

CREATE TABLE new_statement (
    device_id TEXT NOT NULL REFERENCES device (id),
    sequence  INTEGER NOT NULL,
    jws       TEXT NOT NULL,
    PRIMARY KEY (device_id, sequence)
) STRICT;
INSERT INTO new_statement (device_id, sequence, jws) SELECT device_id, sequence, jws FROM statement;
DROP TABLE statement;
ALTER TABLE new_statement RENAME TO statement;

CREATE TABLE new_feed (
    device_id TEXT NOT NULL REFERENCES device (id),
    n         INTEGER NOT NULL,
    kind      TEXT NOT NULL,                    -- challenge | ended | disputed | notice
    item      TEXT NOT NULL,                    -- the challenge's id, or the notice's JWS
    at        INTEGER NOT NULL,
    PRIMARY KEY (device_id, n)
) STRICT;
INSERT INTO new_feed (device_id, n, kind, item, at) SELECT device_id, n, kind, item, at FROM feed;
DROP TABLE feed;
ALTER TABLE new_feed RENAME TO feed;
CREATE INDEX feed_by_age ON feed (at);
