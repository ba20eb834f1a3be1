//! Reads the state that the model describes from the provider's store.

use std::collections::HashMap;

use countersign_jose::hash::Hash;
use countersign_protocol::id::DeviceId;
use countersign_store::Store;
use rusqlite::{Connection, OptionalExtension};

use super::model::{Approval, ApprovalStatus, Device, DeviceStatus, Model, Request};

/// How the rows of the file are called in the scenario.
pub(super) struct Names<'a> {
    pub(super) devices: [&'a DeviceId; 3],
    /// The clients' ids of their requests.
    pub(super) requests: Vec<&'a str>,
    /// Answers by their `jti` and by their hash.
    pub(super) answers: &'a HashMap<String, usize>,
}

pub(super) fn read(store: &Store, names: &Names<'_>) -> Model {
    store.read_blocking(|snapshot| Ok(read_all(snapshot.connection(), names)?)).expect("the file can be read")
}

/// Until when a request can be redeemed: each `slow_down` moves it.
pub(super) fn redeemable_until(store: &Store, id: &str) -> Option<u64> {
    let found = store.read_blocking(|snapshot| {
        let until = snapshot.connection().query_row(
            "SELECT expires_at / 1000 + min(2 * interval, 60) FROM authentication_request WHERE substr(id, 7) = ?1",
            [&Hash::of(id).as_bytes()[6..]],
            |row| row.get::<_, i64>(0),
        );
        Ok(until.optional()?)
    });
    found.expect("the file can be read").map(i64::unsigned_abs)
}

fn read_all(connection: &Connection, names: &Names<'_>) -> rusqlite::Result<Model> {
    let device = |id: &DeviceId| {
        connection.query_row("SELECT status, coalesce(seq, 0) FROM device WHERE id = ?1", [id.as_str()], |row| {
            let standing = match row.get_ref(0)?.as_str()? {
                "active" => DeviceStatus::Active,
                "suspended" => DeviceStatus::Suspended,
                "revoked" => DeviceStatus::Revoked,
                other => panic!("a device is {other}"),
            };
            Ok(Device { standing, used: row.get::<_, i64>(1)?.unsigned_abs() })
        })
    };
    let [first, second, third] = names.devices;
    let requests = names.requests.iter().map(|id| request(connection, names, id)).collect::<Result<_, _>>()?;
    Ok(Model { devices: [device(first)?, device(second)?, device(third)?], requests })
}

fn request(connection: &Connection, names: &Names<'_>, id: &str) -> rusqlite::Result<Request> {
    let found: Option<(Option<String>, bool, bool)> = connection
        .query_row(
            "SELECT a.id, r.redeemed_at IS NOT NULL, r.endings <> (SELECT coalesce(sum(e.count), 0) FROM ending e
                 WHERE e.owner IN ('all', 'client ' || r.client_id, 'user ' || r.subject))
             FROM authentication_request r LEFT JOIN approval a ON a.id = r.approval_id AND a.decoy = 0
             WHERE substr(r.id, 7) = ?1",
            // The first six bytes of the key are the time.
            [&Hash::of(id).as_bytes()[6..]],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((approval_id, redeemed, ended)) = found else {
        return Ok(Request { made: false, approval: None, redeemed: false, ended: false });
    };
    let approval = approval_id.map(|id| approval(connection, names, &id)).transpose()?;
    Ok(Request { made: true, approval, redeemed, ended })
}

fn approval(connection: &Connection, names: &Names<'_>, id: &str) -> rusqlite::Result<Approval> {
    let (fate, disputed) = connection.query_row(
        "SELECT status, answer_hash, disputed_at IS NOT NULL FROM approval WHERE id = ?1",
        [id],
        |row| {
            let by: Option<String> = row.get(1)?;
            let answer = || names.answers[&by.expect("an answer decided")];
            let fate = match row.get_ref(0)?.as_str()? {
                "pending" => ApprovalStatus::Open,
                "approved" => ApprovalStatus::Approved { answer: answer() },
                "denied" => ApprovalStatus::Denied { answer: answer() },
                "mismatch" => ApprovalStatus::Mismatch { answer: answer() },
                "expired" => ApprovalStatus::Expired,
                "cancelled" => ApprovalStatus::Cancelled,
                "device_revoked" => ApprovalStatus::DeviceRevoked,
                "refused" => ApprovalStatus::Refused,
                other => panic!("an approval is {other}"),
            };
            Ok((fate, row.get(2)?))
        },
    )?;
    let mut approval = Approval { fate, disputed, asked: [false; 3], refused: [false; 3], answered: [None; 3] };
    let mut challenges = connection.prepare(
        "SELECT c.device_id, c.refused IS NOT NULL, s.jti FROM challenge c LEFT JOIN answer s ON s.challenge_id = c.id
         WHERE c.approval_id = ?1",
    )?;
    let mut rows = challenges.query([id])?;
    while let Some(row) = rows.next()? {
        let device: String = row.get(0)?;
        let device = names.devices.iter().position(|id| id.as_str() == device).expect("one of Alice's devices");
        let answer: Option<String> = row.get(2)?;
        assert!(!approval.asked[device], "a device is asked once");
        approval.asked[device] = true;
        approval.refused[device] = row.get(1)?;
        approval.answered[device] = answer.map(|jti| names.answers[&jti]);
    }
    Ok(approval)
}
