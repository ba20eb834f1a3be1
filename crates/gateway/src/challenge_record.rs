//! The challenges of one approval with their answers and outcomes, and the evidence in them.

use countersign_jose::clock::Timestamp;
use countersign_protocol::answer::Answer;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::evidence::Evidence;
use countersign_protocol::id::ApprovalId;
use countersign_protocol::jws::Compact;
use countersign_protocol::outcome::Outcome;
use countersign_store::Error as StoreError;

use crate::Gateway;
use crate::store::{approvals, challenges, devices, manifests};

/// One device's challenge and its answer.
#[derive(Debug, Clone)]
pub struct ChallengeRecord {
    /// What the person called the device.
    pub device_name: String,
    /// The challenge, as it was signed for this device.
    pub challenge: Compact<Challenge>,
    /// The first valid answer to it, and when it arrived. Answers from before answers were kept are missing.
    pub answer: Option<(Compact<Answer>, Timestamp)>,
    /// How the approval ended, as signed for this device.
    pub outcome: Option<Compact<Outcome>>,
    /// Whether this device's answer decided.
    pub decided: bool,
    /// All signed parts that concern this device, and the transcript that came with the answer.
    pub evidence: Evidence,
}

impl Gateway {
    /// The challenge, answer and outcome of each device of an approval. Empty for an unknown approval, for one that asked nobody,
    /// and for practice, of which there is no evidence.
    ///
    /// # Errors
    /// The store's.
    pub fn challenge_records(&self, approval: &ApprovalId) -> Result<Vec<ChallengeRecord>, StoreError> {
        self.store().read_blocking(|snapshot| {
            if approvals::by_id(snapshot, approval)?.is_some_and(|row| row.is_decoy || row.is_practice) {
                return Ok(Vec::new());
            }
            let manifests = manifests::all(snapshot)?;
            let mut all = Vec::new();
            for kept in challenges::with_answers(snapshot, approval)? {
                let statements = devices::statements(snapshot, &kept.row.device)?;
                let statements = statements.into_iter().map(Compact::from_text).collect();
                // Deleted some time after an end without an answer: then there is nothing to show and no evidence.
                let Some(jws) = kept.jws else { continue };
                let challenge = Compact::<Challenge>::from_text(jws);
                let answer = kept.answer.map(|(jws, at)| (Compact::<Answer>::from_text(jws), at));
                let outcome = kept.row.outcome.map(Compact::<Outcome>::from_text);
                let evidence = Evidence {
                    manifests: manifests.iter().cloned().map(Compact::from_text).collect(),
                    statements: Evidence::statements_for(outcome.as_ref(), statements),
                    challenge: challenge.clone(),
                    answer: answer.as_ref().map(|(answer, _)| answer.clone()),
                    transcript: kept.transcript,
                    outcome: outcome.clone(),
                    disputed: kept.row.disputed.map(Compact::from_text),
                };
                let device_name = kept.row.device_name;
                all.push(ChallengeRecord { device_name, challenge, answer, outcome, decided: kept.decided, evidence });
            }
            Ok(all)
        })
    }
}
