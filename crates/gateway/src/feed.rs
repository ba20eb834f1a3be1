//! A device's feed: everything newer than its cursor, or, without a known one, everything pending.

use countersign_jose::clock::Timestamp;
use countersign_protocol::fetch::{FetchResponse, WithdrawnChallenge};
use countersign_protocol::id::DeviceId;
use countersign_protocol::jws::Compact;
use countersign_protocol::limits;
use countersign_store::{Error as StoreError, Snapshot};

use crate::Gateway;
use crate::store::feed::{self, Entry, Item};

/// Feed entries are forgotten after 30 days; a device that was away for longer gets everything pending.
const KEPT: u64 = 30 * 86_400_000;
/// Entries read at once; more than fit into one response.
const AT_ONCE: usize = 256;
/// What an envelope takes beside its items, in bytes; generous.
const ENVELOPE: usize = 512;

impl Gateway {
    /// What a device has to hear after a cursor. `most` limits the items, [`limits::FETCH_BYTES`] the size; at least one item
    /// is returned if there is one.
    pub(crate) fn fetch(
        &self,
        snapshot: &Snapshot<'_>,
        device: &DeviceId,
        after: Option<&str>,
        most: usize,
    ) -> Result<FetchResponse, StoreError> {
        // The head is read before the entries: what arrives in between is fetched next time, and nothing is skipped.
        let head = feed::head(snapshot, device)?;
        let known = match after.and_then(|cursor| self.position(cursor)) {
            Some(n) if n == head || feed::has(snapshot, device, n)? => Some(n),
            _ => None,
        };
        let at_once = most.saturating_mul(16).min(AT_ONCE);
        let entries = match known {
            Some(n) => feed::after(snapshot, device, n, at_once)?,
            None => feed::pending_after(snapshot, device, 0, at_once)?,
        };
        let is_all = entries.len() < at_once;
        let mut fetched = FetchResponse { reset: known.is_none(), ..FetchResponse::default() };
        let mut at = known;
        let (mut size, mut items) = (ENVELOPE, 0);
        for entry in entries {
            let Entry { n, item } = entry;
            if !matches!(item, Item::Past) {
                if items == most || (items > 0 && size + length(&item) > limits::FETCH_BYTES) {
                    fetched.more = true;
                    break;
                }
                items += 1;
                size += length(&item);
                put(&mut fetched, item);
            }
            at = Some(n);
        }
        fetched.more |= !is_all;
        if !fetched.more {
            at = Some(at.map_or(head, |at| at.max(head)));
        }
        fetched.cursor = self.cursor(at.unwrap_or(head));
        fetched.push = Some(self.push_status(snapshot, device)?);
        Ok(fetched)
    }

    fn cursor(&self, n: i64) -> String {
        format!("{}-{n:x}", self.store().history_id())
    }

    /// The number of a cursor of this store's history.
    pub(crate) fn position(&self, cursor: &str) -> Option<i64> {
        let (history, n) = cursor.rsplit_once('-')?;
        let n = i64::from_str_radix(n, 16).ok().filter(|n| *n > 0)?;
        // Only our own spelling: the cursor is compared, not interpreted.
        (history == self.store().history_id().as_str() && self.cursor(n) == cursor).then_some(n)
    }

    /// Forgets old entries.
    pub(crate) async fn forget_old_feed(&self) -> Result<(), StoreError> {
        let before = Timestamp::from_millis(self.now().millis().saturating_sub(KEPT));
        if !self.store().read(move |snapshot| feed::has_older(snapshot, before)).await? {
            return Ok(());
        }
        self.store().write(move |tx| feed::forget(tx, before)).await.map(drop)
    }
}

/// Whether the response holds anything new.
pub(crate) fn has_news(fetched: &FetchResponse) -> bool {
    fetched.reset
        || fetched.more
        || !fetched.challenges.is_empty()
        || !fetched.withdrawn.is_empty()
        || !fetched.notices.is_empty()
}

fn put(fetched: &mut FetchResponse, item: Item) {
    match item {
        Item::Challenge(jws) => fetched.challenges.push(Compact::from_text(jws)),
        Item::Ended(id, outcome) => {
            fetched.withdrawn.push(WithdrawnChallenge { id, outcome: Compact::from_text(outcome) })
        }
        Item::Notice(jws) => fetched.notices.push(jws),
        Item::Past => {}
    }
}

/// How many bytes an item takes in the envelope, quotes and names included.
fn length(item: &Item) -> usize {
    const AROUND: usize = 128;
    match item {
        Item::Challenge(jws) | Item::Ended(_, jws) | Item::Notice(jws) => jws.len() + AROUND,
        Item::Past => 0,
    }
}
