//! Push addresses of devices, and what is known of each.

use countersign_jose::base64url;
use countersign_jose::clock::Timestamp;
use countersign_jose::key::Thumbprint;
use countersign_protocol::id::DeviceId;
use countersign_protocol::push::PushAddress;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::columns::{millis, name, name_of, optional_time, text};
use super::wakeups::PAUSE;

/// Longest pause of a device whose pushes fail, unless the push service asks for a longer one, in milliseconds.
const LONGEST_PAUSE: u64 = 60_000;

/// What is known of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AddressState {
    /// Nothing against it.
    Ok,
    /// The push service no longer knows it: it was deleted.
    Gone,
    /// The push service refused our key for it.
    Rekey,
}

/// An address without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddressRow {
    pub(crate) state: AddressState,
    pub(crate) service: String,
    pub(crate) vapid_kid: Thumbprint,
    /// When the last attempt began.
    pub(crate) sent_at: Option<Timestamp>,
    pub(crate) last_ok: Option<Timestamp>,
    pub(crate) last_failure: Option<Timestamp>,
    pub(crate) looked_at: Option<Timestamp>,
}

impl AddressRow {
    /// The push service's host.
    pub(crate) fn host(&self) -> &str {
        let port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        match self.service.rsplit_once(':') {
            Some((host, last)) if port(last) => host,
            _ => &self.service,
        }
    }
}

/// Active devices with a push address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushCounts {
    /// All of them.
    pub addresses: u64,
    /// Those that were woken once: a call followed a push.
    pub proven: u64,
    /// Those whose last push failed, or whose address no longer works.
    pub failing: u64,
}

const COLUMNS: &str = "state, service, vapid_kid, sent_at, last_ok, last_failure, looked_at";

fn address(row: &Row<'_>) -> rusqlite::Result<AddressRow> {
    Ok(AddressRow {
        state: name(row, "state")?,
        service: row.get("service")?,
        vapid_kid: text(row, "vapid_kid")?,
        sent_at: optional_time(row, "sent_at")?,
        last_ok: optional_time(row, "last_ok")?,
        last_failure: optional_time(row, "last_failure")?,
        looked_at: optional_time(row, "looked_at")?,
    })
}

pub(crate) fn by_device(snapshot: &Snapshot<'_>, device: &DeviceId) -> Result<Option<AddressRow>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(&format!("SELECT {COLUMNS} FROM push_address WHERE device_id = ?1"))?
        .query_row([device.as_str()], address)
        .optional()?)
}

/// Whether the device's address is this one, made for this key, and nothing is known against it.
pub(crate) fn is_kept(
    snapshot: &Snapshot<'_>,
    device: &DeviceId,
    address: &PushAddress,
    vapid_kid: &Thumbprint,
) -> Result<bool, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT 1 FROM push_address WHERE device_id = ?1 AND state = 'ok' AND endpoint = ?2 AND p256dh = ?3 AND auth = ?4
                AND quiet = ?5 AND vapid_kid = ?6",
        )?
        .exists(params![
            device.as_str(),
            address.endpoint,
            base64url::encode(address.p256dh.sec1()),
            base64url::encode(&address.auth),
            address.quiet,
            vapid_kid.to_string(),
        ])?)
}

/// How many active devices have an address, and how many of those are proven, or saw their last push fail.
pub(crate) fn counts(snapshot: &Snapshot<'_>) -> Result<PushCounts, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT count(*) AS addresses, coalesce(sum(p.state = 'ok' AND p.looked_at IS NOT NULL), 0) AS proven,
                coalesce(sum(p.state <> 'ok' OR coalesce(p.last_failure, 0) > coalesce(p.last_ok, 0)), 0) AS failing
             FROM push_address p JOIN device d ON d.id = p.device_id WHERE d.status = 'active'",
        )?
        .query_row([], |row| {
            let count = |name: &str| row.get::<_, i64>(name).map(i64::unsigned_abs);
            Ok(PushCounts { addresses: count("addresses")?, proven: count("proven")?, failing: count("failing")? })
        })?)
}

