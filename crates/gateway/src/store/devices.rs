//! Devices and their enrollment statements.

use countersign_jose::base64url;
use countersign_jose::clock::Timestamp;
use countersign_jose::key::{PublicKey, Thumbprint};
use countersign_protocol::enrollment::EnrollmentStatement;
use countersign_protocol::id::{DeviceId, RegistrationTokenId, Subject};
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::registration::{DeviceClass, KeyProtection};
use countersign_protocol::webauthn::StatedPasskey;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::columns::{
    ColumnCursor, as_json, json, millis, name, name_of, optional_json, optional_name, optional_time, text, time,
};
use super::passkeys::{NewPasskey, Resumed};

/// The state of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceState {
    /// Registered; waits for its confirmation code. Gets no challenges.
    Unconfirmed,
    /// Confirmed: gets challenges.
    Active,
    /// May have been copied or restored: two different answers claimed one place in its history.
    Suspended,
    /// Ended by itself, the user or the operator.
    Revoked,
    /// Its confirmation code was missed three times, or never typed.
    Abandoned,
}

/// A device as the store keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) id: DeviceId,
    pub(crate) subject: Subject,
    pub(crate) state: DeviceState,
    pub(crate) name: String,
    pub(crate) class: DeviceClass,
    pub(crate) platform: String,
    pub(crate) key_protection: KeyProtection,
    pub(crate) key_verified: Option<KeyProtection>,
    pub(crate) transport_kid: Thumbprint,
    /// The keys as JWK texts, for they are needed less often than the rest; see [`Device::transport_key`].
    transport_jwk: String,
    approval_jwk: String,
    pub(crate) approval_kid: Thumbprint,
    /// What its statements say of its passkey; `None`: the approval key is none.
    pub(crate) passkey: Option<StatedPasskey>,
    /// What the passkey's authenticator counted last.
    pub(crate) sign_count: Option<u32>,
    /// Whether the passkey was backed up then.
    pub(crate) backup_state: Option<bool>,
    /// Whether several people use it.
    pub(crate) shared: bool,
    /// The origin of the page that is the device.
    pub(crate) code_origin: Option<String>,
    /// How its passkey registered again, if it was known before.
    pub(crate) resumed: Option<Resumed>,
    pub(crate) link: RegistrationTokenId,
    pub(crate) registered_at: Timestamp,
    pub(crate) confirmed_at: Option<Timestamp>,
    /// The highest number in its history that it has answered with.
    pub(crate) seq: Option<u64>,
    pub(crate) revocation: Option<String>,
}

/// What is known of a device when it registers.
pub(crate) struct NewDevice<'a> {
    pub(crate) id: &'a DeviceId,
    pub(crate) subject: &'a Subject,
    pub(crate) name: &'a str,
    pub(crate) class: DeviceClass,
    pub(crate) platform: &'a str,
    pub(crate) key_protection: KeyProtection,
    pub(crate) transport_key: &'a PublicKey,
    pub(crate) approval_key: &'a PublicKey,
    pub(crate) passkey: Option<&'a NewPasskey>,
    pub(crate) shared: bool,
    pub(crate) code_origin: Option<&'a str>,
    pub(crate) resumed: Option<Resumed>,
    pub(crate) interaction_types: &'a [InteractionType],
    pub(crate) version: u32,
    pub(crate) allow_automated: bool,
    pub(crate) link: &'a RegistrationTokenId,
    pub(crate) registered_at: Timestamp,
    pub(crate) feed_head: i64,
}

impl Device {
    /// The key that signs proofs, denials and disputes.
    pub(crate) fn transport_key(&self) -> Result<PublicKey, Error> {
        parse_key(&self.transport_jwk)
    }

    /// The key that signs approvals.
    pub(crate) fn approval_key(&self) -> Result<PublicKey, Error> {
        parse_key(&self.approval_jwk)
    }
}

fn parse_key(jwk: &str) -> Result<PublicKey, Error> {
    Ok(serde_json::from_str(jwk)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))?)
}

/// In the order in which [`device`] reads them.
pub(super) const COLUMNS: &str =
    "d.id, d.subject, d.status, d.name, d.class, d.platform, d.key_protection, d.key_verified,
    d.transport_kid, d.transport_jwk, d.approval_kid, d.approval_jwk, d.passkey, d.sign_count, d.backup_state,
    d.shared, d.code_origin, d.resumed, d.link_id, d.registered_at, d.confirmed_at, d.seq, d.revocation";

