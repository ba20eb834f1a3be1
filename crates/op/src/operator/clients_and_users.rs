//! Clients and users, for the operator's commands.

use std::sync::Arc;

use countersign_protocol::id::Subject;

use crate::administration::{AddedClient, ClientRecord, DirectoryError, UserRecord};
use crate::config::User;
use crate::server::Provider;

impl Provider {
    /// Adds a client: `entry` is TOML, one `[[clients]]` table without a secret; one is made where the method needs it.
    /// It may ask from the next request on.
    ///
    /// # Errors
    /// [`DirectoryError::Entry`] with every mistake, [`DirectoryError::Taken`], or the store's failure.
    pub async fn add_client(&self, entry: &str) -> Result<AddedClient, DirectoryError> {
        self.parts().administration.add_client(entry.to_owned(), false).await
    }

    /// Every client, those in the file first.
    ///
    /// # Errors
    /// What the store said.
    pub fn clients(&self) -> Result<Vec<ClientRecord>, DirectoryError> {
        self.parts().administration.clients()
    }

    /// Gives a client a new secret; the old one ends with this call.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn rotate_secret(&self, client_id: &str) -> Result<AddedClient, DirectoryError> {
        self.parts().administration.rotate_secret(client_id).await
    }

    /// Removes a client and withdraws what it asked for. Returns how many requests were pending.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn remove_client(&self, client_id: &str) -> Result<usize, DirectoryError> {
        self.parts().administration.remove_client(client_id).await
    }

    /// Adds a person: `entry` is TOML, one `[[users]]` table.
    ///
    /// # Errors
    /// [`DirectoryError::Entry`] with every mistake, [`DirectoryError::Taken`], or the store's failure.
    pub async fn add_user(&self, entry: &str) -> Result<Arc<User>, DirectoryError> {
        self.parts().administration.add_user(entry).await
    }

    /// Writes a person's entry in place of the one there is, for example with another hint.
    ///
    /// # Errors
    /// As [`Provider::add_user`]; [`DirectoryError::InFile`] for a person in the configuration file.
    pub async fn change_user(&self, entry: &str) -> Result<Arc<User>, DirectoryError> {
        self.parts().administration.change_user(entry).await
    }

    /// Everybody, those in the file first.
    ///
    /// # Errors
    /// What the store said.
    pub fn users(&self) -> Result<Vec<UserRecord>, DirectoryError> {
        self.parts().administration.users()
    }

    /// The person with this subject, or one of whose hints this is.
    ///
    /// # Errors
    /// [`DirectoryError::Unknown`], or what the store said.
    pub fn user(&self, name: &str) -> Result<Arc<User>, DirectoryError> {
        self.parts().administration.user(name)
    }

    /// The entry of a person that was added by a command.
    ///
    /// # Errors
    /// [`DirectoryError::InFile`] or [`DirectoryError::Unknown`], or what the store said.
    pub fn user_entry(&self, sub: &str) -> Result<String, DirectoryError> {
        self.parts().administration.stored_user_entry(sub)
    }

    /// Locks a person out, wherever the entry stands: nobody asks them any more, what is pending is withdrawn, and approvals
    /// already given yield no tokens. Returns how many requests were pending.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn lock_user(&self, sub: &Subject) -> Result<usize, DirectoryError> {
        self.parts().administration.lock_user(sub).await
    }

    /// Lets a person in again that a command locked out. Returns whether that changed anything.
    ///
    /// # Errors
    /// What the store said.
    pub async fn unlock_user(&self, sub: &Subject) -> Result<bool, DirectoryError> {
        self.parts().administration.unlock_user(sub).await
    }

    /// Removes a person: devices are revoked, what is pending is withdrawn. Returns how many devices there were.
    ///
    /// # Errors
    /// [`DirectoryError`].
    pub async fn remove_user(&self, sub: &Subject) -> Result<usize, DirectoryError> {
        self.parts().administration.remove_user(sub).await
    }
}
