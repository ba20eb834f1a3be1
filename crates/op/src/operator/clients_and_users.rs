//! `op client`, `op user` and `op device`: clients, users and their devices, while the provider runs.

use std::sync::Arc;

use countersign_gateway::RevokeError;
use countersign_protocol::id::{DeviceId, Subject};
use countersign_protocol::revocation::RevokedBy;

use crate::administration::{AddedClient, ClientRecord, DirectoryError, UserRecord};
use crate::config::User;
use crate::server::Provider;

impl Provider {
    /// Adds a client: `entry` is TOML, one `[[clients]]` table without a secret; one is generated if the method needs it.
    /// It takes effect with the next request.
    ///
    /// # Errors
    /// [`DirectoryError::Entry`] with every error, [`DirectoryError::Taken`], or the store's error.
    pub async fn add_client(&self, entry: &str) -> Result<AddedClient, DirectoryError> {
        self.parts().administration.add_client(entry.to_owned(), false).await
    }

    /// All clients, those in the file first.
    ///
    /// # Errors
    /// The store's error.
    pub fn clients(&self) -> Result<Vec<ClientRecord>, DirectoryError> {
        self.parts().administration.clients()
    }

    /// Replaces a client's secret; the old one is invalid from this call on.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn rotate_secret(&self, client_id: &str) -> Result<AddedClient, DirectoryError> {
        let done = self.parts().administration.rotate_secret(client_id).await;
        self.parts().command_ended_something().await;
        done
    }

    /// Removes a client and withdraws its pending requests. Returns their number.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn remove_client(&self, client_id: &str) -> Result<usize, DirectoryError> {
        let done = self.parts().administration.remove_client(client_id).await;
        self.parts().command_ended_something().await;
        done
    }

    /// Adds a user: `entry` is TOML, one `[[users]]` table.
    ///
    /// # Errors
    /// [`DirectoryError::Entry`] with every error, [`DirectoryError::Taken`], or the store's error.
    pub async fn add_user(&self, entry: &str) -> Result<Arc<User>, DirectoryError> {
        self.parts().administration.add_user(entry).await
    }

    /// Replaces a user's entry, for example to add a hint.
    ///
    /// # Errors
    /// As [`Provider::add_user`]; [`DirectoryError::InFile`] for a user in the configuration file.
    pub async fn change_user(&self, entry: &str) -> Result<Arc<User>, DirectoryError> {
        self.parts().administration.change_user(entry).await
    }

    /// All users, those in the file first.
    ///
    /// # Errors
    /// The store's error.
    pub fn users(&self) -> Result<Vec<UserRecord>, DirectoryError> {
        self.parts().administration.users()
    }

    /// The user with this subject or hint.
    ///
    /// # Errors
    /// [`DirectoryError::Unknown`], or the store's error.
    pub fn user(&self, name: &str) -> Result<Arc<User>, DirectoryError> {
        self.parts().administration.user(name)
    }

    /// The TOML entry of a user that was added by a command.
    ///
    /// # Errors
    /// [`DirectoryError::InFile`] or [`DirectoryError::Unknown`], or the store's error.
    pub fn user_entry(&self, sub: &str) -> Result<String, DirectoryError> {
        self.parts().administration.stored_user_entry(sub)
    }

    /// Locks a user, in the file or in the store: new requests end as for an unknown user, pending ones are withdrawn,
    /// approvals already given yield no tokens, and tokens issued before are not active any more; the end of the lock gives
    /// nothing back. Returns the number of pending requests.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn lock_user(&self, sub: &Subject) -> Result<usize, DirectoryError> {
        let done = self.parts().administration.lock_user(sub).await;
        self.parts().command_ended_something().await;
        done
    }

    /// Removes a lock that a command set. Returns whether there was one.
    ///
    /// # Errors
    /// The store's error.
    pub async fn unlock_user(&self, sub: &Subject) -> Result<bool, DirectoryError> {
        self.parts().administration.unlock_user(sub).await
    }

    /// Removes a user, revokes their devices and withdraws pending requests. Returns the number of devices.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn remove_user(&self, sub: &Subject) -> Result<usize, DirectoryError> {
        let done = self.parts().administration.remove_user(sub).await;
        self.parts().command_ended_something().await;
        done
    }

    /// Revokes a device for the operator. Returns whether this call ended it.
    ///
    /// # Errors
    /// [`RevokeError`].
    pub async fn revoke_device(&self, device: &DeviceId) -> Result<bool, RevokeError> {
        let done = self.gateway().revoke_device(device, RevokedBy::Operator).await;
        self.parts().command_ended_something().await;
        done
    }
}
