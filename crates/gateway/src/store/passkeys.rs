//! What the devices' rows say of passkeys.

use countersign_jose::base64url;
use countersign_protocol::id::DeviceId;
use countersign_protocol::registration::KeyProtection;
use countersign_protocol::webauthn::StatedPasskey;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::params;

/// What is known of a passkey when its device registers.
#[derive(Debug, Clone)]
pub(crate) struct NewPasskey {
    /// What the statements will say of it.
    pub(crate) stated: StatedPasskey,
    /// The credential's id.
    pub(crate) id: Vec<u8>,
    /// As its authenticator counts.
    pub(crate) sign_count: u32,
    /// What an attestation showed.
    pub(crate) verified: Option<KeyProtection>,
}

/// Whether some device registered with the passkey of this id before.
pub(crate) fn is_known(snapshot: &Snapshot<'_>, id: &[u8]) -> Result<bool, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM device WHERE credential_id = ?1)")?
        .query_row([base64url::encode(id)], |row| row.get(0))?)
}

/// Notes what a passkey's authenticator counted.
pub(crate) fn count_signatures(transaction: &Transaction<'_>, id: &DeviceId, count: u32) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE device SET sign_count = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), count])?;
    Ok(())
}
