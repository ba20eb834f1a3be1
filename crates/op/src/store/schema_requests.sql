-- Each request stood at its random key, in a page that no other of its time needed. They stand in the order in which they come now, beside
-- a tree of keys alone.
CREATE TABLE new_authentication_request (
    id           BLOB NOT NULL PRIMARY KEY,     -- SHA-256 of the auth_req_id, which is kept nowhere
    client_id    TEXT NOT NULL,
    subject      TEXT,                          -- NULL with approval_id: only pretends (unknown user, no device)
    approval_id  TEXT,
    scope        TEXT NOT NULL,
    details      TEXT,                          -- the client's bytes
    requested_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    interval     INTEGER NOT NULL,              -- seconds between two polls; grows with every slow_down
    polled_at    INTEGER,
    redeemed_at  INTEGER,                       -- single use: set once, by compare-and-swap
    cancelled_at INTEGER,                       -- its client called it off: set once, whether or not anybody was asked
    resource     TEXT                           -- which resources access tokens are for, separated by blanks; NULL: this provider alone
) STRICT;
INSERT INTO new_authentication_request (
    id, client_id, subject, approval_id, scope, details, requested_at, expires_at, interval, polled_at, redeemed_at,
    cancelled_at, resource
) SELECT
    id, client_id, subject, approval_id, scope, details, requested_at, expires_at, interval, polled_at, redeemed_at,
    cancelled_at, resource
FROM authentication_request;
DROP TABLE authentication_request;
ALTER TABLE new_authentication_request RENAME TO authentication_request;
CREATE INDEX authentication_request_by_expiry ON authentication_request (expires_at);
