//! The check of a transcript against the closed table: applied by the gateway before there is a verdict, and by whoever verifies
//! evidence. A value counts because of the member that its line names, never because it is found somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use countersign_jose::json::Json;

use super::basis::{ExpectedLine, LineCaption, TranscriptBasis};
use super::caption::{Caption, Locale, comparable, is_word_of, names_a_party};
use super::display_error::DisplayError;
use super::role::Role;
use super::source::Source;
use super::table::{DEVICE_ROWS, HEADED};
use super::{Line, LineValue, Transcript, VERSION};
use crate::interaction::InteractionType;
use crate::kind::Kind;
use crate::text::escape;
use crate::{json, limits};

/// Checks a transcript against what was asked. `locale` is the answer's. Returns its lines.
///
/// # Errors
/// [`DisplayError`] with the first rule that it breaks.
pub fn check(text: &str, asked: &TranscriptBasis<'_>, locale: &str) -> Result<Vec<Line>, DisplayError> {
    if text.len() > limits::TRANSCRIPT_BYTES {
        return Err(DisplayError::TooLarge);
    }
    let transcript: Transcript = json::parse(text.as_bytes()).map_err(|_| DisplayError::Unreadable)?;
    if transcript.version != VERSION {
        return Err(DisplayError::Version);
    }
    if transcript.challenge != asked.challenge().jti || transcript.locale != locale {
        return Err(DisplayError::OtherChallenge);
    }
    let expected = asked.expected();
    let mut check = Check::new(asked, &expected);
    transcript.lines.iter().try_for_each(|line| check.line(line))?;
    check.finish()?;
    Ok(transcript.lines)
}

/// A check under way, from the first line to the last.
struct Check<'c> {
    asked: &'c TranscriptBasis<'c>,
    expected: &'c [ExpectedLine],
    by_source: BTreeMap<&'c Source, Vec<usize>>,
    /// Those with names in them.
    captions: Vec<(String, Caption)>,
    shown: Vec<bool>,
    device: BTreeMap<Role, usize>,
    /// The element that the last line belongs to.
    inside: Option<usize>,
    /// How many elements have begun.
    begun: usize,
    choices: usize,
    /// Place among those expected of the last line that has the client's own caption.
    last_named: usize,
    sections: BTreeSet<(Source, String)>,
}

impl<'c> Check<'c> {
    fn new(asked: &'c TranscriptBasis<'c>, expected: &'c [ExpectedLine]) -> Self {
        let mut by_source: BTreeMap<&Source, Vec<usize>> = BTreeMap::new();
        for (at, line) in expected.iter().enumerate() {
            by_source.entry(&line.from).or_default().push(at);
        }
        Self {
            asked,
            expected,
            by_source,
            captions: captions_with_names(asked, expected),
            shown: vec![false; expected.len()],
            device: BTreeMap::new(),
            inside: None,
            begun: 0,
            choices: 0,
            last_named: 0,
            sections: BTreeSet::new(),
        }
    }

    fn line(&mut self, line: &Line) -> Result<(), DisplayError> {
        if escape(&line.label) != line.label {
            return Err(DisplayError::Text);
        }
        if line.from == Source::Device { self.device_line(line) } else { self.quoted_line(line) }
    }

    fn quoted_line(&mut self, line: &Line) -> Result<(), DisplayError> {
        let (role, from) = (line.role, line.from.clone());
        let same_source = self.by_source.get(&line.from).map_or(&[][..], Vec::as_slice);
        let at = same_source.iter().copied().find(|&at| allows(&self.expected[at], role));
        let Some(at) = at else {
            let claim = same_source.iter().any(|&at| is_claim_of(self.expected[at].role, role));
            return Err(if claim { DisplayError::Claim { from } } else { DisplayError::Misplaced { role, from } });
        };
        let expected = &self.expected[at];
        if std::mem::replace(&mut self.shown[at], true) {
            return Err(DisplayError::Twice { role, from });
        }
        if line.value != expected.value {
            return Err(DisplayError::OtherValue { from });
        }
        if line.label_from != expected.label_from {
            return Err(DisplayError::LabelFrom { from });
        }
        if line.prominence > least(expected, role) {
            return Err(DisplayError::Folded { role, from });
        }
        let fits = match &expected.caption {
            // The client's own name for it, whatever that looks like, and nothing else.
            LineCaption::Member { name, path } => line.label == *name || line.label == *path,
            // A foreign provider's name that was confirmed.
            LineCaption::Known(..) if role == Role::Provider => {
                self.caption_fits(&line.label, &[Caption::Provider], &[])
            }
            LineCaption::Known(caption, names) => {
                self.caption_fits(&line.label, &[*caption], names) && self.names_fit(&line.label, *caption, names)
            }
        };
        if !fits {
            return Err(DisplayError::OtherCaption { from, label: line.label.clone() });
        }
        if role == Role::Choice {
            let next = Source::challenge(format!("/interaction/choices/{}", self.choices));
            if from != next {
                return Err(DisplayError::OutOfPlace { from });
            }
            self.choices += 1;
        }
        if role == Role::ClientDetail {
            // The same words may stand over many of them: their order says what belongs together.
            if at < self.last_named {
                return Err(DisplayError::OutOfPlace { from });
            }
            self.last_named = at;
        }
        match expected.element {
            element if element == self.inside => Ok(()),
            None => {
                self.inside = None;
                Ok(())
            }
            // Of an element that has not begun with its section, or was left before.
            Some(_) => Err(DisplayError::OutOfPlace { from }),
        }
    }

