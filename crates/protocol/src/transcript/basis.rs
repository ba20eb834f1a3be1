//! What a challenge asks, line by line: every line that its transcript must have, in the order in which this renderer shows them.

use crate::challenge::{Challenge, ContextSource, TERMINAL, VerifiedChallenge};
use crate::details::Details;
use crate::enrollment::EnrollmentStatement;
use crate::interaction::InteractionType;
use crate::kind::Kind;
use crate::limits;
use crate::text::escape;

use super::caption::{Caption, Locale};
use super::details::{ElementLines, heading};
use super::role::Role;
use super::source::{Source, pointer_part};
use super::table::{FIRST, FOLDED, MAIN};
use super::{Line, LineValue, calendar};

/// Longest caption, in bytes, that has the names above a member's own.
const PATH_BYTES: usize = 160;

/// [`Details::transcript_bound`] below which lines need not be counted, in bytes: at most some sixteen, and their captions, sections
/// and escapes are far from a transcript's end.
const SMALL_DETAILS: usize = 4096;
/// Length of the other texts below which lines need not be counted, in bytes.
const SMALL_TEXTS: usize = 2048;
/// What a device says of its own (a warning, that it is the first request) and the user's label may take, in bytes.
const OWN_BYTES: usize = 2048;
/// By how much a caption in another language may be longer, in bytes.
const CAPTION_BYTES: usize = 8;

/// A challenge, and the enrollment statement in force when it was signed: all that a transcript may quote.
#[derive(Debug, Clone, Copy)]
pub struct TranscriptBasis<'a> {
    challenge: &'a Challenge,
    details: Option<&'a Details>,
    /// The statement's `subject_label`, unless it is blank.
    subject_label: Option<&'a str>,
    subject: &'a str,
}

/// Whether every device can show this challenge: its lines, in the longest of this version's languages and with room for a device's
/// own, take at most 32 KiB ([`limits::TRANSCRIPT_BYTES`]). A gateway asks this before it sends a challenge, a device before it
/// shows one. `details` are those of `authorization_details_json`.
pub fn fits(challenge: &Challenge, details: Option<&Details>) -> bool {
    let is_small = details.map_or(0, Details::transcript_bound) <= SMALL_DETAILS;
    let texts = [&challenge.binding_message, &challenge.scope, &challenge.acr_values].into_iter().flatten();
    let context = challenge.context.iter().flatten().map(|(member, context)| member.len() + context.value.len());
    if is_small && texts.map(String::len).chain(context).sum::<usize>() <= SMALL_TEXTS {
        return true;
    }
    let basis = TranscriptBasis { challenge, details, subject_label: None, subject: challenge.sub.as_str() };
    Locale::ALL.iter().all(|&locale| {
        let lines = basis.lines(locale);
        let bytes = serde_json::to_string(&lines).map_or(usize::MAX, |json| json.len());
        let others = OWN_BYTES + lines.len() * CAPTION_BYTES;
        bytes.saturating_add(others) <= limits::TRANSCRIPT_BYTES
    })
}

/// A line that a transcript must have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedLine {
    /// What it is about. A foreign provider that was confirmed is [`Role::Provider`]; here it is a claim.
    pub role: Role,
    /// Where its value comes from.
    pub from: Source,
    /// The member whose words its caption has, if it has another's.
    pub label_from: Option<Source>,
    /// Its value.
    pub value: LineValue,
    /// The least prominence: 1 to 3.
    pub least: u8,
    /// The prominence that this renderer gives it.
    pub prominence: u8,
    /// Its caption.
    pub caption: LineCaption,
    /// The element of the details that it belongs to, from 0.
    pub element: Option<usize>,
}

/// A line's caption, in no language yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineCaption {
    /// The device's own words, with the names that they are filled with.
    Known(Caption, Vec<String>),
    /// The client's name for a member of its details.
    Member {
        /// The name itself.
        name: String,
        /// The name with those above it: `items[1] › id`.
        path: String,
    },
}

impl LineCaption {
    /// The caption in a language.
    pub fn label(&self, locale: Locale) -> String {
        match self {
            Self::Known(caption, names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                caption.filled(locale, &names)
            }
            // A caption is no place for a long list of names; the line's source has them all.
            Self::Member { name, path } => if path.len() <= PATH_BYTES { path } else { name }.clone(),
        }
    }
}

impl ExpectedLine {
    /// The line as this renderer shows it.
    pub fn line(&self, locale: Locale) -> Line {
        Line {
            role: self.role,
            label: self.caption.label(locale),
            label_from: self.label_from.clone(),
            value: self.value.clone(),
            prominence: self.prominence,
            from: self.from.clone(),
        }
    }
}

impl<'a> TranscriptBasis<'a> {
    /// A challenge that was verified.
    pub fn new(challenge: &'a VerifiedChallenge, statement: &'a EnrollmentStatement) -> Self {
        Self::by_issuer(challenge.claims(), challenge.details(), statement)
    }

