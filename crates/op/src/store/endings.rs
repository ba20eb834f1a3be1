//! Endings: everything of a user, of a client or of all that was not redeemed is ended for good, in one write however much
//! it is. A request and a family of refresh tokens carry the number of endings of their time; a later number ends them.

use countersign_jose::clock::Timestamp;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, params};

use super::columns::{column, time};

/// Whose requests and refresh tokens an ending ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner<'a> {
    /// Everybody's.
    All,
    /// A user's, by subject.
    User(&'a str),
    /// A client's, by id.
    Client(&'a str),
}

impl Owner<'_> {
    fn column(self) -> String {
        match self {
            Owner::All => "all".to_owned(),
            Owner::User(sub) => format!("user {sub}"),
            Owner::Client(client_id) => format!("client {client_id}"),
        }
    }
}

/// The number of endings that apply to a row with `client_id` and `subject`, as an expression of SQL. Three lookups: for an `IN` of
/// expressions SQLite would build a table each time.
pub(super) const CURRENT: &str = "(coalesce((SELECT e.count FROM ending e WHERE e.owner = 'all'), 0)
    + coalesce((SELECT e.count FROM ending e WHERE e.owner = 'client ' || client_id), 0)
    + coalesce((SELECT e.count FROM ending e WHERE e.owner = 'user ' || subject), 0))";

/// Ends every pending or unredeemed request and every family of refresh tokens of this owner.
pub(crate) fn end_everything_of(transaction: &Transaction<'_>, owner: Owner<'_>, now: Timestamp) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT INTO ending (owner, count, at) VALUES (?1, 1, ?2)
             ON CONFLICT (owner) DO UPDATE SET count = count + 1, at = excluded.at",
        )?
        .execute(params![owner.column(), column(now)])?;
    Ok(())
}

/// When everything of everybody was last ended: a copy of the database was restored.
pub(crate) fn last_restore(snapshot: &Snapshot<'_>) -> Result<Option<Timestamp>, Error> {
    let mut statement = snapshot.connection().prepare("SELECT at FROM ending WHERE owner = ?1")?;
    let at: Option<i64> = statement.query_row([Owner::All.column()], |row| row.get(0)).optional()?;
    Ok(at.map(time))
}

/// When the latest ending of this client, this user or all happened: access tokens of approvals that began before are not active any more.
pub(crate) fn last_ending(snapshot: &Snapshot<'_>, client_id: &str, sub: &str) -> Result<Option<Timestamp>, Error> {
    let owners = [Owner::All, Owner::Client(client_id), Owner::User(sub)].map(Owner::column);
    let last: Option<i64> = snapshot
        .connection()
        .prepare_cached("SELECT max(at) FROM ending WHERE owner IN (?1, ?2, ?3)")?
        .query_row(owners, |row| row.get(0))?;
    Ok(last.map(time))
}