    fn device_line(&mut self, line: &Line) -> Result<(), DisplayError> {
        let role = line.role;
        let row = DEVICE_ROWS.iter().find(|row| row.role == role).ok_or(DisplayError::Device { role })?;
        let count = self.device.entry(role).or_default();
        *count += 1;
        if *count > 1 && !row.many {
            return Err(DisplayError::Device { role });
        }
        if line.prominence > row.least {
            return Err(DisplayError::Folded { role, from: Source::Device });
        }
        let is_members_name = line.label_from.as_ref().and_then(name_of).is_some_and(|name| name == line.label);
        if !is_members_name && !self.caption_fits(&line.label, row.captions, &[]) {
            return Err(DisplayError::OtherCaption { from: Source::Device, label: line.label.clone() });
        }
        match (&line.value, &line.label_from) {
            (LineValue::Section, Some(heads)) if role == Role::Section => {
                if !self.sections.insert((heads.clone(), line.label.clone())) {
                    return Err(DisplayError::Twice { role, from: heads.clone() });
                }
                self.section(heads, &line.label)
            }
            (LineValue::Text(words), None) if role != Role::Section => {
                if escape(words) != *words {
                    return Err(DisplayError::Text);
                }
                if role == Role::Kind && says_another_kind(words, self.asked.challenge().kind) {
                    return Err(DisplayError::OtherValue { from: Source::Device });
                }
                // What is left of an element is out of place from here on.
                self.inside = None;
                Ok(())
            }
            _ => Err(DisplayError::Device { role }),
        }
    }

    /// A section begins an element, stands within it over a member, or heads one of few members outside the details.
    fn section(&mut self, heads: &Source, label: &str) -> Result<(), DisplayError> {
        let out_of_place = || DisplayError::OutOfPlace { from: heads.clone() };
        if let Source::Challenge(pointer) = heads
            && HEADED.contains(&pointer.as_str())
        {
            self.inside = None;
            return Ok(());
        }
        let pointer = heads.in_details().ok_or_else(out_of_place)?;
        let mut parts = pointer.split('/').skip(1);
        let at: usize = parts.next().and_then(|part| part.parse().ok()).ok_or_else(out_of_place)?;
        let elements = self.asked.details().map_or(&[][..], |details| details.elements());
        let element = elements.get(at).ok_or_else(out_of_place)?;
        if !self.names_fit(label, Caption::Part, &[format!("{}/{}", at + 1, elements.len())]) {
            return Err(DisplayError::OtherCaption { from: Source::Device, label: label.to_owned() });
        }
        let names_element = pointer == format!("/{at}");
        if names_element && at == self.begun {
            self.begun += 1;
            self.inside = Some(at);
            return Ok(());
        }
        let exists = parts.try_fold(&element.object, |value, part| member(value, part)).is_some();
        if self.inside == Some(at) && exists { Ok(()) } else { Err(out_of_place()) }
    }

    fn finish(&self) -> Result<(), DisplayError> {
        if let Some((line, _)) = self.expected.iter().zip(&self.shown).find(|(_, shown)| !**shown) {
            return Err(DisplayError::Missing { role: line.role, from: line.from.clone() });
        }
        let elements = self.asked.details().map_or(0, |details| details.elements().len());
        if self.begun != elements {
            return Err(DisplayError::Device { role: Role::Section });
        }
        let claims = self.asked.challenge();
        let number = match claims.interaction.kind {
            InteractionType::InputManual => 1..=1,
            InteractionType::NumberChoose => 0..=1,
            _ => 0..=0,
        };
        let (held, practice) = (usize::from(claims.held), usize::from(claims.practice));
        for (role, times) in [
            (Role::Kind, 1..=1),
            (Role::Held, held..=held),
            (Role::Practice, practice..=practice),
            (Role::Number, number),
        ] {
            if !times.contains(&self.device.get(&role).copied().unwrap_or_default()) {
                return Err(DisplayError::Device { role });
            }
        }
        Ok(())
    }

