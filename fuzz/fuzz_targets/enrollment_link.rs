//! A link that somebody was given, typed or photographed, and the names that a device shows of it.
#![no_main]

use countersign_device::domain::Domain;
use countersign_protocol::issuer::Issuer;
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|given: &str| {
    if let Ok(link) = given.parse::<EnrollmentLink>() {
        let _ = link.token().peek();
    }
    if let Ok(issuer) = given.parse::<Issuer>() {
        assert_eq!(issuer.as_str(), given, "an issuer is compared byte for byte");
        let domain = Domain::of(&issuer);
        assert!(text::check(&domain.shown, 253).is_ok(), "{domain:?}");
        let endpoint = issuer.endpoint("/push/register");
        assert!(issuer.own_endpoint(&endpoint).is_ok(), "{endpoint} is its own");
    }
});
