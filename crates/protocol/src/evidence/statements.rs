//! Which of a device's enrollment statements evidence holds, and which of them the answer may rest on.

use super::{Evidence, EvidenceError};
use crate::enrollment::{EnrollmentStatement, VerifiedEnrollment};
use crate::jws::Compact;
use crate::outcome::Outcome;

impl Evidence {
    /// The statements that evidence with this outcome holds, of all that there are about the device, oldest first. Where its answer
    /// decided, they end with the one that the outcome names: what the device is told afterwards neither adds to such evidence nor
    /// makes it larger. Else all of them, for the outcome does not say which one the device went by.
    pub fn statements_for(
        outcome: Option<&Compact<Outcome>>,
        mut all: Vec<Compact<EnrollmentStatement>>,
    ) -> Vec<Compact<EnrollmentStatement>> {
        let decisive = outcome.and_then(|outcome| outcome.peek().ok()).filter(|claims| claims.answer_hash.is_some());
        if let Some(claims) = decisive {
            let last = all.iter().position(|statement| statement.hash() == claims.enrollment_hash);
            all.truncate(last.map_or(all.len(), |last| last + 1));
        }
        all
    }

    /// The statements that the answer may rest on, in the order in which they are tried, at least one. Where the answer decided, the
    /// one that the outcome names. Else that one first, and then each that was in force when the challenge was signed or later: the
    /// outcome names the one in force when the approval ended, and the device may have shown what another says.
    pub(super) fn statements_in_question<'e>(
        &self,
        enrollment: &'e VerifiedEnrollment,
    ) -> Result<Vec<&'e EnrollmentStatement>, EvidenceError> {
        let outcome = self.outcome.as_ref().and_then(|outcome| outcome.peek().ok());
        let by_name =
            |outcome: &Outcome| enrollment.by_hash(&outcome.enrollment_hash).ok_or(EvidenceError::Contradiction);
        let named = outcome.as_ref().map(by_name).transpose()?;
        let mut all: Vec<_> = named.into_iter().collect();
        if outcome.is_none_or(|outcome| outcome.answer_hash.is_none()) {
            let asked_at = self.challenge.peek().map_or(u64::MAX, |challenge| challenge.iat);
            all.extend(enrollment.in_force_since(asked_at).filter(|one| Some(*one) != named));
        }
        Ok(all)
    }
}
