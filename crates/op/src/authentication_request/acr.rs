//! `acr_values` (OpenID Connect Core §3.1.2.1): the assurance level a client prefers. Voluntary: met as far as policy,
//! client and devices allow; the ID token's `acr` says which level was reached.

/// The levels, strongest first. The last needs no person; requesting it changes nothing.
pub(crate) const LEVELS: [&str; 5] = [
    "urn:countersign:acr:number-verified",
    "urn:countersign:acr:verified",
    "urn:countersign:acr:number",
    "urn:countersign:acr:tap",
    "urn:countersign:acr:automated",
];

/// What `acr_values` adds to the policy's requirements; it never lowers them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RequestedAcr {
    /// An interaction with a number to enter or choose is preferred.
    pub(crate) number: bool,
    /// User verification (PIN or biometrics) is required.
    pub(crate) verified: bool,
}

impl RequestedAcr {
    /// Reads a space-delimited list in order of preference; the first known value counts.
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
    fn the_first_known_value_decides() {
        let requested = |values| RequestedAcr::of(Some(values));
        assert_eq!(requested("urn:countersign:acr:number-verified"), RequestedAcr { number: true, verified: true });
        assert_eq!(requested("urn:other urn:countersign:acr:number"), RequestedAcr { number: true, verified: false });
        assert_eq!(
            requested("urn:countersign:acr:verified urn:countersign:acr:number-verified"),
            RequestedAcr { number: false, verified: true }
        );
        for nothing in ["", "0", "urn:other", "urn:countersign:acr:tap urn:countersign:acr:verified", "number"] {
            assert_eq!(requested(nothing), RequestedAcr::default(), "{nothing}");
        }
        assert_eq!(RequestedAcr::of(None), RequestedAcr::default());
    }
}
