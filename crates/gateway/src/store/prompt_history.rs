//! Recent prompts, by user and client.

use countersign_protocol::id::Subject;
use countersign_store::{Error, Snapshot, Transaction};
use rusqlite::{OptionalExtension, params};

use super::columns::{ColumnCursor, millis, time};
use crate::prompt_limit::PromptHistory;

/// `client_id` of the history that all clients share which nobody vouches for; no client has this id.
pub(crate) const UNVOUCHED: &str = "";

pub(crate) fn load(snapshot: &Snapshot<'_>, subject: &Subject, client: &str) -> Result<PromptHistory, Error> {
    let found = snapshot
        .connection()
        .prepare_cached(
            "SELECT window_from, prompts, step, next_prompt, not_me_count, wrong_in_a_row, held_until
             FROM prompt_history WHERE subject = ?1 AND client_id = ?2",
        )?
        .query_row(params![subject.as_str(), client], |row| {
            let mut at = ColumnCursor::default();
            Ok(PromptHistory {
                window_from: time(row, at.next())?,
                prompts: row.get(at.next())?,
                step: row.get(at.next())?,
                next_prompt: time(row, at.next())?,
                not_me_count: row.get(at.next())?,
                wrong_in_a_row: row.get(at.next())?,
                held_until: time(row, at.next())?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

pub(crate) fn save(
    transaction: &Transaction<'_>,
    subject: &Subject,
    client: &str,
    asking: &PromptHistory,
) -> Result<(), Error> {
    transaction
        .connection()
        .prepare_cached(
            "INSERT OR REPLACE INTO prompt_history
             (subject, client_id, window_from, prompts, step, next_prompt, not_me_count, wrong_in_a_row, held_until)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            subject.as_str(),
            client,
            millis(asking.window_from),
            asking.prompts,
            asking.step,
            millis(asking.next_prompt),
            asking.not_me_count,
            asking.wrong_in_a_row,
            millis(asking.held_until),
        ])?;
    Ok(())
}
