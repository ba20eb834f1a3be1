//! Replay protection: `jti`s of assertions, signed requests and DPoP proofs, each accepted once.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_store::{Error, Transaction};
use rusqlite::params;

use super::columns::column;

/// Marks an id as used. `true` for exactly one caller until `until`.
pub(crate) fn use_once(
    transaction: &Transaction<'_>,
    id: &Hash,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    let mut statement = transaction.connection().prepare_cached(
        "INSERT INTO used_once (id, until) VALUES (?1, ?2)
         ON CONFLICT (id) DO UPDATE SET until = excluded.until WHERE until <= ?3",
    )?;
    Ok(statement.execute(params![id.as_bytes(), column(until), column(now)])? == 1)
}

/// Deletes ids that have expired.
pub(crate) fn forget_used(transaction: &Transaction<'_>, now: Timestamp) -> Result<usize, Error> {
    Ok(transaction.connection().prepare_cached("DELETE FROM used_once WHERE until <= ?1")?.execute([column(now)])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::in_transaction;

    #[test]
    fn a_use_is_remembered_until_its_end_and_then_forgotten() {
        in_transaction(|transaction| {
            let at = |seconds: u64| Timestamp::from_millis(seconds * 1000);
            let (one, other) = (Hash::of("one"), Hash::of("other"));
            let used = |id, until, now| use_once(transaction, id, at(until), at(now)).expect("written");
            assert!(used(&one, 60, 0));
            assert!(used(&other, 90, 0));
            assert!(!used(&one, 60, 59));
            assert!(!used(&one, 600, 59), "another end is no other use");
            assert!(used(&one, 120, 60), "what expired by itself may come again, as its sender would notice");
            assert!(!used(&one, 120, 119));

            assert_eq!(forget_used(transaction, at(90)).expect("deleted"), 1);
            let mut rows = transaction.connection().prepare("SELECT id FROM used_once")?;
            let left = rows.query_map([], |row| row.get(0))?.collect::<Result<Vec<Vec<u8>>, _>>()?;
            assert_eq!(left, [one.as_bytes().to_vec()]);
            Ok(())
        });
    }
}
