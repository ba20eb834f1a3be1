//! The kind of a request: computed by the gateway, and again by the device, which refuses a weaker one.

use serde::{Deserialize, Serialize};

/// The version of the table in [`Kind::of`]; a challenge names it as `kind_table`.
pub const TABLE_VERSION: u32 = 1;

/// The type of authorization details that admits another device.
pub const DEVICE_TYPE: &str = "urn:countersign:device";

/// The scopes that a plain sign-in may ask for (OpenID Connect Core §5.4, §11).
const SIGN_IN_SCOPES: [&str; 6] = ["openid", "profile", "email", "phone", "address", "offline_access"];

/// The kind of a request, by which its strictness is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A sign-in.
    Login,
    /// A payment.
    Payment,
    /// Access to data, or permission to act.
    Consent,
    /// Admitting another device of the same person.
    Device,
    /// Any other authorization details; as strict as consent. Anything unknown is treated as this.
    #[serde(other)]
    Other,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Login, Self::Payment, Self::Consent, Self::Device, Self::Other];

    /// The kind of a request with these types of authorization details (if any) and this scope. Of several types the strictest
    /// one decides: device, payment, consent, other. Without details it is consent if the scope contains more than the scopes
    /// of a sign-in.
    pub fn of<'a>(types: impl IntoIterator<Item = &'a str>, scope: Option<&str>) -> Self {
        let of_types = types.into_iter().map(Self::of_type).max_by_key(|kind| kind.precedence());
        of_types.unwrap_or_else(|| {
            let beyond_sign_in =
                scope.is_some_and(|scope| scope.split(' ').any(|s| !s.is_empty() && !SIGN_IN_SCOPES.contains(&s)));
            if beyond_sign_in { Self::Consent } else { Self::Login }
        })
    }

    /// Whether this kind is less strict than the other.
    pub fn is_weaker_than(self, other: Self) -> bool {
        self.strictness() < other.strictness()
    }

    fn of_type(name: &str) -> Self {
        match name {
            DEVICE_TYPE => Self::Device,
            "payment_initiation" => Self::Payment,
            "account_information" => Self::Consent,
            _ => Self::Other,
        }
    }

    const fn precedence(self) -> u8 {
        match self {
            Self::Login => 0,
            Self::Other => 1,
            Self::Consent => 2,
            Self::Payment => 3,
            Self::Device => 4,
        }
    }

    const fn strictness(self) -> u8 {
        match self {
            Self::Login => 0,
            Self::Consent | Self::Other => 1,
            Self::Payment => 2,
            Self::Device => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_type_decides() {
        assert_eq!(Kind::of([], Some("openid profile")), Kind::Login);
        assert_eq!(Kind::of([], None), Kind::Login);
        assert_eq!(Kind::of([], Some("openid accounts")), Kind::Consent);
        assert_eq!(Kind::of(["x"], Some("openid")), Kind::Other);
        assert_eq!(Kind::of(["x", "account_information"], None), Kind::Consent);
        assert_eq!(Kind::of(["account_information", "payment_initiation", "x"], None), Kind::Payment);
        assert_eq!(Kind::of(["payment_initiation", DEVICE_TYPE], None), Kind::Device);
    }

    #[test]
    fn weaker_is_an_order() {
        assert!(Kind::Login.is_weaker_than(Kind::Other));
        assert!(!Kind::Other.is_weaker_than(Kind::Consent) && !Kind::Consent.is_weaker_than(Kind::Other));
        assert!(Kind::Consent.is_weaker_than(Kind::Payment) && Kind::Payment.is_weaker_than(Kind::Device));
    }
}