pub(super) fn device(row: &Row<'_>, at: &mut ColumnCursor) -> rusqlite::Result<Device> {
    Ok(Device {
        id: text(row, at.next())?,
        subject: text(row, at.next())?,
        state: name(row, at.next())?,
        name: row.get(at.next())?,
        class: name(row, at.next())?,
        platform: row.get(at.next())?,
        key_protection: name(row, at.next())?,
        key_verified: optional_name(row, at.next())?,
        transport_kid: text(row, at.next())?,
        transport_jwk: row.get(at.next())?,
        approval_kid: text(row, at.next())?,
        approval_jwk: row.get(at.next())?,
        passkey: optional_json(row, at.next())?,
        sign_count: row.get(at.next())?,
        backup_state: row.get(at.next())?,
        shared: row.get(at.next())?,
        code_origin: row.get(at.next())?,
        resumed: optional_name(row, at.next())?,
        link: text(row, at.next())?,
        registered_at: time(row, at.next())?,
        confirmed_at: optional_time(row, at.next())?,
        seq: row.get::<_, Option<i64>>(at.next())?.map(i64::unsigned_abs),
        revocation: row.get(at.next())?,
    })
}

pub(super) fn only_device(row: &Row<'_>) -> rusqlite::Result<Device> {
    device(row, &mut ColumnCursor::default())
}

pub(crate) fn insert(transaction: &Transaction<'_>, new: &NewDevice<'_>) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO device (id, subject, status, name, class, platform, key_protection, transport_kid, transport_jwk,
                approval_kid, approval_jwk, interaction_types, version, allow_automated, link_id, registered_at, feed_head,
                key_verified, passkey, credential_id, sign_count, backup_state, shared, code_origin, resumed)
             VALUES (?1, ?2, 'unconfirmed', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
                ?20, ?21, ?22, ?23, ?24)",
        )?
        .execute(params![
            new.id.as_str(),
            new.subject.as_str(),
            new.name,
            name_of(&new.class),
            new.platform,
            name_of(&new.key_protection),
            new.transport_key.thumbprint().to_string(),
            as_json(new.transport_key),
            new.approval_key.thumbprint().to_string(),
            as_json(new.approval_key),
            as_json(&new.interaction_types),
            new.version,
            new.allow_automated,
            new.link.as_str(),
            millis(new.registered_at),
            new.feed_head,
            new.passkey.and_then(|passkey| passkey.verified).map(|level| name_of(&level)),
            new.passkey.map(|passkey| as_json(&passkey.stated)),
            new.passkey.map(|passkey| base64url::encode(&passkey.id)),
            new.passkey.map(|passkey| passkey.sign_count),
            new.passkey.map(|passkey| passkey.backup_state),
            new.shared,
            new.code_origin,
            new.resumed.as_ref().map(name_of),
        ])?;
    Ok(())
}

pub(crate) fn by_id(snapshot: &Snapshot<'_>, id: &DeviceId) -> Result<Option<Device>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!("SELECT {COLUMNS} FROM device d WHERE d.id = ?1"))?
        .query_row([id.as_str()], only_device)
        .optional()?)
}

/// All devices of a user that take part, oldest first.
pub(crate) fn active(snapshot: &Snapshot<'_>, subject: &Subject) -> Result<Vec<Device>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM device d WHERE d.subject = ?1 AND d.status = 'active' ORDER BY d.registered_at, d.id"
        ))?
        .query_map([subject.as_str()], only_device)?
        .collect::<Result<_, _>>()?)
}

/// A device as a request needs it.
pub(crate) struct DeviceToAsk {
    pub(crate) id: DeviceId,
    pub(crate) class: DeviceClass,
    pub(crate) interaction_types: Vec<InteractionType>,
}

/// The devices of a user that take part, oldest first.
pub(crate) fn to_ask(snapshot: &Snapshot<'_>, subject: &Subject) -> Result<Vec<DeviceToAsk>, Error> {
    to_ask_of(snapshot, subject.as_str(), "active")
}

/// The devices of an owner with this status, oldest first.
pub(super) fn to_ask_of(snapshot: &Snapshot<'_>, owner: &str, status: &str) -> Result<Vec<DeviceToAsk>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT id, class, interaction_types FROM device WHERE subject = ?1 AND status = ?2 ORDER BY registered_at, id",
        )?
        .query_map([owner, status], |row| {
            Ok(DeviceToAsk {
                id: text(row, "id")?,
                class: name(row, "class")?,
                interaction_types: json(row, "interaction_types")?,
            })
        })?
        .collect::<Result<_, _>>()?)
}

/// All devices a user ever had, oldest first.
pub(crate) fn all(snapshot: &Snapshot<'_>, subject: &Subject) -> Result<Vec<Device>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!("SELECT {COLUMNS} FROM device d WHERE d.subject = ?1 ORDER BY d.registered_at, d.id"))?
        .query_map([subject.as_str()], only_device)?
        .collect::<Result<_, _>>()?)
}

/// How many devices of a user take part or wait for their code.
pub(crate) fn count_not_ended(snapshot: &Snapshot<'_>, subject: &Subject) -> Result<u32, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT count(*) FROM device WHERE subject = ?1 AND status IN ('active', 'unconfirmed', 'suspended')",
        )?
        .query_row([subject.as_str()], |row| row.get(0))?)
}

