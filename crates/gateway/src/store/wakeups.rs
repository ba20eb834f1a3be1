//! The outbox of pushes, and the trace of what came of them.

use countersign_jose::clock::Timestamp;
use countersign_protocol::id::{ApprovalId, ChallengeId, DeviceId};
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, Row, params};

use super::columns::{millis, optional_time, text, time};

/// Shortest time between two pushes to one device, in milliseconds.
pub(crate) const PAUSE: u64 = 1000;

/// Why a device is woken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reason {
    /// When the push is due.
    pub(crate) due_at: Timestamp,
    /// Whether it waits for the confirmation of an open stream.
    pub(crate) streamed: bool,
    /// Whether no confirmation ends it: a test, or a practice request.
    pub(crate) kept: bool,
    /// Until when it is sent even where nothing waits for an answer.
    pub(crate) until: Timestamp,
    /// Whether addresses that can't pass over a push are left out.
    pub(crate) quiet_alone: bool,
}

/// A push that is due.
#[derive(Debug, Clone)]
pub(crate) struct Wakeup {
    pub(crate) device: DeviceId,
    pub(crate) service: String,
    pub(crate) version: i64,
    pub(crate) attempts: u32,
    pub(crate) until: Timestamp,
}

/// A push that is queued for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Queued {
    /// Failed attempts since the last one that succeeded.
    pub(crate) attempts: u32,
    pub(crate) due_at: Timestamp,
}

/// Where a push goes. Its endpoint is a capability: no `Debug`.
pub(crate) struct Target {
    pub(crate) endpoint: String,
    pub(crate) p256dh: String,
    pub(crate) auth: String,
    pub(crate) vapid_kid: String,
    /// When the last of what waits for the device ends; `None`: nothing waits.
    pub(crate) waits_until: Option<Timestamp>,
}

/// Queues a push for the device, if it has an address, takes part or will, and nothing is known against the address. One that is queued
/// already is due at the earlier time, unless its push service asked for patience. Returns whether there was an address.
pub(crate) fn queue(transaction: &Transaction<'_>, device: &DeviceId, reason: &Reason) -> Result<bool, Error> {
    let changed = transaction
        .connection()
        .prepare_cached(
            "INSERT INTO wakeup (device_id, service, version, feed_n, due_at, attempts, streamed, kept, until)
             SELECT p.device_id, p.service, 1, d.feed_head, max(?2, coalesce(p.sent_at, 0) + ?3), 0, ?4, ?5, ?6
             FROM push_address p JOIN device d ON d.id = p.device_id
             WHERE p.device_id = ?1 AND p.state = 'ok' AND (p.quiet OR NOT ?7)
             ON CONFLICT (device_id) DO UPDATE SET
                version = version + 1,
                feed_n = excluded.feed_n,
                due_at = CASE WHEN attempts > 0 THEN due_at ELSE min(due_at, excluded.due_at) END,
                streamed = min(streamed, excluded.streamed),
                kept = max(kept, excluded.kept),
                until = max(until, excluded.until)",
        )?
        .execute(params![
            device.as_str(),
            millis(reason.due_at),
            PAUSE as i64,
            reason.streamed,
            reason.kept,
            millis(reason.until),
            reason.quiet_alone,
        ])?;
    Ok(changed == 1)
}

/// The device has everything up to this feed entry: a push that is about nothing later is not sent. Returns whether there was one.
pub(crate) fn confirm(transaction: &Transaction<'_>, device: &DeviceId, n: i64) -> Result<bool, Error> {
    let deleted = transaction
        .connection()
        .prepare_cached("DELETE FROM wakeup WHERE device_id = ?1 AND feed_n <= ?2 AND kept = 0")?
        .execute(params![device.as_str(), n])?;
    Ok(deleted == 1)
}

/// As [`confirm`], for what a device says about a challenge.
pub(crate) fn confirm_challenge(
    transaction: &Transaction<'_>,
    device: &DeviceId,
    challenge: &ChallengeId,
) -> Result<bool, Error> {
    let n: Option<i64> = transaction
        .connection()
        .prepare_cached("SELECT c.feed_n FROM challenge c JOIN wakeup w ON w.device_id = c.device_id WHERE c.id = ?1 AND c.device_id = ?2")?
        .query_row(params![challenge.as_str(), device.as_str()], |row| row.get(0))
        .optional()?;
    n.map_or(Ok(false), |n| confirm(transaction, device, n))
}

