//! Captions of a transcript's lines, by language. A verifier that knows them refuses a line under another row's caption.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::kind::Kind;
use crate::text::compose;

/// A language of the captions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Locale {
    /// English, and every language without captions of its own.
    #[default]
    En,
    /// German.
    De,
}

impl Locale {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// The language of a BCP 47 tag (`de-AT`) or a POSIX locale (`de_AT.UTF-8`).
    pub fn of(tag: &str) -> Self {
        let language = tag.split(['-', '_', '.']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("de") { Self::De } else { Self::En }
    }

    /// The BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }

    /// The name of a kind of request.
    pub const fn kind(self, kind: Kind) -> &'static str {
        let names = match kind {
            Kind::Login => ["Sign-in", "Anmeldung"],
            Kind::Payment => ["Payment", "Zahlung"],
            Kind::Consent => ["Consent", "Zustimmung"],
            Kind::Device => ["New device", "Neues Gerät"],
            Kind::Other => ["Approval", "Freigabe"],
        };
        names[self as usize]
    }

    /// Why a request is held back.
    pub const fn held_why(self) -> &'static str {
        match self {
            Self::En => "This came without a sound: whoever asks did so too often, or you said that it was not you",
            Self::De => {
                "Das kam lautlos: Wer fragt, hat es zu oft getan, oder Sie haben gesagt, dass Sie es nicht waren"
            }
        }
    }

    /// What a practice request comes to.
    pub const fn practice_moves_nothing(self) -> &'static str {
        match self {
            Self::En => "This is practice: nothing happens, whatever you answer",
            Self::De => "Das ist eine Übung: Es geschieht nichts, was auch immer Sie antworten",
        }
    }

    /// How many digits are to be typed.
    pub fn digits(self, length: u32) -> String {
        match self {
            Self::En => format!("{length} digits"),
            Self::De => format!("{length} Ziffern"),
        }
    }

    /// That one of the numbers below is to be chosen.
    pub const fn one_of_these(self) -> &'static str {
        match self {
            Self::En => "One of these",
            Self::De => "Eine von diesen",
        }
    }
}

