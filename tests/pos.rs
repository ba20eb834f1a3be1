//! A point of sale: terminal #14 posts to the provider, the staff's device approves, the terminal polls until it has its token.
//! The words on both screens are the same. `tests/interop/pos/run` runs this and shows them.

use countersign_protocol::transcript::{Line, LineValue, Money};
use countersign_tests::device::{Device, id};
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;
use countersign_tests::tokens;
use serde_json::{Value, json};

const MESSAGE: &str = "Acme POS terminal #14: Approve $80.00 at Acme Coffee?";
const PAYMENT: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"USD","amount":"80.00"},"creditorName":"Acme Coffee","remittanceInformationUnstructured":"POS terminal #14"}]"#;

/// The arguments of the terminal's request.
const ASKED: [&str; 4] = ["--binding-message", MESSAGE, "--authorization-details", PAYMENT];

/// The value of the line with this label, as the person read it.
fn read<'a>(lines: &'a [Line], label: &str) -> &'a LineValue {
    let found = lines.iter().find(|line| line.label == label);
    &found.unwrap_or_else(|| panic!("the device shows {label}: {lines:?}")).value
}

fn text(text: &str) -> LineValue {
    LineValue::Text(text.to_owned())
}

fn dollars(amount: &str) -> LineValue {
    LineValue::Money(Money { amount: amount.to_owned(), currency: "USD".to_owned() })
}

#[test]
fn the_terminal_is_paid_for_what_the_staffs_device_showed() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let staff = Device::enrolled(&env, "staff-phone", &provider, "alice");
    tell("The terminal shows", &[MESSAGE, "Waiting for approval …"]);

    let (mut terminal, acknowledged) = provider.till().acknowledged(&ASKED);
    let challenge = staff.only_pending();
    assert_eq!(challenge["binding_message"], MESSAGE);
    assert_eq!((&challenge["kind"], &acknowledged["interaction_type"]), (&json!("payment"), &json!("boolean")));
    staff.answer(id(&challenge), &["approve"]).expect_code(0);

    let lines = staff.read(id(&challenge));
    let shown: Vec<String> = lines.iter().map(|line| format!("{}: {}", line.label, words(&line.value))).collect();
    tell("The staff's device showed", &shown.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(read(&lines, "Message from Acme Coffee"), &text(MESSAGE), "the same words, not one character changed");
    assert_eq!(read(&lines, "Amount"), &dollars("80.00"));
    assert_eq!(read(&lines, "To"), &text("Acme Coffee"));
    assert_eq!(read(&lines, "From"), &text("Acme Coffee"));

    let received = terminal.line("tokens");
    assert_eq!(terminal.exit(), 0);
    let access = tokens::verified(provider.issuer(), &received["access_token"]).claims;
    assert_eq!(access["authorization_details"], serde_json::from_str::<Value>(PAYMENT).expect("JSON"));
    tell("The terminal shows", &["Paid: $80.00", "The access token is for these details and no others."]);
}

#[test]
fn a_terminal_whose_payment_is_denied_gets_nothing() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let staff = Device::enrolled(&env, "staff-phone", &provider, "alice");
    let (mut terminal, acknowledged) = provider.till().acknowledged(&ASKED);
    staff.answer(id(&staff.only_pending()), &["deny"]).expect_code(0);
    assert_eq!(terminal.line("error")["error"], "access_denied");
    assert_eq!(terminal.exit(), 1);
    assert_eq!(provider.till().poll(&acknowledged).status, 400, "and nothing afterwards");
    tell("The terminal shows", &[MESSAGE, "Not approved."]);
}

#[test]
fn two_concurrent_terminals_are_distinguished_by_their_messages() {
    let env = TestEnv::new();
    let settings = Settings { policy: "max_pending = 10".to_owned(), ..Default::default() };
    let provider = Provider::start_with(&env, "provider", &settings);
    let staff = Device::enrolled(&env, "staff-phone", &provider, "alice");
    let other_message = MESSAGE.replace("#14", "#3").replace("$80.00", "$12.50");
    let other_payment = PAYMENT.replace("#14", "#3").replace("80.00", "12.50");
    let (mut ours, _) = provider.till().acknowledged(&ASKED);
    let (mut others, _) =
        provider.till().acknowledged(&["--binding-message", &other_message, "--authorization-details", &other_payment]);

    let pending = staff.pending();
    let of = |message: &str| {
        let found = pending.iter().find(|challenge| challenge["binding_message"] == message);
        id(found.unwrap_or_else(|| panic!("{message} waits: {pending:?}")))
    };
    staff.answer(of(&other_message), &["deny"]).expect_code(0);
    staff.answer(of(MESSAGE), &["approve"]).expect_code(0);

    for (message, amount) in [(MESSAGE, "80.00"), (&other_message, "12.50")] {
        let lines = staff.read(of(message));
        assert_eq!(read(&lines, "Message from Acme Coffee"), &text(message));
        assert_eq!(read(&lines, "Amount"), &dollars(amount));
    }

    ours.line("tokens");
    assert_eq!(others.line("error")["error"], "access_denied");
}

/// A value of a line as a person reads it.
fn words(value: &LineValue) -> String {
    match value {
        LineValue::Money(money) => format!("{} {}", money.currency, money.amount),
        LineValue::Text(text) | LineValue::Date(text) | LineValue::Account(text) => text.clone(),
        _ => String::new(),
    }
}

#[expect(clippy::print_stdout, reason = "with --nocapture both screens are shown")]
fn tell(whose: &str, lines: &[&str]) {
    println!("{whose}:\n  {}\n", lines.join("\n  "));
}
