-- Client assertions, signed requests and DPoP proofs that were used, until they expire by themselves.
CREATE TABLE used_once (
    id    BLOB PRIMARY KEY,                     -- SHA-256 of kind, signer and jti
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX used_once_by_end ON used_once (until);
