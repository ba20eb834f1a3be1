//! The closed table of transcripts: real ones hold, and each way to lie in one is refused with its reason, in evidence as a whole.

use countersign_jose::key::Signer as _;
use countersign_protocol::answer::{ApprovalKey, VerifiedUser};
use countersign_protocol::challenge::{Challenge, ChallengeError, ContextSource, ContextValue};
use countersign_protocol::details::Details;
use countersign_protocol::enrollment::EnrollmentStatement;
use countersign_protocol::evidence::{Evidence, EvidenceError, Report};
use countersign_protocol::interaction::{Interaction, InteractionType};
use countersign_protocol::jws::Compact;
use countersign_protocol::limits;
use countersign_protocol::outcome::{Ending, Outcome};
use countersign_protocol::refusal::RefusalCode;
use countersign_protocol::transcript::{
    DisplayError, Line, LineValue, Locale, Money, Role, ShownTranscript, Source, Transcript, TranscriptBasis, check,
    fits,
};
use countersign_testing::fixture::{Fixture, NOW};

// What is generated is checked natively alone.
#[cfg(not(target_arch = "wasm32"))]
#[path = "transcript/generated.rs"]
mod generated;

/// The details of the report that began this: a reference that looks like an amount.
const EVIL: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4200.00"},"creditorName":"Evil GmbH","endToEndIdentification":"4.20"}]"#;
const TWO: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4.20"},"creditorName":"Acme Coffee"},
 {"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4200.00"},"creditorName":"Evil GmbH"}]"#;
const MIXED: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4.20"},"creditorName":"Acme Coffee","creditorAccount":{"iban":"DE02100100109307118603","currency":"EUR"},"requestedExecutionDate":"2026-11-21","locations":["https://bank.example"]},
 {"type":"account_information","actions":["list_accounts","read_balances"],"accounts":[{"iban":"DE02100100109307118603"}],"validUntil":"2027-01-31","frequencyPerDay":4,"recurringIndicator":true},
 {"type":"generic","title":"Refund","From":"Red Bank","Amount":"€ 1.00","items":[{"id":1,"keep":false},{"id":2,"tags":[]}],"note":null},
 {"type":"urn:auth0:schemas:authorization-details:v1:x","instruction":"Confirm","properties":{"b":{"name":"Fee","display":false,"display_order":1,"value":0.50},"a":{"name":"Amount","description":"in euro","display_order":"0","value":{"of":["12.30"]}}}},
 {"type":"https://example.com/novelty","deep":{"a/b":[1,2.50,{"~":{}}]}}]"#;

/// A challenge with these details, its honest lines, and evidence of an approval that says it showed other ones.
struct Attempt {
    fixture: Fixture,
    claims: Challenge,
    statement: EnrollmentStatement,
}

impl Attempt {
    fn new(details: &str, message: &str) -> Attempt {
        let fixture = Fixture::new();
        let claims = Challenge {
            authorization_details_json: Some(details.to_owned()),
            binding_message: Some(message.to_owned()),
            ..fixture.challenge()
        };
        let statement = fixture.statement().peek().expect("a statement");
        Attempt { fixture, claims, statement }
    }

    fn with(mut self, alter: impl FnOnce(&mut Challenge)) -> Attempt {
        alter(&mut self.claims);
        self
    }

    /// The honest lines.
    fn lines(&self) -> Vec<Line> {
        let details = self.details();
        TranscriptBasis::by_issuer(&self.claims, details.as_ref(), &self.statement).lines(Locale::En)
    }

    fn details(&self) -> Option<Details> {
        let details = self.claims.authorization_details_json.as_deref();
        details.map(|text| Details::parse(text).expect("sound details"))
    }

    /// Evidence whose transcript has these lines.
    fn showing(&self, lines: Vec<Line>) -> Evidence {
        let keys = self.fixture.keys();
        let challenge = self.fixture.sign_challenge(&self.claims);
        let challenge = Challenge::verify(&challenge, &self.fixture.expected(&keys)).expect("sound");
        let shown = Transcript::new(&challenge, "en", lines).freeze();
        self.signed(&shown)
    }

    fn signed(&self, shown: &ShownTranscript) -> Evidence {
        let fixture = &self.fixture;
        let keys = fixture.keys();
        let challenge =
            Challenge::verify(&fixture.sign_challenge(&self.claims), &fixture.expected(&keys)).expect("sound");
        // Not `expect`: in tests/wasm other lints hold.
        #[allow(clippy::disallowed_methods, reason = "this device has no person")]
        let user = VerifiedUser::by_pin(fixture.now.plus_seconds(4));
        let draft = fixture.draft(&challenge, shown);
        let number = Some(fixture.opening().value);
        let answer = ApprovalKey::new(fixture.approval.public_key()).approve(draft, &user, number);
        let answer = answer.sign(&fixture.approval).expect("signs");
        let outcome = fixture.outcome(&challenge, Ending::Approved, Some(&answer));
        Evidence {
            manifests: fixture.manifests(),
            statements: vec![fixture.statement()],
            challenge: challenge.compact().clone(),
            transcript: Some(shown.text().to_owned()),
            answer: Some(answer),
            outcome: Some(fixture.sign_outcome(&outcome)),
            disputed: None,
        }
    }

