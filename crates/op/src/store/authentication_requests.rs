//! Authentication requests, by the hash of their `auth_req_id`.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::id::ApprovalId;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, Row, named_params, params};

use super::columns::{column, time};
use super::endings;
use crate::grant::resource::Resources;

/// How long an expired request is kept, in milliseconds: until then a client gets its result or error, later `invalid_grant`.
const RETENTION_MILLIS: i64 = 24 * 3600 * 1000;

/// An authentication request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AuthRequest {
    /// SHA-256 of the `auth_req_id`, which itself is kept nowhere.
    pub(crate) id: Hash,
    pub(crate) client_id: String,
    pub(crate) approval: ExistingApproval,
    pub(crate) scope: String,
    /// `authorization_details`, byte for byte: the gateway keeps them, and they are read when tokens are made. `None` before.
    pub(crate) details: Option<String>,
    /// Resource servers that the tokens are for (RFC 8707).
    pub(crate) resources: Resources,
    pub(crate) requested_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// Seconds between two polls; grows with every `slow_down`.
    pub(crate) interval: u32,
    pub(crate) redeemed: bool,
    /// Whether its client cancelled it.
    pub(crate) cancelled: bool,
    /// The final refusal that its client was given.
    pub(crate) refused: Option<FinalRefusal>,
    /// Whether everything of its user or client was ended since it was made.
    pub(crate) ended: bool,
}

impl AuthRequest {
    /// What people call it.
    pub(crate) fn reference(&self) -> ApprovalRef {
        ApprovalRef::of(&self.approval.id)
    }

    /// Until when an approved request is redeemed: its end and twice the last told interval, at most a minute, since a
    /// client that polls as it was told may come that much later.
    pub(crate) fn redeemable_until(&self) -> Timestamp {
        self.expires_at.plus_seconds((2 * u64::from(self.interval)).min(LATE_POLL_SECONDS))
    }
}

/// Why an approval gives no tokens, now or later: stored when the client is told, so that nothing brings it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FinalRefusal {
    /// The user was locked or removed since.
    UserGone,
    /// Everything of the user or the client was ended since.
    Ended,
    /// The device that approved was revoked since.
    DeviceRevoked,
}

impl FinalRefusal {
    const ALL: [FinalRefusal; 3] = [FinalRefusal::UserGone, FinalRefusal::Ended, FinalRefusal::DeviceRevoked];

    const fn as_str(self) -> &'static str {
        match self {
            FinalRefusal::UserGone => "user_gone",
            FinalRefusal::Ended => "ended",
            FinalRefusal::DeviceRevoked => "device_revoked",
        }
    }
}

/// The user a request is about, and the gateway's approval. Both are a decoy's if nobody can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExistingApproval {
    pub(crate) sub: String,
    pub(crate) id: ApprovalId,
}

/// Whether a poll kept the interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PollPace {
    Fine,
    /// Too early; the interval in seconds from now on.
    TooFast(u32),
}

/// The pending requests of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PendingRequests {
    pub(crate) count: u32,
    /// When the first of them ends.
    pub(crate) first_end: Option<Timestamp>,
}

/// Longest time after its end in which an approved request is redeemed, in seconds.
const LATE_POLL_SECONDS: u64 = 60;

/// Seconds that each `slow_down` adds to the interval (CIBA Core §11).
const SLOW_DOWN_SECONDS: u32 = 5;

pub(crate) fn insert(transaction: &Transaction<'_>, request: &AuthRequest) -> Result<(), Error> {
    let mut statement = transaction.connection().prepare_cached(&format!(
        "INSERT INTO authentication_request
             (id, client_id, subject, approval_id, scope, resource, requested_at, expires_at, interval, endings)
         SELECT :id, client_id, subject, :approval_id, :scope, :resource, :requested_at, :expires_at, :interval, {}
         FROM (SELECT :client_id AS client_id, :subject AS subject)",
        endings::CURRENT
    ))?;
    statement.execute(named_params! {
        ":id": request.id.as_bytes(),
        ":client_id": request.client_id,
        ":subject": request.approval.sub,
        ":approval_id": request.approval.id.as_str(),
        ":scope": request.scope,
        ":resource": request.resources.to_column(),
        ":requested_at": column(request.requested_at),
        ":expires_at": column(request.expires_at),
        ":interval": request.interval,
    })?;
    Ok(())
}

pub(crate) fn find(snapshot: &Snapshot<'_>, id: &Hash) -> Result<Option<AuthRequest>, Error> {
    let mut statement = snapshot.connection().prepare_cached(&format!(
        "SELECT client_id, subject, approval_id, scope, requested_at, expires_at, interval, redeemed_at,
                cancelled_at, resource, refused, endings <> {}
         FROM authentication_request WHERE id = ?1",
        endings::CURRENT
    ))?;
    Ok(statement.query_row([id.as_bytes()], |row| read(row, *id)).optional()?)
}

