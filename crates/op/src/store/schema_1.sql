-- Authentication requests as their clients know them. Times are milliseconds since the epoch.
CREATE TABLE authentication_request (
    id           BLOB PRIMARY KEY,              -- SHA-256 of the auth_req_id, which is kept nowhere
    client_id    TEXT NOT NULL,
    subject      TEXT,                          -- NULL with approval_id: only pretends (unknown user, no device)
    approval_id  TEXT,
    scope        TEXT NOT NULL,
    details      TEXT,                          -- the client's bytes
    requested_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    interval     INTEGER NOT NULL,              -- seconds between two polls; grows with every slow_down
    polled_at    INTEGER,
    redeemed_at  INTEGER                        -- single use: set once, by compare-and-swap
) STRICT, WITHOUT ROWID;
CREATE INDEX authentication_request_by_expiry ON authentication_request (expires_at);
