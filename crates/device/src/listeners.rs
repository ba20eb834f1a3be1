//! Fan-out of events to listeners.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use crate::device_event::DeviceEvent;

/// How many events are kept for the first listener; a program that never listens keeps no more.
const EARLY: usize = 1000;

/// All listeners. A device works from the moment it is opened: events before the first listener are kept for it.
#[derive(Clone)]
pub(crate) struct Listeners {
    state: Arc<Mutex<State>>,
}

enum State {
    Buffering(VecDeque<DeviceEvent>),
    Listening(Vec<mpsc::UnboundedSender<DeviceEvent>>),
}

impl Default for Listeners {
    fn default() -> Listeners {
        Listeners { state: Arc::new(Mutex::new(State::Buffering(VecDeque::new()))) }
    }
}

impl Listeners {
    /// Sends an event to all listeners, and drops those that are gone.
    pub(crate) fn emit(&self, event: &DeviceEvent) {
        match &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Buffering(early) => {
                if early.len() == EARLY {
                    early.pop_front();
                }
                early.push_back(event.clone());
            }
            State::Listening(all) => all.retain(|listener| listener.send(event.clone()).is_ok()),
        }
    }

    /// A listener of events from now on.
    pub(crate) fn listen(&self) -> Events {
        self.add(|_| {})
    }

    /// A listener of events from now on; the first also gets the events before.
    pub(crate) fn listen_from_the_start(&self) -> Events {
        // The receiver still exists when these are sent.
        self.add(|(early, sender)| early.into_iter().for_each(|event| drop(sender.send(event))))
    }

    fn add(&self, hand_over: impl FnOnce((VecDeque<DeviceEvent>, &mpsc::UnboundedSender<DeviceEvent>))) -> Events {
        let (sender, receiver) = mpsc::unbounded_channel();
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state {
            State::Buffering(early) => {
                hand_over((std::mem::take(early), &sender));
                *state = State::Listening(vec![sender]);
            }
            State::Listening(all) => all.push(sender),
        }
        Events { receiver }
    }
}

/// Events of all accounts, in the order they happened for each.
pub struct Events {
    receiver: mpsc::UnboundedReceiver<DeviceEvent>,
}

impl Events {
    /// The next event; `None` when the device is gone.
    pub async fn next(&mut self) -> Option<DeviceEvent> {
        self.receiver.recv().await
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<DeviceEvent> {
        self.receiver.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::AccountId;

    #[test]
    fn events_before_the_first_listener_go_to_it_alone() {
        let account: AccountId = "ac_AAAAAAAAAAAAAAAA".parse().unwrap();
        let listeners = Listeners::default();
        listeners.emit(&DeviceEvent::Online { account: account.clone() });
        let mut first = listeners.listen_from_the_start();
        let mut second = listeners.listen_from_the_start();
        listeners.emit(&DeviceEvent::AccountKnown { account });
        assert!(matches!(first.try_next(), Some(DeviceEvent::Online { .. })));
        assert!(matches!(first.try_next(), Some(DeviceEvent::AccountKnown { .. })));
        assert!(matches!(second.try_next(), Some(DeviceEvent::AccountKnown { .. })));
        assert!(first.try_next().is_none() && second.try_next().is_none());
    }
}
