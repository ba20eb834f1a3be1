//! `[[clients]]`: keys are named as in OpenID Connect Registration where it defines them.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use countersign_jose::jwt::SigningAlg;
use countersign_protocol::interaction::InteractionType;
use countersign_protocol::{limits, text};

use super::client::{
    AssertionAudience, CIBA_GRANT, Client, ClientAuth, DeliveryMode, Profile, REFRESH_GRANT, TokenBinding,
};
use super::client_authentication::{self, ALGS};
use super::fapi_client;
use super::hashed_secret::HashedSecret;
use super::hint_issuers::HintIssuer;
use super::policy::{INTERACTIONS, Policy};
use super::section::{Found, Section};
use super::{check_displayable, https};
use crate::authorization_details::DetailTypes;

/// Provider settings that a client's entry depends on.
pub(super) struct ClientContext<'a> {
    /// Base of relative paths.
    pub(super) folder: &'a Path,
    pub(super) policy: &'a Policy,
    pub(super) keep_records: Duration,
    pub(super) detail_types: &'a DetailTypes,
    pub(super) hint_issuers: &'a [HintIssuer],
    /// Secret stored beside the entry; `None`: the entry names it.
    pub(super) stored_secret: Option<&'a HashedSecret>,
    /// Accepted `aud` of assertions of clients without a setting of their own.
    pub(super) assertion_audience: AssertionAudience,
    /// Profile of all clients.
    pub(super) profile: Option<Profile>,
    /// Whether `client_ca` is set.
    pub(super) client_ca: bool,
}

pub(super) fn read(sections: Vec<Section<'_>>, context: &ClientContext<'_>) -> Vec<Client> {
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut clients = Vec::new();
    for section in sections {
        let client_id = section.required_string("client_id", "till-14");
        if let Some(id) = &client_id {
            match lines.get(id.value) {
                Some(line) => {
                    let id_text = id.value;
                    section.report(
                        &id.at,
                        format!("client_id \"{id_text}\" is already used on line {line}; choose another"),
                    );
                }
                None => {
                    lines.insert(id.value.to_owned(), section.line(&id.at));
                }
            }
        }
        clients.extend(read_one(section, client_id, context));
    }
    clients
}

fn read_one(section: Section<'_>, client_id: Option<Found<&str>>, context: &ClientContext<'_>) -> Option<Client> {
    let name = section.string("name");
    if let Some(name) = &name {
        check_displayable(&section, "name", name);
    }
    let proof = client_authentication::read(&section, context.folder, context.stored_secret);
    let first_party = section.flag("first_party").unwrap_or(false);
    let verified = section.flag("verified").unwrap_or(false);
    let interaction_types =
        section.choices("interaction_types", INTERACTIONS).unwrap_or_else(|| vec![InteractionType::Boolean]);
    let grants = section.choices("grant_types", GRANTS);
    let may_ask = grants.as_ref().is_none_or(|grants| grants.contains(&Grant::Ciba));
    let may_refresh = grants.as_ref().is_some_and(|grants| grants.contains(&Grant::Refresh));
    let may_introspect = section.flag("may_introspect").unwrap_or(false);
    let delivery = delivery(&section);
    let user_code = section.flag("backchannel_user_code_parameter").unwrap_or(false);
    let request_signing_alg =
        section.choice("backchannel_authentication_request_signing_alg", REQUEST_ALGS).map(|found| found.value);
    let id_token_alg = section.choice("id_token_signed_response_alg", ALGS).map(|found| found.value);
    let binding = binding(&section);
    let assertion_audience = section.choice("client_assertion_audience", AUDIENCES);
    let profile = profile(&section, context);
    let authorization_details_types = detail_types(&section, context);
    let hint_token_types = hint_token_types(&section, context);
    let resources = resources(&section);
    let scope = scope(&section);
    let terminal = terminal(&section);
    public_subjects(&section);
    let policy = match section.section("policy", " in [clients.policy]") {
        Some(policy) => Policy::read(policy, context.policy, context.keep_records),
        None => context.policy.clone(),
    };
    let client_id = client_id.filter(|id| valid_id(&section, id)).map(|id| id.value.to_owned());
    let client = client_id.zip(proof).zip(delivery).map(|((client_id, (auth, keys)), delivery)| Client {
        name: name.map_or(client_id.as_str(), |name| name.value).to_owned(),
        client_id,
        auth,
        keys,
        first_party,
        verified,
        is_self_registered: false,
        interaction_types,
        may_ask,
        may_introspect,
        may_refresh,
        delivery,
        user_code,
        request_signing_alg,
        // Auth0's clients read RS256 alone.
        id_token_alg: id_token_alg.unwrap_or(match profile {
            Some(Profile::Auth0) => SigningAlg::Rs256,
            _ => SigningAlg::Es256,
        }),
        binding,
        assertion_audience: assertion_audience.map_or(context.assertion_audience, |found| found.value),
        profile,
        authorization_details_types,
        hint_token_types,
        resources,
        scope,
        terminal,
        policy,
    });
    if let Some(client) = &client {
        check_consistency(&section, client, context);
    }
    section.finish();
    client
}

