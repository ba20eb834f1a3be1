//! The parties that ask: `[[clients]]`, with members named as in OpenID registration where it has them.

use std::collections::HashMap;
use std::path::Path;

use countersign_protocol::interaction::InteractionType;

use super::policy::{INTERACTIONS, Policy};
use super::read::{Found, Section};
use super::secret::{self, ClientSecret, SecretFault, SecretFileFault};
use super::{DETAIL_TYPES, shown_text};
use crate::details::DetailType;

/// The grant a client needs to ask for approvals (CIBA Core §4).
pub const CIBA_GRANT: &str = "urn:openid:params:grant-type:ciba";

/// A party that asks. Has no `Debug`: it holds a secret.
#[derive(Clone)]
pub struct Client {
    /// What it calls itself to the provider.
    pub client_id: String,
    /// What the person is shown.
    pub name: String,
    /// Shared with the provider, at least 128 bits.
    pub secret: ClientSecret,
    /// Belongs to the provider itself.
    pub first_party: bool,
    /// The operator vouches for the name; otherwise the device says "calls itself …".
    pub verified: bool,
    /// Which interactions it can take part in (it shows the number); boolean where nothing is registered.
    pub interaction_types: Vec<InteractionType>,
    /// Whether [`CIBA_GRANT`] is among its `grant_types`.
    pub may_ask: bool,
    /// The only way it may authenticate; `None`: either.
    pub token_endpoint_auth_method: Option<SecretMethod>,
    /// Which types of authorization details it may send.
    pub authorization_details_types: Vec<DetailType>,
    /// The scopes it may ask for; `None`: any.
    pub scope: Option<Vec<String>>,
    /// The provider's policy with this client's own on top.
    pub policy: Policy,
}

/// How a client shows its secret (RFC 6749 §2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretMethod {
    /// In the `Authorization` header.
    Basic,
    /// In the body.
    Post,
}

impl Client {
    /// Whether people unknown to the provider are hidden from this client.
    pub fn hides_unknown_users(&self) -> bool {
        self.policy.hide_unknown_users.unwrap_or(!self.first_party)
    }
}

/// What a client's entry is read against.
pub(super) struct Surroundings<'a> {
    /// Where relative paths of secret files begin.
    pub(super) folder: &'a Path,
    pub(super) policy: &'a Policy,
    pub(super) detail_types: &'a [DetailType],
}

pub(super) fn read(sections: Vec<Section<'_>>, around: &Surroundings<'_>) -> Vec<Client> {
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut clients = Vec::new();
    for section in sections {
        let client_id = section.required_text("client_id", "till-14");
        if let Some(id) = &client_id {
            match lines.get(id.value) {
                Some(line) => {
                    let id_text = id.value;
                    section.fault(
                        &id.at,
                        format!("client_id \"{id_text}\" is already used on line {line}; choose another"),
                    );
                }
                None => {
                    lines.insert(id.value.to_owned(), section.line(&id.at));
                }
            }
        }
        clients.extend(read_one(section, client_id, around));
    }
    clients
}

fn read_one(section: Section<'_>, client_id: Option<Found<&str>>, around: &Surroundings<'_>) -> Option<Client> {
    let name = section.text("name");
    if let Some(name) = &name {
        shown_text(&section, "name", name);
    }
    let method = auth_method(&section);
    let secret = read_secret(&section, around.folder);
    let first_party = section.flag("first_party").unwrap_or(false);
    let verified = section.flag("verified").unwrap_or(false);
    let interaction_types =
        section.words("interaction_types", INTERACTIONS).unwrap_or_else(|| vec![InteractionType::Boolean]);
    let may_ask = section.words("grant_types", GRANTS).is_none_or(|grants| grants.contains(&Grant::Ciba));
    delivery_mode(&section);
    signing_alg(&section);
    let authorization_details_types = detail_types(&section, around);
    let scope = scope(&section);
    let policy = match section.section("policy", " in [clients.policy]") {
        Some(policy) => Policy::read(policy, around.policy),
        None => around.policy.clone(),
    };
    let client_id = client_id.filter(|id| valid_id(&section, id));
    section.finish();
    let client_id = client_id?.value.to_owned();
    Some(Client {
        name: name.map_or(client_id.as_str(), |name| name.value).to_owned(),
        client_id,
        secret: secret?,
        first_party,
        verified,
        interaction_types,
        may_ask,
        token_endpoint_auth_method: method,
        authorization_details_types,
        scope,
        policy,
    })
}

fn valid_id(section: &Section<'_>, id: &Found<&str>) -> bool {
    let valid = (1..=255).contains(&id.value.len()) && id.value.bytes().all(|byte| byte.is_ascii_graphic());
    if !valid {
        let name = section.name("client_id");
        section.fault(
            &id.at,
            format!("{name} must be 1 to 255 printable ASCII characters without blanks; choose another"),
        );
    }
    valid
}

