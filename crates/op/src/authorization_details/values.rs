//! Values of the built-in types that no schema can judge: amounts by their currency's digits, check digits of an IBAN, dates of the
//! calendar, and names, which are one line.

use countersign_protocol::text;
use countersign_protocol::transcript::is_day;
use serde_json::Value;

/// The path of a fault within its element, and the fault in words, without the value.
type Fault = (String, String);

/// Currencies without a minor unit (ISO 4217).
const WITHOUT_DIGITS: [&str; 17] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
];

/// Currencies whose minor unit is a thousandth.
const WITH_THREE_DIGITS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];

/// Units of account whose smallest part is a ten-thousandth.
const WITH_FOUR_DIGITS: [&str; 2] = ["CLF", "UYW"];

/// Checks an element of the type `payment_initiation`.
///
/// # Errors
/// The first fault.
pub(super) fn check_payment(element: &Value) -> Result<(), Fault> {
    check_lines(element, &["remittanceInformationUnstructured"])?;
    let money = &element["instructedAmount"];
    if let (Some(currency), Some(amount)) = (money["currency"].as_str(), money["amount"].as_str()) {
        check_digits(currency, amount).map_err(|reason| (".instructedAmount.amount".to_owned(), reason))?;
    }
    for account in ["creditorAccount", "debtorAccount"] {
        check_account(&element[account]).map_err(|(path, reason)| (format!(".{account}{path}"), reason))?;
    }
    check_date(element, "requestedExecutionDate")
}

/// Checks an element of the type `account_information`.
///
/// # Errors
/// The first fault.
pub(super) fn check_accounts(element: &Value) -> Result<(), Fault> {
    check_lines(element, &[])?;
    for (at, account) in element["accounts"].as_array().into_iter().flatten().enumerate() {
        check_account(account).map_err(|(path, reason)| (format!(".accounts[{at}]{path}"), reason))?;
    }
    check_date(element, "validUntil")
}

/// Checks an element of the type `generic`, whose title is one line.
///
/// # Errors
/// The fault.
pub(super) fn check_generic(element: &Value) -> Result<(), Fault> {
    check_lines(&element["title"], &[]).map_err(|(path, reason)| (format!(".title{path}"), reason))
}

/// Checks an element of one of Auth0's types, whose properties have names of one line.
///
/// # Errors
/// The first fault.
pub(super) fn check_auth0(element: &Value) -> Result<(), Fault> {
    for (name, property) in element["properties"].as_object().into_iter().flatten() {
        check_lines(&property["name"], &[])
            .map_err(|(path, reason)| (format!(".properties.{name}.name{path}"), reason))?;
    }
    Ok(())
}

/// Refuses line breaks and tabs in all strings, but for members of these names at the top.
fn check_lines(value: &Value, exempt: &[&str]) -> Result<(), Fault> {
    match value {
        Value::String(string) => {
            text::check_inner(string, usize::MAX).map_err(|error| (String::new(), error.to_string()))
        }
        Value::Array(elements) => elements.iter().enumerate().try_for_each(|(at, element)| {
            check_lines(element, &[]).map_err(|(path, reason)| (format!("[{at}]{path}"), reason))
        }),
        Value::Object(members) => {
            members.iter().filter(|(name, _)| !exempt.contains(&name.as_str())).try_for_each(|(name, member)| {
                check_lines(member, &[]).map_err(|(path, reason)| (format!(".{name}{path}"), reason))
            })
        }
        _ => Ok(()),
    }
}

/// Refuses digits after the point that the currency does not have, zeros among them: `JPY 16.00` is not how anybody writes it.
fn check_digits(currency: &str, amount: &str) -> Result<(), String> {
    let most = match currency {
        _ if WITHOUT_DIGITS.contains(&currency) => 0,
        _ if WITH_THREE_DIGITS.contains(&currency) => 3,
        _ if WITH_FOUR_DIGITS.contains(&currency) => 4,
        // Metals, bond units and the like have no minor unit; XCD, XCG and XAD are money.
        _ if currency.starts_with('X') && !["XCD", "XCG", "XAD"].contains(&currency) => return Ok(()),
        _ => 2,
    };
    let digits = amount.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    match most {
        _ if digits <= most => Ok(()),
        0 => Err(format!("{currency} has no digits after the point")),
        _ => Err(format!("{currency} has {most} digits after the point at most")),
    }
}

fn check_account(account: &Value) -> Result<(), Fault> {
    match account["iban"].as_str() {
        Some(iban) if !has_valid_check_digits(iban) => {
            Err((".iban".to_owned(), "the check digits of this IBAN are wrong".to_owned()))
        }
        _ => Ok(()),
    }
}

