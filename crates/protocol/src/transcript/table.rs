//! The closed table of docs/protocol.md §9, as data: what roles the device's own lines may have, how prominent each line must be,
//! and the rows of the types of details that have a template.

use countersign_jose::json::Json;

use super::caption::Caption;
use super::role::Role;
use super::{LineValue, Money, calendar};

/// Prominence 1: shown large, at first sight.
pub(super) const FIRST: u8 = 1;
/// Prominence 2: on the main screen.
pub(super) const MAIN: u8 = 2;
/// Prominence 3: may be behind a fold.
pub(super) const FOLDED: u8 = 3;

/// A line of the device's own words.
pub(super) struct DeviceRow {
    pub(super) role: Role,
    /// The least prominence.
    pub(super) least: u8,
    /// Captions of this verifier for it.
    pub(super) captions: &'static [Caption],
    /// Whether there may be several.
    pub(super) many: bool,
}

/// The only roles of `from: device`.
pub(super) const DEVICE_ROWS: &[DeviceRow] = &[
    DeviceRow { role: Role::Test, least: FIRST, captions: &[Caption::Test], many: false },
    DeviceRow { role: Role::Practice, least: FIRST, captions: &[Caption::Practice], many: false },
    DeviceRow { role: Role::Kind, least: FIRST, captions: &[Caption::Request], many: false },
    DeviceRow { role: Role::Held, least: MAIN, captions: &[Caption::Held], many: false },
    DeviceRow { role: Role::FirstRequest, least: MAIN, captions: &[Caption::FirstRequest], many: false },
    DeviceRow { role: Role::Repeat, least: MAIN, captions: &[Caption::Repeat], many: false },
    DeviceRow {
        role: Role::Number,
        least: FIRST,
        captions: &[Caption::EnterNumber, Caption::ChooseNumber, Caption::Choice],
        many: false,
    },
    DeviceRow { role: Role::Warning, least: MAIN, captions: &[Caption::BeforeYouAnswer], many: true },
    DeviceRow {
        role: Role::Section,
        least: FOLDED,
        captions: &[Caption::Details, Caption::Part, Caption::AsNamed],
        many: true,
    },
];

/// Members outside the details that a section may head.
pub(super) const HEADED: &[&str] = &["/client", "/provider", "/interaction", "/context"];

/// The rows of one type of details.
pub(super) struct Template {
    /// The `type`; with a final `:`, the beginning of it.
    kind: &'static str,
    pub(super) rows: &'static [DetailRow],
    /// Whether it has Auth0's `properties`.
    pub(super) properties: bool,
}

/// A member of a known type.
pub(super) struct DetailRow {
    pub(super) member: &'static str,
    pub(super) form: Form,
    pub(super) role: Role,
    pub(super) caption: Caption,
    /// The prominence that this renderer gives it.
    pub(super) prominence: u8,
    /// Whether the whole element is unrecognised without it.
    pub(super) needed: Needed,
}

/// The form that a row's member must have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// An object of exactly amount and currency.
    Money,
    /// A string that is not blank.
    Name,
    /// A string.
    Text,
    /// Strings, at least one.
    Texts,
    /// A day that exists.
    Day,
    /// A payment account.
    Account,
    /// Payment accounts, at least one.
    Accounts,
    /// A number, `true` or `false`.
    Literal,
}

/// Whether a template can do without a member.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needed {
    Always,
    IfThere,
    No,
}

const fn row(
    member: &'static str,
    form: Form,
    role: Role,
    caption: Caption,
    prominence: u8,
    needed: Needed,
) -> DetailRow {
    DetailRow { member, form, role, caption, prominence, needed }
}

const fn text(member: &'static str, caption: Caption, prominence: u8) -> DetailRow {
    row(member, Form::Text, Role::Detail, caption, prominence, Needed::No)
}

const TEMPLATES: &[Template] = &[
    Template {
        kind: "payment_initiation",
        rows: &[
            row("instructedAmount", Form::Money, Role::Amount, Caption::Amount, FIRST, Needed::Always),
            row("creditorName", Form::Name, Role::Payee, Caption::To, FIRST, Needed::Always),
            text("remittanceInformationUnstructured", Caption::Reference, MAIN),
            text("creditorAgent", Caption::ToBank, MAIN),
            text("debtorName", Caption::PaidBy, MAIN),
            text("endToEndIdentification", Caption::PaymentId, MAIN),
            row("requestedExecutionDate", Form::Day, Role::Detail, Caption::ExecutionDate, MAIN, Needed::No),
            row("creditorAccount", Form::Account, Role::Account, Caption::ToAccount, MAIN, Needed::No),
            row("debtorAccount", Form::Account, Role::Account, Caption::FromAccount, MAIN, Needed::No),
        ],
        properties: false,
    },
    Template {
        kind: "account_information",
        rows: &[
            row("actions", Form::Texts, Role::Detail, Caption::WantsTo, FIRST, Needed::IfThere),
            row("datatypes", Form::Texts, Role::Detail, Caption::WantsTo, MAIN, Needed::IfThere),
            row("accounts", Form::Accounts, Role::Account, Caption::Account, MAIN, Needed::IfThere),
            row("validUntil", Form::Day, Role::Detail, Caption::ValidUntil, MAIN, Needed::No),
            row("frequencyPerDay", Form::Literal, Role::Detail, Caption::TimesPerDay, MAIN, Needed::No),
            row("recurringIndicator", Form::Literal, Role::Detail, Caption::Repeatedly, MAIN, Needed::No),
        ],
        properties: false,
    },
    Template { kind: "generic", rows: &[text("title", Caption::Title, FIRST)], properties: false },
    Template {
        kind: "urn:auth0:schemas:authorization-details:v1:",
        rows: &[text("instruction", Caption::Instruction, FIRST)],
        properties: true,
    },
];

