//! Tests of the SQLite vault beyond those of every vault.

use super::*;
use crate::history::HistoryEvent;
use crate::ports::key_store::MemoryKeys;
use crate::testing::{CountingRandom, FakeProvider, account};

fn entry() -> Entry {
    let what = HistoryEvent::Disputed { challenge: "ch_1".parse().unwrap(), dispute_hash: Hash::of("d") };
    Head::beginning("statement").append(7, what)
}

#[test]
fn what_was_written_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.db");
    let keys = MemoryKeys::new(std::sync::Arc::new(CountingRandom::default()));
    let account = account(&FakeProvider::open(), &keys, &CountingRandom::default());
    let changes = [Change::PutAccount(Box::new(account.clone())), Change::Append(entry())];
    Database::open(&path).unwrap().apply(&account.id, &changes).unwrap();
    let reopened = Database::open(&path).unwrap();
    assert!(reopened.accounts().unwrap() == [account.clone()]);
    assert_eq!(reopened.history(&account.id).unwrap(), [entry()]);
}

#[test]
fn a_change_that_fails_half_way_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Database::open(&dir.path().join("device.db")).unwrap();
    let account: AccountId = "ac_1".parse().unwrap();
    vault.apply(&account, &[Change::Append(entry())]).unwrap();
    let begun = PendingEnrollment { token: Hash::of("t"), account: account.clone(), body: "{}".into() };
    vault.put_enrollment(&begun).unwrap();
    let again = [Change::DeleteEnrollment(begun.token), Change::Append(entry())];
    assert!(vault.apply(&account, &again).is_err(), "a history number is used once");
    assert_eq!(vault.enrollment(&begun.token).unwrap(), Some(begun), "the first step was undone");
}

#[test]
fn a_store_of_a_newer_version_is_refused_in_plain_words_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.db");
    drop(Database::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", SCHEMA + 1).unwrap();
    let before = std::fs::read(&path).unwrap();
    let Err(refused) = Database::open(&path) else { panic!("a newer store was opened") };
    let newer = SCHEMA + 1;
    assert_eq!(
        refused.to_string(),
        format!(
            "the store was written by a newer version of Countersign (schema {newer}, this one knows {SCHEMA}); update Countersign"
        )
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn every_file_of_the_vault_is_readable_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let vault = Database::open(&dir.path().join("device.db")).unwrap();
    vault.put_pin_guard(&"ac_1".parse().unwrap(), &PinGuard::default()).unwrap();
    let mut files = 0;
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.file_name());
        files += 1;
    }
    assert!(files >= 2, "the write-ahead log was looked at, too");
}

#[test]
fn writes_are_on_the_disk_when_they_return() {
    let dir = tempfile::tempdir().unwrap();
    let vault = Database::open(&dir.path().join("device.db")).unwrap();
    let connection = vault.connection();
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("synchronous"), 2, "FULL");
    let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(journal, "wal");
}

#[test]
fn a_store_of_another_build_is_refused_in_plain_words_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("device.db");
    let account: AccountId = "ac_1".parse().unwrap();
    let vault = Database::open(&path).unwrap();
    vault.apply(&account, &[Change::Append(entry())]).unwrap();
    drop(vault);
    for found in [SCHEMA - 1, 0] {
        Connection::open(&path).unwrap().pragma_update(None, "user_version", found).unwrap();
        let before = std::fs::read(&path).unwrap();
        let Err(refused) = Database::open(&path) else { panic!("a store of schema {found} was opened") };
        assert_eq!(refused.code(), "store_other_build");
        assert_eq!(
            refused.to_string(),
            format!(
                "the store was written by another build of Countersign (schema {found}) and is not converted; start that build, or enroll again in another --home"
            )
        );
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}