/// Keeps the device's address in place of the one before, and forgets what was known of that one. What is queued goes to it, behind all
/// that is due: the pause after the last push and the one after failures are the device's own, whatever its address. What the former
/// address's service asked for beyond that binds no other service.
pub(crate) fn set(
    transaction: &Transaction<'_>,
    device: &DeviceId,
    address: &PushAddress,
    service: &str,
    vapid_kid: &Thumbprint,
    now: Timestamp,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO push_address (device_id, state, service, endpoint, p256dh, auth, quiet, vapid_kid)
             VALUES (?1, 'ok', ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (device_id) DO UPDATE SET state = 'ok', service = ?2, endpoint = ?3, p256dh = ?4, auth = ?5, quiet = ?6,
                vapid_kid = ?7, last_ok = NULL, last_failure = NULL, looked_at = NULL",
        )?
        .execute(params![
            device.as_str(),
            service,
            address.endpoint,
            base64url::encode(address.p256dh.sec1()),
            base64url::encode(&address.auth),
            address.quiet,
            vapid_kid.to_string(),
        ])?;
    transaction
        .connection()
        .prepare_cached(
            "UPDATE wakeup SET service = ?2, due_at = max(
                ?3,
                (SELECT coalesce(p.sent_at, 0) + ?4 FROM push_address p WHERE p.device_id = ?1),
                CASE WHEN attempts > 0 AND service <> ?2 THEN min(due_at, ?3 + ?5) ELSE due_at END)
             WHERE device_id = ?1",
        )?
        .execute(params![device.as_str(), service, millis(now), PAUSE as i64, LONGEST_PAUSE as i64])?;
    Ok(())
}

/// Deletes the device's address and what is queued for it.
pub(crate) fn remove(transaction: &Transaction<'_>, device: &DeviceId) -> Result<(), Error> {
    for statement in ["DELETE FROM wakeup WHERE device_id = ?1", "DELETE FROM push_address WHERE device_id = ?1"] {
        transaction.connection().prepare_cached(statement)?.execute([device.as_str()])?;
    }
    Ok(())
}

/// Notes the result of an attempt on this endpoint; where the device has another one meanwhile, only that it was pushed to. `state` is the
/// address's from now on: of one that is gone nothing is kept but that.
pub(crate) fn attempted(
    transaction: &Transaction<'_>,
    device: &DeviceId,
    endpoint: &str,
    state: AddressState,
    accepted: bool,
    sent_at: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    let column = if accepted { "last_ok" } else { "last_failure" };
    let secrets = match state {
        AddressState::Gone => ", endpoint = NULL, p256dh = NULL, auth = NULL",
        AddressState::Ok | AddressState::Rekey => "",
    };
    let changed = transaction
        .connection()
        .prepare_cached(&format!(
            "UPDATE push_address SET state = ?3, sent_at = ?4, {column} = ?5{secrets} WHERE device_id = ?1 AND endpoint = ?2"
        ))?
        .execute(params![device.as_str(), endpoint, name_of(&state), millis(sent_at), millis(now)])?;
    if changed == 0 {
        transaction
            .connection()
            .prepare_cached("UPDATE push_address SET sent_at = ?2 WHERE device_id = ?1")?
            .execute(params![device.as_str(), millis(sent_at)])?;
    } else if state != AddressState::Ok {
        // Its stream tells it.
        transaction.notify_after_commit(device.as_str());
    }
    Ok(changed == 1)
}

/// Notes the device's first call after a push.
pub(crate) fn looked(transaction: &Transaction<'_>, device: &DeviceId, at: Timestamp) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE push_address SET looked_at = ?2 WHERE device_id = ?1 AND last_ok IS NOT NULL")?
        .execute(params![device.as_str(), millis(at)])?;
    Ok(())
}
