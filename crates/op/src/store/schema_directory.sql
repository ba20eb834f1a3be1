-- Clients and people beside those in the configuration file, each as the entry would stand there.
CREATE TABLE client_entry (
    client_id     TEXT PRIMARY KEY,
    entry         TEXT NOT NULL,                 -- TOML, one [[clients]] entry without its secret
    secret_salt   BLOB,                          -- with secret_digest: SHA-256 over both; NULL for a client without a secret
    secret_digest BLOB,
    registered    INTEGER NOT NULL,              -- by dynamic registration
    added_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE user_entry (
    sub      TEXT PRIMARY KEY,
    entry    TEXT NOT NULL,                      -- TOML, one [[users]] entry
    added_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a login_hint may say for them, and their subjects, compared without the case of ASCII letters.
CREATE TABLE user_name (
    name TEXT PRIMARY KEY,
    sub  TEXT NOT NULL REFERENCES user_entry (sub) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX user_name_by_sub ON user_name (sub);

-- Who is locked out by a command, wherever the entry stands.
CREATE TABLE user_lock (sub TEXT PRIMARY KEY, locked_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
