//! Tests that every vault passes.

use countersign_jose::hash::Hash;
use countersign_protocol::id::ChallengeId;

use super::*;
use crate::edge::vault_sqlite::SqliteVault;
use crate::history::HistoryEvent;
use crate::ports::key_store::MemoryKeys;
use crate::testing::{CountingRandom, FakeProvider, account};

async fn each_vault(check: impl AsyncFn(&dyn Vault, &Account)) {
    let dir = tempfile::tempdir().unwrap();
    let sqlite = SqliteVault::open(&dir.path().join("device.db")).await.unwrap();
    let keys = MemoryKeys::new(std::sync::Arc::new(CountingRandom::default()));
    let account = account(&FakeProvider::open(), &keys, &CountingRandom::default());
    check(&MemoryVault::default(), &account).await;
    check(&sqlite, &account).await;
}

fn kept(id: &str, issued_at: u64, stage: Stage) -> StoredChallenge {
    StoredChallenge {
        id: id.parse().unwrap(),
        compact: format!("compact of {id}"),
        issued_at,
        expires_at: issued_at + 300,
        stage,
        transcript: None,
        answer: None,
        outcomes: Vec::new(),
    }
}

fn put(id: &str, issued_at: u64, stage: Stage) -> Change {
    Change::PutChallenge(Box::new(kept(id, issued_at, stage)))
}

#[tokio::test]
async fn a_core_is_rebuilt_from_what_is_open_known_unsent_and_last() {
    each_vault(async |vault, account| {
        let mut head = Head::beginning("statement");
        let entry = |head: &mut Head| {
            let challenge: ChallengeId = "ch_1".parse().unwrap();
            head.append(7, HistoryEvent::Disputed { challenge, dispute_hash: Hash::of("d") })
        };
        let posting = |id| OutboxEntry {
            id,
            purpose: OutboxPurpose::Answer,
            challenge: "ch_2".parse().unwrap(),
            message: OutboxMessage::Compact(format!("answer {id}")),
            transcript: Some(format!("transcript \"{id}\"")),
        };
        let long_ago = 1_000;
        let now = long_ago + REMEMBERED_SECONDS + 1;
        let changes = vec![
            Change::PutAccount(Box::new(account.clone())),
            put("ch_0", long_ago, Stage::Ended),
            put("ch_1", now, Stage::Received),
            put("ch_2", now, Stage::Answering),
            Change::Append(entry(&mut head)),
            Change::Append(entry(&mut head)),
            Change::Enqueue(posting(2)),
            Change::Enqueue(posting(1)),
        ];
        vault.apply(&account.id, changes).await.unwrap();
        vault.apply(&account.id, vec![put("ch_1", now, Stage::Ended), Change::Dequeue(2)]).await.unwrap();
        let snapshot = vault.load(&account.id).await.unwrap();
        assert_eq!(snapshot.open, [kept("ch_2", now, Stage::Answering)]);
        let known: Vec<&str> = snapshot.known.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(known, ["ch_1", "ch_2"], "what cannot come again is not carried along");
        assert_eq!(snapshot.outbox, [posting(1)]);
        assert_eq!(snapshot.head, Some(head));
        assert_eq!(vault.challenges(&account.id).await.unwrap().len(), 3);
        assert_eq!(vault.history(&account.id).await.unwrap().len(), 2);
        assert_eq!(vault.challenge(&account.id, &"ch_0".parse().unwrap()).await.unwrap().unwrap().stage, Stage::Ended);
        let other: AccountId = "ac_other".parse().unwrap();
        assert!(vault.load(&other).await.unwrap().open.is_empty(), "accounts don't see each other");
    })
    .await;
}

#[tokio::test]
async fn an_account_is_written_over_and_keeps_its_place() {
    each_vault(async |vault, first| {
        let second = Account { id: "ac_second".parse().unwrap(), ..first.clone() };
        for account in [first, &second] {
            vault.apply(&account.id, vec![Change::PutAccount(Box::new(account.clone()))]).await.unwrap();
        }
        let renamed = Account { device_name: "Shelf".into(), ..first.clone() };
        vault.apply(&first.id, vec![Change::PutAccount(Box::new(renamed))]).await.unwrap();
        let names: Vec<String> =
            vault.accounts().await.unwrap().into_iter().map(|account| account.device_name).collect();
        assert_eq!(names, ["Shelf", "Desk"]);
    })
    .await;
}

#[tokio::test]
async fn pin_counters_and_begun_registrations_are_kept() {
    each_vault(async |vault, account| {
        assert_eq!(vault.pin_guard(&account.id).await.unwrap(), PinGuard::default());
        let guard = PinGuard { tries: 3, last_try_at: 9 };
        vault.put_pin_guard(&account.id, &guard).await.unwrap();
        assert_eq!(vault.pin_guard(&account.id).await.unwrap(), guard);
        let begun = PendingEnrollment { token: Hash::of("t"), account: account.id.clone(), body: "{}".into() };
        vault.put_enrollment(&begun).await.unwrap();
        assert_eq!(vault.enrollment(&begun.token).await.unwrap(), Some(begun.clone()));
        vault.apply(&account.id, vec![Change::DeleteEnrollment(begun.token)]).await.unwrap();
        assert_eq!(vault.enrollment(&begun.token).await.unwrap(), None);
    })
    .await;
}