/// Records a poll of a pending request and checks the interval. The first is never too early; each further one is measured
/// from the one before, with a tolerance of a tenth of the interval for the network. One that overlaps another (`is_overlapping`)
/// is too early in any case.
pub(crate) fn note_poll(
    transaction: &Transaction<'_>,
    id: &Hash,
    now: Timestamp,
    is_overlapping: bool,
) -> Result<PollPace, Error> {
    let (interval, last): (u32, Option<i64>) = transaction
        .connection()
        .prepare_cached("SELECT interval, polled_at FROM authentication_request WHERE id = ?1")?
        .query_row([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let too_fast = is_overlapping || last.is_some_and(|last| now.millis_since(time(last)) < u64::from(interval) * 900);
    let interval = if too_fast { interval + SLOW_DOWN_SECONDS } else { interval };
    transaction
        .connection()
        .prepare_cached("UPDATE authentication_request SET polled_at = ?2, interval = ?3 WHERE id = ?1")?
        .execute(params![id.as_bytes(), column(now), interval])?;
    Ok(if too_fast { PollPace::TooFast(interval) } else { PollPace::Fine })
}

/// Marks a request as redeemed. `true` for exactly one caller, however many try.
pub(crate) fn redeem(transaction: &Transaction<'_>, id: &Hash, now: Timestamp) -> Result<bool, Error> {
    let spent = transaction
        .connection()
        .prepare_cached(
            "UPDATE authentication_request SET redeemed_at = ?2
             WHERE id = ?1 AND redeemed_at IS NULL AND cancelled_at IS NULL AND refused IS NULL",
        )?
        .execute(params![id.as_bytes(), column(now)])?;
    Ok(spent == 1)
}

/// Stores the final refusal that a request's client is given.
pub(crate) fn refuse(transaction: &Transaction<'_>, id: &Hash, why: FinalRefusal) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE authentication_request SET refused = ?2 WHERE id = ?1 AND redeemed_at IS NULL")?
        .execute(params![id.as_bytes(), why.as_str()])?;
    Ok(())
}

/// A client's pending requests: neither over, redeemed, cancelled nor refused, and with an approval that `is_pending`; it gets as well
/// whether the request was ended with everything of its user or client. Scans the index by expiry.
pub(crate) fn count_pending(
    snapshot: &Snapshot<'_>,
    client_id: &str,
    now: Timestamp,
    mut is_pending: impl FnMut(&ApprovalId, bool) -> Result<bool, Error>,
) -> Result<PendingRequests, Error> {
    let mut statement = snapshot.connection().prepare_cached(&format!(
        "SELECT approval_id, expires_at, endings <> {} FROM authentication_request
         WHERE expires_at > ?1 AND client_id = ?2 AND redeemed_at IS NULL AND cancelled_at IS NULL AND refused IS NULL
         ORDER BY expires_at",
        endings::CURRENT
    ))?;
    let mut rows = statement.query(params![column(now), client_id])?;
    let mut found = PendingRequests { count: 0, first_end: None };
    while let Some(row) = rows.next()? {
        // An id that can't be parsed would be a bug here; its request counts until it expires.
        let approval = row.get::<_, String>(0)?.parse::<ApprovalId>();
        let ended = row.get(2)?;
        if approval.map_or(Ok(true), |approval| is_pending(&approval, ended))? {
            found.count += 1;
            found.first_end = found.first_end.or(Some(time(row.get(1)?)));
        }
    }
    Ok(found)
}

/// Approvals of a client's pending requests.
pub(crate) fn pending_of_client(
    snapshot: &Snapshot<'_>,
    client_id: &str,
    now: Timestamp,
) -> Result<Vec<ApprovalId>, Error> {
    pending(snapshot, "client_id = ?2", client_id, now)
}

/// Approvals of the pending requests about a user.
pub(crate) fn pending_of_user(snapshot: &Snapshot<'_>, sub: &str, now: Timestamp) -> Result<Vec<ApprovalId>, Error> {
    pending(snapshot, "subject = ?2", sub, now)
}

/// Approvals of the unredeemed requests that were ended with everything of their user or client.
pub(crate) fn pending_ended(snapshot: &Snapshot<'_>, now: Timestamp) -> Result<Vec<ApprovalId>, Error> {
    pending(snapshot, &format!("?2 = '' AND endings <> {}", endings::CURRENT), "", now)
}

/// Whether the request behind this approval gives no tokens any more: it was ended with everything of its user or client, or
/// cancelled, or its client was told so. Reads the few requests that expire in the same millisecond. A request that is not there
/// any more has not.
pub(crate) fn has_ended(snapshot: &Snapshot<'_>, approval: &ApprovalId, expires_at: Timestamp) -> Result<bool, Error> {
    let mut statement = snapshot.connection().prepare_cached(&format!(
        "SELECT endings <> {} OR cancelled_at IS NOT NULL OR refused IS NOT NULL
         FROM authentication_request WHERE expires_at = ?1 AND approval_id = ?2",
        endings::CURRENT
    ))?;
    let ended = statement.query_row(params![column(expires_at), approval.as_str()], |row| row.get(0)).optional()?;
    Ok(ended.unwrap_or(false))
}

/// Scans the index by expiry: few of the stored requests are pending.
fn pending(snapshot: &Snapshot<'_>, condition: &str, value: &str, now: Timestamp) -> Result<Vec<ApprovalId>, Error> {
    let mut statement = snapshot.connection().prepare_cached(&format!(
        "SELECT approval_id FROM authentication_request
         WHERE expires_at > ?1 AND {condition} AND redeemed_at IS NULL"
    ))?;
    let found = statement.query_map(params![column(now), value], |row| row.get::<_, String>(0))?;
    let ids = found.map(|id| id.map(|id| id.parse::<ApprovalId>()));
    Ok(
        // An id that can't be parsed would be a bug here; its approval expires by itself.
        ids.filter_map(|id| id.map(Result::ok).transpose()).collect::<Result<_, _>>()?,
    )
}

/// Cancels a request for its client. `false` if it was redeemed or cancelled before, or can't be redeemed any more.
pub(crate) fn cancel(transaction: &Transaction<'_>, id: &Hash, now: Timestamp) -> Result<bool, Error> {
    let changed = transaction
        .connection()
        .prepare_cached(
            "UPDATE authentication_request SET cancelled_at = ?2
             WHERE id = ?1 AND redeemed_at IS NULL AND cancelled_at IS NULL
                AND expires_at + 1000 * min(2 * interval, ?3) > ?2",
        )?
        .execute(params![id.as_bytes(), column(now), i64::try_from(LATE_POLL_SECONDS).unwrap_or(i64::MAX)])?;
    Ok(changed == 1)
}

/// Deletes requests that expired a day ago.
pub(crate) fn forget_old(transaction: &Transaction<'_>, now: Timestamp) -> Result<usize, Error> {
    Ok(transaction
        .connection()
        .prepare_cached("DELETE FROM authentication_request WHERE expires_at < ?1")?
        .execute([column(now).saturating_sub(RETENTION_MILLIS)])?)
}

fn read(row: &Row<'_>, id: Hash) -> rusqlite::Result<AuthRequest> {
    let approval = row.get_ref(2)?.as_str()?.parse::<ApprovalId>();
    let approval = approval
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Text, Box::new(error)))?;
    let (redeemed, cancelled): (Option<i64>, Option<i64>) = (row.get(7)?, row.get(8)?);
    Ok(AuthRequest {
        id,
        client_id: row.get(0)?,
        approval: ExistingApproval { sub: row.get(1)?, id: approval },
        scope: row.get(3)?,
        details: None,
        resources: Resources::from_column(row.get_ref(9)?.as_str_or_null()?),
        requested_at: time(row.get(4)?),
        expires_at: time(row.get(5)?),
        interval: row.get(6)?,
        redeemed: redeemed.is_some(),
        cancelled: cancelled.is_some(),
        // An unreadable one must not be treated as none.
        refused: row.get_ref(10)?.as_str_or_null()?.map(|word| {
            FinalRefusal::ALL.into_iter().find(|known| known.as_str() == word).unwrap_or(FinalRefusal::Ended)
        }),
        ended: row.get(11)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::in_transaction;

    #[test]
    fn a_request_is_read_as_it_was_stored_and_redeemed_once() {
        in_transaction(|transaction| {
            let request = |n: u64, resources: Option<&str>| AuthRequest {
                id: Hash::of(n.to_string()),
                client_id: format!("client {n}"),
                approval: ExistingApproval {
                    sub: "alice".to_owned(),
                    id: format!("ap_{}", "A".repeat(43)).parse().expect("an id"),
                },
                scope: "openid".to_owned(),
                details: None,
                resources: Resources::from_column(resources),
                requested_at: Timestamp::from_seconds(1_000 - n),
                expires_at: Timestamp::from_seconds(2_000 + n),
                interval: 5,
                redeemed: false,
                cancelled: false,
                refused: None,
                ended: false,
            };
            let all = [
                request(1, None),
                request(2, Some("https://a.example https://b.example")),
                request(3, Some("https://a.example")),
            ];
            all.iter().try_for_each(|request| insert(transaction, request))?;
            assert!(redeem(transaction, &all[1].id, Timestamp::from_seconds(1_500))?);
            let found = all.iter().map(|request| find(transaction, &request.id)).collect::<Result<Vec<_>, _>>()?;
            let [first, mut second, third] = all.clone();
            second.redeemed = true;
            assert_eq!(found, [Some(first), Some(second), Some(third)]);
            assert!(found[1].as_ref().is_some_and(|request| request.resources.iter().count() == 2));
            assert!(!redeem(transaction, &all[1].id, Timestamp::from_seconds(1_501))?, "once is once");
            assert_eq!(note_poll(transaction, &all[2].id, Timestamp::from_seconds(1_500), false)?, PollPace::Fine);
            Ok(())
        });
    }
}