/// Reports contradictions within a client's entry, and with the provider's settings.
fn check_consistency(section: &Section<'_>, client: &Client, context: &ClientContext<'_>) {
    let report = |key: &'static str, message: &str| section.report(&section.span_of(key), message);
    if matches!(client.auth, ClientAuth::Tls(_)) && !context.client_ca {
        let message = "tls_client_auth needs a certificate authority, and this provider has none; set `client_ca` in [tls], or use \"self_signed_tls_client_auth\" with the client's `jwks`";
        report("token_endpoint_auth_method", message);
    }
    if client.request_signing_alg.is_some() && client.keys.is_none() {
        let message = "signed requests need the client's public keys: add `jwks`, `jwks_file` or `jwks_uri`";
        report("backchannel_authentication_request_signing_alg", message);
    }
    if client.binding != TokenBinding::None && matches!(client.delivery, DeliveryMode::Push(_)) {
        let message = "pushed tokens can't be sender-constrained: their delivery carries no proof; use \"ping\", or remove the binding";
        report("backchannel_token_delivery_mode", message);
    }
    if client.is_fapi() {
        fapi_client::check(section, client);
    }
}

/// The client's own profile, else that of the whole provider.
fn profile(section: &Section<'_>, context: &ClientContext<'_>) -> Option<Profile> {
    let own = section.choice("profile", PROFILES);
    if let (Some(own), Some(Profile::FapiCiba)) = (&own, context.profile)
        && own.value != Profile::FapiCiba
    {
        let message = "the whole provider is under \"fapi-ciba\"; remove this profile, or that at the top of the file";
        section.report(&own.at, message);
    }
    own.map(|found| found.value).or(context.profile)
}

/// Absolute addresses without a fragment (RFC 8707 §2), compared byte for byte.
fn resources(section: &Section<'_>) -> Vec<String> {
    let found = section.any_strings("resources").unwrap_or_default();
    let valid = found.iter().filter_map(|found| {
        let is_valid = !found.value.contains(char::is_whitespace)
            && url::Url::parse(found.value).is_ok_and(|url| url.fragment().is_none());
        if !is_valid {
            let value = found.value;
            section.report(&found.at, format!("`resources` holds absolute addresses without a fragment such as \"https://api.example.com\", not \"{value}\""));
        }
        is_valid.then(|| found.value.to_owned())
    });
    valid.collect()
}

/// Refuses pairwise subjects (OpenID Connect Core §8.1, CIBA Core §4), so that no client that asks for them gets public ones.
fn public_subjects(section: &Section<'_>) {
    if let Some(found) = section.string("subject_type").filter(|found| found.value != "public") {
        let what = "`subject_type` can only be \"public\": this provider has one subject for a person towards all clients; leave it out";
        section.report(&found.at, what);
    }
}

fn valid_id(section: &Section<'_>, id: &Found<&str>) -> bool {
    let valid = (1..=255).contains(&id.value.len()) && id.value.bytes().all(|byte| byte.is_ascii_graphic());
    if !valid {
        let name = section.name("client_id");
        section.report(
            &id.at,
            format!("{name} must be 1 to 255 printable ASCII characters without spaces; choose another"),
        );
    }
    valid
}

/// Token delivery mode and endpoint; `None` if an error was reported.
fn delivery(section: &Section<'_>) -> Option<DeliveryMode> {
    let mode = section.choice("backchannel_token_delivery_mode", MODES);
    let endpoint = section.string("backchannel_client_notification_endpoint");
    let address = endpoint.as_ref().map(|found| https(section, "backchannel_client_notification_endpoint", found));
    match (mode.as_ref().map(|mode| mode.value), address) {
        (None | Some(Mode::Poll), None) => Some(DeliveryMode::Poll),
        (None | Some(Mode::Poll), Some(_)) => {
            let at = &endpoint?.at;
            section.report(at, "`backchannel_client_notification_endpoint` applies to \"ping\" and \"push\" only; set `backchannel_token_delivery_mode`, or remove it");
            None
        }
        (Some(Mode::Ping), Some(address)) => address.map(DeliveryMode::Ping),
        (Some(Mode::Push), Some(address)) => address.map(DeliveryMode::Push),
        (Some(_), None) => {
            let message = "this mode needs `backchannel_client_notification_endpoint`, an https address such as \"https://till.example.com/ciba\"; add it";
            section.report(&mode?.at, message);
            None
        }
    }
}

