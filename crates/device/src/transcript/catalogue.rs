//! Catalogue of the device's own sentences, by language. A language that misses one does not compile. Captions are the protocol's.

use countersign_protocol::outcome::Ending;
use countersign_protocol::transcript::Locale;

use super::Repeat;

/// The sentence for how a request ended.
pub const fn ending(locale: Locale, ending: Ending) -> &'static str {
    let words = words(locale);
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

pub(super) const fn words(locale: Locale) -> &'static Words {
    match locale {
        Locale::En => &EN,
        Locale::De => &DE,
    }
}

/// The texts; `{}` is replaced by a name.
pub(super) struct Words {
    pub(super) test_only: &'static str,
    pub(super) nothing_approved_for: &'static str,
    pub(super) did_you_start_this: &'static str,
    like_one_seconds_ago: &'static str,
    like_one_minutes_ago: &'static str,
    like_one_meanwhile: &'static str,
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
    test_only: "Nothing here is real",
    nothing_approved_for: "Nothing approved for {} yet",
    did_you_start_this: "Did you start this yourself, just now? If somebody on the phone told you to approve, or gave you a number, press Deny. {} never does that.",
    like_one_seconds_ago: "Like the one you approved {} s ago ({})",
    like_one_minutes_ago: "Like the one you approved {} min ago ({})",
    like_one_meanwhile: "Like the one you approved while this waited ({})",
    approved: "Approved.",
    denied: "Denied.",
    expired: "Expired. Nobody answered in time.",
    answered_elsewhere: "Answered on another device.",
    cancelled: "Called off.",
    mismatch: "The number was wrong. The request has ended.",
    refused: "Your devices could not show this request as it was asked. It has ended.",
    disputed: "Disputed. The provider was told.",
    ended: "This request has ended.",
};

const DE: Words = Words {
    test_only: "Nichts hier ist echt",
    nothing_approved_for: "Für {} noch nichts freigegeben",
    did_you_start_this: "Haben Sie das gerade selbst begonnen? Wenn jemand am Telefon sagt, Sie sollen freigeben, oder Ihnen eine Zahl nennt, lehnen Sie ab. {} tut das nie.",
    like_one_seconds_ago: "Wie die, die Sie vor {} s freigegeben haben ({})",
    like_one_minutes_ago: "Wie die, die Sie vor {} min freigegeben haben ({})",
    like_one_meanwhile: "Wie die, die Sie freigegeben haben, während diese wartete ({})",
    approved: "Freigegeben.",
    denied: "Abgelehnt.",
    expired: "Abgelaufen. Niemand hat rechtzeitig geantwortet.",
    answered_elsewhere: "Auf einem anderen Gerät beantwortet.",
    cancelled: "Zurückgezogen.",
    mismatch: "Die Zahl war falsch. Die Anfrage ist beendet.",
    refused: "Ihre Geräte konnten diese Anfrage nicht so anzeigen, wie sie gestellt wurde. Sie ist beendet.",
    disputed: "Beanstandet. Der Anbieter weiß Bescheid.",
    ended: "Diese Anfrage ist beendet.",
};

impl Words {
    /// The earlier approval that a request is like.
    pub(super) fn like_the_one(&self, repeat: Repeat) -> String {
        let name = repeat.approval_ref.to_string();
        match repeat.seconds {
            0 => fill(self.like_one_meanwhile, &name),
            seconds @ 1..60 => fill(&fill(self.like_one_seconds_ago, &seconds.to_string()), &name),
            seconds => fill(&fill(self.like_one_minutes_ago, &(seconds / 60).to_string()), &name),
        }
    }
}

/// Replaces the first `{}` by a name.
pub(super) fn fill(words: &str, name: &str) -> String {
    words.replacen("{}", name, 1)
}