    fn verify(&self, lines: Vec<Line>) -> Result<Report, EvidenceError> {
        self.showing(lines).verify(Some(&[self.fixture.trust()]))
    }

    /// Whether these lines alone hold, without signatures around them.
    fn holds(&self, lines: &[Line]) -> bool {
        let details = self.details();
        let asked = TranscriptBasis::by_issuer(&self.claims, details.as_ref(), &self.statement);
        let (challenge, locale) = (self.claims.jti.clone(), "en".to_owned());
        let text = serde_json::to_string(&Transcript { version: 1, challenge, locale, lines: lines.to_vec() });
        check(&text.expect("JSON"), &asked, "en").is_ok()
    }

    /// What is wrong with these lines.
    fn refused(&self, lines: Vec<Line>) -> DisplayError {
        match self.verify(lines) {
            Err(EvidenceError::Display(why)) => why,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// What is wrong after this change of the honest lines.
    fn altered(&self, alter: impl FnOnce(&mut Vec<Line>)) -> DisplayError {
        let mut lines = self.lines();
        alter(&mut lines);
        self.refused(lines)
    }
}

fn of(lines: &mut [Line], role: Role) -> &mut Line {
    lines.iter_mut().find(|line| line.role == role).expect("there is one")
}

fn text(text: &str) -> LineValue {
    LineValue::Text(text.to_owned())
}

fn euro(amount: &str) -> LineValue {
    LineValue::Money(Money { amount: amount.to_owned(), currency: "EUR".to_owned() })
}

fn source(text: &str) -> Source {
    text.parse().expect("a source")
}

fn at(pointer: &str) -> Source {
    source(&format!("challenge:/authorization_details_json{pointer}"))
}

#[test]
fn the_lines_of_every_kind_of_request_hold() {
    let choose = Interaction {
        kind: InteractionType::NumberChoose,
        choices: Some(vec!["17".into(), "42".into(), "81".into()]),
        length: None,
        commitment: None,
    };
    for details in [EVIL, TWO, MIXED] {
        let attempt = Attempt::new(details, "Acme Coffee");
        let report = attempt.verify(attempt.lines()).expect("an honest transcript");
        assert!(report.is_complete() && report.is_approved());
        assert_eq!(report.lines.iter().filter(|line| line.line.from != Source::Device).count(), report.asked.len());
    }
    let attempt = Attempt::new(MIXED, "x").with(|claims| {
        claims.client.verified = false;
        claims.held = true;
        claims.acr_values = Some("urn:a urn:b".into());
        let said = |value: &str, source| ContextValue { value: value.into(), source };
        let context = [("a/b", "Berlin", ContextSource::Client), ("ip", "192.0.2.7", ContextSource::Provider)];
        let context = context.map(|(name, value, source)| (name.to_owned(), said(value, source)));
        claims.context = Some(context.into());
        claims.context.as_mut().expect("set").insert("terminal".into(), said("Till 14", ContextSource::Client));
        claims.interaction = Interaction { commitment: claims.interaction.commitment, ..choose.clone() };
    });
    let lines = attempt.lines();
    let roles: Vec<Role> = lines.iter().map(|line| line.role).collect();
    for role in [Role::Held, Role::ClientClaimed, Role::Choice, Role::Terminal, Role::Context, Role::Assurance] {
        assert!(roles.contains(&role), "{role:?}");
    }
    attempt.verify(lines).expect("an honest transcript");
}

#[test]
fn attack_28_an_amount_taken_from_another_member_is_refused() {
    let attempt = Attempt::new(EVIL, "Acme Coffee");
    let amount = at("/0/instructedAmount");
    // The value stands in the reference, the name in the message: neither is what was asked.
    let why = attempt.altered(|lines| of(lines, Role::Amount).value = euro("4.20"));
    assert_eq!(why, DisplayError::OtherValue { from: amount.clone() });
    let why = attempt.altered(|lines| of(lines, Role::Payee).value = text("Acme Coffee"));
    assert_eq!(why, DisplayError::OtherValue { from: at("/0/creditorName") });
    let why = attempt.altered(|lines| {
        of(lines, Role::Payee).from = source("challenge:/binding_message");
        of(lines, Role::Payee).value = text("Acme Coffee");
    });
    assert_eq!(why, DisplayError::Misplaced { role: Role::Payee, from: source("challenge:/binding_message") });
    let why = attempt.altered(|lines| of(lines, Role::Amount).from = at("/0/endToEndIdentification"));
    assert_eq!(why, DisplayError::Misplaced { role: Role::Amount, from: at("/0/endToEndIdentification") });
    let why = attempt.altered(|lines| of(lines, Role::Amount).from = at("/9/instructedAmount"));
    assert_eq!(why, DisplayError::Misplaced { role: Role::Amount, from: at("/9/instructedAmount") });
}

#[test]
fn attack_28_a_type_known_by_its_beginning_alone_has_a_line() {
    let of = |kind: &str| {
        let details = format!(
            r#"[{{"type":"urn:auth0:schemas:authorization-details:v1:{kind}","instruction":"Account 1","properties":{{}}}}]"#
        );
        Attempt::new(&details, "m")
    };
    let (view, transfer) = (of("view"), of("transfer"));
    assert!(view.holds(&view.lines()));
    assert!(!transfer.holds(&view.lines()), "what shows a view says nothing of a transfer");
    let lines = transfer.lines();
    let at = lines.iter().position(|line| line.label == "type").expect("its line");
    assert_eq!((lines[at].role, lines[at].prominence), (Role::ClientDetail, 3), "behind the fold");
    let mut without = lines;
    without.remove(at);
    assert!(!transfer.holds(&without));
}

#[test]
fn attack_28_a_member_that_was_asked_and_not_shown_is_refused() {
    let attempt = Attempt::new(TWO, "Acme Coffee");
    let dearer = |line: &Line| line.from.to_string().contains("/1/") || line.label_from == Some(at("/1"));
    let why = attempt.altered(|lines| lines.retain(|line| !dearer(line)));
    assert_eq!(why, DisplayError::Missing { role: Role::Amount, from: at("/1/instructedAmount") });
    assert!(matches!(attempt.refused(Vec::new()), DisplayError::Missing { .. }), "an empty transcript");
    for number in 0..attempt.lines().len() {
        let why = attempt.altered(|lines| drop(lines.remove(number)));
        let expected = matches!(why, DisplayError::Missing { .. } | DisplayError::Device { .. })
            || matches!(why, DisplayError::OutOfPlace { .. });
        assert!(expected, "without line {number}: {why:?}");
    }
}

#[test]
fn attack_28_a_second_line_for_the_same_member_is_refused() {
    let attempt = Attempt::new(EVIL, "Acme Coffee");
    for number in 0..attempt.lines().len() {
        let why = attempt.altered(|lines| lines.insert(number, lines[number].clone()));
        let expected = matches!(why, DisplayError::Twice { .. } | DisplayError::Device { .. });
        assert!(expected, "line {number} twice: {why:?}");
    }
}

#[test]
fn attack_28_a_foreign_line_within_an_element_is_refused() {
    let attempt = Attempt::new(TWO, "Acme Coffee");
    let of_element = |lines: &[Line], element: &str, role| {
        let from = |line: &Line| line.role == role && line.from.to_string().contains(element);
        lines.iter().position(from).expect("it is there")
    };
    // The message between an amount and its payee.
    let why = attempt.altered(|lines| {
        let message = lines.iter().position(|line| line.role == Role::Message).expect("there is one");
        let message = lines.remove(message);
        let payee = of_element(lines, "/0/", Role::Payee);
        lines.insert(payee, message);
    });
    assert_eq!(why, DisplayError::OutOfPlace { from: at("/0/creditorName") });
    // The payees exchanged: each stands below the other's amount.
    let why = attempt.altered(|lines| {
        let (one, two) = (of_element(lines, "/0/", Role::Payee), of_element(lines, "/1/", Role::Payee));
        lines.swap(one, two);
    });
    assert_eq!(why, DisplayError::OutOfPlace { from: at("/1/creditorName") });
    // The elements in another order than they were sent.
    let why = attempt.altered(|lines| {
        let first = lines.iter().position(|line| line.label_from == Some(at("/0"))).expect("a section");
        let second = lines.iter().position(|line| line.label_from == Some(at("/1"))).expect("a section");
        lines[first..second + (second - first)].rotate_left(second - first);
    });
    assert!(matches!(why, DisplayError::OutOfPlace { .. }), "{why:?}");
    // Words of the device between them.
    let why = attempt.altered(|lines| {
        let payee = of_element(lines, "/1/", Role::Payee);
        let mut warning = lines[0].clone();
        warning.role = Role::Warning;
        warning.label = "Before you answer".into();
        lines.insert(payee, warning);
    });
    assert_eq!(why, DisplayError::OutOfPlace { from: at("/1/creditorName") });
}

#[test]
fn attack_28_an_amount_or_payee_behind_a_fold_is_refused() {
    let attempt = Attempt::new(EVIL, "Acme Coffee");
    for role in [Role::Amount, Role::Payee, Role::Client, Role::Message, Role::Provider] {
        for prominence in [2, 3] {
            let why = attempt.altered(|lines| of(lines, role).prominence = prominence);
            assert!(matches!(why, DisplayError::Folded { role: folded, .. } if folded == role), "{why:?}");
        }
    }
    for role in [Role::Detail, Role::Subject, Role::ProviderAddress, Role::AnswerUntil] {
        let why = attempt.altered(|lines| of(lines, role).prominence = 3);
        assert!(matches!(why, DisplayError::Folded { role: folded, .. } if folded == role), "{why:?}");
    }
    let mut lines = attempt.lines();
    of(&mut lines, Role::ClientId).prominence = 1;
    attempt.verify(lines).expect("more prominent than it must be");
}

#[test]
fn attack_28_the_devices_own_words_where_it_may_have_none_are_refused() {
    let attempt = Attempt::new(EVIL, "Acme Coffee");
    for role in [Role::Amount, Role::Payee, Role::Detail, Role::Client, Role::Message, Role::ClientDetail] {
        let why = attempt.altered(|lines| {
            let own =
                Line { role, from: Source::Device, label_from: None, value: text("€ 4.20"), ..lines[0].clone() };
            lines.insert(0, own);
        });
        assert_eq!(why, DisplayError::Device { role });
    }
    // Money in its own name, a second kind, a reserved role, held back though it is not.
    let why = attempt.altered(|lines| {
        let mut own = lines[0].clone();
        own.role = Role::Warning;
        own.label = "Look".into();
        own.value = euro("4.20");
        lines.insert(0, own);
    });
    assert_eq!(why, DisplayError::Device { role: Role::Warning });
    for (role, label) in [(Role::Kind, "Request"), (Role::Practice, "PRACTICE"), (Role::Held, "Quiet")] {
        let why = attempt.altered(|lines| lines.push(Line { role, label: label.into(), ..lines[0].clone() }));
        assert_eq!(why, DisplayError::Device { role });
    }
    let why = attempt.altered(|lines| lines.retain(|line| line.role != Role::Number));
    assert_eq!(why, DisplayError::Device { role: Role::Number });
    let held = Attempt::new(EVIL, "x").with(|claims| claims.held = true);
    let why = held.altered(|lines| lines.retain(|line| line.role != Role::Held));
    assert_eq!(why, DisplayError::Device { role: Role::Held });
    // A payment called a sign-in, in another language, too.
    for words in ["Sign-in", "Anmeldung"] {
        let why = attempt.altered(|lines| of(lines, Role::Kind).value = text(words));
        assert_eq!(why, DisplayError::OtherValue { from: Source::Device });
    }
}

#[test]
fn practice_is_shown_as_practice_once_and_at_first_sight() {
    let attempt = Attempt::new(EVIL, "x").with(|claims| *claims = Fixture::new().practice());
    let lines = attempt.lines();
    assert_eq!((lines[0].role, lines[0].label.as_str()), (Role::Practice, "PRACTICE"));
    assert!(attempt.holds(&lines));
    let altered = |alter: &dyn Fn(&mut Vec<Line>)| {
        let mut lines = lines.clone();
        alter(&mut lines);
        attempt.holds(&lines)
    };
    assert!(!altered(&|lines| drop(lines.remove(0))), "left out");
    assert!(!altered(&|lines| lines.insert(0, lines[0].clone())), "twice");
    assert!(!altered(&|lines| lines[0].prominence = 2), "folded");
    assert!(!altered(&|lines| lines[0].label = "Request".into()), "under another caption");
    let real = Attempt::new(EVIL, "x");
    let mut disguised = real.lines();
    disguised.insert(0, lines[0].clone());
    assert!(!real.holds(&disguised), "a real request shown as practice");
}

#[test]
fn attack_28_an_unverified_client_shown_as_verified_is_refused() {
    let unverified = Attempt::new(EVIL, "x").with(|claims| claims.client.verified = false);
    let name = || DisplayError::Claim { from: source("challenge:/client/name") };
    let why = unverified.altered(|lines| {
        let line = of(lines, Role::ClientClaimed);
        line.role = Role::Client;
        line.label = "From".into();
    });
    assert_eq!(why, name());
    let verified = Attempt::new(EVIL, "x");
    assert_eq!(verified.altered(|lines| of(lines, Role::Client).role = Role::ClientClaimed), name());
    // In the right role under the caption of the other.
    let why = unverified.altered(|lines| of(lines, Role::ClientClaimed).label = "Von".into());
    assert!(matches!(why, DisplayError::OtherCaption { .. }), "{why:?}");
    let why = verified.altered(|lines| of(lines, Role::Provider).role = Role::ProviderClaimed);
    assert_eq!(why, DisplayError::Claim { from: source("challenge:/provider/name") });
}

#[test]
fn attack_28_a_caption_known_as_another_rows_is_refused() {
    let attempt = Attempt::new(MIXED, "Your refund is ready");
    for label in ["To", "An", "to:", "  TO ", "Amount", "Betrag", "From", "Message from Acme Coffee", "Via", "Über"] {
        let why = attempt.altered(|lines| of(lines, Role::ClientId).label = label.into());
        assert_eq!(why, DisplayError::OtherCaption { from: source("challenge:/client/id"), label: label.into() });
    }
    // Not composed, and with another client's name.
    for label in [
        "U\u{308}ber",
        "Fu\u{308}r",
        "Message from Red Bank",
        "nachricht von Red Bank",
        "Details, as Red Bank names them",
    ] {
        let why = attempt.altered(|lines| of(lines, Role::ClientId).label = label.into());
        assert_eq!(why, DisplayError::OtherCaption { from: source("challenge:/client/id"), label: label.into() });
    }
    let why = attempt.altered(|lines| of(lines, Role::Message).label = "Message from Red Bank".into());
    assert!(matches!(why, DisplayError::OtherCaption { .. }), "{why:?}");
    // The same role, but the other account.
    let why = attempt.altered(|lines| of(lines, Role::Account).label = "From account".into());
    assert!(matches!(why, DisplayError::OtherCaption { .. }), "{why:?}");
    let why = attempt.altered(|lines| of(lines, Role::Section).label = "Amount".into());
    assert!(matches!(why, DisplayError::OtherCaption { .. }), "{why:?}");
    let named = |lines: &mut [Line], from: &Source| {
        let line = lines.iter_mut().find(|line| line.from == *from).expect("it is there");
        line.label = "To".into();
    };
    let why = attempt.altered(|lines| named(lines, &at("/2/From")));
    assert_eq!(why, DisplayError::OtherCaption { from: at("/2/From"), label: "To".into() });
    // A caption that it does not know is no error: the report says what it means.
    let mut lines = attempt.lines();
    of(&mut lines, Role::Amount).label = "Montant".into();
    let report = attempt.verify(lines).expect("another language");
    let shown = report.lines.iter().find(|line| line.line.role == Role::Amount).expect("it is there");
    assert_eq!((shown.line.label.as_str(), shown.means.as_deref()), ("Montant", Some("Amount")));
    // A member's bare name is one of its two captions.
    let mut lines = attempt.lines();
    lines.iter_mut().find(|line| line.from == at("/2/items/0/id")).expect("it is there").label = "id".into();
    let report = attempt.verify(lines).expect("its own name");
    assert!(report.lines.iter().all(|line| line.means.is_none()), "{:?}", report.lines);
}

#[test]
fn attack_28_lines_under_equal_captions_that_change_places_are_refused() {
    let payments = r#"[{"type":"generic","payments":[{"to":"Bob","EUR":"4.20"},{"to":"Evil GmbH","EUR":"4200.00"}]}]"#;
    let attempt = Attempt::new(payments, "x");
    let by_names = |lines: &mut Vec<Line>| {
        for line in lines.iter_mut().filter(|line| line.role == Role::ClientDetail) {
            line.label = line.from.to_string().rsplit('/').next().unwrap_or_default().to_owned();
        }
    };
    let mut lines = attempt.lines();
    by_names(&mut lines);
    attempt.verify(lines).expect("each under its own name, in their order");
    let why = attempt.altered(|lines| {
        by_names(lines);
        let at_pointer =
            |end: &str| lines.iter().position(|line| line.from.to_string().ends_with(end)).expect("it is there");
        let (small, large) = (at_pointer("0/EUR"), at_pointer("1/EUR"));
        lines.swap(small, large);
    });
    assert!(matches!(why, DisplayError::OutOfPlace { .. }), "{why:?}");
    // Over another element, or with another line's names.
    let two = Attempt::new(TWO, "x");
    let why = two.altered(|lines| of(lines, Role::Section).label = "Part 2/2".into());
    assert!(matches!(why, DisplayError::OtherCaption { .. }), "{why:?}");
    let said = |value: &str| ContextValue { value: value.to_owned(), source: ContextSource::Client };
    let context = [("place".to_owned(), said("Berlin")), ("desk".to_owned(), said("4"))];
    let attempt = Attempt::new(EVIL, "x").with(|claims| claims.context = Some(context.into()));
    let why = attempt.altered(|lines| {
        let labels: Vec<String> =
            lines.iter().filter(|line| line.role == Role::Context).map(|line| line.label.clone()).collect();
        let context = lines.iter_mut().filter(|line| line.role == Role::Context);
        context.zip(labels.into_iter().rev()).for_each(|(line, label)| line.label = label);
    });
    assert!(matches!(why, DisplayError::OtherCaption { .. }), "{why:?}");
}

#[test]
fn attack_28_a_caption_whose_words_are_said_to_be_anothers_is_refused() {
    let attempt = Attempt::new(MIXED, "x");
    let from = source("challenge:/binding_message");
    for label_from in [None, Some(source("challenge:/provider/name")), Some(source("statement:/sub"))] {
        let why = attempt.altered(|lines| of(lines, Role::Message).label_from = label_from);
        assert_eq!(why, DisplayError::LabelFrom { from: from.clone() });
    }
    let why = attempt.altered(|lines| of(lines, Role::Payee).label_from = Some(at("/0/type")));
    assert!(matches!(why, DisplayError::LabelFrom { .. }), "{why:?}");
    let why = attempt.altered(|lines| of(lines, Role::Section).label_from = Some(at("/0/nothing")));
    assert!(matches!(why, DisplayError::OutOfPlace { .. }), "{why:?}");
}

#[test]
fn attack_28_another_format_request_or_language_is_refused() {
    let attempt = Attempt::new(EVIL, "x");
    let keys = attempt.fixture.keys();
    let challenge = attempt.fixture.sign_challenge(&attempt.claims);
    let challenge = Challenge::verify(&challenge, &attempt.fixture.expected(&keys)).expect("sound");
    let statement = attempt.fixture.statement().peek().expect("a statement");
    let asked = TranscriptBasis::new(&challenge, &statement);
    let good = Transcript::new(&challenge, "en", attempt.lines()).freeze().text().to_owned();
    assert_eq!(check(&good, &asked, "en").map(|lines| lines.len()), Ok(attempt.lines().len()));
    let long = good.replacen("{", &format!("{{{}", " ".repeat(limits::TRANSCRIPT_BYTES)), 1);
    for (altered, why) in [
        (good.replace(r#""version":1"#, r#""version":2"#), DisplayError::Version),
        (good.replace("ch_coffee", "ch_other"), DisplayError::OtherChallenge),
        (good.replace(r#""locale":"en""#, r#""locale":"de""#), DisplayError::OtherChallenge),
        (good.replace(r#""lines":["#, r#""hidden":true,"lines":["#), DisplayError::Unreadable),
        (good.replacen(r#""role":"kind""#, r#""role":"kind","colour":"white""#, 1), DisplayError::Unreadable),
        (good.replacen(r#""role":"kind""#, r#""role":"novelty""#, 1), DisplayError::Unreadable),
        (good.replacen(r#""type":"text""#, r#""type":"novelty""#, 1), DisplayError::Unreadable),
        (good.replacen(r#""prominence":1"#, r#""prominence":0"#, 1), DisplayError::Unreadable),
        (good.replacen(r#""from":"device""#, r#""from":"nowhere:/x""#, 1), DisplayError::Unreadable),
        (good.replacen(r#""currency":"EUR""#, r#""currency":"EUR","x":1"#, 1), DisplayError::Unreadable),
        (good.replacen(r#""role":"kind""#, r#""role":"kind","role":"kind""#, 1), DisplayError::Unreadable),
        (long, DisplayError::TooLarge),
        (String::new(), DisplayError::Unreadable),
    ] {
        assert_ne!(altered, good);
        assert_eq!(check(&altered, &asked, "en"), Err(why));
    }
}

#[test]
fn attack_28_characters_that_deceive_in_the_devices_words_are_refused() {
    let attempt = Attempt::new(EVIL, "x");
    let why = attempt.altered(|lines| of(lines, Role::Amount).label = "Amount \u{202e}".into());
    assert_eq!(why, DisplayError::Text);
    let why = attempt.altered(|lines| of(lines, Role::Number).value = text("6\u{200b} digits"));
    assert_eq!(why, DisplayError::Text);
}

#[test]
fn attack_28_numbers_to_choose_from_keep_their_order() {
    let attempt = Attempt::new(EVIL, "x").with(|claims| {
        claims.interaction = Interaction {
            kind: InteractionType::NumberChoose,
            choices: Some(vec!["17".into(), "42".into(), "81".into()]),
            length: None,
            commitment: claims.interaction.commitment,
        };
    });
    let why = attempt.altered(|lines| {
        let first = lines.iter().position(|line| line.role == Role::Choice).expect("there are three");
        lines.swap(first, first + 1);
    });
    assert_eq!(why, DisplayError::OutOfPlace { from: source("challenge:/interaction/choices/1") });
}

#[test]
fn a_foreign_provider_needs_the_statements_word_and_is_shown_as_a_claim() {
    let fixture = Fixture::new();
    let keys = fixture.keys();
    let foreign: countersign_protocol::issuer::Issuer = "https://id.redbank.example".parse().expect("an issuer");
    let mut claims = fixture.challenge();
    claims.provider.issuer = foreign.clone();
    claims.provider.name = "Red Bank".into();
    let compact = fixture.sign_challenge(&claims);
    assert_eq!(
        Challenge::verify(&compact, &fixture.expected(&keys)),
        Err(ChallengeError::ForeignProvider),
        "nobody said that this gateway speaks for Red Bank"
    );
    let named = [foreign.clone()];
    let expected =
        countersign_protocol::challenge::ExpectedChallenge { on_behalf_of: &named, ..fixture.expected(&keys) };
    let challenge = Challenge::verify(&compact, &expected).expect("the statement names it");
    let mut statement = fixture.statement().peek().expect("a statement");
    statement.on_behalf_of = Some(named.to_vec());
    let asked = TranscriptBasis::new(&challenge, &statement);
    let mut lines = asked.lines(Locale::En);
    let claimed = of(&mut lines, Role::ProviderClaimed);
    assert_eq!(claimed.label, "id.acme.example says it asks for");
    assert_eq!(claimed.prominence, 2);
    let gateway = of(&mut lines, Role::Gateway);
    assert_eq!((gateway.prominence, &gateway.value), (1, &text(fixture.issuer.as_str())));
    let holds = |lines: &[Line]| {
        let shown = Transcript::new(&challenge, "en", lines.to_vec()).freeze();
        check(shown.text(), &asked, "en").map(|_| ())
    };
    assert_eq!(holds(&lines), Ok(()));
    // Once its own list of gateways has confirmed it, a device may show it as the provider, at first sight.
    let confirmed = of(&mut lines, Role::ProviderClaimed);
    (confirmed.role, confirmed.prominence, confirmed.label) = (Role::Provider, 1, "Via".into());
    assert_eq!(holds(&lines), Ok(()));
    of(&mut lines, Role::Gateway).prominence = 2;
    assert!(matches!(holds(&lines), Err(DisplayError::Folded { role: Role::Gateway, .. })));
}

#[test]
fn a_template_that_cannot_read_a_member_it_needs_treats_the_whole_as_unrecognised() {
    let payment = |amount: &str, payee: &str| {
        format!(
            r#"[{{"type":"payment_initiation","instructedAmount":{amount},"creditorName":{payee},"Amount":"€ 1.00","To":"Friend"}}]"#
        )
    };
    for details in [
        payment(r#"{"currency":"EUR","amount":"4200.00","of":"many"}"#, r#""Evil GmbH""#),
        payment(r#"{"currency":"EUR","amount":"-80.00"}"#, r#""Evil GmbH""#),
        payment(r#"{"currency":"EUR","amount":-80.00}"#, r#""Evil GmbH""#),
        payment(r#"{"currency":"EUR","amount":"0080.00"}"#, r#""Evil GmbH""#),
        payment(r#"{"currency":"eur","amount":"80.00"}"#, r#""Evil GmbH""#),
        payment(r#"{"currency":"EUR","amount":"80.00"}"#, r#"["Evil GmbH","Friend"]"#),
        payment(r#"{"currency":"EUR","amount":"80.00"}"#, r#"" ""#),
        r#"[{"type":"payment_initiation","creditorName":"A"}]"#.to_owned(),
    ] {
        let attempt = Attempt::new(&details, "x");
        let lines = attempt.lines();
        let of_details = lines.iter().filter(|line| line.from.to_string().contains("/authorization_details_json"));
        for line in of_details {
            assert_eq!((line.role, line.prominence), (Role::ClientDetail, 2), "{details}");
        }
        assert!(lines.iter().any(|line| line.value == text("payment_initiation")), "its type is a line as well");
        attempt.verify(lines).expect("an honest transcript");
    }
}

#[test]
fn what_would_not_fit_is_known_before_it_is_asked() {
    let parsed = |text: &str| Details::parse(text).expect("sound details");
    let members = |count: usize, name: usize| {
        let members = (0..count).map(|at| format!(r#""{at:0name$}":1"#)).collect::<Vec<_>>().join(",");
        format!(r#"[{{"type":"generic","deep":{{"{}":{{{members}}}}}}}]"#, "p".repeat(60))
    };
    assert!(parsed(EVIL).transcript_bound() < 2_000);
    assert!(parsed(MIXED).transcript_bound() < limits::DETAILS_TRANSCRIPT_BYTES);
    assert!(parsed(&members(200, 12)).transcript_bound() > limits::DETAILS_TRANSCRIPT_BYTES);
    // What a gateway accepts fits, whatever its shape, and the devices' own words beside it.
    let (mut fitting, mut refused) = (0, 0);
    for name in ["a", "\"", "/", "~", "é", "\\"] {
        for (elements, count, length) in [(1, 44, 140), (1, 54, 90), (30, 4, 10), (1, 3, 900), (3, 20, 30), (50, 1, 2)]
        {
            let member = |at: usize| {
                format!("{}:{at}", serde_json::to_string(&format!("{}{at}", name.repeat(length))).expect("JSON"))
            };
            let members = (0..count).map(member).collect::<Vec<_>>().join(",");
            let details = format!("[{}]", vec![format!(r#"{{"type":"x",{members}}}"#); elements].join(","));
            let Ok(parsed) = Details::parse(&details) else { continue };
            let attempt = Attempt::new(&details, &"€".repeat(500)).with(|claims| claims.client.name = "\"".repeat(100));
            let is_accepted =
                parsed.transcript_bound() <= limits::DETAILS_TRANSCRIPT_BYTES && fits(&attempt.claims, Some(&parsed));
            let shown = serde_json::to_string(&attempt.lines()).expect("JSON").len() + 200;
            assert!(
                !is_accepted || shown <= limits::TRANSCRIPT_BYTES,
                "{elements} × {count} × {length} {name}: {shown}"
            );
            *(if is_accepted { &mut fitting } else { &mut refused }) += 1;
        }
    }
    assert!(fitting > 5 && refused > 5, "{fitting} fit, {refused} do not");
    // A device refuses what it could not show, whoever sends it.
    let quotes = serde_json::to_string(&"\"".repeat(140)).expect("JSON");
    let details = format!(r#"[{{"type":"x",{quotes}:[{}]}}]"#, vec!["1"; 60].join(","));
    let attempt = Attempt::new(&details, "x");
    let keys = attempt.fixture.keys();
    let challenge = attempt.fixture.sign_challenge(&attempt.claims);
    let why = Challenge::verify(&challenge, &attempt.fixture.expected(&keys)).expect_err("too long");
    assert_eq!((why.clone(), why.refusal()), (ChallengeError::TooLong, Some(RefusalCode::Unshowable)));
}

/// The device's first statement, and a second one from `at` on that calls her otherwise.
fn relabelled(fixture: &Fixture, at: u64) -> [Compact<EnrollmentStatement>; 2] {
    let first = fixture.statement();
    let second = EnrollmentStatement {
        iat: at,
        subject_label: Some("Alice B.".to_owned()),
        sequence: 2,
        prev: Some(first.hash()),
        ..first.peek().expect("a statement")
    };
    let second = Compact::sign(&second, &fixture.gateway).expect("the gateway signs");
    [first, second]
}

#[test]
fn evidence_without_a_decisive_outcome_holds_by_any_statement_since_the_challenge() {
    let fixture = Fixture::new();
    let trust = [fixture.trust()];
    let challenge = fixture.verified();
    let statements = relabelled(&fixture, NOW + 1);
    let ended = |ending| {
        let claims = Outcome { enrollment_hash: statements[1].hash(), ..fixture.outcome(&challenge, ending, None) };
        Some(fixture.sign_outcome(&claims))
    };
    let endings = [Ending::AnsweredElsewhere, Ending::Cancelled, Ending::Expired];
    for outcome in [None].into_iter().chain(endings.map(ended)) {
        let is_complete = outcome.is_some();
        let evidence = Evidence { statements: statements.to_vec(), outcome, ..fixture.evidence() };
        let report = evidence.verify(Some(&trust)).expect("she was shown what the first one says");
        assert_eq!(report.is_complete(), is_complete);
        assert_eq!(report.statement.sequence, 1);
    }

    // One that was replaced before the challenge was signed, and one that the decisive outcome does not name.
    let replaced = Evidence { statements: relabelled(&fixture, NOW - 1).to_vec(), outcome: None, ..fixture.evidence() };
    let answer = fixture.approval_of(&challenge);
    let claims = fixture.outcome(&challenge, Ending::Approved, Some(&answer));
    let named = Outcome { enrollment_hash: statements[1].hash(), ..claims };
    let decided =
        Evidence { statements: statements.to_vec(), outcome: Some(fixture.sign_outcome(&named)), ..fixture.evidence() };
    for evidence in [replaced, decided] {
        let refused = evidence.verify(Some(&trust));
        assert!(matches!(refused, Err(EvidenceError::Display(DisplayError::OtherValue { .. }))), "{refused:?}");
    }
}

#[test]
fn evidence_of_a_decisive_answer_ends_with_the_statement_that_its_outcome_names() {
    let fixture = Fixture::new();
    let evidence = fixture.evidence();
    let statements = relabelled(&fixture, NOW + 60).to_vec();
    let kept = Evidence::statements_for(evidence.outcome.as_ref(), statements.clone());
    assert_eq!(kept, evidence.statements, "what came later is not part of it");
    let elsewhere = fixture.outcome(&fixture.verified(), Ending::AnsweredElsewhere, None);
    let elsewhere = fixture.sign_outcome(&elsewhere);
    for outcome in [None, Some(&elsewhere)] {
        assert_eq!(Evidence::statements_for(outcome, statements.clone()), statements);
    }
}

#[test]
fn attack_a_pointer_with_control_characters_is_refused_in_words_without_them() {
    let attempt = Attempt::new(EVIL, "Acme Coffee");
    let hostile = "challenge:/x\u{1b}[2J\u{1b}[H\u{1b}[32mVerified.\u{1b}[0m Signed by https://id.bank.example\n";
    let from: Source = hostile.parse().expect("any pointer");
    let misplaced = attempt.altered(|lines| of(lines, Role::Client).from = from.clone());
    let label_from = attempt.altered(|lines| of(lines, Role::Section).label_from = Some(from.clone()));
    for why in [misplaced, label_from] {
        let words = EvidenceError::Display(why).to_string();
        assert!(words.contains("Verified.") && !words.contains(char::is_control), "{words:?}");
    }
    let wire = serde_json::to_string(&from).expect("JSON");
    assert_eq!(serde_json::from_str::<Source>(&wire).expect("a source"), from, "on the wire it is as it was sent");
}

#[test]
fn attack_28_a_caption_in_the_name_of_a_party_that_did_not_say_it_is_refused() {
    let attempt = Attempt::new(EVIL, "Acme Coffee");
    for label in ["Example Bank says: place", "example bank  SAGT: Ort:", "Acme ID says: place"] {
        let why = attempt.altered(|lines| of(lines, Role::Context).label = label.into());
        assert_eq!(
            why,
            DisplayError::OtherCaption { from: source("challenge:/context/place/value"), label: label.into() }
        );
    }
    for label in ["Example Bank says: checked", "Acme Coffee says: checked", "id.redbank.example says it asks for"] {
        let why = attempt.altered(|lines| of(lines, Role::ClientId).label = label.into());
        assert_eq!(why, DisplayError::OtherCaption { from: source("challenge:/client/id"), label: label.into() });
    }
    let mut lines = attempt.lines();
    of(&mut lines, Role::Context).label = "Acme Coffee sagt: Ort".into();
    attempt.verify(lines).expect("the client's word, by another name of the member");

    // Whose request it is, behind a gateway: the gateway's word alone.
    let foreign = attempt.with(|claims| {
        claims.provider.issuer = "https://id.redbank.example".parse().expect("an issuer");
    });
    let mut lines = foreign.lines();
    assert!(foreign.holds(&lines));
    of(&mut lines, Role::ProviderClaimed).label = "id.redbank.example says it asks for".into();
    assert!(!foreign.holds(&lines));
}
