//! Refresh token families: one for each approval with `offline_access`; a token used twice ends its family.

use countersign_jose::clock::Timestamp;
use countersign_jose::hash::Hash;
use countersign_protocol::id::ApprovalId;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, named_params, params};

use super::columns::{column, time};
use super::endings;
use crate::config::MAX_TOKEN_LIFETIME;
use crate::grant::confirmation::Confirmation;
use crate::grant::resource::Resources;

/// What a family's tokens are issued for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) client_id: String,
    pub(crate) sub: String,
    pub(crate) approval: ApprovalId,
    /// Scope granted with the first tokens.
    pub(crate) scope: String,
    /// `authorization_details`, byte for byte.
    pub(crate) details: Option<String>,
    /// Resource servers that the tokens are for (RFC 8707).
    pub(crate) resources: Resources,
    pub(crate) binding: Option<Confirmation>,
    pub(crate) ends_at: Timestamp,
}

/// A family with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredFamily {
    pub(crate) id: i64,
    pub(crate) family: Family,
    pub(crate) current: Hash,
    /// Hash of the token before `current`, and when it was used.
    pub(crate) previous: Option<(Hash, Timestamp)>,
    /// Given up by its client, or used twice.
    pub(crate) has_ended: bool,
    /// Ended with everything of its user or client.
    pub(crate) ended_with_all: bool,
}

/// Adds a family with its first token.
pub(crate) fn begin_family(transaction: &Transaction<'_>, family: &Family, first: &Hash) -> Result<(), Error> {
    let (binding, bound_to) = match family.binding {
        Some(Confirmation::Key(hash)) => (Some(KEY), Some(hash)),
        Some(Confirmation::Certificate(hash)) => (Some(CERTIFICATE), Some(hash)),
        None => (None, None),
    };
    let mut statement = transaction.connection().prepare_cached(&format!(
        "INSERT INTO refresh_family
             (client_id, subject, approval_id, scope, details, resource, binding, bound_to, current, ends_at, endings)
         SELECT client_id, subject, :approval_id, :scope, :details, :resource, :binding, :bound_to, :current, :ends_at, {}
         FROM (SELECT :client_id AS client_id, :subject AS subject)",
        endings::CURRENT
    ))?;
    statement.execute(named_params! {
        ":client_id": family.client_id,
        ":subject": family.sub,
        ":approval_id": family.approval.as_str(),
        ":scope": family.scope,
        ":details": family.details,
        ":resource": family.resources.to_column(),
        ":binding": binding,
        ":bound_to": bound_to.as_ref().map(Hash::as_bytes),
        ":current": first.as_bytes(),
        ":ends_at": column(family.ends_at),
    })?;
    add(transaction, transaction.connection().last_insert_rowid(), first)
}

/// The family of a current or former token.
pub(crate) fn family_of(snapshot: &Snapshot<'_>, token: &Hash) -> Result<Option<StoredFamily>, Error> {
    let mut statement = snapshot.connection().prepare_cached(&format!(
        "SELECT refresh_family.id, client_id, subject, approval_id, scope, details, binding, bound_to, current, previous,
                rotated_at, ends_at, ended_at IS NOT NULL, resource, endings <> {}
         FROM refresh_token JOIN refresh_family ON refresh_family.id = family WHERE hash = ?1",
        endings::CURRENT
    ))?;
    Ok(statement.query_row([token.as_bytes()], read).optional()?)
}

/// Makes `next` the current token. `used` is the token that the client presented, which becomes the previous one also if the
/// current one was lost on its way.
pub(crate) fn rotate(
    transaction: &Transaction<'_>,
    family: i64,
    used: (&Hash, Timestamp),
    next: &Hash,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE refresh_family SET current = ?2, previous = ?3, rotated_at = ?4 WHERE id = ?1")?
        .execute(params![family, next.as_bytes(), used.0.as_bytes(), column(used.1)])?;
    add(transaction, family, next)
}

/// Ends a family: all its tokens become invalid.
pub(crate) fn end_family(transaction: &Transaction<'_>, family: i64, now: Timestamp) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("UPDATE refresh_family SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL")?
        .execute(params![family, column(now)])?;
    Ok(())
}

/// Whether the family of an approval was ended early.
pub(crate) fn has_family_ended(snapshot: &Snapshot<'_>, approval: &ApprovalId) -> Result<bool, Error> {
    Ok(snapshot
        .connection()
        .prepare_cached("SELECT 1 FROM refresh_family WHERE approval_id = ?1 AND ended_at IS NOT NULL")?
        .exists([approval.as_str()])?)
}

