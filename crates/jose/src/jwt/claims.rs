//! Registered claims of a JWT (RFC 7519 §4.1), read one by one.

use crate::clock::Timestamp;
use crate::json::Json;

/// How far other parties' clocks may be ahead of ours, in seconds (FAPI 2.0 §5.3.2.1 wants 10 accepted and more than 60 refused).
const CLOCK_SKEW_SECONDS: u64 = 30;

/// Longest `jti`, in bytes.
const JTI_BYTES: usize = 256;

/// A claim that is missing, malformed or out of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// The claim of this name is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The claim of this name is a number, an array or anything else.
    #[error("{0} must be a string")]
    NotString(&'static str),
    /// The claim of this name is not a NumericDate (RFC 7519 §2).
    #[error("{0} must be a number of seconds since 1970")]
    NotNumericDate(&'static str),
    /// An empty or overlong `jti`.
    #[error("jti must have 1 to 256 bytes")]
    Jti,
    /// The claim of this name is more than 30 seconds ahead.
    #[error("{0} is in the future")]
    Future(&'static str),
    /// `exp` is past.
    #[error("it has expired")]
    Expired,
}

impl ClaimError {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            ClaimError::Missing(_) => "claim_missing",
            ClaimError::NotString(_) => "claim_not_string",
            ClaimError::NotNumericDate(_) => "claim_not_numeric_date",
            ClaimError::Jti => "claim_jti",
            ClaimError::Future(_) => "claim_in_future",
            ClaimError::Expired => "claim_expired",
        }
    }
}

/// A JWT's claims, an object. Says nothing about whether a signature was verified.
#[derive(Clone, Copy)]
pub struct Claims<'j>(pub &'j Json);

