//! Claims of other parties' JWTs (RFC 7519 §4.1), read one by one.

use countersign_protocol::clock::Timestamp;
use countersign_protocol::json::Json;

/// How far other parties' clocks may be ahead of ours, in seconds (FAPI 2.0 §5.3.2.1 wants 10 accepted and more than 60 refused).
const CLOCK_SKEW_SECONDS: u64 = 30;

/// Longest `jti`, in bytes.
const JTI_BYTES: usize = 256;

/// A claim that is not as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ClaimFault {
    /// Not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A number, an array or anything else.
    #[error("{0} must be a text")]
    NotText(&'static str),
    /// Not a NumericDate.
    #[error("{0} must be a number of seconds since 1970")]
    NotTime(&'static str),
    /// An empty or overlong `jti`.
    #[error("jti must have 1 to 256 bytes")]
    Jti,
    /// Not yet, or too early by more than [`CLOCK_SKEW_SECONDS`].
    #[error("{0} is in the future")]
    Future(&'static str),
    /// `exp` is past.
    #[error("it has expired")]
    Expired,
}

/// A JWT's claims.
#[derive(Clone, Copy)]
pub(crate) struct Claims<'j>(pub(crate) &'j Json);

impl<'j> Claims<'j> {
    /// A claim that must be a text.
    pub(crate) fn text(self, name: &'static str) -> Result<&'j str, ClaimFault> {
        let claim = self.0.get(name).ok_or(ClaimFault::Missing(name))?;
        claim.as_str().ok_or(ClaimFault::NotText(name))
    }

    /// A claim that must be a NumericDate; a fraction of a second is cut off.
    pub(crate) fn time(self, name: &'static str) -> Result<u64, ClaimFault> {
        match self.0.get(name) {
            None => Err(ClaimFault::Missing(name)),
            Some(Json::Number(literal)) => seconds(literal).ok_or(ClaimFault::NotTime(name)),
            Some(_) => Err(ClaimFault::NotTime(name)),
        }
    }

    /// `exp`, which must still be ahead.
    pub(crate) fn expiry(self, now: Timestamp) -> Result<u64, ClaimFault> {
        let exp = self.time("exp")?;
        if exp > now.seconds() { Ok(exp) } else { Err(ClaimFault::Expired) }
    }

    /// `iat` or `nbf`, which must not be ahead.
    pub(crate) fn past(self, name: &'static str, now: Timestamp) -> Result<u64, ClaimFault> {
        let time = self.time(name)?;
        if time <= now.seconds() + CLOCK_SKEW_SECONDS { Ok(time) } else { Err(ClaimFault::Future(name)) }
    }

    /// As [`Claims::past`], where the claim may be left out.
    pub(crate) fn past_if_any(self, name: &'static str, now: Timestamp) -> Result<(), ClaimFault> {
        match self.past(name, now) {
            Ok(_) | Err(ClaimFault::Missing(_)) => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// Whether `aud` names this party and nobody else: a text, or an array of one (RFC 7519 §4.1.3).
    pub(crate) fn is_only_for(self, party: &str) -> bool {
        matches!(self.audience(), [only] if only.as_str() == Some(party))
    }

    /// Whether `aud` names this party, alone or among others.
    pub(crate) fn is_for(self, party: &str) -> bool {
        self.audience().iter().any(|one| one.as_str() == Some(party))
    }

    fn audience(self) -> &'j [Json] {
        match self.0.get("aud") {
            Some(Json::Array(all)) => all,
            Some(one) => std::slice::from_ref(one),
            None => &[],
        }
    }

    /// `jti`.
    pub(crate) fn jti(self) -> Result<&'j str, ClaimFault> {
        let jti = self.text("jti")?;
        if (1..=JTI_BYTES).contains(&jti.len()) { Ok(jti) } else { Err(ClaimFault::Jti) }
    }
}

fn seconds(literal: &str) -> Option<u64> {
    let (whole, fraction) = literal.split_once('.').unwrap_or((literal, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(fraction) { whole.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use countersign_protocol::json;

    use super::*;

    #[test]
    fn times_are_numbers_with_or_without_a_fraction() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let claims = |exp: &str| json::read(format!("{{\"exp\":{exp}}}").as_bytes(), 3).expect("JSON");
        for (exp, read) in [
            ("1800000001", Ok(1_800_000_001)),
            ("1800000060.75", Ok(1_800_000_060)),
            ("1800000000", Err(ClaimFault::Expired)),
            ("1800000000.9", Err(ClaimFault::Expired)),
            ("-1", Err(ClaimFault::NotTime("exp"))),
            ("\"1800000060\"", Err(ClaimFault::NotTime("exp"))),
            ("null", Err(ClaimFault::NotTime("exp"))),
        ] {
            assert_eq!(Claims(&claims(exp)).expiry(now), read, "{exp}");
        }
        assert_eq!(Claims(&json::read(b"{}", 2).expect("JSON")).expiry(now), Err(ClaimFault::Missing("exp")));
    }

    #[test]
    fn a_clock_may_be_half_a_minute_ahead() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let claims = json::read(br#"{"iat":1800000030,"nbf":1800000031}"#, 2).expect("JSON");
        assert_eq!(Claims(&claims).past("iat", now), Ok(1_800_000_030));
        assert_eq!(Claims(&claims).past("nbf", now), Err(ClaimFault::Future("nbf")));
        assert_eq!(Claims(&claims).past_if_any("other", now), Ok(()));
    }
}
