//! The provider's side of the device: devices, challenges, answers, verdicts, outcomes. It knows `ApprovalRequest` and
//! `Verdict`, and nothing of whoever asks and what the verdict is for.

pub mod keys;
pub mod store;
pub mod wake;

#[cfg(test)]
mod testing;
