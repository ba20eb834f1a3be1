//! Rendering a verified challenge as the lines a person reads. The answer signs the hash of these lines.

mod account_information;
mod auth0;
mod catalogue;
mod payment;
mod role;
mod tree;

use countersign_protocol::challenge::{Challenge, ContextSource, VerifiedChallenge};
use countersign_protocol::details::Element;
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::kind::Kind;
use countersign_protocol::text::escape;
use countersign_protocol::transcript::{Line, LineValue, Transcript};

pub use catalogue::Locale;
use catalogue::fill;
pub use role::{RenderedTranscript, Role};

/// Prominence 1: shown large, at first sight.
const FIRST: u8 = 1;
/// Prominence 2: on the main screen.
const MAIN: u8 = 2;
/// Prominence 3: may be behind a fold.
const FOLDED: u8 = 3;

/// Renders a challenge in a language. Everything that the client sent is in some line, in full; text from outside is
/// escaped where it could deceive. `test`: the provider is for tests. `first_request`: nothing of this client was ever
/// approved on this account.
pub fn render(challenge: &VerifiedChallenge, test: bool, first_request: bool, locale: Locale) -> RenderedTranscript {
    let claims = challenge.claims();
    let mut renderer =
        Renderer { locale, lines: Vec::new(), roles: Vec::new(), role: Role::Detail, unrecognised: false };
    renderer.head(claims, test, first_request);
    let elements = challenge.details().map_or(&[][..], |details| details.elements());
    for (at, element) in elements.iter().enumerate() {
        if elements.len() > 1 {
            let part = fill(locale.words().part, &format!("{}/{}", at + 1, elements.len()));
            renderer.section(part, MAIN);
        }
        renderer.about(Role::Detail).element(element);
    }
    renderer.message(claims);
    renderer.interaction(claims);
    renderer.scope(claims);
    renderer.origin(claims);
    renderer.times(claims);
    let transcript = Transcript::new(challenge, locale.tag(), renderer.lines);
    RenderedTranscript { transcript, roles: renderer.roles, unrecognised: renderer.unrecognised }
}

/// Lines in the making.
struct Renderer {
    locale: Locale,
    lines: Vec<Line>,
    roles: Vec<Role>,
    /// Of the lines that come next.
    role: Role,
    unrecognised: bool,
}

impl Renderer {
    /// Sets the role of the lines that follow.
    fn about(&mut self, role: Role) -> &mut Renderer {
        self.role = role;
        self
    }

    fn line(&mut self, label: impl Into<String>, value: LineValue, prominence: u8) {
        let is_heading = matches!(value, LineValue::Section(_));
        self.roles.push(if is_heading { Role::Section } else { self.role });
        self.lines.push(Line { label: label.into(), value, prominence });
    }

    /// A line of text from outside, escaped.
    fn text(&mut self, label: impl Into<String>, value: &str, prominence: u8) {
        self.line(label, LineValue::Text(escape(value)), prominence);
    }

    fn section(&mut self, heading: String, prominence: u8) {
        self.line(heading, LineValue::Section(String::new()), prominence);
    }

    fn head(&mut self, claims: &Challenge, test: bool, first_request: bool) {
        let words = self.locale.words();
        if test {
            self.about(Role::Test).text(words.test, words.test_only, FIRST);
        }
        let kind = self.locale.kind(claims.kind);
        self.about(Role::Kind).text(words.request, kind, FIRST);
        if claims.held {
            self.about(Role::Held).text(words.held, words.held_why, MAIN);
        }
        let who = if claims.client.verified { words.from } else { words.calls_itself };
        self.about(Role::Client).text(who, client_name(claims), FIRST);
        if first_request {
            let from = fill(words.first_request_from, client_name(claims));
            self.about(Role::FirstRequest).text(words.first_request, &from, FIRST);
        }
        self.about(Role::Provider).text(words.provider, &claims.provider.name, FIRST);
        self.about(Role::ProviderAddress).text(words.provider_address, &claims.provider.issuer.host(), MAIN);
        if claims.provider.issuer != claims.iss {
            self.about(Role::ByWayOf).text(words.by_way_of, &claims.iss.host(), MAIN);
        }
    }

    fn element(&mut self, element: &Element) {
        match element.kind.as_str() {
            "payment_initiation" => self.payment(&element.object),
            "account_information" => self.account_information(&element.object),
            "generic" => self.generic(&element.object),
            name if name.starts_with(auth0::SCHEMAS) => self.auth0(&element.object),
            name => {
                self.unrecognised = true;
                self.section(fill(self.locale.words().unrecognised, &escape(name)), FIRST);
                self.tree("", &element.object, MAIN);
            }
        }
    }

    fn message(&mut self, claims: &Challenge) {
        if let Some(message) = &claims.binding_message {
            let label = fill(self.locale.words().message_from, &escape(client_name(claims)));
            self.about(Role::Message).text(label, message, FIRST);
        }
    }

    fn interaction(&mut self, claims: &Challenge) {
        let words = self.locale.words();
        self.about(Role::Number);
        let by_number = match claims.interaction.kind {
            InteractionType::InputManual => {
                let length = claims.interaction.length.unwrap_or_default().to_string();
                self.text(words.enter_number, &fill(words.digits, &length), FIRST);
                true
            }
            InteractionType::NumberChoose => {
                let choices = claims.interaction.choices.as_deref().unwrap_or_default().join(" · ");
                self.text(words.choose_number, &choices, FIRST);
                true
            }
            _ => false,
        };
        if by_number || claims.kind != Kind::Payment {
            let warning = fill(words.did_you_start_this, &escape(&claims.provider.name));
            self.about(Role::Warning).line(words.before_you_answer, LineValue::Text(warning), MAIN);
        }
    }

    fn scope(&mut self, claims: &Challenge) {
        let words = self.locale.words();
        for scope in claims.scope.iter().flat_map(|scope| scope.split(' ')).filter(|scope| !scope.is_empty()) {
            let is_sign_in = Kind::of([], Some(scope)) == Kind::Login;
            let prominence = if is_sign_in { FOLDED } else { MAIN };
            self.about(Role::Scope).text(words.asks_for, scope, prominence);
        }
        if let Some(acr) = &claims.acr_values {
            self.about(Role::Assurance).text(words.assurance, acr, FOLDED);
        }
    }

    fn origin(&mut self, claims: &Challenge) {
        let words = self.locale.words();
        for (member, context) in claims.context.iter().flatten() {
            let name = match context.source {
                ContextSource::Provider => &claims.provider.name,
                ContextSource::Client => client_name(claims),
            };
            let label = format!("{}: {}", fill(words.says, &escape(name)), escape(member));
            self.about(Role::Context).text(label, &context.value, FOLDED);
        }
        self.about(Role::ClientId).text(words.client_id, &claims.client.id, FOLDED);
    }

    fn times(&mut self, claims: &Challenge) {
        let words = self.locale.words();
        self.about(Role::AskedAt).line(words.asked_at, LineValue::Date(rfc3339(claims.requested_at)), FOLDED);
        self.about(Role::AnswerUntil).line(words.answer_until, LineValue::Date(rfc3339(claims.exp)), MAIN);
    }
}

/// The client's name, or its id where it has none.
fn client_name(claims: &Challenge) -> &str {
    if claims.client.name.trim().is_empty() { &claims.client.id } else { &claims.client.name }
}

/// A time as RFC 3339 in UTC; one outside the calendar is shown as its number of seconds.
fn rfc3339(seconds: u64) -> String {
    let moment = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    moment.map_or_else(|| seconds.to_string(), |moment| moment.to_string())
}

#[cfg(test)]
mod tests;
