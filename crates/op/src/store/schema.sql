-- Times are milliseconds since the epoch.
-- Rows over ~200 bytes live in rowid tables, so that one commit's inserts share pages; small rows live in WITHOUT ROWID tables.

-- Authentication requests as their clients know them.
CREATE TABLE authentication_request (
    id           BLOB NOT NULL PRIMARY KEY,     -- SHA-256 of the auth_req_id, which is kept nowhere
    client_id    TEXT NOT NULL,
    subject      TEXT NOT NULL,                 -- with approval_id: a decoy's if nobody can be asked
    approval_id  TEXT NOT NULL,
    scope        TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    interval     INTEGER NOT NULL,              -- seconds between two polls; grows with every slow_down
    polled_at    INTEGER,
    redeemed_at  INTEGER,                       -- single use: set once, by compare-and-swap
    cancelled_at INTEGER,                       -- its client called it off: set once, whether or not a device was asked
    refused      TEXT,                          -- the final refusal that its client was given: user_gone | ended | device_revoked
    endings      INTEGER NOT NULL,              -- of its client and user when it was made: a later ending ends it
    resource     TEXT                           -- resources that access tokens are for (RFC 8707), space-delimited; NULL: this provider alone
) STRICT;
CREATE INDEX authentication_request_by_expiry ON authentication_request (expires_at);