/// Whether some device registered with this key before, for either purpose.
pub(crate) fn is_key_known(snapshot: &Snapshot<'_>, kid: &Thumbprint) -> Result<bool, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM device WHERE transport_kid = ?1 OR approval_kid = ?1)")?
        .query_row([kid.to_string()], |row| row.get(0))?)
}

/// Devices that were registered before then and never confirmed.
pub(crate) fn unconfirmed_before(snapshot: &Snapshot<'_>, before: Timestamp) -> Result<Vec<Device>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM device d WHERE d.status = 'unconfirmed' AND d.registered_at < ?1 LIMIT 100"
        ))?
        .query_map([millis(before)], only_device)?
        .collect::<Result<_, _>>()?)
}

/// Makes the device take part, by its first statement.
pub(crate) fn confirm(transaction: &Transaction<'_>, id: &DeviceId, now: Timestamp) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE device SET status = 'active', confirmed_at = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), millis(now)])?;
    Ok(())
}

/// Ends or suspends a device; `revocation` is the signed one.
pub(crate) fn end(
    transaction: &Transaction<'_>,
    id: &DeviceId,
    state: DeviceState,
    revocation: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE device SET status = ?2, revocation = ?3, ended_at = ?4 WHERE id = ?1")?
        .execute(params![id.as_str(), name_of(&state), revocation, millis(now)])?;
    Ok(())
}

/// Notes the place in its history that a device's answer took.
pub(crate) fn advance(transaction: &Transaction<'_>, id: &DeviceId, seq: u64) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE device SET seq = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), i64::try_from(seq).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// The device's statements, oldest first, as signed.
pub(crate) fn statements(snapshot: &Snapshot<'_>, id: &DeviceId) -> Result<Vec<String>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT jws FROM statement WHERE device_id = ?1 ORDER BY sequence")?
        .query_map([id.as_str()], |row| row.get(0))?
        .collect::<Result<_, _>>()?)
}

/// The device's latest statement, as signed; `None` before it is confirmed.
pub(crate) fn latest_statement(
    snapshot: &Snapshot<'_>,
    id: &DeviceId,
) -> Result<Option<Compact<EnrollmentStatement>>, Error> {
    Ok(latest_statements(snapshot, id, 1)?.pop())
}

/// The device's latest statements, newest first, as signed; at most `most`.
pub(super) fn latest_statements(
    snapshot: &Snapshot<'_>,
    id: &DeviceId,
    most: u32,
) -> Result<Vec<Compact<EnrollmentStatement>>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT jws FROM statement WHERE device_id = ?1 ORDER BY sequence DESC LIMIT ?2")?
        .query_map(params![id.as_str(), most], |row| row.get::<_, String>(0).map(Compact::from_text))?
        .collect::<Result<_, _>>()?)
}

/// Adds a statement, which is from now on the one in force.
pub(crate) fn add_statement(
    transaction: &Transaction<'_>,
    statement: &EnrollmentStatement,
    signed: &Compact<EnrollmentStatement>,
) -> Result<(), Error> {
    let id = statement.device_id.as_str();
    transaction
        .connection()
        .prepare_cached("INSERT INTO statement (device_id, sequence, jws) VALUES (?1, ?2, ?3)")?
        .execute(params![id, statement.sequence as i64, signed.as_str()])?;
    transaction
        .connection()
        .prepare_cached("UPDATE device SET statement_hash = ?2, on_behalf_of = ?3 WHERE id = ?1")?
        .execute(params![id, signed.hash().to_string(), statement.on_behalf_of.as_ref().map(as_json)])?;
    Ok(())
}

/// Some of the active devices whose latest statement names other issuers than these in its `on_behalf_of`.
pub(crate) fn on_behalf_of_others(
    snapshot: &Snapshot<'_>,
    issuers: Option<&[Issuer]>,
    at_most: usize,
) -> Result<Vec<DeviceId>, Error> {
    let differs = if issuers.is_some() { "on_behalf_of IS NOT ?1" } else { "on_behalf_of IS NOT NULL AND ?1 IS NULL" };
    Ok(snapshot
        .connection()
        .prepare_cached(&format!("SELECT id FROM device WHERE status = 'active' AND {differs} LIMIT ?2"))?
        .query_map(params![issuers.map(|issuers| as_json(&issuers)), at_most as i64], |row| text(row, 0))?
        .collect::<Result<_, _>>()?)
}

/// Gives a device another name. `false` if there is no active device of this id.
pub(crate) fn rename(transaction: &Transaction<'_>, id: &DeviceId, name: &str) -> Result<bool, Error> {
    let renamed = transaction
        .connection()
        .prepare_cached("UPDATE device SET name = ?2 WHERE id = ?1 AND status = 'active'")?
        .execute(params![id.as_str(), name])?;
    Ok(renamed == 1)
}
