//! Decoys: approvals that ask nobody, and their devices, which nobody holds.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_jose::random::{self, Random};
use countersign_protocol::id::{ApprovalId, DeviceId, RegistrationTokenId, Subject};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::registration::DeviceClass;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::params;

use super::columns::{as_json, millis, name_of, text};
use super::devices::{self, DeviceToAsk};
use super::feed;

/// `status` of the devices: no query for devices of users finds them.
const STATUS: &str = "decoy";

/// Feed entries of one device that are deleted in one write: two for each approval.
const FEED_AT_ONCE: usize = 256;

/// `subject` of the devices that stand in for a user with so many of them. No subject has a tab.
fn owner(number: u32) -> String {
    format!("\t{number}")
}

/// The devices that stand in for those of a user with so many of them; there are none for 0.
pub(crate) fn devices(snapshot: &Snapshot<'_>, number: u32) -> Result<Vec<DeviceToAsk>, Error> {
    devices::to_ask_of(snapshot, &owner(number), STATUS)
}

/// Adds a device that can do everything, and that nobody can be: there is no key to prove it with.
pub(crate) fn add_device(
    transaction: &Transaction<'_>,
    number: u32,
    now: Timestamp,
    random: &dyn Random,
) -> Result<(), Error> {
    let unknown = || Hash::from(random::bytes::<32>(random)).to_string();
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO device (id, subject, status, name, class, platform, key_protection, transport_kid, transport_jwk,
                approval_kid, approval_jwk, interaction_types, version, allow_automated, link_id, registered_at, confirmed_at,
                statement_hash, feed_head)
             VALUES (?1, ?2, ?3, '', ?4, '', '', ?5, '', ?6, '', ?7, 1, 0, ?8, ?9, ?9, ?10, ?11)",
        )?
        .execute(params![
            DeviceId::random(random).as_str(),
            owner(number),
            STATUS,
            name_of(&DeviceClass::Interactive),
            unknown(),
            unknown(),
            as_json(&InteractionType::ALL),
            RegistrationTokenId::random(random).as_str(),
            millis(now),
            unknown(),
            feed::first(random),
        ])?;
    Ok(())
}

/// Decoys that ended before then, and whose requests did, at most `most`, oldest first, each with its subject.
pub(crate) fn ended_before(
    snapshot: &Snapshot<'_>,
    before: Timestamp,
    most: usize,
) -> Result<Vec<(ApprovalId, Subject)>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT id, subject FROM approval WHERE decoy = 1 AND decided_at < ?1 AND expires_at < ?1
             ORDER BY decided_at LIMIT ?2",
        )?
        .query_map(params![millis(before), most as i64], |row| Ok((text(row, "id")?, text(row, "subject")?)))?
        .collect::<Result<_, _>>()?)
}

/// Forgets prompts to a decoy's subject of which no limit needs to know any more.
pub(crate) fn forget_prompts(transaction: &Transaction<'_>, subject: &Subject, before: Timestamp) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("DELETE FROM prompt_history WHERE subject = ?1 AND max(window_from, next_prompt) < ?2")?
        .execute(params![subject.as_str(), millis(before)])?;
    Ok(())
}

/// Deletes the oldest entries of the devices' feeds that are from before then.
pub(crate) fn forget_feeds(transaction: &Transaction<'_>, before: Timestamp) -> Result<(), Error> {
    let devices: Vec<DeviceId> = transaction
        .connection()
        .prepare_cached("SELECT id FROM device WHERE subject >= char(9) AND subject < char(10) AND status = ?1")?
        .query_map([STATUS], |row| text(row, "id"))?
        .collect::<Result<_, _>>()?;
    let mut forget = transaction.connection().prepare_cached(
        "DELETE FROM feed WHERE device_id = ?1 AND n IN
            (SELECT n FROM (SELECT n, at FROM feed WHERE device_id = ?1 ORDER BY n LIMIT ?3) WHERE at < ?2)",
    )?;
    for device in devices {
        forget.execute(params![device.as_str(), millis(before), FEED_AT_ONCE as i64])?;
    }
    Ok(())
}