macro_rules! captions {
    ($($(#[$doc:meta])* $name:ident = $en:literal, $de:literal;)*) => {
        /// A caption, without the names that it is filled with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Caption {
            $($(#[$doc])* $name,)*
        }

        impl Caption {
            /// Every caption.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The words; `{}` is replaced by a name.
            pub const fn words(self, locale: Locale) -> &'static str {
                match (self, locale) {
                    $((Self::$name, Locale::En) => $en, (Self::$name, Locale::De) => $de,)*
                }
            }
        }
    };
}

captions! {
    /// The provider is for tests.
    Test = "TEST", "TEST";
    /// The request moves nothing.
    Practice = "PRACTICE", "ÜBUNG";
    /// The kind of request.
    Request = "Request", "Anfrage";
    /// It came without a sound.
    Held = "Quiet", "Leise";
    /// For whom.
    Subject = "For", "Für";
    /// A client that the operator verified.
    Client = "From", "Von";
    /// A client by a name of its own.
    CallsItself = "Calls itself", "Nennt sich";
    /// Nothing of this client was approved before.
    FirstRequest = "New to you", "Neu für Sie";
    /// Like one approved just now.
    Repeat = "Asked again", "Noch einmal gefragt";
    /// The provider.
    Provider = "Via", "Über";
    /// The provider that a gateway names; `{}`: the gateway's host.
    ProviderClaimed = "{} says it asks for", "{} sagt, es frage für";
    /// The issuer's URL.
    ProviderAddress = "Address", "Adresse";
    /// The gateway.
    Gateway = "By way of", "Vermittelt von";
    /// The client's message; `{}`: the client's name.
    MessageFrom = "Message from {}", "Nachricht von {}";
    /// A member of the context; `{}`: who says so, then the member.
    Says = "{} says: {}", "{} sagt: {}";
    /// The till or desk that asks.
    Terminal = "Terminal", "Terminal";
    /// The scope.
    AsksFor = "Asks for", "Möchte";
    /// `acr_values`.
    Assurance = "Wanted assurance", "Gewünschte Sicherheit";
    /// The client's id.
    ClientId = "Client ID", "Client-ID";
    /// A number to type.
    EnterNumber = "Enter the number that the other screen shows", "Geben Sie die Zahl ein, die der andere Bildschirm zeigt";
    /// A number to choose.
    ChooseNumber = "Choose the number that the other screen shows", "Wählen Sie die Zahl, die der andere Bildschirm zeigt";
    /// One of the numbers to choose from.
    Choice = "Number", "Zahl";
    /// What to check first.
    BeforeYouAnswer = "Before you answer", "Bevor Sie antworten";
    /// When it was asked.
    AskedAt = "Asked at", "Gefragt am";
    /// When it expires.
    AnswerUntil = "Answer before", "Antworten bis";
    /// The only element.
    Details = "Details", "Einzelheiten";
    /// One of several elements; `{}`: its number.
    Part = "Part {}", "Teil {}";
    /// An element without a template; `{}`: the client's name.
    AsNamed = "Details, as {} names them", "Einzelheiten, wie {} sie nennt";
    /// The amount of a payment.
    Amount = "Amount", "Betrag";
    /// The payee.
    To = "To", "An";
    /// The payee's account.
    ToAccount = "To account", "Auf Konto";
    /// The payee's bank.
    ToBank = "To bank", "Bei Bank";
    /// The payer.
    PaidBy = "Paid by", "Zahler";
    /// The payer's account.
    FromAccount = "From account", "Von Konto";
    /// The reference.
    Reference = "Reference", "Verwendungszweck";
    /// The payment's id.
    PaymentId = "Payment ID", "Zahlungs-ID";
    /// The day of execution.
    ExecutionDate = "On", "Am";
    /// What a client wants to see or do.
    WantsTo = "Wants to", "Möchte Zugriff auf";
    /// An account.
    Account = "Account", "Konto";
    /// The last day of a consent.
    ValidUntil = "Valid until", "Gültig bis";
    /// How often a day.
    TimesPerDay = "Times per day", "Mal pro Tag";
    /// Whether it repeats.
    Repeatedly = "Repeatedly", "Wiederholt";
    /// A title.
    Title = "What", "Was";
    /// An instruction.
    Instruction = "Instruction", "Anweisung";
}

impl Caption {
    /// The words with the names filled in, in order.
    pub fn filled(self, locale: Locale, names: &[&str]) -> String {
        let mut parts = self.words(locale).split("{}");
        let mut out = parts.next().unwrap_or_default().to_owned();
        for (at, part) in parts.enumerate() {
            out += names.get(at).copied().unwrap_or_default();
            out += part;
        }
        out
    }
}

/// Which caption with a party's name in it a label is, as [`comparable`], whosever name that is here.
pub(super) fn names_a_party(label: &str) -> Option<Caption> {
    let named = AROUND_A_PARTY.iter().find(|(words, _)| is_filled(label, words));
    named.map(|(_, caption)| *caption)
}

/// The captions with a party's name in them, in every language: the words around the names.
static AROUND_A_PARTY: LazyLock<Vec<(Vec<String>, Caption)>> = LazyLock::new(|| {
    let captions = [Caption::MessageFrom, Caption::AsNamed, Caption::ProviderClaimed, Caption::Says].into_iter();
    let all = captions.flat_map(|caption| Locale::ALL.into_iter().map(move |locale| (caption, locale)));
    all.map(|(caption, locale)| {
        let words = comparable(caption.words(locale));
        (words.split("{}").map(str::to_owned).collect(), caption)
    })
    .collect()
});

/// Whether a label, as [`comparable`], says that something is this party's word, whatever it calls that.
pub(super) fn is_word_of(label: &str, party: &str) -> bool {
    Locale::ALL.into_iter().any(|locale| {
        let words = comparable(&Caption::Says.filled(locale, &[party, "x"]));
        let rest = words.strip_suffix('x').and_then(|before| label.strip_prefix(before));
        rest.is_some_and(|rest| !rest.is_empty())
    })
}

/// Whether a label is these words with something in each place between two of them.
fn is_filled(label: &str, words: &[String]) -> bool {
    let [first, between @ .., last] = words else { return false };
    let rest = label.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()));
    let Some(mut rest) = rest else { return false };
    for part in between {
        let Some(at) = rest.find(part.as_str()).filter(|at| *at > 0) else { return false };
        rest = &rest[at + part.len()..];
    }
    !rest.is_empty()
}

/// A caption as it is compared: composed, whatever its case, its blanks and a final colon.
pub(super) fn comparable(label: &str) -> String {
    let label = compose(label);
    let label = label.trim().trim_end_matches(|last: char| last.is_whitespace() || matches!(last, ':' | '：'));
    let mut words = String::with_capacity(label.len());
    for word in label.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
    }
    words.to_lowercase()
}
