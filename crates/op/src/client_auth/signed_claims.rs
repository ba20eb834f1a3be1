//! Registered claims of a JWT that a client signs for this provider: a client assertion (RFC 7523 §3) or a signed
//! authentication request (CIBA Core §7.1.1). Its signature is verified before.

use countersign_jose::clock::Timestamp;
use countersign_jose::json::Json;
use countersign_jose::jwt::{ClaimError, Claims};

/// Who signed, and for whom.
pub(crate) struct Parties<'a> {
    /// `iss`.
    pub(crate) client_id: &'a str,
    /// `aud`: this provider's issuer.
    pub(crate) issuer: &'a str,
    /// Addresses that are accepted as `aud` in its place.
    pub(crate) endpoints: &'a [String],
}

/// What is asked of a JWT of one kind.
pub(crate) struct ClaimRules {
    /// `sub` must be the client_id, as `iss` must.
    pub(crate) is_about_client: bool,
    /// Whether `aud` may be an array of one.
    pub(crate) is_audience_array_allowed: bool,
    pub(crate) validity: Validity,
}

/// For how long a JWT may be valid, in seconds.
#[derive(Clone, Copy)]
pub(crate) enum Validity {
    /// `exp` at most this far ahead; `nbf` and `iat` are optional.
    Ahead(u64),
    /// `exp` at most this long after `nbf`, and `nbf` at most this long ago; `nbf` and `iat` are required.
    SinceNotBefore(u64),
}

/// What a replay memory needs of an accepted JWT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SingleUse<'j> {
    pub(crate) jti: &'j str,
    /// `exp`; the `jti` must be remembered until then.
    pub(crate) until: Timestamp,
}

/// Why the claims of a signed JWT are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignedClaimsError {
    #[error("{0}")]
    Claim(#[from] ClaimError),
    #[error("iss must be the client_id")]
    Issuer,
    #[error("iss and sub must both be the client_id")]
    IssuerAndSubject,
    #[error(
        "aud must be one string, this provider's issuer {0}, not a list and not an endpoint's address; its operator can accept those of CIBA Core 7.1 by client_assertion_audience"
    )]
    AudienceString(String),
    #[error(
        "aud must be one string, not a list: this provider's issuer {0}, its token endpoint or its backchannel authentication endpoint"
    )]
    AudienceEndpoint(String),
    #[error("aud must be this provider's issuer, {0}, and nothing else")]
    Audience(String),
    #[error("exp must be at most {} minutes ahead", .0 / 60)]
    TooFarAhead(u64),
    #[error("it may be valid for {} minutes at most, from nbf to exp", .0 / 60)]
    TooLong(u64),
    #[error("nbf is more than {} minutes ago", .0 / 60)]
    TooOld(u64),
}

impl ClaimRules {
    /// Checks `iss`, `sub`, `aud`, `exp`, `nbf`, `iat` and `jti`.
    pub(crate) fn check<'j>(
        &self,
        claims: &'j Json,
        parties: &Parties<'_>,
        now: Timestamp,
    ) -> Result<SingleUse<'j>, SignedClaimsError> {
        let read = Claims(claims);
        self.check_parties(read, parties)?;
        let exp = read.expiry(now)?;
        self.validity.check(read, exp, now)?;
        Ok(SingleUse { jti: read.jti()?, until: Timestamp::from_millis(exp.saturating_mul(1000)) })
    }

    fn check_parties(&self, read: Claims<'_>, parties: &Parties<'_>) -> Result<(), SignedClaimsError> {
        let issued_by_client = read.string("iss")? == parties.client_id;
        if self.is_about_client {
            if !issued_by_client || read.string("sub")? != parties.client_id {
                return Err(SignedClaimsError::IssuerAndSubject);
            }
        } else if !issued_by_client {
            return Err(SignedClaimsError::Issuer);
        }
        let aud = read.0.get("aud").ok_or(ClaimError::Missing("aud"))?;
        let issuer = parties.issuer;
        match self.is_audience_array_allowed {
            true if !read.is_only_for(issuer) => Err(SignedClaimsError::Audience(issuer.to_owned())),
            false => match aud.as_str() {
                Some(aud) if aud == issuer || parties.endpoints.iter().any(|endpoint| endpoint == aud) => Ok(()),
                _ if parties.endpoints.is_empty() => Err(SignedClaimsError::AudienceString(issuer.to_owned())),
                _ => Err(SignedClaimsError::AudienceEndpoint(issuer.to_owned())),
            },
            _ => Ok(()),
        }
    }
}

impl Validity {
    fn check(self, read: Claims<'_>, exp: u64, now: Timestamp) -> Result<(), SignedClaimsError> {
        match self {
            Validity::Ahead(seconds) => {
                read.not_in_future_if_present("nbf", now)?;
                read.not_in_future_if_present("iat", now)?;
                if exp > now.seconds() + seconds {
                    return Err(SignedClaimsError::TooFarAhead(seconds));
                }
            }
            Validity::SinceNotBefore(seconds) => {
                let nbf = read.not_in_future("nbf", now)?;
                read.not_in_future("iat", now)?;
                if now.seconds().saturating_sub(nbf) > seconds {
                    return Err(SignedClaimsError::TooOld(seconds));
                }
                if exp.saturating_sub(nbf) > seconds {
                    return Err(SignedClaimsError::TooLong(seconds));
                }
            }
        }
        Ok(())
    }
}
