//! Tampering: the recorded challenge with another amount, given to the same verification that a device performs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::jws::Compact;
use serde::Serialize;

use super::recorded_approval::{self, RecordedApproval};

/// The result of verifying the original and the altered challenge.
#[derive(Serialize)]
pub struct TamperResult {
    /// The details as they were signed.
    before: String,
    /// The same with another amount.
    after: String,
    /// The signed amount.
    amount: String,
    /// The forged amount.
    forged: String,
    /// Whether the unaltered challenge verifies.
    original_verifies: bool,
    /// Whether the altered challenge verifies; it must not.
    forged_verifies: bool,
    /// The verification's error.
    refusal: Option<String>,
}

/// The amount of a payment, as in its authorization details.
pub fn amount_in(challenge: &Challenge) -> Option<String> {
    let details = challenge.authorization_details_json.as_deref()?;
    let parsed: serde_json::Value = serde_json::from_str(details).ok()?;
    Some(parsed.get(0)?.get("instructedAmount")?.get("amount")?.as_str()?.to_owned())
}

/// Replaces the amount by ten times as much under the original signature, and verifies both.
pub fn multiply_amount(approval: &RecordedApproval) -> Option<TamperResult> {
    let claims = approval.challenge().claims();
    let before = claims.authorization_details_json.clone()?;
    let amount = amount_in(claims)?;
    let forged = ten_times(&amount);
    let after = before.replace(&format!("\"{amount}\""), &format!("\"{forged}\""));
    let original = approval.record().challenge.as_str();
    let [header, payload, signature] = original.split('.').collect::<Vec<_>>().try_into().ok()?;
    let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    // The details are a string in the payload, so that their quotation marks are escaped there.
    let altered = payload.replace(&format!("\\\"{amount}\\\""), &format!("\\\"{forged}\\\""));
    if altered == payload {
        return None;
    }
    let altered = Compact::<Challenge>::from_text(format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(altered)));
    let verdict = recorded_approval::verify(approval.record(), &altered);
    Some(TamperResult {
        before,
        after,
        amount,
        forged,
        original_verifies: recorded_approval::verified(approval.record()).is_some(),
        forged_verifies: verdict.is_ok(),
        refusal: verdict.err(),
    })
}

/// `4.20` as `42.00`: the decimal point moved one place.
fn ten_times(amount: &str) -> String {
    match amount.split_once('.') {
        Some((whole, fraction)) => {
            let (first, rest) = fraction.split_at_checked(1).unwrap_or((fraction, ""));
            format!("{whole}{first}.{rest}0")
        }
        None => format!("{amount}0"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_euros_twenty_become_forty_two() {
        assert_eq!(ten_times("4.20"), "42.00");
        assert_eq!(ten_times("186.40"), "1864.00");
        assert_eq!(ten_times("7"), "70");
    }
}
