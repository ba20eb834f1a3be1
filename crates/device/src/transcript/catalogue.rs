//! Catalogue of the transcripts' texts, by language. A language that misses one does not compile.

use countersign_protocol::kind::Kind;
use countersign_protocol::outcome::Ending;
use serde::{Deserialize, Serialize};

/// A language of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Locale {
    /// English, and every language without a catalogue.
    #[default]
    En,
    /// German.
    De,
}

impl Locale {
    /// The catalogue for a BCP 47 tag (`de-AT`) or a POSIX locale (`de_AT.UTF-8`).
    pub fn of(tag: &str) -> Locale {
        let language = tag.split(['-', '_', '.']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("de") { Locale::De } else { Locale::En }
    }

    /// The BCP 47 tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Locale::En => "en",
            Locale::De => "de",
        }
    }

    /// The name of a kind of request.
    pub const fn kind(self, kind: Kind) -> &'static str {
        let words = self.words();
        match kind {
            Kind::Login => words.login,
            Kind::Payment => words.payment,
            Kind::Consent => words.consent,
            Kind::Device => words.device,
            _ => words.other,
        }
    }

    /// The sentence for how a request ended.
    pub const fn ending(self, ending: Ending) -> &'static str {
        let words = self.words();
        match ending {
            Ending::Approved => words.approved,
            Ending::Denied => words.denied,
            Ending::Expired => words.expired,
            Ending::AnsweredElsewhere => words.answered_elsewhere,
            Ending::Cancelled => words.cancelled,
            Ending::Mismatch => words.mismatch,
            Ending::Refused => words.refused,
            Ending::Disputed => words.disputed,
            _ => words.ended,
        }
    }

    pub(super) const fn words(self) -> &'static Words {
        match self {
            Locale::En => &EN,
            Locale::De => &DE,
        }
    }
}

/// The texts; `{}` is replaced by a name.
pub(super) struct Words {
    pub(super) test: &'static str,
    pub(super) test_only: &'static str,
    pub(super) request: &'static str,
    login: &'static str,
    payment: &'static str,
    consent: &'static str,
    device: &'static str,
    other: &'static str,
    pub(super) from: &'static str,
    pub(super) calls_itself: &'static str,
    pub(super) first_request: &'static str,
    pub(super) first_request_from: &'static str,
    pub(super) provider: &'static str,
    pub(super) provider_address: &'static str,
    pub(super) by_way_of: &'static str,
    pub(super) message_from: &'static str,
    pub(super) says: &'static str,
    pub(super) asks_for: &'static str,
    pub(super) assurance: &'static str,
    pub(super) client_id: &'static str,
    pub(super) held: &'static str,
    pub(super) held_why: &'static str,
    pub(super) enter_number: &'static str,
    pub(super) digits: &'static str,
    pub(super) choose_number: &'static str,
    pub(super) before_you_answer: &'static str,
    pub(super) did_you_start_this: &'static str,
    pub(super) asked_at: &'static str,
    pub(super) answer_until: &'static str,
    pub(super) part: &'static str,
    pub(super) unrecognised: &'static str,
    pub(super) amount: &'static str,
    pub(super) to: &'static str,
    pub(super) to_account: &'static str,
    pub(super) to_bank: &'static str,
    pub(super) from_name: &'static str,
    pub(super) from_account: &'static str,
    pub(super) reference: &'static str,
    pub(super) payment_id: &'static str,
    pub(super) execution_date: &'static str,
    pub(super) access: &'static str,
    pub(super) account: &'static str,
    pub(super) valid_until: &'static str,
    pub(super) times_per_day: &'static str,
    pub(super) repeatedly: &'static str,
    pub(super) title: &'static str,
    pub(super) instruction: &'static str,
    approved: &'static str,
    denied: &'static str,
    expired: &'static str,
    answered_elsewhere: &'static str,
    cancelled: &'static str,
    mismatch: &'static str,
    refused: &'static str,
    disputed: &'static str,
    ended: &'static str,
}

