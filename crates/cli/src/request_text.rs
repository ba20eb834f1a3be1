//! A request as text for a terminal: all lines of the transcript, none cut off.

use countersign_device::view::ChallengeView;
use countersign_protocol::approval_ref::ApprovalRef;
use countersign_protocol::blanks;
use countersign_protocol::kind::Kind;
use countersign_protocol::outcome::Ending;
use countersign_protocol::text::{compose, escape};
use countersign_protocol::transcript::{Line, LineValue, Money, Role};

use crate::output::Paint;
use crate::time_format;

/// Stands before the client's own names for what it sends.
const BAR: &str = "│ ";

/// The whole request.
pub fn request(view: &ChallengeView, paint: Paint) -> String {
    let badge = paint.badge(colour(view.kind), &format!(" {} ", kind(view.kind)));
    let mut out = format!("{badge}  {}\n", left_words(view.left_ms));
    for shown in &view.transcript.lines {
        let text = match &shown.value {
            LineValue::Text(text) if text.contains('\n') => {
                out += &format!("\n  {}", line(shown, paint));
                continue;
            }
            // A terminal has one size of letters: what matters most stands alone.
            LineValue::Money(_) if shown.prominence == 1 => format!("\n    {}\n", line(shown, paint)),
            _ => format!("  {}", line(shown, paint)),
        };
        out += &format!("\n{}", wrap(&text));
    }
    out
}

/// Wraps a long line between words. A word longer than a line stays whole, and the terminal wraps it. What goes on keeps its bar.
fn wrap(text: &str) -> String {
    const WIDTH: usize = 76;
    let next = if text.trim_start().starts_with(BAR) { "\n  │   " } else { "\n    " };
    let mut out = String::with_capacity(text.len() + 16);
    let mut column = 0;
    for piece in text.split_inclusive(' ') {
        let length = visible(piece.trim_end());
        if column > 0 && column + length > WIDTH && !piece.trim().is_empty() {
            out.truncate(out.trim_end_matches(' ').len());
            out += next;
            column = visible(next);
        }
        out += piece;
        column += visible(piece);
    }
    out
}

/// Number of visible characters: without colour sequences.
fn visible(text: &str) -> usize {
    let mut in_colour = false;
    let seen = text.chars().filter(|&character| {
        let shown = !in_colour && character != '\u{1b}';
        in_colour = character == '\u{1b}' || (in_colour && character != 'm');
        shown
    });
    seen.count()
}

/// Text from outside in one line of a list: escaped, composed, runs of blanks written out, so that it looks like no other column.
pub fn one_line(text: &str) -> String {
    blanks::visible(&compose(&escape(text)))
}

/// A client by its name, and whether that is what it calls itself alone.
pub fn client_name(name: &str, is_verified: bool) -> String {
    let name = one_line(name);
    if is_verified { name } else { format!("calls itself {name}") }
}

/// The request in one line, for lists.
pub fn summary(view: &ChallengeView, paint: Paint) -> String {
    let mut parts = vec![kind(view.kind).to_owned()];
    let first = view.transcript.lines.iter().filter(|line| line.prominence == 1);
    let worth = first.filter_map(|line| match &line.value {
        LineValue::Money(amount) => Some(paint.bold(&money(amount))),
        _ => None,
    });
    parts.extend(worth);
    parts.push(client_name(&view.client.name, view.client.verified));
    parts.push(for_whom(&view.subject_label));
    parts.extend(view.terminal.as_deref().map(|terminal| format!("at {}", one_line(terminal))));
    parts.extend(view.binding_message.as_deref().map(one_line));
    if view.practice {
        parts.insert(0, "PRACTICE".to_owned());
    }
    if view.held {
        parts.push("held back".to_owned());
    }
    format!("{}  {}", parts.join(" · "), left_words(view.left_ms))
}

/// Stands before what is said of a practice request.
pub const fn practice_mark(practice: bool) -> &'static str {
    if practice { "PRACTICE: " } else { "" }
}