/// ISO 13616: the first four characters moved to the end, letters as numbers from 10, the whole modulo 97 is 1.
fn has_valid_check_digits(iban: &str) -> bool {
    let (head, rest) = iban.split_at_checked(4).unwrap_or((iban, ""));
    let mut digits = rest.chars().chain(head.chars()).map(|character| character.to_digit(36));
    let remainder = digits.try_fold(0, |sum, digit| {
        let digit = digit?;
        Some((sum * if digit < 10 { 10 } else { 100 } + digit) % 97)
    });
    remainder == Some(1)
}

fn check_date(element: &Value, member: &str) -> Result<(), Fault> {
    match element[member].as_str() {
        Some(date) if !is_day(date) => Err((format!(".{member}"), "there is no such day in the calendar".to_owned())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_amount_has_no_digits_that_its_currency_lacks() {
        for (currency, amount) in [
            ("EUR", "16"),
            ("EUR", "16.2"),
            ("EUR", "16.24"),
            ("JPY", "16"),
            ("KRW", "16000"),
            ("KWD", "1.234"),
            ("TND", "1.5"),
            ("CLF", "1.2345"),
            ("XAU", "1.23456"),
            ("XCD", "1.25"),
            ("SEK", "0.50"),
        ] {
            assert_eq!(check_digits(currency, amount), Ok(()), "{currency} {amount}");
        }
        for (currency, amount, words) in [
            ("JPY", "16.24", "JPY has no digits after the point"),
            ("JPY", "16.00", "JPY has no digits after the point"),
            ("XOF", "1.0", "XOF has no digits after the point"),
            ("EUR", "1.500", "EUR has 2 digits after the point at most"),
            ("USD", "1.00000", "USD has 2 digits after the point at most"),
            ("BHD", "1.2345", "BHD has 3 digits after the point at most"),
            ("XCD", "1.255", "XCD has 2 digits after the point at most"),
        ] {
            assert_eq!(check_digits(currency, amount), Err(words.to_owned()), "{currency} {amount}");
        }
    }

    #[test]
    fn an_iban_has_the_check_digits_of_its_account() {
        for iban in
            ["DE02100100109307118603", "GB82WEST12345698765432", "NO9386011117947", "MT84MALT011000012345MTLCAST001S"]
        {
            assert!(has_valid_check_digits(iban), "{iban}");
        }
        for iban in ["DE00100100109307118603", "DE02100100109307118604", "GB82WEST12345698765433", "", "DE"] {
            assert!(!has_valid_check_digits(iban), "{iban}");
        }
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        for date in ["2026-02-28", "2028-02-29", "2000-02-29", "2026-12-31", "2026-04-30"] {
            assert!(is_day(date), "{date}");
        }
        for date in ["2026-02-30", "2026-02-29", "2100-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00"] {
            assert!(!is_day(date), "{date}");
        }
    }

    #[test]
    fn names_are_one_line_and_what_is_written_about_a_payment_may_be_several() {
        let words = "the text has a control character or a line break: U+000A at character 2";
        let fault = |path: &str| Err((path.to_owned(), words.to_owned()));
        assert_eq!(check_payment(&json!({ "creditorName": "a\nb" })), fault(".creditorName"));
        assert_eq!(check_payment(&json!({ "creditorAccount": { "other": "a\nb" } })), fault(".creditorAccount.other"));
        assert_eq!(check_payment(&json!({ "remittanceInformationUnstructured": "a\n\tb" })), Ok(()));
        assert_eq!(check_accounts(&json!({ "actions": ["x", "a\nb"] })), fault(".actions[1]"));
        assert_eq!(check_generic(&json!({ "title": "a\nb" })), fault(".title"));
        assert_eq!(check_generic(&json!({ "title": "a", "tree": "a\nb" })), Ok(()));
        let property = |name: &str, value: &str| json!({ "properties": { "to": { "name": name, "value": value } } });
        assert_eq!(check_auth0(&property("a\nb", "x")), fault(".properties.to.name"));
        assert_eq!(check_auth0(&property("a", "x\ny")), Ok(()));
    }

    #[test]
    fn a_fault_is_named_by_its_path() {
        let path = |element: Value, check: fn(&Value) -> Result<(), Fault>| check(&element).expect_err("a fault").0;
        let amount = json!({ "instructedAmount": { "currency": "JPY", "amount": "1.0" } });
        assert_eq!(path(amount, check_payment), ".instructedAmount.amount");
        let iban = json!({ "debtorAccount": { "iban": "DE00100100109307118603" } });
        assert_eq!(path(iban, check_payment), ".debtorAccount.iban");
        assert_eq!(path(json!({ "requestedExecutionDate": "2026-02-30" }), check_payment), ".requestedExecutionDate");
        let accounts = json!({ "accounts": [{ "bban": "1" }, { "iban": "DE00100100109307118603" }] });
        assert_eq!(path(accounts, check_accounts), ".accounts[1].iban");
        assert_eq!(path(json!({ "validUntil": "2026-06-31" }), check_accounts), ".validUntil");
    }
}
