//! Approvals without a device, for measuring a provider from outside. No device takes part and no person is asked; the verdict
//! still goes through the one place where verdicts are made, and says that nothing was signed.
//!
//! There is no setting for it: the program that opens the gateway hands an [`InProcessApprover`] in, and the `countersign` command never
//! does. A gateway without one gives no tokens for what was approved so, whatever its file says.

use countersign_protocol::id::Subject;

/// Decides in a device's place, in this process, when a request is accepted.
pub trait InProcessApprover: Send + Sync {
    /// Whether requests about this user are approved at once. All others are asked on their devices, as always.
    fn approves(&self, subject: &Subject) -> bool;
}