/// Ids of clients with a family that has not ended, or an unredeemed request.
pub(crate) fn clients_with_grants(snapshot: &Snapshot<'_>, now: Timestamp) -> Result<Vec<String>, Error> {
    let mut statement = snapshot.connection().prepare(&format!(
        "SELECT DISTINCT client_id FROM refresh_family WHERE ended_at IS NULL AND endings = {current}
         UNION SELECT DISTINCT client_id FROM authentication_request
         WHERE expires_at > ?1 AND redeemed_at IS NULL AND endings = {current}",
        current = endings::CURRENT
    ))?;
    Ok(statement.query_map([column(now)], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Deletes expired families with their tokens. One that was ended early is kept for the longest lifetime of an access token: its
/// row is what makes the family's access tokens invalid.
pub(crate) fn forget_families(transaction: &Transaction<'_>, now: Timestamp) -> Result<usize, Error> {
    let longest = i64::try_from(MAX_TOKEN_LIFETIME.as_millis()).unwrap_or(i64::MAX);
    Ok(transaction
        .connection()
        .prepare_cached("DELETE FROM refresh_family WHERE ends_at <= ?1 AND (ended_at IS NULL OR ended_at <= ?1 - ?2)")?
        .execute([column(now), longest])?)
}

const KEY: &str = "jkt";
const CERTIFICATE: &str = "x5t#S256";

fn add(transaction: &Transaction<'_>, family: i64, token: &Hash) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached("INSERT INTO refresh_token (hash, family) VALUES (?1, ?2)")?
        .execute(params![token.as_bytes(), family])?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredFamily> {
    let unreadable = |at: usize, what: &str| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, what.into());
    let hash = |at: usize| row.get::<_, Option<[u8; 32]>>(at).map(|bytes| bytes.map(Hash::from));
    let binding: Option<String> = row.get(6)?;
    let binding = match (binding.as_deref(), hash(7)?) {
        (None, _) => None,
        (Some(KEY), Some(hash)) => Some(Confirmation::Key(hash)),
        (Some(CERTIFICATE), Some(hash)) => Some(Confirmation::Certificate(hash)),
        // An unreadable binding must not be treated as none.
        _ => return Err(unreadable(6, "the binding of a family of refresh tokens")),
    };
    let approval: String = row.get(3)?;
    let rotated_at: Option<i64> = row.get(10)?;
    Ok(StoredFamily {
        id: row.get(0)?,
        family: Family {
            client_id: row.get(1)?,
            sub: row.get(2)?,
            approval: approval.parse().map_err(|_| unreadable(3, "the id of an approval"))?,
            scope: row.get(4)?,
            details: row.get(5)?,
            resources: Resources::from_column(row.get_ref(13)?.as_str_or_null()?),
            binding,
            ends_at: time(row.get(11)?),
        },
        current: hash(8)?.ok_or_else(|| unreadable(8, "a refresh token's hash"))?,
        previous: hash(9)?.zip(rotated_at.map(time)),
        has_ended: row.get(12)?,
        ended_with_all: row.get(14)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::in_transaction;

    const DAY: u64 = 86_400;

    #[test]
    fn a_family_that_was_ended_is_remembered_while_an_access_token_of_it_may_live() {
        in_transaction(|transaction| {
            let approval = |letter: &str| format!("ap_{}", letter.repeat(43)).parse::<ApprovalId>().expect("an id");
            let family = |approval: ApprovalId| Family {
                client_id: "app".to_owned(),
                sub: "alice".to_owned(),
                approval,
                scope: "openid offline_access".to_owned(),
                details: None,
                resources: Resources::default(),
                binding: None,
                ends_at: Timestamp::from_seconds(10 * DAY),
            };
            let (ended, untouched) = (Hash::of("ended"), Hash::of("untouched"));
            begin_family(transaction, &family(approval("A")), &ended)?;
            begin_family(transaction, &family(approval("B")), &untouched)?;
            // A minute before its time, so that its last access token outlives it by nearly a day.
            let kept = family_of(transaction, &ended)?.expect("kept");
            end_family(transaction, kept.id, Timestamp::from_seconds(10 * DAY - 60))?;

            let forget = |seconds: u64| forget_families(transaction, Timestamp::from_seconds(seconds));
            assert_eq!(forget(10 * DAY - 1)?, 0);
            assert_eq!(forget(10 * DAY)?, 1, "the one that ended by itself");
            assert_eq!(forget(11 * DAY - 61)?, 0);
            assert!(has_family_ended(transaction, &approval("A"))?);
            assert_eq!(forget(11 * DAY - 60)?, 1);
            assert_eq!(family_of(transaction, &ended)?, None, "with its tokens");
            Ok(())
        });
    }
}
