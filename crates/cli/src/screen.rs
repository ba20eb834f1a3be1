//! A request as a terminal shows it: the transcript's lines, nothing left out, nothing cut off.

use countersign_device::view::ChallengeView;
use countersign_protocol::kind::Kind;
use countersign_protocol::outcome::Ending;
use countersign_protocol::transcript::{Line, LineValue, Money};

use crate::moments;
use crate::output::Paint;

/// The whole request. `now` is seconds since the epoch.
pub fn request(view: &ChallengeView, now: u64, paint: Paint) -> String {
    let left = moments::left(view.expires_at.saturating_sub(now));
    let mut out =
        format!("{}  {}", paint.band(colour(view.kind), &format!(" {} ", kind(view.kind))), left_words(&left));
    for shown in &view.transcript.lines {
        out += &format!("\n  {}", line(shown, paint));
    }
    out
}

/// The request in one line, for lists.
pub fn summary(view: &ChallengeView, now: u64, paint: Paint) -> String {
    let mut parts = vec![kind(view.kind).to_owned()];
    let first = view.transcript.lines.iter().filter(|line| line.prominence == 1);
    let worth = first.filter_map(|line| match &line.value {
        LineValue::Money(amount) => Some(paint.bold(&money(amount))),
        _ => None,
    });
    parts.extend(worth);
    let name = countersign_protocol::text::escape(&view.client.name);
    parts.push(if view.client.verified { name } else { format!("calls itself {name}") });
    parts.extend(view.binding_message.as_deref().map(countersign_protocol::text::escape));
    if view.held {
        parts.push("held back".to_owned());
    }
    format!("{}  {}", parts.join(" · "), left_words(&moments::left(view.expires_at.saturating_sub(now))))
}

/// One line of a transcript.
pub fn line(line: &Line, paint: Paint) -> String {
    let value = match &line.value {
        LineValue::Section(_) => return paint.bold(&line.label),
        LineValue::Money(amount) => paint.bold(&money(amount)),
        LineValue::Date(text) => date(text),
        LineValue::Text(text) | LineValue::Account(text) if line.prominence == 1 => paint.bold(text),
        LineValue::Text(text) | LineValue::Account(text) => text.clone(),
        _ => String::new(),
    };
    format!("{} {value}", paint.dim(&format!("{}:", line.label)))
}

/// An amount with the sign people know, else with its code.
pub fn money(money: &Money) -> String {
    match money.currency.as_str() {
        "EUR" => format!("€ {}", money.amount),
        "GBP" => format!("£ {}", money.amount),
        code => format!("{code} {}", money.amount),
    }
}

/// The title of a kind.
pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Login => "Sign-in",
        Kind::Payment => "Payment",
        Kind::Consent => "Consent",
        Kind::Device => "New device",
        _ => "Request",
    }
}

/// How a request ended, in words.
pub fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Approved => "approved",
        Ending::Denied => "denied",
        Ending::Expired => "expired, nobody answered in time",
        Ending::AnsweredElsewhere => "answered on another device",
        Ending::Cancelled => "called off",
        Ending::Mismatch => "ended, the number was wrong",
        Ending::Refused => "ended, no device could show it",
        Ending::Disputed => "disputed",
        _ => "ended",
    }
}

fn left_words(left: &str) -> String {
    match left {
        "0:00" => "time is over".to_owned(),
        left => format!("{left} left"),
    }
}

/// The nearest of the 256 colours of terminals to the app's kinds.
fn colour(kind: Kind) -> u8 {
    match kind {
        Kind::Login => 25,
        Kind::Payment => 23,
        Kind::Consent => 61,
        Kind::Device => 94,
        _ => 59,
    }
}

/// RFC 3339 as this computer's time; what is none is shown as it is.
fn date(text: &str) -> String {
    let moment = text.parse::<jiff::Timestamp>().ok().and_then(|moment| u64::try_from(moment.as_second()).ok());
    moment.map_or_else(|| text.to_owned(), moments::full)
}