/// For whom a request is, in a list: several people may use one device.
pub fn for_whom(subject_label: &str) -> String {
    format!("for {}", one_line(subject_label))
}

/// One line of a transcript. The client's own names for what it sends stand apart, behind a bar.
pub fn line(line: &Line, paint: Paint) -> String {
    let label = blanks::visible(&compose(&line.label));
    let value = match &line.value {
        LineValue::Section => return paint.bold(&label),
        LineValue::Money(amount) => paint.bold(&money(amount)),
        LineValue::Date(text) => date(text),
        LineValue::Text(text) if text.contains('\n') && line.role == Role::ClientDetail => {
            block(text).replace("\n    ", "\n  │ ")
        }
        LineValue::Text(text) if text.contains('\n') => block(text),
        LineValue::Text(text) | LineValue::Account(text) if line.prominence == 1 => paint.bold(&shown(text)),
        LineValue::Text(text) | LineValue::Account(text) => shown(text),
        _ => String::new(),
    };
    let bar = if line.role == Role::ClientDetail { BAR } else { "" };
    format!("{bar}{} {value}", paint.dim(&format!("{label}:")))
}

/// A text of one line: composed, a tab as blanks, runs of blanks written out.
fn shown(text: &str) -> String {
    blanks::visible(&compose(text).replace('\t', "    "))
}

/// A text of several lines as a block below its caption: the lines numbered, a run of empty ones counted.
fn block(text: &str) -> String {
    let text = compose(text);
    let lines: Vec<&str> = text.split('\n').collect();
    let mut out = String::new();
    let mut at = 0;
    while at < lines.len() {
        let empty = lines[at..].iter().take_while(|line| line.trim().is_empty()).count();
        let (first, shown) = match empty {
            0 => (format!("{}", at + 1), row(lines[at])),
            1 => (format!("{}", at + 1), "(1 empty line)".to_owned()),
            _ => (format!("{}–{}", at + 1, at + empty), format!("({empty} empty lines)")),
        };
        out += &format!("\n    {first:>3}  {shown}");
        at += empty.max(1);
    }
    out
}

/// A row of a block: indented as far as texts are, runs of blanks beyond that written out.
fn row(text: &str) -> String {
    const INDENTED: usize = 8;
    let text = text.replace('\t', "    ");
    let begin = text.len() - text.trim_start_matches(' ').len();
    let (indent, rest) = text.split_at(begin.min(INDENTED));
    format!("{indent}{}", blanks::visible(rest))
}

/// An amount with the currency's sign if it is well known, else with its code.
pub fn money(money: &Money) -> String {
    match money.currency.as_str() {
        "EUR" => format!("€ {}", money.amount),
        "GBP" => format!("£ {}", money.amount),
        code => format!("{code} {}", money.amount),
    }
}

/// Title of a kind.
pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Login => "Sign-in",
        Kind::Payment => "Payment",
        Kind::Consent => "Consent",
        Kind::Device => "New device",
        _ => "Approval",
    }
}

/// What people call a request that has ended, after how it did.
pub fn by_name(reference: Option<ApprovalRef>) -> String {
    reference.map_or_else(String::new, |reference| format!(" ({reference})"))
}

/// How a request ended.
pub fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Approved => "approved",
        Ending::Denied => "denied",
        Ending::Expired => "expired, nobody answered in time",
        Ending::AnsweredElsewhere => "answered on another device",
        Ending::Cancelled => "cancelled",
        Ending::Mismatch => "ended, the number was wrong",
        Ending::Refused => "ended, no device could show it as it was asked",
        Ending::Disputed => "disputed",
        _ => "ended",
    }
}

/// `None`: the provider's clock is not known, and this device's own says nothing about it.
fn left_words(left_ms: Option<u64>) -> String {
    match left_ms.map(|left_ms| left_ms / 1000) {
        None => "time left unknown until the provider replies".to_owned(),
        Some(0) => "time is over".to_owned(),
        Some(seconds) => format!("{} left", time_format::remaining(seconds)),
    }
}

