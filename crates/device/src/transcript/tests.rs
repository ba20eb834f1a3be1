//! Snapshots of transcripts for each kind of request in each language.

use std::collections::BTreeMap;

use countersign_jose::key::PrivateKey;
use countersign_protocol::challenge::{Challenge, Client, ContextSource, ContextValue, VerifiedChallenge};
use countersign_protocol::enrollment::EnrollmentStatement;
use countersign_protocol::interaction::{Interaction, InteractionType};
use countersign_protocol::kind::Kind;
use countersign_protocol::text;
use countersign_protocol::transcript::{LineValue, Role, Transcript, TranscriptBasis};
use countersign_testing::CountingRandom;

use super::{DeviceFacts, Locale, RenderedRequest, Repeat, render};
use crate::testing::FakeProvider;

#[cfg(test)]
mod generated;

const PAYMENT: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"80.00"},
 "creditorName":"Acme Coffee, Berlin","creditorAccount":{"iban":"DE02100100109307118603"},
 "remittanceInformationUnstructured":"Order 14","requestedExecutionDate":"2026-11-21","locations":["https://bank.example"]}]"#;
const ACCOUNTS: &str = r#"[{"type":"account_information","actions":["list_accounts","read_balances"],
 "accounts":[{"iban":"DE02100100109307118603","currency":"EUR"}],"validUntil":"2027-01-31","frequencyPerDay":4,
 "recurringIndicator":true}]"#;
const AUTH0: &str = r#"[{"type":"urn:auth0:schemas:authorization-details:v1:transfer","instruction":"Confirm the transfer",
 "properties":{"b":{"name":"Fee","display":false,"display_order":1,"value":0.50},
 "a":{"name":"Amount","description":"in euro","display_order":"0","value":"12.30"}}}]"#;
const GENERIC: &str = r#"[{"type":"generic","title":"Delete the archive","items":[{"id":1,"keep":false},{"id":2,"tags":[]}],"note":null}]"#;
const UNKNOWN: &str = r#"[{"type":"https://example.com/novelty","deep":{"a":[1,2.50,{"b":{}}]}}]"#;

fn verified(provider: &mut FakeProvider, claims: &Challenge) -> VerifiedChallenge {
    let keys = provider.manifests.verify(&provider.issuer, &provider.root(), None).unwrap();
    let foreign = [claims.provider.issuer.clone()];
    Challenge::verify_signed(&provider.sign(claims), &provider.device, &provider.subject, &foreign, &keys).unwrap()
}

fn statement(provider: &mut FakeProvider) -> EnrollmentStatement {
    let key = || PrivateKey::generate(&CountingRandom::default()).public_key().clone();
    provider.confirm(&key(), &key());
    provider.statements[0].peek().unwrap()
}

/// The lines as the gateway and a verifier of evidence check them.
fn shown(provider: &mut FakeProvider, claims: &Challenge, test: bool, first: bool, locale: Locale) -> Transcript {
    shown_with(provider, claims, DeviceFacts { test, first_request: first, ..DeviceFacts::default() }, locale)
}

fn shown_with(provider: &mut FakeProvider, claims: &Challenge, facts: DeviceFacts, locale: Locale) -> Transcript {
    let (challenge, statement) = (verified(provider, claims), statement(provider));
    let asked = RenderedRequest { challenge: &challenge, statement: &statement, facts };
    let transcript = render(&asked, locale).transcript;
    let asked = TranscriptBasis::new(&challenge, &statement);
    let checked = countersign_protocol::transcript::check(transcript.freeze().text(), &asked, locale.tag());
    assert_eq!(checked.as_ref(), Ok(&transcript.lines), "the table holds for what this device shows");
    transcript
}

fn claims(provider: &FakeProvider, kind: Kind, details: Option<&str>) -> Challenge {
    Challenge { kind, authorization_details_json: details.map(str::to_owned), ..provider.claims() }
}

fn rendered(alter: impl Fn(&FakeProvider) -> Challenge, locale: Locale) -> Transcript {
    let mut provider = FakeProvider::open();
    let claims = alter(&provider);
    shown(&mut provider, &claims, false, true, locale)
}

