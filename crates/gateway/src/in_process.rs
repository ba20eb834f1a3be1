//! Ends approvals without a device, where an [approver](crate::InProcessApprover) was handed in.

use countersign_protocol::id::Subject;
use countersign_store::Transaction;

use crate::Gateway;
use crate::outcome::EndError;
use crate::request::AcceptError;
use crate::store::approvals::{ApprovalRow, Resolution, Status};

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
