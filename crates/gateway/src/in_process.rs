//! Approvals without a device, for measuring a provider from outside. No device takes part and no person is asked; the verdict
//! still goes through the one place where verdicts are made, and says that nothing was signed.
//!
//! There is no setting for it: the program that opens the gateway hands an [`InProcessApprover`] in, and the `countersign` command never
//! does. A gateway without one gives no tokens for what was approved so, whatever its file says.

use countersign_protocol::id::Subject;
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::kind::Kind;

use crate::Gateway;
use crate::outcome::EndError;
use crate::request::{AcceptError, InteractionPolicy};
use crate::store::Transaction;
use crate::store::approvals::{ApprovalRow, Resolution, Status};

/// Decides in a device's place, in this process, when a request is accepted.
pub trait InProcessApprover: Send + Sync {
    /// Whether requests about this user are approved at once. All others are asked on their devices, as always.
    fn approves(&self, subject: &Subject) -> bool;
}

impl Gateway {
    /// Whether this user's requests are decided here instead of on a device.
    pub(crate) fn approves_in_process(&self, subject: &Subject) -> bool {
        self.approver().is_some_and(|approver| approver.approves(subject))
    }

    /// Ends an approval that was stored in this transaction as approved: without challenge, answer, `amr` and `acr`, for
    /// there is nothing they could rest on.
    pub(crate) fn approve_in_process(
        &self,
        transaction: &Transaction<'_>,
        approval: &ApprovalRow,
    ) -> Result<(), AcceptError> {
        let resolution = Resolution { at: self.now(), ..Resolution::default() };
        self.end(transaction, approval, Status::Approved, &resolution).map(drop).map_err(|error| match error {
            EndError::Store(error) => AcceptError::Store(error),
            EndError::Sign(_) => AcceptError::Sign,
        })
    }
}

/// The interaction of a request that no device sees: a plain yes, or the refusal of whatever asks for a number.
pub(crate) fn interaction(policy: &InteractionPolicy, kind: Kind) -> Result<InteractionType, AcceptError> {
    let asked = policy.requested.unwrap_or(InteractionType::Boolean).max(policy.minimum);
    match asked {
        InteractionType::Boolean if kind != Kind::Device => Ok(asked),
        beyond => Err(AcceptError::InteractionBeyondDevices(beyond)),
    }
}