    /// Whether a caption that this verifier knows has this line's names in it, and not another line's.
    fn names_fit(&self, label: &str, caption: Caption, names: &[String]) -> bool {
        let label = comparable(label);
        let is_known = self.captions.iter().any(|(words, of)| *words == label && *of == caption);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        !is_known || Locale::ALL.iter().any(|locale| comparable(&caption.filled(*locale, &names)) == label)
    }

    /// Whether a caption is this row's, or one that this verifier does not know. One with the name of a party that is not this line's
    /// is nobody's; what that party says may be called by other words.
    fn caption_fits(&self, label: &str, own: &[Caption], names: &[String]) -> bool {
        let label = comparable(label);
        let all = PLAIN_CAPTIONS.iter().chain(&self.captions);
        let mut known = all.filter(|(words, _)| *words == label).peekable();
        if known.peek().is_some() {
            return known.any(|(_, caption)| own.contains(caption));
        }
        match names_a_party(&label) {
            None => true,
            Some(Caption::Says) if own == [Caption::Says] => {
                names.first().is_some_and(|party| is_word_of(&label, party))
            }
            Some(_) => false,
        }
    }
}

/// Whether an expected line may have this role: its own, or for a foreign provider, that it was confirmed.
fn allows(expected: &ExpectedLine, role: Role) -> bool {
    expected.role == role || (expected.role == Role::ProviderClaimed && role == Role::Provider)
}

/// The least prominence of an expected line in this role.
fn least(expected: &ExpectedLine, role: Role) -> u8 {
    if role == Role::Provider { super::table::FIRST } else { expected.least }
}

/// Whether one is the verified, the other the claimed name of the same party.
fn is_claim_of(expected: Role, role: Role) -> bool {
    matches!(
        (expected, role),
        (Role::Client, Role::ClientClaimed)
            | (Role::ClientClaimed, Role::Client)
            | (Role::Provider, Role::ProviderClaimed)
    )
}

/// Whether the words are this verifier's name of another kind, in any language.
fn says_another_kind(words: &str, kind: Kind) -> bool {
    let words = comparable(words);
    let is_named = |kind| Locale::ALL.iter().any(|locale| comparable(locale.kind(kind)) == words);
    !is_named(kind) && Kind::ALL.into_iter().any(is_named)
}

/// Every caption without a name in it, in every language.
static PLAIN_CAPTIONS: LazyLock<Vec<(String, Caption)>> = LazyLock::new(|| {
    let all = Locale::ALL.into_iter().flat_map(|locale| {
        let plain = Caption::ALL.iter().filter(move |caption| !caption.words(locale).contains("{}"));
        plain.map(move |caption| (comparable(caption.words(locale)), *caption))
    });
    all.collect()
});

/// The captions with this request's names in them, in every language.
fn captions_with_names(asked: &TranscriptBasis<'_>, expected: &[ExpectedLine]) -> Vec<(String, Caption)> {
    let client = asked.client_name();
    let mut known = Vec::new();
    for locale in Locale::ALL {
        for caption in [Caption::MessageFrom, Caption::AsNamed] {
            known.push((comparable(&caption.filled(locale, &[&client])), caption));
        }
        let count = asked.details().map_or(0, |details| details.elements().len());
        for at in 1..=count {
            known.push((comparable(&Caption::Part.filled(locale, &[&format!("{at}/{count}")])), Caption::Part));
        }
        for line in expected {
            if let LineCaption::Known(caption, names) = &line.caption
                && !names.is_empty()
            {
                known.push((comparable(&line.caption.label(locale)), *caption));
            }
        }
    }
    known
}

/// The name of the member of the details that a section heads.
fn name_of(heads: &Source) -> Option<String> {
    let (_, name) = heads.in_details()?.rsplit_once('/')?;
    Some(escape(&name.replace("~1", "/").replace("~0", "~")))
}

/// The member or element that one part of a JSON pointer names.
fn member<'j>(value: &'j Json, part: &str) -> Option<&'j Json> {
    match value {
        Json::Array(elements) => elements.get(part.parse::<usize>().ok()?),
        Json::Object(_) => value.get(&part.replace("~1", "/").replace("~0", "~")),
        _ => None,
    }
}
