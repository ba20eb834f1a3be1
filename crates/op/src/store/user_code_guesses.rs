//! Rate limit on user code guesses; survives a restart.
//!
//! Three counters: one client about one identifier (three guesses, then growing waits), one client in an hour over all
//! identifiers, and all clients about one user (NIST SP 800-63B-4 §3.2.2 allows 100).

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, params};

use super::columns::{column, time};

/// Wrong codes of one client about one identifier before it has to wait.
const FREE_GUESSES: u32 = 3;

/// Wrong codes about one user over all clients before all of them have to wait.
const FREE_GUESSES_PER_USER: u32 = 100;

/// First and longest wait, in seconds.
const WAITS: (u64, u64) = (30, 3600);

/// Window of a client's limit, in seconds.
const HOUR: u64 = 3600;

/// How long a counter is kept after its last wrong code, in seconds.
const RETENTION_SECONDS: u64 = 30 * 86_400;

/// A guess to be counted.
#[derive(Debug, Clone)]
pub(crate) struct UserCodeGuess {
    pub(crate) client_id: String,
    /// Digest of the identifier that the client used, whether or not it is a user's.
    pub(crate) name: Hash,
    /// The user's subject, or the decoy's if the identifier is nobody's.
    pub(crate) sub: String,
    /// Wrong codes allowed to the client in an hour.
    pub(crate) per_hour: u32,
}

/// Whether a guess may be checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GuessTurn {
    /// It was counted as wrong; [`confirm_guess`] takes it back.
    Now,
    /// In this many seconds. Nothing was counted.
    Wait(u64),
}

struct Count {
    wrong: u32,
    since: Timestamp,
}

/// Counts a guess as wrong, before it is checked.
pub(crate) fn guess(transaction: &Transaction<'_>, guess: &UserCodeGuess, now: Timestamp) -> Result<GuessTurn, Error> {
    let (pair, client, person) = keys(guess);
    let hour = read(transaction, &client)?.filter(|count| now.millis_since(count.since) < HOUR * 1000);
    let hour = hour.unwrap_or(Count { wrong: 0, since: now });
    if hour.wrong >= guess.per_hour {
        return Ok(GuessTurn::Wait(left(hour.since, HOUR, now)));
    }
    for (key, free) in [(pair, FREE_GUESSES), (person, FREE_GUESSES_PER_USER)] {
        let Some(count) = read(transaction, &key)? else { continue };
        let wait = left(count.since, wait(count.wrong, free), now);
        if wait > 0 {
            return Ok(GuessTurn::Wait(wait));
        }
    }
    for key in [pair, person] {
        let wrong = read(transaction, &key)?.map_or(0, |count| count.wrong);
        write(transaction, &key, wrong.saturating_add(1), now, now.plus_seconds(RETENTION_SECONDS))?;
    }
    write(transaction, &client, hour.wrong + 1, hour.since, hour.since.plus_seconds(HOUR))?;
    Ok(GuessTurn::Now)
}

/// Resets the counters after a correct code.
pub(crate) fn confirm_guess(transaction: &Transaction<'_>, guess: &UserCodeGuess) -> Result<(), Error> {
    let (pair, client, person) = keys(guess);
    for key in [pair, person] {
        transaction
            .connection()
            .prepare_cached("DELETE FROM user_code_guess WHERE key = ?1")?
            .execute([key.as_bytes()])?;
    }
    transaction
        .connection()
        .prepare_cached("UPDATE user_code_guess SET wrong = max(wrong - 1, 0) WHERE key = ?1")?
        .execute([client.as_bytes()])?;
    Ok(())
}

/// Deletes counters past their retention.
pub(crate) fn forget_guesses(transaction: &Transaction<'_>, now: Timestamp) -> Result<usize, Error> {
    Ok(transaction
        .connection()
        .prepare_cached("DELETE FROM user_code_guess WHERE kept < ?1")?
        .execute([column(now)])?)
}

/// Counter keys: client and identifier, client, user. A `client_id` has no zero byte in it.
fn keys(guess: &UserCodeGuess) -> (Hash, Hash, Hash) {
    let client = guess.client_id.as_bytes();
    let pair = Hash::of_parts(&[b"pair", &[0], client, &[0], guess.name.as_bytes()]);
    let person = Hash::of_parts(&[b"person", &[0], guess.sub.as_bytes()]);
    (pair, Hash::of_parts(&[b"client", &[0], client]), person)
}

/// Wait after this many wrong codes, in seconds.
fn wait(wrong: u32, free: u32) -> u64 {
    let (first, longest) = WAITS;
    match wrong.checked_sub(free) {
        None => 0,
        Some(beyond) => first.saturating_mul(1 << beyond.min(20)).min(longest),
    }
}

/// Remaining wait, in seconds rounded up.
fn left(since: Timestamp, seconds: u64, now: Timestamp) -> u64 {
    (seconds * 1000).saturating_sub(now.millis_since(since)).div_ceil(1000)
}

fn read(snapshot: &Snapshot<'_>, key: &Hash) -> Result<Option<Count>, Error> {
    let mut statement =
        snapshot.connection().prepare_cached("SELECT wrong, since FROM user_code_guess WHERE key = ?1")?;
    let row = statement.query_row([key.as_bytes()], |row| Ok(Count { wrong: row.get(0)?, since: time(row.get(1)?) }));
    Ok(row.optional()?)
}

fn write(
    transaction: &Transaction<'_>,
    key: &Hash,
    wrong: u32,
    since: Timestamp,
    kept: Timestamp,
) -> Result<(), Error> {
    let mut statement = transaction.connection().prepare_cached(
        "INSERT INTO user_code_guess (key, wrong, since, kept) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (key) DO UPDATE SET wrong = excluded.wrong, since = excluded.since, kept = excluded.kept",
    )?;
    statement.execute(params![key.as_bytes(), wrong, column(since), column(kept)])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::in_transaction;

    #[test]
    fn waits_double_up_to_an_hour() {
        let waits: Vec<_> =
            [0, 2, 3, 4, 5, 9, 10, 11, u32::MAX].into_iter().map(|wrong| wait(wrong, FREE_GUESSES)).collect();
        assert_eq!(waits, [0, 0, 30, 60, 120, 1920, 3600, 3600, 3600]);
    }

    #[test]
    fn a_hundred_wrong_codes_about_one_person_make_every_client_wait() {
        in_transaction(|transaction| {
            let now = Timestamp::from_seconds(1_800_000_000);
            let by = |client: u32, sub: &str| UserCodeGuess {
                client_id: format!("client-{client}"),
                name: Hash::of(sub),
                sub: sub.to_owned(),
                per_hour: 100,
            };
            for number in 0..FREE_GUESSES_PER_USER {
                assert_eq!(
                    guess(transaction, &by(number / FREE_GUESSES, "alice"), now)?,
                    GuessTurn::Now,
                    "guess {number}"
                );
            }
            assert_eq!(
                guess(transaction, &by(50, "alice"), now)?,
                GuessTurn::Wait(30),
                "a client that has not guessed yet"
            );
            assert_eq!(guess(transaction, &by(50, "bob"), now)?, GuessTurn::Now, "about somebody else");
            let later = now.plus_seconds(30);
            assert_eq!(guess(transaction, &by(51, "alice"), later)?, GuessTurn::Now);
            assert_eq!(guess(transaction, &by(52, "alice"), later)?, GuessTurn::Wait(60));
            confirm_guess(transaction, &by(51, "alice"))?;
            assert_eq!(guess(transaction, &by(52, "alice"), later)?, GuessTurn::Now, "a right one ends that");
            Ok(())
        });
    }
}
