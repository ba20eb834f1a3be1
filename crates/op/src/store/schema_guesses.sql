-- Guesses of user codes, counted before they are judged. Times are milliseconds since the epoch.
CREATE TABLE user_code_guess (
    key   BLOB PRIMARY KEY,                     -- SHA-256 of whom the guesses are by and about
    wrong INTEGER NOT NULL,                     -- how many, since the last right one or within the hour
    since INTEGER NOT NULL,                     -- the last one; of a client's hour its beginning
    kept  INTEGER NOT NULL                      -- until when the row matters
) STRICT, WITHOUT ROWID;
CREATE INDEX user_code_guess_by_end ON user_code_guess (kept);
