-- What clients and the operator are still to be told. A row goes as soon as it was delivered, or no attempt makes sense any more.
CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient   TEXT NOT NULL,                  -- whose queue it waits in: 'client ' and the client's id, or 'webhook'
    kind        TEXT NOT NULL,                  -- ping | push | event
    request_id  BLOB UNIQUE,                    -- ping, push: the authentication request
    approval_id TEXT,                           -- its approval; NULL for a request that only pretends
    auth_req_id TEXT,                           -- in clear, because it is sent
    token       TEXT,                           -- client_notification_token, in clear, because it is sent
    event_id    TEXT UNIQUE,                    -- event: its name for whoever gets it twice
    body        TEXT,                           -- what is sent, the same at each attempt; a push's is made before the first
    due_at      INTEGER NOT NULL,               -- of the next attempt; while there is no verdict, the request's end
    attempts    INTEGER NOT NULL DEFAULT 0,
    give_up_at  INTEGER NOT NULL                -- no attempt is made afterwards
) STRICT;
CREATE INDEX outbox_by_recipient ON outbox (recipient, due_at);
CREATE INDEX outbox_due ON outbox (due_at);
CREATE INDEX outbox_by_approval ON outbox (approval_id) WHERE approval_id IS NOT NULL;
