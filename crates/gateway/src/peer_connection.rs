//! The connection that a call came on. A server that limits strangers learns from it who is none.

use std::sync::Arc;

/// Whose key or secret a caller has proven.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeyOwner {
    /// A device, by its id.
    Device(String),
    /// A client, by its `client_id`.
    Client(String),
}

/// A server's connection.
pub trait PeerConnection: Send + Sync {
    /// A caller on it has proven a key or secret that is known here: a device its transport key, a client its own. Called at each such
    /// call, before it is answered, for the answer of a long poll or a stream comes late. `is_vouched_for`: somebody let the owner in,
    /// the operator a client or a user their device; who registered itself, or waits for a user's word, can be anybody.
    fn key_proven(&self, owner: &KeyOwner, is_vouched_for: bool);
}

/// The connection of a call, in the request's extensions. Servers without limits per connection leave it out.
#[derive(Clone)]
pub struct CallConnection(Arc<dyn PeerConnection>);

impl CallConnection {
    /// For a request of this connection.
    pub fn new(connection: Arc<dyn PeerConnection>) -> CallConnection {
        CallConnection(connection)
    }

    /// See [`PeerConnection::key_proven`].
    pub fn key_proven(&self, owner: &KeyOwner, is_vouched_for: bool) {
        self.0.key_proven(owner, is_vouched_for);
    }
}