/// The terminal colour (of 256) nearest to the app's colour of the kind.
fn colour(kind: Kind) -> u8 {
    match kind {
        Kind::Login => 25,
        Kind::Payment => 23,
        Kind::Consent => 61,
        Kind::Device => 94,
        _ => 59,
    }
}

/// An RFC 3339 time in the local time zone; any other string unchanged.
fn date(text: &str) -> String {
    let moment = text.parse::<jiff::Timestamp>().ok().and_then(|moment| u64::try_from(moment.as_second()).ok());
    moment.map_or_else(|| text.to_owned(), time_format::full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_wraps_between_words_and_loses_nothing() {
        let text = format!("  Before you answer: {}", "Did you start this yourself, just now? ".repeat(5));
        let wrapped = wrap(&text);
        assert!(wrapped.lines().count() > 2 && wrapped.lines().all(|line| line.chars().count() <= 76), "{wrapped}");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&wrapped), words(&text));
        let named = wrap(&format!("  │ note: {}", "To: Friend ".repeat(20)));
        assert!(named.lines().count() > 2 && named.lines().all(|line| line.starts_with("  │ ")), "{named}");
        let long = "x".repeat(200);
        assert_eq!(wrap(&long), long);
    }

    #[test]
    fn a_text_of_several_lines_is_a_numbered_block() {
        let shown = block("Cafe\u{301}\n\n \n\tthree\n\nlast");
        let expected =
            "\n      1  Café\n    2–3  (2 empty lines)\n      4      three\n      5  (1 empty line)\n      6  last";
        assert_eq!(shown, expected);
    }

    #[test]
    fn nothing_in_a_list_or_a_block_is_pushed_out_of_sight() {
        assert_eq!(client_name("Acme · for Alice    5:00 left", false), "calls itself Acme · for Alice␣␣␣␣5:00 left");
        assert_eq!(client_name("Cafe\u{301} \u{202e}x", true), "Café \\u{202e}x");
        assert_eq!(for_whom("Bob     OK"), "for Bob␣␣␣␣␣OK");
        assert_eq!(block("a\n            b     c"), "\n      1  a\n      2          ␣␣␣␣b␣␣␣␣␣c");
    }

    #[test]
    fn the_time_left_is_told_only_where_it_is_known() {
        assert_eq!(left_words(Some(102_900)), "1:42 left");
        assert_eq!(left_words(Some(0)), "time is over");
        assert_eq!(left_words(None), "time left unknown until the provider replies");
    }

    #[test]
    fn captions_of_the_client_stand_apart_from_the_devices() {
        let shown = |role, label: &str, value: &str| {
            let (label, value) = (label.to_owned(), LineValue::Text(value.to_owned()));
            let from = countersign_protocol::transcript::Source::Device;
            line(&Line { role, label, label_from: None, value, prominence: 2, from }, Paint::without_colours())
        };
        assert_eq!(shown(Role::Payee, "To", "Acme"), "To: Acme");
        assert_eq!(shown(Role::ClientDetail, "To", "Acme"), "│ To: Acme");
        assert_eq!(shown(Role::ClientDetail, "From     Red", "a\u{a0}\u{a0}\u{a0}\u{a0}b"), "│ From␣␣␣␣␣Red: a⍽⍽⍽⍽b");
    }

    #[test]
    fn colour_sequences_have_no_width() {
        assert_eq!(visible("\u{1b}[1mAcme\u{1b}[0m Coffee"), "Acme Coffee".len());
    }

    #[test]
    fn amounts_keep_their_digits() {
        let money = |amount: &str, currency: &str| {
            super::money(&Money { amount: amount.to_owned(), currency: currency.to_owned() })
        };
        assert_eq!(money("4.20", "EUR"), "€ 4.20");
        assert_eq!(money("1200", "JPY"), "JPY 1200");
    }
}
