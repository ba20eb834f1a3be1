//! The template of `payment_initiation`: amount and payee first, everything else below.

use countersign_jose::json::Json;
use countersign_protocol::text::escape;
use countersign_protocol::transcript::{LineValue, Money};

use super::{FIRST, FOLDED, MAIN, Renderer, Role};

impl Renderer {
    pub(super) fn payment(&mut self, object: &Json) {
        let words = self.locale.words();
        let mut shown: Vec<&str> = vec!["type"];
        if let Some(money) = object.get("instructedAmount").and_then(money) {
            self.about(Role::Amount).line(words.amount, LineValue::Money(money), FIRST);
            shown.push("instructedAmount");
        }
        for (name, label, prominence) in [
            ("creditorName", words.to, FIRST),
            ("remittanceInformationUnstructured", words.reference, MAIN),
            ("creditorAgent", words.to_bank, MAIN),
            ("debtorName", words.from_name, MAIN),
            ("endToEndIdentification", words.payment_id, FOLDED),
        ] {
            if let Some(text) = object.get(name).and_then(Json::as_str) {
                let role = if name == "creditorName" { Role::Payee } else { Role::Detail };
                self.about(role).text(label, text, prominence);
                shown.push(name);
            }
        }
        self.about(Role::Detail);
        if let Some(day) = object.get("requestedExecutionDate").and_then(Json::as_str).filter(|text| is_day(text)) {
            self.line(words.execution_date, LineValue::Date(day.to_owned()), MAIN);
            shown.push("requestedExecutionDate");
        }
        for (name, label) in [("creditorAccount", words.to_account), ("debtorAccount", words.from_account)] {
            if let Some(account) = object.get(name)
                && self.account(label, account, MAIN)
            {
                shown.push(name);
            }
        }
        self.tree_without(object, &|name| shown.contains(&name), FOLDED);
    }

    /// A payment account: its number, and lines for its other members. Returns whether it is one.
    pub(super) fn account(&mut self, label: &str, account: &Json, prominence: u8) -> bool {
        let number = ["iban", "bban", "maskedPan", "msisdn", "other"]
            .into_iter()
            .find_map(|name| Some((name, account.get(name)?.as_str()?)));
        let Some((named, number)) = number else { return false };
        self.line(label, LineValue::Account(escape(number)), prominence);
        for (name, value) in account.as_object().unwrap_or_default() {
            if name != named {
                self.tree(&format!("{label} › {}", escape(name)), value, prominence);
            }
        }
        true
    }
}

/// An amount, if the object has exactly a number literal and a currency of three letters.
fn money(value: &Json) -> Option<Money> {
    let amount = match value.get("amount")? {
        Json::String(text) | Json::Number(text) => text,
        _ => return None,
    };
    let currency = value.get("currency")?.as_str()?;
    let is_money = value.as_object()?.len() == 2
        && currency.len() == 3
        && currency.bytes().all(|byte| byte.is_ascii_uppercase())
        && is_amount(amount);
    is_money.then(|| Money { amount: amount.clone(), currency: currency.to_owned() })
}

/// Digits with at most one point between them and an optional minus: what a screen can format without changing it.
fn is_amount(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        None => digits(unsigned),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
    }
}

/// A date of the form `2026-11-21`.
pub(super) fn is_day(text: &str) -> bool {
    text.parse::<jiff::civil::Date>().is_ok_and(|day| day.to_string() == text)
}