fn binding(section: &Section<'_>) -> TokenBinding {
    let dpop = section.flag("dpop_bound_access_tokens").unwrap_or(false);
    let certificate = section.flag("tls_client_certificate_bound_access_tokens").unwrap_or(false);
    if dpop && certificate {
        let at = section.span_of("tls_client_certificate_bound_access_tokens");
        section.report(&at, "access tokens are bound to a DPoP key or to a certificate, not both; remove one");
    }
    match (dpop, certificate) {
        (true, _) => TokenBinding::Dpop,
        (false, true) => TokenBinding::Certificate,
        (false, false) => TokenBinding::None,
    }
}

fn scope(section: &Section<'_>) -> Option<Vec<String>> {
    let found = section.string("scope")?;
    let names: Vec<String> = found.value.split(' ').map(str::to_owned).collect();
    if names.iter().any(String::is_empty) || !names.iter().any(|name| name == "openid") {
        let name = section.name("scope");
        section.report(&found.at, format!("{name} must be a space-delimited list that contains `openid`"));
    }
    Some(names)
}

/// A name of at most 24 characters that a device can show.
fn terminal(section: &Section<'_>) -> Option<String> {
    let found = section.string("terminal")?;
    if let Err(error) = text::check(found.value, limits::TERMINAL_CHARACTERS) {
        section.report(&found.at, format!("`terminal` can't be shown on a device: {error}"));
    }
    Some(found.value.to_owned())
}

fn detail_types(section: &Section<'_>, context: &ClientContext<'_>) -> Vec<String> {
    let accepted = || context.detail_types.names().map(str::to_owned);
    let Some(types) = section.strings("authorization_details_types") else { return accepted().collect() };
    let known = types.iter().filter_map(|found| {
        let value = found.value;
        if !context.detail_types.contains(value) {
            section.report(&found.at, format!("this provider does not accept \"{value}\"; add it to `authorization_details_types` at the top of the file, or as [[authorization_details]]"));
            return None;
        }
        Some(value.to_owned())
    });
    known.collect()
}

fn hint_token_types(section: &Section<'_>, context: &ClientContext<'_>) -> Option<Vec<String>> {
    let types = section.strings("backchannel_endpoint_login_hint_token_types")?;
    let known = types.iter().filter_map(|found| {
        let value = found.value;
        if context.hint_issuers.iter().any(|issuer| issuer.token_type.as_deref() == Some(value)) {
            return Some(value.to_owned());
        }
        section.report(
            &found.at,
            format!("no hint issuer has the type \"{value}\"; add it to [[login_hint_issuers]] as its `type`"),
        );
        None
    });
    Some(known.collect())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Grant {
    Ciba,
    Refresh,
    /// Defined by OAuth, not offered here.
    Other,
}

const GRANTS: &[(&str, Grant)] = &[
    (CIBA_GRANT, Grant::Ciba),
    ("authorization_code", Grant::Other),
    (REFRESH_GRANT, Grant::Refresh),
    ("client_credentials", Grant::Other),
];

#[derive(Clone, Copy)]
enum Mode {
    Poll,
    Ping,
    Push,
}

const MODES: &[(&str, Mode)] = &[("poll", Mode::Poll), ("ping", Mode::Ping), ("push", Mode::Push)];

/// CIBA Core §7.1.1 requires asymmetric algorithms.
const REQUEST_ALGS: &[(&str, SigningAlg)] = ALGS;

const PROFILES: &[(&str, Profile)] = &[("auth0", Profile::Auth0), ("fapi-ciba", Profile::FapiCiba)];

/// Accepted audiences of assertions, of one client or of all.
pub(super) const AUDIENCES: &[(&str, AssertionAudience)] =
    &[("issuer", AssertionAudience::Issuer), ("endpoints", AssertionAudience::Endpoints)];

/// Profiles of the whole provider.
pub(super) const PROVIDER_PROFILES: &[(&str, Profile)] = &[("fapi-ciba", Profile::FapiCiba)];
