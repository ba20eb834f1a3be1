//! What the devices' rows say of passkeys.

use countersign_jose::base64url;
use countersign_jose::clock::Timestamp;
use countersign_jose::key::Thumbprint;
use countersign_protocol::id::DeviceId;
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::webauthn::StatedPasskey;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::columns::{json, millis, optional_time, text};
use super::devices::{self, Device};

/// What is known of a passkey when its device registers.
#[derive(Debug, Clone)]
pub(crate) struct NewPasskey {
    /// What the statements will say of it.
    pub(crate) stated: StatedPasskey,
    /// The credential's id.
    pub(crate) id: Vec<u8>,
    /// As its authenticator counts.
    pub(crate) sign_count: u32,
    /// Whether it was backed up (BS).
    pub(crate) backup_state: bool,
    /// What an attestation showed.
    pub(crate) verified: Option<KeyProtection>,
}

/// How a known passkey registered the page that lost its transport key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Resumed {
    /// With a link.
    Link,
    /// Without one.
    Alone,
}

/// The active device with the passkey of this id. Of all devices that ever had it at most one is active.
pub(crate) fn active_device(snapshot: &Snapshot<'_>, id: &[u8]) -> Result<Option<Device>, Error> {
    let columns = devices::COLUMNS;
    Ok(snapshot
        .connection()
        .prepare_cached(&format!("SELECT {columns} FROM device d WHERE d.credential_id = ?1 AND d.status = 'active'"))?
        .query_row([base64url::encode(id)], devices::only_device)
        .optional()?)
}

/// The active device that took the place of one that ended, with its passkey.
pub(crate) struct Successor {
    pub(crate) device: DeviceId,
    pub(crate) shows: Vec<InteractionType>,
}

/// The successor of this device, if it ended and has one.
pub(crate) fn successor(snapshot: &Snapshot<'_>, device: &DeviceId) -> Result<Option<Successor>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT s.id, s.interaction_types FROM device d JOIN device s ON s.credential_id = d.credential_id
             WHERE d.id = ?1 AND d.status = 'revoked' AND s.status = 'active' AND s.resumed IS NOT NULL AND s.subject = d.subject",
        )?
        .query_row([device.as_str()], |row| {
            Ok(Successor { device: text(row, "id")?, shows: json(row, "interaction_types")? })
        })
        .optional()?)
}

/// Whether an active device has this approval key: the one that was asked, or one that took its place.
pub(crate) fn is_key_active(snapshot: &Snapshot<'_>, kid: &Thumbprint) -> Result<bool, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM device WHERE approval_kid = ?1 AND status = 'active')")?
        .query_row([kid.to_string()], |row| row.get(0))?)
}

/// How often the passkey of this id registered without a link since then, and when first.
pub(crate) fn resumed_alone_since(
    snapshot: &Snapshot<'_>,
    id: &[u8],
    since: Timestamp,
) -> Result<(u32, Option<Timestamp>), Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT count(*), min(registered_at) FROM device
             WHERE credential_id = ?1 AND resumed = 'alone' AND registered_at > ?2",
        )?
        .query_row(params![base64url::encode(id), millis(since)], |row| Ok((row.get(0)?, optional_time(row, 1)?)))?)
}

/// Whether some device registered with the passkey of this id before.
pub(crate) fn is_known(snapshot: &Snapshot<'_>, id: &[u8]) -> Result<bool, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM device WHERE credential_id = ?1)")?
        .query_row([base64url::encode(id)], |row| row.get(0))?)
}

/// Notes what a passkey's authenticator said with a signature: its count, and whether the passkey is backed up (BS).
pub(crate) fn note_signature(
    transaction: &Transaction<'_>,
    id: &DeviceId,
    count: u32,
    backup_state: bool,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE device SET sign_count = ?2, backup_state = ?3 WHERE id = ?1")?
        .execute(params![id.as_str(), count, backup_state])?;
    Ok(())
}