impl<'j> Claims<'j> {
    /// A claim that must be a string.
    ///
    /// # Errors
    /// [`ClaimError::Missing`] and [`ClaimError::NotString`]
    pub fn string(self, name: &'static str) -> Result<&'j str, ClaimError> {
        let claim = self.0.get(name).ok_or(ClaimError::Missing(name))?;
        claim.as_str().ok_or(ClaimError::NotString(name))
    }

    /// A claim that must be a NumericDate, in seconds since the epoch; a fraction of a second is cut off.
    ///
    /// # Errors
    /// [`ClaimError::Missing`] and [`ClaimError::NotNumericDate`]
    pub fn numeric_date(self, name: &'static str) -> Result<u64, ClaimError> {
        match self.0.get(name) {
            None => Err(ClaimError::Missing(name)),
            Some(Json::Number(literal)) => seconds(literal).ok_or(ClaimError::NotNumericDate(name)),
            Some(_) => Err(ClaimError::NotNumericDate(name)),
        }
    }

    /// `exp`, in seconds since the epoch, which must be later than now.
    ///
    /// # Errors
    /// As [`Claims::numeric_date`], and [`ClaimError::Expired`]
    pub fn expiry(self, now: Timestamp) -> Result<u64, ClaimError> {
        let exp = self.numeric_date("exp")?;
        if exp > now.seconds() { Ok(exp) } else { Err(ClaimError::Expired) }
    }

    /// `iat` or `nbf`, in seconds since the epoch, which must not be more than 30 seconds ahead.
    ///
    /// # Errors
    /// As [`Claims::numeric_date`], and [`ClaimError::Future`]
    pub fn not_in_future(self, name: &'static str, now: Timestamp) -> Result<u64, ClaimError> {
        let time = self.numeric_date(name)?;
        if time <= now.seconds() + CLOCK_SKEW_SECONDS { Ok(time) } else { Err(ClaimError::Future(name)) }
    }

    /// As [`Claims::not_in_future`], where the claim is optional.
    ///
    /// # Errors
    /// [`ClaimError::NotNumericDate`] and [`ClaimError::Future`]
    pub fn not_in_future_if_present(self, name: &'static str, now: Timestamp) -> Result<(), ClaimError> {
        match self.not_in_future(name, now) {
            Ok(_) | Err(ClaimError::Missing(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether `aud` names this party and no other: a string, or an array of one (RFC 7519 §4.1.3).
    pub fn is_only_for(self, party: &str) -> bool {
        matches!(self.audience(), [only] if only.as_str() == Some(party))
    }

    /// Whether `aud` names this party, alone or among others.
    pub fn is_for(self, party: &str) -> bool {
        self.audience().iter().any(|one| one.as_str() == Some(party))
    }

    fn audience(self) -> &'j [Json] {
        match self.0.get("aud") {
            Some(Json::Array(all)) => all,
            Some(one) => std::slice::from_ref(one),
            None => &[],
        }
    }

    /// `jti`, 1 to 256 bytes.
    ///
    /// # Errors
    /// [`ClaimError::Missing`], [`ClaimError::NotString`] and [`ClaimError::Jti`]
    pub fn jti(self) -> Result<&'j str, ClaimError> {
        let jti = self.string("jti")?;
        if (1..=JTI_BYTES).contains(&jti.len()) { Ok(jti) } else { Err(ClaimError::Jti) }
    }
}

/// The whole seconds of a NumericDate, which may have a fraction and an exponent (RFC 7519 §2): `1.795984e+09`. Exact, by its
/// digits. `None` for a negative one, or one beyond 2^64 − 1.
fn seconds(literal: &str) -> Option<u64> {
    let (mantissa, exponent) = literal.split_once(['e', 'E']).unwrap_or((literal, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // How many of the significant digits, and of zeros after them, are before the point.
    let exponent: i64 = exponent.parse().ok()?;
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let before = i64::try_from(whole.len()).ok()?.checked_sub(zeros)?.checked_add(exponent)?;
    match usize::try_from(before) {
        Err(_) => Some(0),
        Ok(before) if before > 20 => None,
        Ok(before) => format!("0{significant:0<before$.before$}").parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use crate::json::{self, Strictness};

    use super::*;

    #[test]
    fn times_are_numbers_with_or_without_a_fraction() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let claims =
            |exp: &str| json::read(format!("{{\"exp\":{exp}}}").as_bytes(), Strictness::FOREIGN).expect("JSON");
        for (exp, read) in [
            ("1800000001", Ok(1_800_000_001)),
            ("1800000060.75", Ok(1_800_000_060)),
            ("1800000000", Err(ClaimError::Expired)),
            ("1800000000.9", Err(ClaimError::Expired)),
            ("1.800000060e+09", Ok(1_800_000_060)),
            ("1.80000006075E9", Ok(1_800_000_060)),
            ("18000000600e-1", Ok(1_800_000_060)),
            ("0.00180000006e12", Ok(1_800_000_060)),
            ("18446744073709551615", Ok(u64::MAX)),
            ("1.8446744073709551615e19", Ok(u64::MAX)),
            ("1e9", Err(ClaimError::Expired)),
            ("1.8e-900", Err(ClaimError::Expired)),
            ("0e999999999999999999999999", Err(ClaimError::Expired)),
            ("18446744073709551616", Err(ClaimError::NotNumericDate("exp"))),
            ("1.8e900", Err(ClaimError::NotNumericDate("exp"))),
            ("1e999999999999999999999999", Err(ClaimError::NotNumericDate("exp"))),
            ("-1.8e9", Err(ClaimError::NotNumericDate("exp"))),
            ("-1", Err(ClaimError::NotNumericDate("exp"))),
            ("\"1800000060\"", Err(ClaimError::NotNumericDate("exp"))),
            ("null", Err(ClaimError::NotNumericDate("exp"))),
        ] {
            assert_eq!(Claims(&claims(exp)).expiry(now), read, "{exp}");
        }
        assert_eq!(
            Claims(&json::read(b"{}", Strictness::with_depth(2)).expect("JSON")).expiry(now),
            Err(ClaimError::Missing("exp"))
        );
    }

    #[test]
    fn a_clock_may_be_half_a_minute_ahead() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let claims = json::read(br#"{"iat":1800000030,"nbf":1800000031}"#, Strictness::with_depth(2)).expect("JSON");
        assert_eq!(Claims(&claims).not_in_future("iat", now), Ok(1_800_000_030));
        assert_eq!(Claims(&claims).not_in_future("nbf", now), Err(ClaimError::Future("nbf")));
        assert_eq!(Claims(&claims).not_in_future_if_present("other", now), Ok(()));
    }
}
