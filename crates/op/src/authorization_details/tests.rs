//! Valid and invalid details for each schema, and the error text a client gets.

use super::*;

const ALL: &[&str] = &built_in::NAMES;

const MONEY_TRANSFER: &str = "urn:auth0:schemas:authorization-details:v1:money-transfer";

fn types() -> DetailTypes {
    DetailTypes::new(ALL.iter().chain([&MONEY_TRANSFER]).map(|name| built_in(name).expect(name)))
}

fn check(text: &str, allowed: &[&str]) -> Result<Details, AuthorizationDetailsError> {
    types().check(text, &allowed.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
}

fn refused(text: &str, allowed: &[&str]) -> String {
    match check(text, allowed) {
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
    let details = check(text, ALL).expect("details of known types");
    assert_eq!(details.as_str(), text);
}

#[test]
fn an_error_names_the_place_and_the_reason() {
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
            "authorization_details[0].instructedAmount.amount: this must match ^(0|[1-9][0-9]{0,12})([.][0-9]{1,5})?$",
        ),
        (
            payment(r#""creditorName":"A","instructedAmount":{"currency":"JPY","amount":"16.00"}"#),
            "authorization_details[0].instructedAmount.amount: JPY has no digits after the point",
        ),
        (
            payment(&format!(r#"{amount},"creditorName":"A","requestedExecutionDate":"2026-02-30""#)),
            "authorization_details[0].requestedExecutionDate: there is no such day in the calendar",
        ),
        (
            payment(&format!(r#"{amount},"creditorName":"A","creditorAccount":{{"iban":"DE00100100109307118603"}}"#)),
            "authorization_details[0].creditorAccount.iban: the check digits of this IBAN are wrong",
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
        refused(generic, &["account_information"]),
        "authorization_details[0] has a type that this client may not send; it may send: account_information"
    );
}

#[test]
fn payments_are_found_among_other_details() {
    let text = r#"[{"type":"generic","title":"x"},{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"4.20"},"creditorName":"A"}]"#;
    let details = check(text, ALL).expect("valid details");
    let found: Vec<_> = payments(&details).collect();
    assert_eq!(found, [Money::parse("4.20 EUR")]);
}

#[test]
fn auth0s_types_have_an_instruction_and_named_properties() {
    let transfer = |members: &str| format!(r#"[{{"type":"{MONEY_TRANSFER}",{members}}}]"#);
    let property = |members: &str| transfer(&format!(r#""properties":{{"to":{{{members}}}}}"#));
    for valid in [
        transfer(
            r#""instruction":"Confirm","properties":{"to":{"display":true,"name":"To","display_order":"2","value":"Bob"}}"#,
        ),
        property(r#""value":{"any":["tree",1]},"display":false,"description":"","display_order":7"#),
        // Common members of RFC 9396 section 2.
        transfer(r#""properties":{"to":{"value":1}},"locations":["https://api.example"]"#),
    ] {
        assert_eq!(refused(&valid, &[MONEY_TRANSFER]), "accepted", "{valid}");
    }
    for (text, message) in [
        (transfer(r#""instruction":"Confirm""#), "authorization_details[0]: properties is missing"),
        (transfer(r#""properties":{}"#), "authorization_details[0].properties: this must not be empty"),
        (property(r#""name":"To""#), "authorization_details[0].properties.to: value is missing"),
        (property(r#""value":1,"shown":true"#), "authorization_details[0].properties.to: shown is not known here"),
        (
            property(r#""value":1,"display":"yes""#),
            "authorization_details[0].properties.to.display: this must be of type boolean",
        ),
    ] {
        assert_eq!(refused(&text, &[MONEY_TRANSFER]), message, "{text}");
    }
    let one = r#"[{"type":"urn:auth0:schemas:authorization-details:v1:vote","properties":{"x":{"value":1}}}]"#;
    assert!(refused(one, &[MONEY_TRANSFER]).contains("may not send"), "each of Auth0's types is named by itself");
    assert!(built_in("urn:auth0:schemas:authorization-details:v1:").is_none());
}

#[test]
fn a_type_of_the_operators_own_has_its_schema_and_its_limits() {
    let schema = serde_json::json!({
        "type": "object",
        "required": ["count"],
        "properties": {
            "type": true,
            "count": { "type": "integer", "minimum": 1, "maximum": 1000 },
            "what": { "enum": ["invoices", "branches"] },
            "note": { "$ref": "#/$defs/short" },
        },
        "unevaluatedProperties": false,
        "$defs": { "short": { "type": "string", "minLength": 2, "maxLength": 100 } },
    });
    let kind = DetailType::new("deletion", &schema, Some(60), Some(2)).expect("a schema");
    let types = DetailTypes::new([Arc::new(kind)]);
    let allowed = ["deletion".to_owned()];
    let said = |elements: &[&str]| {
        let elements: Vec<_> = elements.iter().map(|members| format!(r#"{{"type":"deletion",{members}}}"#)).collect();
        let text = format!("[ {} ]", elements.join(" , "));
        types.check(&text, &allowed).err().map(|refused| refused.to_string())
    };
    assert_eq!(said(&[r#""count":214,"what":"invoices""#, r#""count":1"#]), None);
    for (elements, message) in [
        (&[r#""count":1"#, r#""count":0"#][..], "authorization_details[1].count: this must be 1 at least"),
        (&[r#""count":1001"#], "authorization_details[0].count: this must be 1000 at most"),
        (
            &[r#""count":1,"what":"people""#],
            r#"authorization_details[0].what: this must be one of ["invoices","branches"]"#,
        ),
        (&[r#""count":1,"note":"x""#], "authorization_details[0].note: this is shorter than 2 characters"),
        (&[r#""count":1,"who":"me""#], "authorization_details[0]: who is not known here"),
        (&[r#""count":1"#; 3], "authorization_details[2] is one too many of its type: 2 at most in one request"),
        (
            &[r#""count":1,"note":"a note that is much too long for it""#],
            "authorization_details[0] is larger than 60 bytes, the most that its type may have",
        ),
    ] {
        assert_eq!(said(elements).as_deref(), Some(message));
    }
}

#[test]
fn a_pattern_is_printed_as_it_is_written_or_not_at_all() {
    let reason = |pattern: &str| {
        let schema = serde_json::json!({ "properties": { "n": { "pattern": pattern } } });
        let kind = DetailType::new("x", &schema, None, None).expect("a schema");
        DetailTypes::new([Arc::new(kind)])
            .check(r#"[{"type":"x","n":"?"}]"#, &["x".to_owned()])
            .expect_err("refused")
            .to_string()
    };
    assert_eq!(reason("^[0-9]+$"), "authorization_details[0].n: this must match ^[0-9]+$");
    for unprintable in ["^\\d+$", "^\"$", "^ü$"] {
        assert_eq!(reason(unprintable), "authorization_details[0].n: this does not match the pattern of its type");
    }
}

#[test]
fn a_schema_stays_inside_its_file_and_its_dialect() {
    let refused = |name: &str, schema: serde_json::Value| DetailType::new(name, &schema, None, None).err();
    let any = || serde_json::json!({});
    assert_eq!(refused("urn:countersign:device", any()), Some(DetailTypeError::Reserved));
    assert_eq!(refused("", any()), Some(DetailTypeError::Name));
    assert_eq!(refused("a\u{202e}b", any()), Some(DetailTypeError::Name));
    let draft_7 = serde_json::json!({ "$schema": "http://json-schema.org/draft-07/schema#" });
    assert_eq!(refused("x", draft_7), Some(DetailTypeError::Dialect));
    for schema in [
        serde_json::json!({ "$ref": "https://schemas.example/x.json" }),
        serde_json::json!({ "$ref": "file:///etc/passwd" }),
        serde_json::json!({ "$ref": "#/$defs/absent" }),
        serde_json::json!({ "type": "text" }),
        // Would need backtracking.
        serde_json::json!({ "pattern": "(a)\\1" }),
    ] {
        assert!(matches!(refused("x", schema.clone()), Some(DetailTypeError::Schema(_))), "{schema}");
    }
}