/// Push services with a push that is queued, and whether one is due.
pub(crate) fn services(snapshot: &Snapshot<'_>, now: Timestamp) -> Result<Vec<(String, bool)>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            // One step of the index for each service, however many pushes wait.
            "WITH RECURSIVE of (service) AS (
                SELECT min(service) FROM wakeup
                UNION ALL
                SELECT (SELECT min(w.service) FROM wakeup w WHERE w.service > of.service) FROM of WHERE of.service IS NOT NULL)
             SELECT service,
                EXISTS (SELECT 1 FROM wakeup w WHERE w.service = of.service AND (w.attempts > 0) = 0 AND w.due_at <= ?1)
                OR EXISTS (SELECT 1 FROM wakeup w WHERE w.service = of.service AND (w.attempts > 0) = 1 AND w.due_at <= ?1)
             FROM of WHERE service IS NOT NULL",
        )?
        .query_map([millis(now)], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?)
}

/// Pushes to this service that are due, at most `most`, the longest due first: those whose last attempt failed, or the others.
pub(crate) fn due(
    snapshot: &Snapshot<'_>,
    service: &str,
    has_failed: bool,
    now: Timestamp,
    most: usize,
) -> Result<Vec<Wakeup>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT device_id, service, version, attempts, until FROM wakeup
             WHERE service = ?1 AND (attempts > 0) = ?2 AND due_at <= ?3 ORDER BY due_at LIMIT ?4",
        )?
        .query_map(params![service, has_failed, millis(now), most as i64], wakeup)?
        .collect::<Result<_, _>>()?)
}

fn wakeup(row: &Row<'_>) -> rusqlite::Result<Wakeup> {
    Ok(Wakeup {
        device: text(row, "device_id")?,
        service: row.get("service")?,
        version: row.get("version")?,
        attempts: row.get("attempts")?,
        until: time(row, "until")?,
    })
}

/// What is queued for the device.
pub(crate) fn queued(snapshot: &Snapshot<'_>, device: &DeviceId) -> Result<Option<Queued>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT attempts, due_at FROM wakeup WHERE device_id = ?1")?
        .query_row([device.as_str()], |row| Ok(Queued { attempts: row.get("attempts")?, due_at: time(row, "due_at")? }))
        .optional()?)
}

/// When the next push is due.
pub(crate) fn next_due(snapshot: &Snapshot<'_>) -> Result<Option<Timestamp>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT min(due_at) AS due_at FROM wakeup")?
        .query_row([], |row| optional_time(row, "due_at"))?)
}

/// Devices whose pushes wait for the confirmation of an open stream.
pub(crate) fn streamed(snapshot: &Snapshot<'_>) -> Result<Vec<DeviceId>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT device_id FROM wakeup WHERE streamed = 1")?
        .query_map([], |row| text(row, 0))?
        .collect::<Result<_, _>>()?)
}

/// The device's stream ended without a confirmation: its push waits no longer.
pub(crate) fn stream_ended(transaction: &Transaction<'_>, device: &DeviceId, now: Timestamp) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "UPDATE wakeup SET streamed = 0, due_at = min(due_at, ?2) WHERE device_id = ?1 AND streamed = 1",
        )?
        .execute(params![device.as_str(), millis(now)])?;
    Ok(())
}

/// Where the device's push goes, and until when; `None` for a device that does not take part, or has no address.
pub(crate) fn target(snapshot: &Snapshot<'_>, device: &DeviceId, now: Timestamp) -> Result<Option<Target>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT p.endpoint, p.p256dh, p.auth, p.vapid_kid,
                (SELECT max(a.answer_until) FROM challenge c JOIN approval a ON a.id = c.approval_id
                 WHERE c.device_id = d.id AND c.outcome IS NULL AND c.refused IS NULL AND a.status = 'pending' AND a.held = 0
                    AND a.answer_until > ?2) AS waits_until
             FROM push_address p JOIN device d ON d.id = p.device_id
             WHERE p.device_id = ?1 AND p.state = 'ok' AND p.endpoint IS NOT NULL AND d.status = 'active'",
        )?
        .query_row(params![device.as_str(), millis(now)], |row| {
            Ok(Target {
                endpoint: row.get("endpoint")?,
                p256dh: row.get("p256dh")?,
                auth: row.get("auth")?,
                vapid_kid: row.get("vapid_kid")?,
                waits_until: optional_time(row, "waits_until")?,
            })
        })
        .optional()?)
}

