//! Properties that hold for whatever is put in.

use countersign_jose::clock::Timestamp;
use countersign_jose::key::{P256Signer, PrivateKey, RingSigner, Signer};
use countersign_jose::random;
use countersign_protocol::challenge::Challenge;
use countersign_protocol::details::Details;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::interaction::{self, InteractionType};
use countersign_protocol::issuer::Issuer;
use countersign_protocol::jws::Compact;
use countersign_protocol::kind::{DEVICE_TYPE, Kind};
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::text;
use countersign_testing::CountingRandom;
use countersign_testing::fixture::Fixture;
use proptest::prelude::*;

fn a_type() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("payment_initiation"),
        Just("account_information"),
        Just("generic"),
        Just("urn:something:else"),
        Just(DEVICE_TYPE)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_one_key_signs_only_that_key_opens(seed in 0_u64..1 << 40, message in any::<String>(), amount in "[0-9]{1,9}") {
        let fixture = Fixture::new();
        let mut claims = fixture.challenge();
        claims.binding_message = Some(message);
        claims.authorization_details_json = Some(format!("[{{\"type\":\"x\",\"amount\":{amount}}}]"));
        let key = PrivateKey::generate(&CountingRandom::from_count(seed));
        let stranger = PrivateKey::generate(&CountingRandom::from_count(seed + (1 << 41)));
        let signers: [Box<dyn Signer>; 2] = [Box::new(RingSigner::new(&key)), Box::new(P256Signer::new(&key))];
        for signer in signers {
            let compact = Compact::sign(&claims, signer.as_ref()).expect("a key in memory signs");
            let opened = compact.verify(|_| Some(key.public_key())).expect("its own key");
            prop_assert_eq!(&opened.claims, &claims);
            prop_assert!(compact.verify(|_| Some(stranger.public_key())).is_err());
            prop_assert_eq!(compact.peek(), Ok(claims.clone()));
        }
    }

    #[test]
    fn one_more_type_never_makes_a_request_weaker(types in proptest::collection::vec(a_type(), 1..6), more in a_type(), scope in "[a-z ]{0,20}") {
        let before = Kind::of(types.iter().copied(), Some(&scope));
        let after = Kind::of(types.iter().copied().chain([more]), Some(&scope));
        prop_assert!(!after.is_weaker_than(before));
    }

    #[test]
    fn details_are_kept_to_the_byte_or_refused(text in r#"[ \n]{0,3}\[[ \n]{0,3}\{"type" ?: ?"[a-z]{1,9}", ?"a":("[a-zé€]{0,9}"|[1-9][0-9]{0,3}\.[0-9]{2}|null)\}[ \n]{0,3}\][ \n]{0,3}"#) {
        let details = Details::parse(&text).expect("sound details");
        prop_assert_eq!(details.as_str(), text.as_str());
        prop_assert_eq!(details.types().count(), 1);
    }

    #[test]
    fn any_text_is_refused_or_read_as_details_without_a_panic(text in any::<String>()) {
        let _ = Details::parse(&text);
        let _ = text.parse::<EnrollmentLink>();
        let _ = text.parse::<Issuer>();
        let _ = Compact::<Challenge>::from_text(text.as_str()).peek();
        let _ = text::check(&text, 500);
    }

    #[test]
    fn an_id_is_read_as_it_was_written(seed in any::<u64>()) {
        let id = ChallengeId::random(&CountingRandom::from_count(seed));
        prop_assert_eq!(id.as_str().parse::<ChallengeId>(), Ok(id.clone()));
        prop_assert_eq!(id.as_str().len(), "ch_".len() + 43);
        let timed = ChallengeId::new(Timestamp::from_millis(seed), &CountingRandom::from_count(seed));
        prop_assert_eq!(timed.as_str().parse::<ChallengeId>(), Ok(timed.clone()));
        prop_assert_eq!(timed.as_str().len(), "ch_".len() + 12 + 43);
    }

    #[test]
    fn a_drawn_number_opens_its_commitment_and_no_other_does(seed in any::<u64>(), guess in "[0-9]{1,6}") {
        for kind in [InteractionType::NumberChoose, InteractionType::InputManual] {
            let (interaction, mut opening) = interaction::generate(kind, &CountingRandom::from_count(seed)).expect("a number");
            prop_assert!(interaction.is_well_formed());
            prop_assert_eq!(opening.commitment(), interaction.commitment);
            prop_assert_eq!(opening.matches(&guess), guess == opening.value);
            if guess != opening.value {
                opening.value = guess.clone();
                prop_assert_ne!(opening.commitment(), interaction.commitment);
            }
        }
    }

    #[test]
    fn a_number_below_a_bound_is_below_it(seed in any::<u64>(), bound in 1_u32..) {
        prop_assert!(random::below(&CountingRandom::from_count(seed), bound) < bound);
    }

    #[test]
    fn well_known_documents_stay_at_the_issuers_origin(path in "(/[a-z0-9]{1,8}){0,3}/?", port in 1_u16..) {
        let issuer: Issuer = format!("https://id.example:{port}{path}").parse().expect("an issuer");
        for url in issuer.well_known("oauth-push-notification") {
            prop_assert!(issuer.own_endpoint(&url).is_ok(), "{}", url);
        }
        prop_assert!(issuer.own_endpoint(&issuer.endpoint("/push/register")).is_ok());
    }
}
