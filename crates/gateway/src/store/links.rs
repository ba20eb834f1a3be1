//! Enrollment links: one registration token each, one device each.

use countersign_jose::clock::Timestamp;
use countersign_protocol::id::{DeviceId, RegistrationTokenId, Subject};
use countersign_protocol::registration::Confirm;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::columns::{millis, name, name_of, optional_text, text, time};

/// The state of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// No device has used it.
    Open,
    /// A device registered; its code is due.
    Registered,
    /// The device is confirmed.
    Confirmed,
    /// Missed three times, withdrawn, or its device is gone.
    Ended,
}

pub(crate) struct Link {
    pub(crate) id: RegistrationTokenId,
    pub(crate) subject: Subject,
    pub(crate) subject_label: String,
    pub(crate) confirm: Confirm,
    pub(crate) allow_automated: bool,
    pub(crate) expires_at: Timestamp,
    pub(crate) tries_left: u32,
    pub(crate) state: LinkState,
    pub(crate) device: Option<DeviceId>,
    /// Whether the user's devices were notified that another device tried it.
    pub(crate) alerted: bool,
    /// Hash of the registration's body.
    pub(crate) registration: Option<String>,
}

pub(crate) fn insert(transaction: &Transaction<'_>, link: &Link) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO link (id, subject, subject_label, confirm, allow_automated, expires_at, tries_left, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            link.id.as_str(),
            link.subject.as_str(),
            link.subject_label,
            name_of(&link.confirm),
            link.allow_automated,
            millis(link.expires_at),
            link.tries_left,
            name_of(&link.state),
        ])?;
    Ok(())
}

pub(crate) fn by_id(snapshot: &Snapshot<'_>, id: &RegistrationTokenId) -> Result<Option<Link>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT id, subject, subject_label, confirm, allow_automated, expires_at, tries_left, state, device_id, alerted, registration
             FROM link WHERE id = ?1",
        )?
        .query_row([id.as_str()], |row| {
            Ok(Link {
                id: text(row, "id")?,
                subject: text(row, "subject")?,
                subject_label: row.get("subject_label")?,
                confirm: name(row, "confirm")?,
                allow_automated: row.get("allow_automated")?,
                expires_at: time(row, "expires_at")?,
                tries_left: row.get("tries_left")?,
                state: name(row, "state")?,
                device: optional_text(row, "device_id")?,
                alerted: row.get("alerted")?,
                registration: row.get("registration")?,
            })
        })
        .optional()?)
}

/// Gives an open link its device.
pub(crate) fn register(
    transaction: &Transaction<'_>,
    id: &RegistrationTokenId,
    device: &DeviceId,
    registration: &str,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE link SET state = 'registered', device_id = ?2, registration = ?3 WHERE id = ?1")?
        .execute(params![id.as_str(), device.as_str(), registration])?;
    Ok(())
}

pub(crate) fn set_state(
    transaction: &Transaction<'_>,
    id: &RegistrationTokenId,
    state: LinkState,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE link SET state = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), name_of(&state)])?;
    Ok(())
}

/// Records that the user's devices were notified of a second use, so that they are notified once.
pub(crate) fn set_alerted(transaction: &Transaction<'_>, id: &RegistrationTokenId) -> Result<(), Error> {
    transaction.connection().prepare_cached("UPDATE link SET alerted = 1 WHERE id = ?1")?.execute([id.as_str()])?;
    Ok(())
}

/// Takes one try away; returns how many are left.
pub(crate) fn miss(transaction: &Transaction<'_>, id: &RegistrationTokenId) -> Result<u32, Error> {
    Ok(transaction
        .connection()
        .prepare_cached("UPDATE link SET tries_left = max(tries_left - 1, 0) WHERE id = ?1 RETURNING tries_left")?
        .query_row([id.as_str()], |row| row.get(0))?)
}

/// Forgets links that ended before then, at most `most`. Their tokens are refused for their age alone. Returns how many.
pub(crate) fn forget(transaction: &Transaction<'_>, before: Timestamp, most: usize) -> Result<usize, Error> {
    Ok(transaction
        .connection()
        .prepare_cached("DELETE FROM link WHERE id IN (SELECT id FROM link WHERE expires_at < ?1 LIMIT ?2)")?
        .execute(params![millis(before), most as i64])?)
}

/// Whether there is a link to forget.
pub(crate) fn has_older(snapshot: &Snapshot<'_>, before: Timestamp) -> Result<bool, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM link WHERE expires_at < ?1)")?
        .query_row([millis(before)], |row| row.get(0))?)
}
