//! Enrollment: from a link to a confirmed device, and back.

mod confirm;
mod description;
mod link;
mod register;
mod resume;
mod revoke;
mod statement;

pub use confirm::{ConfirmError, ConfirmedDevice};
pub use link::{IssuedLink, LinkError, LinkRequest};
pub use revoke::{DeviceRecord, RevokeError};
pub use statement::RenameError;
