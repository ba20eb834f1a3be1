-- A request that its client called off: set once, whether or not anybody was asked.
ALTER TABLE authentication_request ADD COLUMN cancelled_at INTEGER;

-- Access tokens that were revoked before their end, by jti.
CREATE TABLE revoked_token (jti TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_token_by_end ON revoked_token (until);