    /// A challenge of one's own, which needs no verification. `details` are those of `authorization_details_json`.
    pub fn by_issuer(
        challenge: &'a Challenge,
        details: Option<&'a Details>,
        statement: &'a EnrollmentStatement,
    ) -> Self {
        let label = statement.subject_label.as_deref();
        let subject_label = label.filter(|label| !label.trim().is_empty());
        Self { challenge, details, subject_label, subject: statement.sub.as_str() }
    }

    /// The challenge's claims.
    pub fn challenge(&self) -> &'a Challenge {
        self.challenge
    }

    /// The details.
    pub(super) fn details(&self) -> Option<&'a Details> {
        self.details
    }

    /// The client's name, or its id where it has none; escaped.
    pub fn client_name(&self) -> String {
        escape(if self.client_is_nameless() { &self.challenge.client.id } else { &self.challenge.client.name })
    }

    /// Whether some element of the details is of a type without a template, or has a member that its template can't read.
    pub fn is_unrecognised(&self) -> bool {
        self.elements().any(|(recognised, _)| !recognised)
    }

    /// Every line that the transcript must have, but for the device's own words.
    pub fn expected(&self) -> Vec<ExpectedLine> {
        let mut lines = self.head();
        self.elements().for_each(|(_, element)| lines.extend(element));
        lines.extend(self.rest());
        lines
    }

    /// The lines of a device that says no more than it must: those expected, that it is practice, the kind, whether it is held, the
    /// number to enter or choose, and a heading over each element.
    pub fn lines(&self, locale: Locale) -> Vec<Line> {
        let claims = self.challenge;
        let mut lines = Vec::new();
        if claims.practice {
            lines.push(Line::own(Role::Practice, Caption::Practice, locale, locale.practice_moves_nothing(), FIRST));
        }
        lines.push(Line::own(Role::Kind, Caption::Request, locale, locale.kind(claims.kind), FIRST));
        if claims.held {
            lines.push(Line::own(Role::Held, Caption::Held, locale, locale.held_why(), MAIN));
        }
        lines.extend(self.head().iter().map(|line| line.line(locale)));
        let count = self.details.map_or(0, |details| details.elements().len());
        for (at, (recognised, element)) in self.elements().enumerate() {
            lines.push(self.heading(at, count, heading(recognised), locale));
            let (named, known): (Vec<_>, Vec<_>) =
                element.iter().partition(|line| recognised && line.role == Role::ClientDetail);
            lines.extend(known.into_iter().map(|line| line.line(locale)));
            if !named.is_empty() {
                // The client's own names stand apart from the device's.
                lines.push(self.heading(at, count, Caption::AsNamed, locale));
                lines.extend(named.into_iter().map(|line| line.line(locale)));
            }
        }
        let rest = self.rest();
        let (message, after): (Vec<_>, Vec<_>) = rest.iter().partition(|line| line.role == Role::Message);
        lines.extend(message.into_iter().map(|line| line.line(locale)));
        lines.extend(self.number(locale));
        lines.extend(after.into_iter().map(|line| line.line(locale)));
        lines
    }

    fn elements(&self) -> impl Iterator<Item = (bool, Vec<ExpectedLine>)> + use<'a> {
        let elements = self.details.map_or(&[][..], Details::elements);
        elements.iter().enumerate().map(|(at, element)| {
            let mut lines = Vec::new();
            let recognised = ElementLines::add(&mut lines, at, element);
            (recognised, lines)
        })
    }

    fn heading(&self, at: usize, count: usize, caption: Caption, locale: Locale) -> Line {
        let label = match caption {
            Caption::AsNamed => Caption::AsNamed.filled(locale, &[&self.client_name()]),
            _ if count == 1 => Caption::Details.words(locale).to_owned(),
            caption => caption.filled(locale, &[&format!("{}/{count}", at + 1)]),
        };
        Line {
            role: Role::Section,
            label,
            label_from: Some(Source::details(&format!("/{at}"))),
            value: LineValue::Section,
            prominence: MAIN,
            from: Source::Device,
        }
    }

    fn number(&self, locale: Locale) -> Option<Line> {
        let interaction = &self.challenge.interaction;
        match interaction.kind {
            InteractionType::InputManual => {
                let digits = locale.digits(interaction.length.unwrap_or_default());
                Some(Line::own(Role::Number, Caption::EnterNumber, locale, digits, FIRST))
            }
            InteractionType::NumberChoose => {
                Some(Line::own(Role::Number, Caption::ChooseNumber, locale, locale.one_of_these(), FIRST))
            }
            _ => None,
        }
    }

    fn client_is_nameless(&self) -> bool {
        self.challenge.client.name.trim().is_empty()
    }

    fn client_pointer(&self) -> &'static str {
        if self.client_is_nameless() { "/client/id" } else { "/client/name" }
    }

    fn head(&self) -> Vec<ExpectedLine> {
        let claims = self.challenge;
        let subject = match self.subject_label {
            Some(label) => (Source::Statement("/subject_label".to_owned()), label),
            None => (Source::Statement("/sub".to_owned()), self.subject),
        };
        let mut lines = vec![line(Role::Subject, subject.0, subject.1, (MAIN, MAIN), Caption::Subject)];
        let client = if claims.client.verified {
            (Role::Client, Caption::Client)
        } else {
            (Role::ClientClaimed, Caption::CallsItself)
        };
        let from = Source::challenge(self.client_pointer());
        let name = LineValue::Text(self.client_name());
        lines.push(ExpectedLine { value: name, ..line(client.0, from, "", (FIRST, FIRST), client.1) });
        let is_foreign = claims.provider.issuer != claims.iss;
        let name = Source::challenge("/provider/name");
        lines.push(if is_foreign {
            let caption = LineCaption::Known(Caption::ProviderClaimed, vec![claims.iss.host()]);
            let claimed =
                line(Role::ProviderClaimed, name, &claims.provider.name, (MAIN, MAIN), Caption::ProviderClaimed);
            ExpectedLine { caption, ..claimed }
        } else {
            line(Role::Provider, name, &claims.provider.name, (FIRST, FIRST), Caption::Provider)
        });
        let address = Source::challenge("/provider/issuer");
        let issuer = claims.provider.issuer.as_str();
        lines.push(line(Role::ProviderAddress, address, issuer, (MAIN, MAIN), Caption::ProviderAddress));
        if is_foreign {
            let gateway =
                line(Role::Gateway, Source::challenge("/iss"), claims.iss.as_str(), (FIRST, FIRST), Caption::Gateway);
            lines.insert(lines.len() - 2, gateway);
        }
        lines
    }

    fn rest(&self) -> Vec<ExpectedLine> {
        let claims = self.challenge;
        let mut lines = Vec::new();
        if let Some(message) = &claims.binding_message {
            let from = Source::challenge("/binding_message");
            lines.push(ExpectedLine {
                label_from: Some(Source::challenge(self.client_pointer())),
                caption: LineCaption::Known(Caption::MessageFrom, vec![self.client_name()]),
                ..line(Role::Message, from, message, (FIRST, FIRST), Caption::MessageFrom)
            });
        }
        for (at, choice) in claims.interaction.choices.iter().flatten().enumerate() {
            let from = Source::challenge(format!("/interaction/choices/{at}"));
            lines.push(line(Role::Choice, from, choice, (FIRST, FIRST), Caption::Choice));
        }
        if let Some(terminal) = claims.context.as_ref().and_then(|context| context.get(TERMINAL)) {
            let from = Source::challenge("/context/terminal/value");
            lines.push(line(Role::Terminal, from, &terminal.value, (MAIN, MAIN), Caption::Terminal));
        }
        if let Some(scope) = &claims.scope {
            let least = if claims.kind == Kind::Login { FOLDED } else { MAIN };
            lines.push(line(Role::Scope, Source::challenge("/scope"), scope, (least, least), Caption::AsksFor));
        }
        if let Some(acr) = &claims.acr_values {
            let from = Source::challenge("/acr_values");
            lines.push(line(Role::Assurance, from, acr, (FOLDED, FOLDED), Caption::Assurance));
        }
        for (member, context) in claims.context.iter().flatten().filter(|(member, _)| *member != TERMINAL) {
            let says = match context.source {
                ContextSource::Provider => escape(&claims.provider.name),
                ContextSource::Client => self.client_name(),
            };
            let pointer = format!("/context/{}", pointer_part(member));
            let from = Source::challenge(format!("{pointer}/value"));
            lines.push(ExpectedLine {
                label_from: Some(Source::challenge(pointer)),
                caption: LineCaption::Known(Caption::Says, vec![says, escape(member)]),
                ..line(Role::Context, from, &context.value, (FOLDED, FOLDED), Caption::Says)
            });
        }
        let id = Source::challenge("/client/id");
        lines.push(line(Role::ClientId, id, &claims.client.id, (FOLDED, FOLDED), Caption::ClientId));
        for (role, member, seconds, least, caption) in [
            (Role::AskedAt, "/requested_at", claims.requested_at, FOLDED, Caption::AskedAt),
            (Role::AnswerUntil, "/exp", claims.exp, MAIN, Caption::AnswerUntil),
        ] {
            let value = LineValue::Date(calendar::rfc3339(seconds));
            lines.push(ExpectedLine { value, ..line(role, Source::challenge(member), "", (least, least), caption) });
        }
        lines
    }
}

/// A line of text from outside, escaped.
fn line(role: Role, from: Source, text: &str, (least, prominence): (u8, u8), caption: Caption) -> ExpectedLine {
    ExpectedLine {
        role,
        from,
        label_from: None,
        value: LineValue::Text(escape(text)),
        least,
        prominence,
        caption: LineCaption::Known(caption, Vec::new()),
        element: None,
    }
}
