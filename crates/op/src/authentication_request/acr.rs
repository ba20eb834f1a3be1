//! `acr_values` (OpenID Connect Core §3.1.2.1): which level of assurance a client would like best. It is a wish, met as far as
//! policy, client and devices can; the ID token's `acr` is what really happened.

/// The levels, strongest first; the last needs no person at all and can't be wished for.
pub(crate) const LEVELS: [&str; 5] = [
    "urn:countersign:acr:number-verified",
    "urn:countersign:acr:verified",
    "urn:countersign:acr:number",
    "urn:countersign:acr:tap",
    "urn:countersign:acr:automated",
];

/// What a request gets beyond what policy asks for. Nothing is ever lowered by it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RequestedAcr {
    /// A number to enter or choose.
    pub(crate) number: bool,
    /// The person's PIN or biometrics.
    pub(crate) verified: bool,
}

impl RequestedAcr {
    /// The first value that is known here, for they stand in order of preference.
    pub(crate) fn of(acr_values: Option<&str>) -> RequestedAcr {
        let known = acr_values.and_then(|values| values.split(' ').find(|value| LEVELS.contains(value)));
        let level = known.and_then(|name| name.rsplit(':').next()).unwrap_or_default();
        RequestedAcr {
            number: matches!(level, "number-verified" | "number"),
            verified: matches!(level, "number-verified" | "verified"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_that_is_known_decides() {
        let wish = |values| RequestedAcr::of(Some(values));
        assert_eq!(wish("urn:countersign:acr:number-verified"), RequestedAcr { number: true, verified: true });
        assert_eq!(wish("urn:other urn:countersign:acr:number"), RequestedAcr { number: true, verified: false });
        assert_eq!(
            wish("urn:countersign:acr:verified urn:countersign:acr:number-verified"),
            RequestedAcr { number: false, verified: true }
        );
        for nothing in ["", "0", "urn:other", "urn:countersign:acr:tap urn:countersign:acr:verified", "number"] {
            assert_eq!(wish(nothing), RequestedAcr::default(), "{nothing}");
        }
        assert_eq!(RequestedAcr::of(None), RequestedAcr::default());
    }
}