/// The members that name an account, the first of them that is there.
const ACCOUNT_NUMBERS: [&str; 5] = ["iban", "bban", "maskedPan", "msisdn", "other"];

impl Template {
    /// The template of a type, if it can read every member that it needs.
    pub(super) fn of(kind: &str, object: &Json) -> Option<&'static Self> {
        let template = TEMPLATES.iter().find(|template| match template.is_family() {
            true => kind.starts_with(template.kind),
            false => kind == template.kind,
        })?;
        let readable = template.rows.iter().all(|row| match (row.needed, object.get(row.member)) {
            (Needed::Always, None) => false,
            (Needed::Always | Needed::IfThere, Some(value)) => row.form.reads(value),
            (Needed::No, _) | (Needed::IfThere, None) => true,
        });
        readable.then_some(template)
    }

    /// Whether it is of all types that begin alike: its section does not say which one this is.
    pub(super) fn is_family(&self) -> bool {
        self.kind.ends_with(':')
    }
}

impl Form {
    /// Whether a member has this form.
    pub(super) fn reads(self, value: &Json) -> bool {
        let is_text = |value: &Json| value.as_str().is_some();
        match self {
            Self::Money => money(value).is_some(),
            Self::Name => value.as_str().is_some_and(|text| !text.trim().is_empty()),
            Self::Text => is_text(value),
            Self::Texts => value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_text)),
            Self::Day => value.as_str().is_some_and(calendar::is_day),
            Self::Account => account_number(value).is_some(),
            Self::Accounts => {
                let is_account = |value: &Json| account_number(value).is_some();
                value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_account))
            }
            Self::Literal => matches!(value, Json::Number(_) | Json::Bool(_)),
        }
    }
}

/// The literal of a leaf: of a string its text, of anything else as it was sent. `None` for what has members or elements.
pub(super) fn literal(value: &Json) -> Option<&str> {
    match value {
        Json::Null => Some("null"),
        Json::Bool(value) => Some(if *value { "true" } else { "false" }),
        Json::Number(text) | Json::String(text) => Some(text),
        Json::Array(elements) if elements.is_empty() => Some("[]"),
        Json::Object(members) if members.is_empty() => Some("{}"),
        Json::Array(_) | Json::Object(_) => None,
    }
}

/// The member that has an account's number, and the number.
pub(super) fn account_number(account: &Json) -> Option<(&'static str, &str)> {
    ACCOUNT_NUMBERS.into_iter().find_map(|name| Some((name, account.get(name)?.as_str()?)))
}

/// An amount, if the value is an object of exactly an amount that has one way to be read, and a currency of three letters.
pub(super) fn money(value: &Json) -> Option<LineValue> {
    let amount = match value.get("amount")? {
        Json::String(text) | Json::Number(text) => text,
        _ => return None,
    };
    let currency = value.get("currency")?.as_str()?;
    let is_money = value.as_object()?.len() == 2
        && currency.len() == 3
        && currency.bytes().all(|byte| byte.is_ascii_uppercase())
        && is_amount(amount);
    is_money.then(|| LineValue::Money(Money { amount: amount.clone(), currency: currency.to_owned() }))
}

/// Digits without a needless zero before them, with at most one point between them, without a sign.
fn is_amount(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let whole = |part: &str| digits(part) && (part == "0" || !part.starts_with('0'));
    match text.split_once('.') {
        None => whole(text),
        Some((before, fraction)) => whole(before) && digits(fraction),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_in_one_way_only() {
        for amount in ["4.20", "0", "0.5", "1200", "80.00", "0.00"] {
            assert!(is_amount(amount), "{amount}");
        }
        for text in ["-80.00", "0080.00", "+1", "1,50", "1.", ".5", "1.2.3", "", " 1", "1e2", "00", "٤٢"] {
            assert!(!is_amount(text), "{text}");
        }
    }
}