-- Acknowledgements of requests with an Idempotency-Key, repeated until ten minutes after the request's end.
CREATE TABLE idempotency_key (
    id         BLOB NOT NULL PRIMARY KEY,       -- SHA-256 of client and key, which is kept nowhere
    parameters BLOB NOT NULL,                   -- digest under the key
    sealed     BLOB NOT NULL,                   -- under the key
    expires_at INTEGER NOT NULL,                -- the request's
    until      INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_key_by_end ON idempotency_key (until);

-- Token responses that are repeated within redeem_grace, until one of their tokens was used.
CREATE TABLE kept_response (
    request_id    BLOB NOT NULL PRIMARY KEY,
    sealed        BLOB NOT NULL,                -- under the auth_req_id, which is kept nowhere
    access_token  BLOB NOT NULL,                -- SHA-256
    refresh_token BLOB,                         -- SHA-256
    id_token      BLOB,                         -- SHA-256
    until         INTEGER NOT NULL
) STRICT;
CREATE INDEX kept_response_by_end ON kept_response (until);
CREATE INDEX kept_response_by_access_token ON kept_response (access_token);
CREATE INDEX kept_response_by_refresh_token ON kept_response (refresh_token) WHERE refresh_token IS NOT NULL;
CREATE INDEX kept_response_by_id_token ON kept_response (id_token) WHERE id_token IS NOT NULL;

-- Access tokens that were revoked before their end, by jti.
CREATE TABLE revoked_token (jti TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_token_by_end ON revoked_token (until);

-- Clients and people beside those in the configuration file, each as an entry of that file.
CREATE TABLE client_entry (
    client_id     TEXT PRIMARY KEY,
    entry         TEXT NOT NULL,                -- TOML, one [[clients]] entry without its secret
    secret_salt   BLOB,                         -- with secret_digest: SHA-256 over both; NULL for a client without a secret
    secret_digest BLOB,
    registered    INTEGER NOT NULL,             -- by dynamic registration
    added_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user_entry (
    sub      TEXT PRIMARY KEY,
    entry    TEXT NOT NULL,                     -- TOML, one [[users]] entry
    added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a login_hint may say for them, and their subjects, compared without the case of ASCII letters.
CREATE TABLE user_name (
    name TEXT PRIMARY KEY,
    sub  TEXT NOT NULL REFERENCES user_entry (sub) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX user_name_by_sub ON user_name (sub);

-- Users locked by a command, whether their entries are in the file or here.
CREATE TABLE user_lock (sub TEXT PRIMARY KEY, locked_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- How often everything of an owner was ended for good: by a lock, a removal, a restored copy. Rows stay.
CREATE TABLE ending (
    owner TEXT PRIMARY KEY,                     -- 'all', 'user ' and a subject, 'client ' and an id
    count INTEGER NOT NULL,
    at    INTEGER NOT NULL                      -- of the latest
) STRICT, WITHOUT ROWID;

-- Replay: client assertions, signed requests and DPoP proofs that were used, until they expire by themselves.
CREATE TABLE used_once (
    id    BLOB PRIMARY KEY,                     -- SHA-256 of kind, signer and jti
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX used_once_by_end ON used_once (until);

-- Guesses of user codes, counted before they are judged.
CREATE TABLE user_code_guess (
    key   BLOB PRIMARY KEY,                     -- SHA-256 of the client and the person that the guesses are by and about
    wrong INTEGER NOT NULL,                     -- how many, since the last right one or within the hour
    since INTEGER NOT NULL,                     -- the last one; of a client's hour its beginning
    kept  INTEGER NOT NULL                      -- until when the row matters
) STRICT, WITHOUT ROWID;
CREATE INDEX user_code_guess_by_end ON user_code_guess (kept);

-- Pings, pushes and webhook events still to be delivered. A row goes when it was delivered, or no attempt makes sense any more.
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient   TEXT NOT NULL,                  -- whose queue it waits in: 'client ' and the client's id, or 'webhook'
    kind        TEXT NOT NULL,                  -- ping | push | event
    request_id  BLOB UNIQUE,                    -- ping, push: the authentication request
    approval_id TEXT,                           -- its approval; NULL for a request that only pretends
    auth_req_id TEXT,                           -- in clear, because it is sent
    token       TEXT,                           -- client_notification_token, in clear, because it is sent
    event_id    TEXT UNIQUE,                    -- event: its name, to recognise one that comes twice
    body        TEXT,                           -- what is sent, the same at each attempt; a push's is made before the first
    due_at      INTEGER NOT NULL,               -- of the next attempt; while there is no verdict, the request's end
    attempts    INTEGER NOT NULL DEFAULT 0,
    give_up_at  INTEGER NOT NULL                -- no attempt is made afterwards
) STRICT;
CREATE INDEX outbox_by_recipient ON outbox (recipient, due_at);
CREATE INDEX outbox_due ON outbox (due_at);
CREATE INDEX outbox_by_approval ON outbox (approval_id) WHERE approval_id IS NOT NULL;

-- Families of refresh tokens. A family begins with one approval; each use of a refresh token puts the next in its place.
CREATE TABLE refresh_family (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id   TEXT NOT NULL,
    subject     TEXT NOT NULL,
    approval_id TEXT NOT NULL,
    scope       TEXT NOT NULL,                  -- as granted with the first tokens
    details     TEXT,                           -- the client's bytes
    binding     TEXT,                           -- jkt | x5t#S256; NULL: bound to the client alone
    bound_to    BLOB,                           -- SHA-256 of the key or the certificate
    current     BLOB NOT NULL,                  -- the token that counts
    previous    BLOB,                           -- the one whose use made it
    rotated_at  INTEGER,                        -- when previous was used
    ends_at     INTEGER NOT NULL,
    ended_at    INTEGER,                        -- given up by its client, or used twice
    endings     INTEGER NOT NULL,               -- of its client and user when it began
    resource    TEXT                            -- as of an authentication request
) STRICT;
CREATE INDEX refresh_family_by_end ON refresh_family (ends_at);
CREATE INDEX refresh_family_ended ON refresh_family (approval_id) WHERE ended_at IS NOT NULL;
CREATE INDEX refresh_family_of_client ON refresh_family (client_id);

-- Every token a family ever had, so that one used again is known.
CREATE TABLE refresh_token (
    hash   BLOB PRIMARY KEY,                    -- SHA-256 of the token, which itself is kept nowhere
    family INTEGER NOT NULL REFERENCES refresh_family (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX refresh_token_by_family ON refresh_token (family);
