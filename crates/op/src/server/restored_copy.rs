//! Restored copies of the database: noticed at the first serve, by the copy's own word or by a mark beside the keys. What the
//! lost part may have redeemed, disputed or ended must not count again: everything pending or unredeemed ends, with all
//! tokens.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use countersign_store::{Error as StoreError, Store, copy_mark};
use tokio::task::JoinHandle;

use super::{OpenError, Parts};
use crate::store::{self, Owner};

/// How often the mark is written while something changes.
const EVERY: Duration = Duration::from_secs(1);

/// The mark beside the keys: the id of the database's history, and the mark that it had. Overwritten in place, always of the
/// same length, so that the folder of keys does not change.
pub(super) struct KeptMark {
    path: PathBuf,
}

impl KeptMark {
    pub(super) fn beside_keys(home: &Path) -> KeptMark {
        KeptMark { path: home.join("keys").join("database.mark") }
    }

    /// What was written last; `None` without a readable mark.
    fn read(&self) -> Option<(String, i64)> {
        let text = fs::read_to_string(&self.path).ok()?;
        let (history, mark) = text.trim_end().split_once(' ')?;
        Some((history.to_owned(), mark.parse().ok()?))
    }

    /// Writes it unless a later one stands there: a command beside the serving process writes it, too.
    fn write(&self, store: &Store, mark: i64, create: bool) -> io::Result<()> {
        if self.read().is_some_and(|(history, at)| history == store.history_id().as_str() && at >= mark) {
            return Ok(());
        }
        let mut options = OpenOptions::new();
        options.write(true).create(create).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.path)?.write_all(format!("{} {mark:020}\n", store.history_id()).as_bytes())
    }
}

impl Parts {
    /// Ends everything pending or unredeemed, and all tokens, if this database was put back from a copy. Blocks the thread.
    ///
    /// # Errors
    /// The store's error, or that of the mark's file.
    pub(super) fn end_after_restore(&self) -> Result<(), OpenError> {
        let (store, kept) = (self.gateway.store(), KeptMark::beside_keys(&self.home));
        let (is_copy, mark) =
            store.read_blocking(|snapshot| Ok((copy_mark::is_copy(snapshot)?, copy_mark::mark(snapshot)?)))?;
        let beside = kept.read();
        let is_behind =
            beside.as_ref().is_some_and(|(history, at)| history != store.history_id().as_str() || *at > mark);
        if !is_copy && !is_behind {
            return Ok(());
        }
        let (now, beyond) = (self.ports.clock.now(), beside.map_or(mark, |(_, at)| at));
        let mark = store.write_blocking(move |tx| -> Result<i64, StoreError> {
            store::end_everything_of(tx, Owner::All, now)?;
            copy_mark::advance_mark(tx, beyond)
        })?;
        tracing::warn!(
            "the database was restored from a copy: everything pending or unredeemed, and all tokens, have ended"
        );
        kept.write(store, mark, true).map_err(|source| OpenError::Home { path: self.home.clone(), source })
    }

    /// Writes the mark beside the keys, if something was written since `groups`; returns the number of groups by then.
    pub(super) async fn keep_mark(&self, groups: u64) -> u64 {
        let store = self.gateway.store();
        let now = store.written_groups();
        if now == groups {
            return groups;
        }
        self.advance_mark(true).await;
        // Its own group is no change; what others wrote since is one for the next time.
        now + 1
    }

    /// Moves the mark on after a command ended something, so that a copy from before is noticed though nothing is served, or the
    /// process that serves wrote nothing itself. Where nothing was ever served there is no mark, and nothing to notice.
    pub(crate) async fn command_ended_something(&self) {
        self.advance_mark(false).await;
    }

    async fn advance_mark(&self, create: bool) {
        let store = self.gateway.store();
        // Durable in the database before it stands beside it: a crash in between makes no restored copy of it.
        let written = match store.write(|tx| copy_mark::advance_mark(tx, 0)).await {
            Ok(mark) => KeptMark::beside_keys(&self.home).write(store, mark, create),
            Err(error) => return tracing::warn!(%error, "the database's mark could not be advanced"),
        };
        match written {
            Err(error) if create || error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, "the database's mark could not be written beside the keys");
            }
            _ => {}
        }
    }

    /// Keeps the mark up to date while the provider serves.
    pub(super) fn keep_mark_each_second(self: &Arc<Self>) -> JoinHandle<()> {
        let parts = self.clone();
        tokio::spawn(async move {
            let mut groups = 0;
            let mut ticks = tokio::time::interval(EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                groups = parts.keep_mark(groups).await;
            }
        })
    }
}
