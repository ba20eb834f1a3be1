//! In-process approvals for benchmarks: no device and no user takes part. The verdict is made in the same place as any other, and is
//! marked as unsigned.
//!
//! There is no setting for it: the program that opens the gateway passes in an [`InProcessApprover`], and the `countersign` command
//! never does. A gateway without one refuses to redeem such an approval, whatever its database says.

use countersign_protocol::id::Subject;

/// Approves in place of a device, in this process, when a request is accepted.
pub trait InProcessApprover: Send + Sync {
    /// Whether requests about this user are approved at once; others go to their devices as usual.
    fn approves(&self, subject: &Subject) -> bool;
}
