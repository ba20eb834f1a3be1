-- What clients may get new tokens with. A family begins with one approval; each use of a refresh token puts the next in its place.
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
    ended_at    INTEGER                         -- given up by its client, or used twice
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
