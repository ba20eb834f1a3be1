//! Whether devices can take and show a request, judged by the request alone: for the longest subject there can be, held, and with
//! numbers to choose from. Whose it is, how often that person was asked and what their devices can do must not show in the result.

use countersign_jose::hash::Hash;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::details::Details;
use countersign_protocol::id::TIME_DIGITS;
use countersign_protocol::interaction::{Interaction, InteractionType, UserVerification};
use countersign_protocol::kind::Kind;
use countersign_protocol::{limits, transcript};

use crate::Gateway;
use crate::request::{AcceptError, ApprovalRequest, ChallengeTarget};

/// Length of a subject, in characters; see [`countersign_protocol::id::Subject`].
const SUBJECT_CHARACTERS: usize = 255;
/// Of a signed challenge, what is not its payload, in bytes: header, signature and dots.
const SIGNED_AROUND: usize = 300;

impl Gateway {
    /// # Errors
    /// [`AcceptError::DetailsTooLong`] and [`AcceptError::TooLarge`], the same whoever the request is about.
    pub(crate) fn check_size(&self, request: &ApprovalRequest, kind: Kind) -> Result<(), AcceptError> {
        let bound = request.authorization_details.as_ref().map_or(0, Details::transcript_bound);
        if bound > limits::DETAILS_TRANSCRIPT_BYTES {
            return Err(AcceptError::DetailsTooLong);
        }
        let longest = self.longest_challenge(request, kind);
        if !transcript::fits(&longest, request.authorization_details.as_ref()) {
            return Err(AcceptError::DetailsTooLong);
        }
        let payload = serde_json::to_string(&longest).map_or(usize::MAX, |json| json.len());
        if payload.div_ceil(3).saturating_mul(4).saturating_add(SIGNED_AROUND) > limits::CHALLENGE_BYTES {
            return Err(AcceptError::TooLarge);
        }
        Ok(())
    }

    /// No challenge of this request is longer, in bytes as in lines.
    fn longest_challenge(&self, request: &ApprovalRequest, kind: Kind) -> Challenge {
        let id = |prefix: &str| format!("{prefix}{}", "x".repeat(TIME_DIGITS + limits::ID_BITS.div_ceil(6)));
        let time = request.requested_at.seconds();
        let target = ChallengeTarget {
            aud: id("dv_").parse().expect("an id"),
            // Each takes two bytes in JSON.
            sub: "\"".repeat(SUBJECT_CHARACTERS).parse().expect("printable ASCII"),
            jti: id("ch_").parse().expect("an id"),
            iat: time,
            exp: time,
            approval: id("ap_").parse().expect("an id"),
            interaction: Interaction {
                kind: InteractionType::NumberChoose,
                choices: Some(vec!["10".to_owned(); limits::NUMBER_CHOICES]),
                length: None,
                commitment: Some(Hash::of("")),
            },
            user_verification: UserVerification::Discouraged,
            held: true,
        };
        request.challenge(&self.settings().issuer, kind, target)
    }
}