/// The push of this version was sent, or is not to be: what was added during the attempt is due a second after it began.
pub(crate) fn finish(
    transaction: &Transaction<'_>,
    device: &DeviceId,
    version: i64,
    sent_at: Timestamp,
) -> Result<(), Error> {
    let connection = transaction.connection();
    let deleted = connection
        .prepare_cached("DELETE FROM wakeup WHERE device_id = ?1 AND version = ?2")?
        .execute(params![device.as_str(), version])?;
    if deleted == 0 {
        connection
            .prepare_cached("UPDATE wakeup SET attempts = 0, due_at = max(due_at, ?2) WHERE device_id = ?1")?
            .execute(params![device.as_str(), millis(sent_at.plus_millis(PAUSE))])?;
    }
    Ok(())
}

/// Deletes what is queued for the device.
pub(crate) fn remove(transaction: &Transaction<'_>, device: &DeviceId) -> Result<(), Error> {
    transaction.connection().prepare_cached("DELETE FROM wakeup WHERE device_id = ?1")?.execute([device.as_str()])?;
    Ok(())
}

/// Puts off the push after a failed attempt.
pub(crate) fn put_off(
    transaction: &Transaction<'_>,
    device: &DeviceId,
    attempts: u32,
    due_at: Timestamp,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE wakeup SET attempts = ?2, due_at = ?3 WHERE device_id = ?1")?
        .execute(params![device.as_str(), attempts, millis(due_at)])?;
    Ok(())
}

/// The device changed its address while the former one was tried, `attempts` times without an answer: its next push is not due before.
pub(crate) fn readdressed(
    transaction: &Transaction<'_>,
    device: &DeviceId,
    attempts: u32,
    due_at: Timestamp,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE wakeup SET attempts = ?2, due_at = max(due_at, ?3) WHERE device_id = ?1")?
        .execute(params![device.as_str(), attempts, millis(due_at)])?;
    Ok(())
}

/// Notes that a push about everything that waits for the device was accepted.
pub(crate) fn trace_accepted(transaction: &Transaction<'_>, device: &DeviceId, now: Timestamp) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO wakeup_trace (challenge_id, device_id, accepted_at)
             SELECT c.id, c.device_id, ?2 FROM challenge c JOIN approval a ON a.id = c.approval_id
             WHERE c.device_id = ?1 AND c.outcome IS NULL AND a.status = 'pending' AND a.held = 0
             ON CONFLICT (challenge_id) DO NOTHING",
        )?
        .execute(params![device.as_str(), millis(now)])?;
    Ok(())
}

/// Notes the device's first call after a push.
pub(crate) fn trace_looked(transaction: &Transaction<'_>, device: &DeviceId, at: Timestamp) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE wakeup_trace SET looked_at = ?2 WHERE device_id = ?1 AND looked_at IS NULL")?
        .execute(params![device.as_str(), millis(at)])?;
    Ok(())
}

/// When a push about each challenge of an approval was accepted, and when its device looked.
pub(crate) fn traces(
    snapshot: &Snapshot<'_>,
    approval: &ApprovalId,
) -> Result<Vec<(ChallengeId, Timestamp, Option<Timestamp>)>, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached(
            "SELECT t.challenge_id, t.accepted_at, t.looked_at FROM challenge c JOIN wakeup_trace t ON t.challenge_id = c.id
             WHERE c.approval_id = ?1",
        )?
        .query_map([approval.as_str()], |row| {
            Ok((text(row, "challenge_id")?, time(row, "accepted_at")?, optional_time(row, "looked_at")?))
        })?
        .collect::<Result<_, _>>()?)
}