/// Says what went wrong only once: a public client gets no second message about its missing secret.
fn read_secret(section: &Section<'_>, folder: &Path) -> Option<ClientSecret> {
    let written = section.text("secret");
    let file = section.text("secret_file");
    let public = section.text("token_endpoint_auth_method").is_some_and(|method| method.value == "none");
    match (written, file) {
        (Some(_), Some(file)) => {
            section.fault(&file.at, "a client has `secret` or `secret_file`, not both; remove one");
            None
        }
        (Some(written), None) => checked(section, "secret", &written.at, written.value),
        (None, Some(file)) => {
            let path = folder.join(file.value);
            let shown = path.display();
            match secret::read_file(&path) {
                Ok(text) => checked(section, "secret_file", &file.at, &text),
                Err(SecretFileFault::Unreadable(error)) => {
                    let message = format!(
                        "the secret's file {shown} can't be read: {error}; check the path (it begins at the configuration's folder) and who may read it"
                    );
                    section.fault(&file.at, message);
                    None
                }
                Err(SecretFileFault::WorldReadable(mode)) => {
                    section.fault(
                        &file.at,
                        format!("everybody may read the secret's file {shown} (mode {mode:o}); run: chmod 600 {shown}"),
                    );
                    None
                }
            }
        }
        (None, None) => {
            if !public && !section.has("secret") && !section.has("secret_file") {
                section.fault(section.at(), "a client needs a secret; add `secret` or `secret_file` with at least 128 random bits, for example from: openssl rand -hex 32");
            }
            None
        }
    }
}

fn checked(section: &Section<'_>, key: &str, at: &std::ops::Range<usize>, text: &str) -> Option<ClientSecret> {
    let name = section.name(key);
    match ClientSecret::parse(text) {
        Ok(secret) => Some(secret),
        Err(SecretFault::Short) => {
            section.fault(at, format!("{name} is too easy to guess: it needs at least 128 random bits, for example from: openssl rand -hex 32"));
            None
        }
        Err(SecretFault::Characters) => {
            section.fault(at, format!("{name} may hold printable ASCII characters only; make a new one, for example by: openssl rand -hex 32"));
            None
        }
    }
}

fn auth_method(section: &Section<'_>) -> Option<SecretMethod> {
    let method = section.text("token_endpoint_auth_method")?;
    match method.value {
        "none" => {
            section.fault(&method.at, "a public client can't ask for approvals (CIBA Core 4); give it a secret and leave `token_endpoint_auth_method` out");
            None
        }
        "private_key_jwt" | "client_secret_jwt" | "tls_client_auth" | "self_signed_tls_client_auth" => {
            let value = method.value;
            section.fault(&method.at, format!("`token_endpoint_auth_method` \"{value}\" is not supported by this version; use \"client_secret_basic\" or \"client_secret_post\""));
            None
        }
        value => section.one_of("token_endpoint_auth_method", &method.at, value, METHODS),
    }
}

fn delivery_mode(section: &Section<'_>) {
    let Some(mode) = section.text("backchannel_token_delivery_mode") else { return };
    match mode.value {
        "ping" | "push" => {
            let value = mode.value;
            section.fault(
                &mode.at,
                format!("`backchannel_token_delivery_mode` \"{value}\" is not supported by this version; use \"poll\""),
            );
        }
        value => {
            section.one_of("backchannel_token_delivery_mode", &mode.at, value, &[("poll", ())]);
        }
    }
}

fn signing_alg(section: &Section<'_>) {
    let Some(alg) = section.text("id_token_signed_response_alg") else { return };
    if alg.value != "ES256" {
        let value = alg.value;
        section.fault(&alg.at, format!("`id_token_signed_response_alg` \"{value}\" is not supported by this version; use \"ES256\" or leave it out"));
    }
}

fn scope(section: &Section<'_>) -> Option<Vec<String>> {
    let found = section.text("scope")?;
    let names: Vec<String> = found.value.split(' ').map(str::to_owned).collect();
    if names.iter().any(String::is_empty) || !names.iter().any(|name| name == "openid") {
        let name = section.name("scope");
        section.fault(&found.at, format!("{name} must be names separated by single blanks, `openid` among them"));
    }
    Some(names)
}

fn detail_types(section: &Section<'_>, around: &Surroundings<'_>) -> Vec<DetailType> {
    let Some(types) = section.texts("authorization_details_types") else { return around.detail_types.to_vec() };
    let known = types.iter().filter_map(|found| {
        let kind = section.one_of("authorization_details_types", &found.at, found.value, DETAIL_TYPES)?;
        if around.detail_types.contains(&kind) {
            return Some(kind);
        }
        let value = found.value;
        section.fault(&found.at, format!("this provider does not take \"{value}\"; add it to `authorization_details_types` at the top of the file"));
        None
    });
    known.collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Grant {
    Ciba,
    /// Known to OpenID registration, of no use here.
    Other,
}

const GRANTS: &[(&str, Grant)] = &[
    (CIBA_GRANT, Grant::Ciba),
    ("authorization_code", Grant::Other),
    ("refresh_token", Grant::Other),
    ("client_credentials", Grant::Other),
];

const METHODS: &[(&str, SecretMethod)] =
    &[("client_secret_basic", SecretMethod::Basic), ("client_secret_post", SecretMethod::Post)];