const EN: Words = Words {
    test: "TEST",
    test_only: "This provider is for tests",
    request: "Request",
    login: "Sign-in",
    payment: "Payment",
    consent: "Consent",
    device: "New device",
    other: "Approval",
    from: "From",
    calls_itself: "Calls itself",
    first_request: "New to you",
    first_request_from: "First request from {}",
    provider: "Via",
    provider_address: "Address",
    by_way_of: "By way of",
    message_from: "Message from {}",
    says: "{} says",
    asks_for: "Asks for",
    assurance: "Wanted assurance",
    client_id: "Client ID",
    held: "Held back",
    held_why: "This request came without notification: this client asked too often, or you said that it was not you",
    enter_number: "Enter the number that the other screen shows",
    digits: "{} digits",
    choose_number: "Choose the number that the other screen shows",
    before_you_answer: "Before you answer",
    did_you_start_this: "Did you start this yourself, just now? If somebody on the phone told you to approve, or gave you a number, press Deny. {} never does that.",
    asked_at: "Asked at",
    answer_until: "Answer before",
    part: "Part {}",
    unrecognised: "Unrecognised request: {}",
    amount: "Amount",
    to: "To",
    to_account: "To account",
    to_bank: "To bank",
    from_name: "Paid by",
    from_account: "From account",
    reference: "Reference",
    payment_id: "Payment ID",
    execution_date: "On",
    access: "Wants to",
    account: "Account",
    valid_until: "Valid until",
    times_per_day: "Times per day",
    repeatedly: "Repeatedly",
    title: "What",
    instruction: "Instruction",
    approved: "Approved.",
    denied: "Denied.",
    expired: "Expired. Nobody answered in time.",
    answered_elsewhere: "Answered on another device.",
    cancelled: "Called off.",
    mismatch: "The number was wrong. The request has ended.",
    refused: "Your devices could not show this request. It has ended.",
    disputed: "Disputed. The provider was told.",
    ended: "This request has ended.",
};

const DE: Words = Words {
    test: "TEST",
    test_only: "Dieser Anbieter ist zum Testen da",
    request: "Anfrage",
    login: "Anmeldung",
    payment: "Zahlung",
    consent: "Zustimmung",
    device: "Neues Gerät",
    other: "Freigabe",
    from: "Von",
    calls_itself: "Nennt sich",
    first_request: "Neu für Sie",
    first_request_from: "Erste Anfrage von {}",
    provider: "Über",
    provider_address: "Adresse",
    by_way_of: "Vermittelt von",
    message_from: "Nachricht von {}",
    says: "{} sagt",
    asks_for: "Möchte",
    assurance: "Gewünschte Sicherheit",
    client_id: "Client-ID",
    held: "Zurückgehalten",
    held_why: "Diese Anfrage kam ohne Benachrichtigung: Dieser Client fragte zu oft, oder Sie haben gesagt, dass Sie es nicht waren",
    enter_number: "Geben Sie die Zahl ein, die der andere Bildschirm zeigt",
    digits: "{} Ziffern",
    choose_number: "Wählen Sie die Zahl, die der andere Bildschirm zeigt",
    before_you_answer: "Bevor Sie antworten",
    did_you_start_this: "Haben Sie das gerade selbst begonnen? Wenn jemand am Telefon sagt, Sie sollen freigeben, oder Ihnen eine Zahl nennt, lehnen Sie ab. {} tut das nie.",
    asked_at: "Gefragt am",
    answer_until: "Antworten vor",
    part: "Teil {}",
    unrecognised: "Unbekannte Art von Anfrage: {}",
    amount: "Betrag",
    to: "An",
    to_account: "Auf Konto",
    to_bank: "Bei Bank",
    from_name: "Zahlt",
    from_account: "Von Konto",
    reference: "Verwendungszweck",
    payment_id: "Zahlungs-ID",
    execution_date: "Am",
    access: "Möchte",
    account: "Konto",
    valid_until: "Gültig bis",
    times_per_day: "Mal pro Tag",
    repeatedly: "Wiederholt",
    title: "Was",
    instruction: "Anweisung",
    approved: "Freigegeben.",
    denied: "Abgelehnt.",
    expired: "Abgelaufen. Niemand hat rechtzeitig geantwortet.",
    answered_elsewhere: "Auf einem anderen Gerät beantwortet.",
    cancelled: "Zurückgezogen.",
    mismatch: "Die Zahl war falsch. Die Anfrage ist beendet.",
    refused: "Ihre Geräte konnten diese Anfrage nicht anzeigen. Sie ist beendet.",
    disputed: "Beanstandet. Der Anbieter weiß Bescheid.",
    ended: "Diese Anfrage ist beendet.",
};

/// Replaces `{}` by a name.
pub(super) fn fill(words: &str, name: &str) -> String {
    words.replacen("{}", name, 1)
}