/// The lines as `prominence type label: value`, which reads more easily than JSON.
fn lines(transcript: &Transcript) -> String {
    let line = |line: &countersign_protocol::transcript::Line| {
        let value = match &line.value {
            LineValue::Text(text) => format!("text    {}: {text}", line.label),
            LineValue::Money(money) => format!("money   {}: {} {}", line.label, money.amount, money.currency),
            LineValue::Date(date) => format!("date    {}: {date}", line.label),
            LineValue::Account(account) => format!("account {}: {account}", line.label),
            _ => format!("section {}", line.label),
        };
        format!("{} {:<16} {value}", line.prominence, line.role.as_str())
    };
    transcript.lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn both(name: &str, alter: impl Fn(&FakeProvider) -> Challenge) {
    for locale in [Locale::En, Locale::De] {
        assert_kept(&format!("{name}_{}", locale.tag()), &lines(&rendered(&alter, locale)));
    }
}

#[cfg(test)]
fn assert_kept(name: &str, lines: &str) {
    insta::assert_snapshot!(name.to_owned(), lines);
}

/// Against the same snapshots, where there are no files.
#[cfg(not(test))]
fn assert_kept(name: &str, lines: &str) {
    macro_rules! kept {
        ($($name:literal)*) => {
            [$(($name, include_str!(concat!("snapshots/countersign_device__transcript__tests__", $name, ".snap")))),*]
        };
    }
    let all = kept!(
        "account_information_de" "account_information_en" "auth0_de" "auth0_en" "generic_de" "generic_en" "login_de" "login_en"
        "origin_de" "origin_en" "payment_de" "payment_en" "scope_de" "scope_en" "unknown_de" "unknown_en"
    );
    let (_, kept) = all.iter().find(|(kept, _)| *kept == name).expect("the list above names every snapshot");
    let (_, kept) = kept.split_once("\n---\n").expect("a snapshot begins with where it comes from");
    assert_eq!(lines.trim_end(), kept.trim_end(), "{name}");
}

#[test]
fn a_payment_shows_amount_and_payee_first() {
    both("payment", |provider| claims(provider, Kind::Payment, Some(PAYMENT)));
}

#[test]
fn attack_25_a_sign_in_by_number_asks_whether_it_was_begun_here() {
    both("login", |provider| {
        let interaction = Interaction {
            kind: InteractionType::InputManual,
            choices: None,
            length: Some(6),
            commitment: Some(countersign_jose::hash::Hash::of("x")),
        };
        Challenge { interaction, ..claims(provider, Kind::Login, None) }
    });
}

#[test]
fn a_payment_that_is_asked_again_says_which_one_it_is_like() {
    let name = "K7Q2-9FDM".parse().unwrap();
    for (seconds, locale, words) in [
        (40, Locale::En, "Asked again: Like the one you approved 40 s ago (K7Q2-9FDM)"),
        (125, Locale::En, "Asked again: Like the one you approved 2 min ago (K7Q2-9FDM)"),
        (0, Locale::En, "Asked again: Like the one you approved while this waited (K7Q2-9FDM)"),
        (40, Locale::De, "Noch einmal gefragt: Wie die, die Sie vor 40 s freigegeben haben (K7Q2-9FDM)"),
    ] {
        let mut provider = FakeProvider::open();
        let claims = claims(&provider, Kind::Payment, Some(PAYMENT));
        let facts = DeviceFacts { repeat: Some(Repeat { approval_ref: name, seconds }), ..DeviceFacts::default() };
        let transcript = shown_with(&mut provider, &claims, facts, locale);
        let line = transcript.lines.iter().find(|line| line.role == super::Role::Repeat).unwrap();
        let LineValue::Text(value) = &line.value else { panic!("text") };
        assert_eq!((format!("{}: {value}", line.label).as_str(), line.prominence), (words, 1));
    }
}

#[test]
fn a_consent_says_to_what() {
    both("account_information", |provider| claims(provider, Kind::Consent, Some(ACCOUNTS)));
}

#[test]
fn a_scope_beyond_a_sign_in_is_shown_on_the_main_screen() {
    both("scope", |provider| Challenge {
        scope: Some("openid accounts payments:read".into()),
        acr_values: Some("urn:example:high".into()),
        ..claims(provider, Kind::Consent, None)
    });
}

#[test]
fn auth0_properties_come_in_their_order_and_none_is_hidden() {
    both("auth0", |provider| claims(provider, Kind::Other, Some(AUTH0)));
}

#[test]
fn a_generic_request_shows_its_title_and_its_whole_tree() {
    both("generic", |provider| claims(provider, Kind::Other, Some(GENERIC)));
}

#[test]
fn an_unknown_type_is_labelled_and_shown_whole() {
    both("unknown", |provider| claims(provider, Kind::Other, Some(UNKNOWN)));
}

#[test]
fn an_unverified_client_behind_a_connector_says_where_it_comes_from() {
    both("origin", |provider| {
        let browser = ContextValue { value: "Firefox on Linux".into(), source: ContextSource::Client };
        let network = ContextValue { value: "192.0.2.7".into(), source: ContextSource::Provider };
        let choices = Some(vec!["17".into(), "42".into(), "81".into()]);
        let commitment = Some(countersign_jose::hash::Hash::of("x"));
        let mut claims = claims(provider, Kind::Login, None);
        claims.client = Client { id: "c-1".into(), name: "Acme Bank".into(), verified: false };
        claims.provider.issuer = "https://login.bank.example".parse().unwrap();
        claims.held = true;
        claims.interaction = Interaction { kind: InteractionType::NumberChoose, choices, length: None, commitment };
        claims.context = Some(BTreeMap::from([("browser".to_owned(), browser), ("address".to_owned(), network)]));
        claims
    });
}

#[test]
fn the_warning_names_a_foreign_provider_once_that_has_confirmed_the_gateway_and_the_gateway_before() {
    let mut provider = FakeProvider::open();
    let mut claims = claims(&provider, Kind::Login, None);
    claims.provider.issuer = "https://login.bank.example".parse().unwrap();
    claims.provider.name = "Red Bank".into();
    for (is_confirmed, name) in [(false, claims.iss.host()), (true, "Red Bank".to_owned())] {
        let facts = DeviceFacts { is_confirmed, ..DeviceFacts::default() };
        let transcript = shown_with(&mut provider, &claims, facts, Locale::En);
        let warning = transcript.lines.iter().find(|line| line.role == Role::Warning).expect("a warning");
        let LineValue::Text(text) = &warning.value else { panic!("{warning:?}") };
        assert!(text.ends_with(&format!("press Deny. {name} never does that.")), "{text}");
    }
}

#[test]
fn several_details_are_all_shown_each_under_its_own_heading() {
    let two = format!("[{},{}]", &PAYMENT[1..PAYMENT.len() - 1], &UNKNOWN[1..UNKNOWN.len() - 1]);
    let text = lines(&rendered(|provider| claims(provider, Kind::Payment, Some(&two)), Locale::En));
    for part in ["Part 1/2", "80.00 EUR", "Details, as Acme Coffee names them", "https://example.com/novelty", "2.50"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn an_invalid_amount_is_shown_as_it_was_sent() {
    for amount in [
        r#"{"currency":"EUR","amount":"1,50"}"#,
        r#"{"currency":"eur","amount":"1.50"}"#,
        r#"{"currency":"EUR","amount":"1.50","of":"many"}"#,
        r#""1.50 EUR""#,
        r#"{"currency":"EUR"}"#,
    ] {
        let details = format!(r#"[{{"type":"payment_initiation","instructedAmount":{amount},"creditorName":"A"}}]"#);
        let transcript = rendered(|provider| claims(provider, Kind::Payment, Some(&details)), Locale::En);
        assert!(!transcript.lines.iter().any(|line| matches!(line.value, LineValue::Money(_))), "{amount}");
        assert!(lines(&transcript).contains("instructedAmount"), "{amount} is shown as it was sent");
    }
}

#[test]
fn a_test_provider_is_marked_first() {
    let mut provider = FakeProvider::open();
    let claims = provider.claims();
    let transcript = shown(&mut provider, &claims, true, false, Locale::En);
    assert_eq!(transcript.lines[0].label, "TEST");
}

#[test]
fn attack_06_text_that_deceives_is_shown_escaped_and_stays_in_its_caption() {
    let corpus = [
        ("Pay \u{202e}00.08€", "Pay \\u{202e}00.08€"),
        ("a\nTo: Acme", "a\\u{a}To: Acme"),
        ("€ 4\u{200b}2", "€ 4\\u{200b}2"),
        ("\u{1b}[2J", "\\u{1b}[2J"),
        ("<b>bold</b> &amp;", "<b>bold</b> &amp;"),
        ("x\u{2028}y", "x\\u{2028}y"),
        ("\u{e0041}", "\\u{e0041}"),
    ];
    for (sent, shown) in corpus {
        let transcript = rendered(
            |provider| {
                let mut claims = provider.claims();
                claims.binding_message = Some(sent.into());
                claims.client.name = sent.into();
                claims.provider.name = sent.into();
                claims.scope = Some("openid".into());
                claims
            },
            Locale::En,
        );
        let message = transcript.lines.iter().find(|line| line.label.starts_with("Message from")).unwrap();
        assert_eq!(message.value, LineValue::Text(shown.into()));
        assert_eq!(message.label, format!("Message from {shown}"));
        for line in &transcript.lines {
            let value = match &line.value {
                LineValue::Text(text) => text.as_str(),
                _ => "",
            };
            for text in [line.label.as_str(), value] {
                assert_eq!(text::escape(text), text, "nothing that deceives is left");
            }
        }
    }
}

#[test]
fn the_longest_message_is_shown_whole() {
    let long = "🍕".repeat(450);
    let transcript =
        rendered(|provider| Challenge { binding_message: Some(long.clone()), ..provider.claims() }, Locale::De);
    assert!(transcript.lines.iter().any(|line| line.value == LineValue::Text(long.clone())));
}

#[test]
fn a_locale_is_found_by_its_language() {
    for (tag, locale) in [
        ("de", Locale::De),
        ("de-AT", Locale::De),
        ("de_AT.UTF-8", Locale::De),
        ("DE", Locale::De),
        ("en-GB", Locale::En),
        ("fr", Locale::En),
        ("", Locale::En),
        ("den", Locale::En),
    ] {
        assert_eq!(Locale::of(tag), locale, "{tag}");
    }
}
