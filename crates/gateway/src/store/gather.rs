//! Takes what has queued for a thread of the store as one group. Under load it waits for others first: what a group costs beside its
//! work, a commit or a snapshot, is then shared by more.

use std::time::Duration;

use tokio::sync::mpsc::Receiver;

/// What shares one commit or snapshot at most, so that the first does not wait for hundreds of others.
const MOST: usize = 128;

/// How long a group waits for others, once the one before had several.
const PAUSE: Duration = Duration::from_micros(300);

/// Takes groups off a queue.
pub(super) struct Gather<T> {
    queue: Receiver<T>,
    group: Vec<T>,
    is_crowded: bool,
}

impl<T> Gather<T> {
    pub(super) fn new(queue: Receiver<T>) -> Gather<T> {
        Gather { queue, group: Vec::with_capacity(MOST), is_crowded: false }
    }

    /// The next group, at least one; `None` once everybody who could queue is gone.
    pub(super) fn next(&mut self) -> Option<std::vec::Drain<'_, T>> {
        if self.queue.blocking_recv_many(&mut self.group, MOST) == 0 {
            return None;
        }
        if self.is_crowded && self.group.len() < MOST {
            std::thread::sleep(PAUSE);
            while self.group.len() < MOST
                && let Ok(another) = self.queue.try_recv()
            {
                self.group.push(another);
            }
        }
        self.is_crowded = self.group.len() > 1;
        Some(self.group.drain(..))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::channel;

    use super::*;

    #[test]
    fn everything_comes_once_in_its_order_and_in_groups() {
        let (sender, queue) = channel(1000);
        (0..300).for_each(|n| sender.try_send(n).expect("there is room"));
        let mut gather = Gather::new(queue);
        let mut groups = Vec::new();
        for left in [128, 128, 44] {
            let group: Vec<i32> = gather.next().expect("a group").collect();
            assert_eq!(group.len(), left);
            groups.extend(group);
        }
        sender.try_send(300).expect("there is room");
        drop(sender);
        groups.extend(gather.next().expect("the last"));
        assert_eq!(groups, (0..=300).collect::<Vec<_>>());
        assert!(gather.next().is_none());
    }
}
