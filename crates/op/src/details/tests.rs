//! Each schema with what fits and what doesn't, by the words a client gets.

use super::*;

const ALL: &[DetailType] = &[DetailType::PaymentInitiation, DetailType::AccountInformation, DetailType::Generic];

fn refused(text: &str, allowed: &[DetailType]) -> String {
    match Schemas::compile().check(text, allowed) {
        Ok(_) => "accepted".to_owned(),
        Err(refused) => refused.to_string(),
    }
}

#[test]
fn details_of_every_type_pass_and_keep_their_bytes() {
    let text = concat!(
        "[ {\"type\":\"payment_initiation\", \"instructedAmount\":{\"currency\":\"EUR\",\"amount\":\"80.00\"},\n",
        "   \"creditorName\":\"Acme Coffee\",\"creditorAccount\":{\"iban\":\"DE02100100109307118603\"}},",
        "  {\"type\":\"account_information\",\"actions\":[\"read_balances\"]},",
        "  {\"type\":\"generic\",\"title\":\"Delete the branch\",\"tree\":{\"n\":1.50}} ]",
    );
    let details = Schemas::compile().check(text, ALL).expect("details of known types");
    assert_eq!(details.as_str(), text);
}

#[test]
fn what_does_not_fit_is_named_by_place_and_reason() {
    let payment = |members: &str| format!("[{{\"type\":\"payment_initiation\",{members}}}]");
    let amount = r#""instructedAmount":{"currency":"EUR","amount":"80.00"}"#;
    for (text, message) in [
        ("".to_owned(), "authorization_details: this is not JSON at byte 0"),
        ("{}".to_owned(), "authorization_details is not an array of objects"),
        ("[]".to_owned(), "authorization_details is not an array of objects"),
        ("[{}]".to_owned(), "an object in authorization_details has no type"),
        (
            r#"[{"type":"generic","title":"x"},{"type":"vote"}]"#.to_owned(),
            "authorization_details[1] has a type that this client may not send; it may send: payment_initiation, account_information, generic",
        ),
        (payment(r#""creditorName":"A""#), "authorization_details[0]: instructedAmount is missing"),
        (payment(amount), "authorization_details[0]: creditorName is missing"),
        (
            payment(&format!(r#"{amount},"creditorName":"A","tip":1"#)),
            "authorization_details[0]: tip is not known here",
        ),
        (
            payment(&format!(r#"{amount},"creditorName":7"#)),
            "authorization_details[0].creditorName: this must be of type string",
        ),
        (
            payment(&format!(r#"{amount},"creditorName":"""#)),
            "authorization_details[0].creditorName: this must not be empty",
        ),
        (
            payment(r#""creditorName":"A","instructedAmount":{"currency":"EUR","amount":"1,50"}"#),
            "authorization_details[0].instructedAmount.amount: this must match ^(0|[1-9][0-9]{0,12})(\\.[0-9]{1,5})?$",
        ),
        (
            payment(r#""creditorName":"A","instructedAmount":{"currency":"EUR","amount":80}"#),
            "authorization_details[0].instructedAmount.amount: this must be of type string",
        ),
        (r#"[{"type":"account_information"}]"#.to_owned(), "authorization_details[0]: actions is missing"),
        (
            r#"[{"type":"account_information","actions":["read"],"accounts":[{"iban":"x"}]}]"#.to_owned(),
            "authorization_details[0].accounts[0].iban: this must match ^[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}$",
        ),
        (r#"[{"type":"generic"}]"#.to_owned(), "authorization_details[0]: title is missing"),
    ] {
        assert_eq!(refused(&text, ALL), message, "{text}");
    }
}

#[test]
fn a_client_sends_only_the_types_it_may() {
    let generic = r#"[{"type":"generic","title":"x"}]"#;
    assert_eq!(refused(generic, ALL), "accepted");
    assert_eq!(
        refused(generic, &[DetailType::AccountInformation]),
        "authorization_details[0] has a type that this client may not send; it may send: account_information"
    );
}

#[test]
fn payments_are_found_among_other_details() {
    let text = r#"[{"type":"generic","title":"x"},{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4.20"},"creditorName":"A"}]"#;
    let details = Schemas::compile().check(text, ALL).expect("sound details");
    let found: Vec<_> = payments(&details).collect();
    assert_eq!(found, [Money::parse("4.20 EUR")]);
}
