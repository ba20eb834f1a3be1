//! Bad files and the exact words each gets; a good file and what it means.

use std::time::Duration;

use countersign_protocol::interaction::{InteractionType, UserVerification};

use super::*;

const SECRET: &str = "f7c09d1c2b8e4a6590d3b1a7e2c45f68";

/// The error that a provider started with this file prints.
fn mistakes(text: &str) -> Vec<String> {
    match Config::parse(text, Path::new("/nowhere")) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}

fn good(text: &str) -> Config {
    match Config::parse(text, Path::new("/nowhere")) {
        Ok(config) => config,
        Err(errors) => panic!("{errors:?}"),
    }
}

/// A file whose first line is sound and whose second is this.
fn second_line(line: &str) -> String {
    format!("issuer = \"https://id.example.com\"\n{line}\n")
}

/// A file with one client: lines 2 to 4 are sound, line 5 is this.
fn client(line: &str) -> String {
    second_line(&format!("[[clients]]\nclient_id = \"till\"\nsecret = \"{SECRET}\"\n{line}"))
}

/// A file with one client whose secret is this line, the fourth.
fn client_secret(line: &str) -> String {
    second_line(&format!("[[clients]]\nclient_id = \"till\"\n{line}"))
}

#[test]
fn every_bad_file_is_told_its_line_and_remedy() {
    let users =
        "[[users]]\nsub = \"alice\"\nhints = [\"alice@example.com\", \"+49 170 1\"]\n[[users]]\nsub = \"bob\"\n";
    let table: Vec<(String, &str)> = vec![
        // The file as a whole.
        (String::new(), "line 1: `issuer` is missing; add it, for example issuer = \"https://id.example.com\""),
        (
            second_line("mode = test"),
            "line 2: this is not TOML: invalid boolean, expected `true`; strings are written in quotes, lists in [ ]",
        ),
        (
            second_line("issuer = \"https://id.example.com\""),
            "line 2: this is not TOML: duplicate key; remove one of the two",
        ),
        (second_line("isuer = \"x\""), "line 2: unknown key `isuer` at the top of the file; did you mean `issuer`?"),
        (
            second_line("database = \"x\""),
            "line 2: unknown key `database` at the top of the file; remove it, or use one of: issuer, name, listen, mode, authorization_details, authorization_details_types, keep_records, keep_unanswered, support, devices, policy, proxy, registration, egress, profile, client_assertion_audience, tls, discovery, login_hint_issuers, webhook, push, web_device, metrics, users, clients",
        ),
        // Whom the provider calls.
        (
            second_line("[egress]\nallow = [\"10.1.2.3/24\"]"),
            "line 3: `allow` in [egress] lists networks such as \"10.1.2.0/24\" or addresses such as \"10.1.2.3\", not \"10.1.2.3/24\"",
        ),
        (
            second_line("[egress]\nallow = [\"till.example.com\"]"),
            "line 3: `allow` in [egress] lists networks such as \"10.1.2.0/24\" or addresses such as \"10.1.2.3\", not \"till.example.com\"",
        ),
        (
            second_line("[egress]\nca = \"ca.pem\""),
            "line 3: the certificates' file /nowhere/ca.pem can't be read: No such file or directory (os error 2); check the path (relative paths begin at the configuration's folder)",
        ),
        (
            second_line("[webhook]\nurl = \"https://ops.example.com/\""),
            "line 2: `secret_file` in [webhook] is missing; add it, for example secret_file = \"webhook.secret\"",
        ),
        (
            second_line("[push]"),
            "line 2: `contact` in [push] is missing; push services refuse senders without one: add contact = \"mailto:ops@example.com\", or enabled = false",
        ),
        (
            second_line("[push]\ncontact = \"ops@example.com\""),
            "line 3: `contact` in [push] must be an address by which push services reach you, at a public name: \"mailto:ops@example.com\" or \"https://example.com/contact\"",
        ),
        (
            second_line("[push]\nenabled = false\nservices = [\"https://push.example.net\"]"),
            "line 4: `services` in [push] lists a host such as \"updates.push.services.mozilla.com\", with a port where that is not 443 (\"ntfy.example.com:8443\"), or \"*.push.apple.com\" for every host below one, not \"https://push.example.net\"",
        ),
        // Issuer.
        ("issuer = 7".into(), "line 1: `issuer` must be a string in quotes, not a number"),
        (
            "issuer = \"id.example.com\"".into(),
            "line 1: `issuer` must be a whole address such as \"https://id.example.com\"",
        ),
        (
            "issuer = \"http://id.example.com\"".into(),
            "line 1: `issuer` must begin with https:// (plain http only for 127.x.y.z, [::1] and localhost)",
        ),
        (
            "issuer = \"https://id.example.com/?tenant=1\"".into(),
            "line 1: `issuer` can't have a query (?...) or a fragment (#...); leave that part out",
        ),
        (
            "issuer = \"https://id.example.com/#\"".into(),
            "line 1: `issuer` can't have a query (?...) or a fragment (#...); leave that part out",
        ),
        (
            "issuer = \"https://me:pw@id.example.com\"".into(),
            "line 1: `issuer` can't have a user name or password; leave that part out",
        ),
        // The rest of the top.
        (
            second_line("name = \"Acme\\nBank\""),
            "line 2: `name` can't be shown to people: the text has a control character or a line break: U+000A at character 5; choose another",
        ),
        (
            second_line("listen = \"localhost\""),
            "line 2: `listen` must be an IP address and a port such as \"127.0.0.1:8787\", not \"localhost\"",
        ),
        (second_line("mode = \"prodution\""), "line 2: `mode` can't be \"prodution\"; did you mean \"production\"?"),
        (second_line("mode = \"live\""), "line 2: `mode` can't be \"live\"; use \"production\" or \"test\""),
        (second_line("mode = true"), "line 2: `mode` must be a string in quotes, not true or false"),
        (
            second_line("authorization_details_types = [\"payment\"]"),
            "line 2: `authorization_details_types` can't be \"payment\": it is none of \"payment_initiation\", \"account_information\", \"generic\" and \"urn:auth0:schemas:authorization-details:v1:...\"; describe it in an [[authorization_details]]",
        ),
        (
            second_line("[support]\nphone = \"call me\""),
            "line 3: `phone` in [support] must be a phone number such as \"+49 30 1234567\"",
        ),
        (
            second_line("[support]\nurl = \"http://help.example.com\""),
            "line 3: `url` in [support] must be an https address such as \"https://help.example.com\"",
        ),
        (
            second_line("[egress]\nproxy = \"proxy:3128\""),
            "line 3: `proxy` in [egress] must be an address such as \"http://proxy.example.com:3128\"",
        ),
        // TLS and proxies.
        (
            second_line("[tls]\ncert = \"cert.pem\""),
            "line 3: TLS takes both `cert` and `key` (PEM files); add the other",
        ),
        (
            second_line("[proxy]\ntrusted = [\"localhost\"]"),
            "line 3: `trusted` in [proxy] holds addresses or networks such as \"127.0.0.1\" or \"10.0.0.0/8\", not \"localhost\"",
        ),
        // Registration.
        (
            second_line("[registration]\nenabled = true"),
            "line 2: registration needs `initial_access_token` or `initial_access_token_file`, with at least 128 random bits; or set `open = true` to let anybody register",
        ),
        (
            second_line(&format!("[registration]\ninitial_access_token = \"{SECRET}\"\nopen = true")),
            "line 4: `open` lets anybody register without the token; remove one of the two",
        ),
        // Policy.
        (second_line("policy = 3"), "line 2: `policy` must be a table headed [policy], not a number"),
        (second_line("[policy]\ntll = 300"), "line 3: unknown key `tll` in [policy]; did you mean `ttl`?"),
        (
            second_line("[policy]\nttl = true"),
            "line 3: `ttl` in [policy] must be seconds such as 300, or a string such as \"5m\", not true or false",
        ),
        (
            second_line("[policy]\nttl = \"5 minutes\""),
            "line 3: `ttl` in [policy] must be seconds such as 300, or a string such as \"5m\", not \"5 minutes\"",
        ),
        (second_line("[policy]\nttl = 0"), "line 3: `ttl` in [policy] must be between 1s and 72h, not 0"),
        (
            second_line("[policy]\nmax_ttl = \"4d\""),
            "line 3: `max_ttl` in [policy] must be between 1s and 72h, not \"4d\"",
        ),
        (
            second_line("[policy]\nttl = \"15m\""),
            "line 3: `ttl` (15m) is longer than `max_ttl` (10m); shorten one or lengthen the other",
        ),
        (
            second_line("[policy]\nmax_ttl = 60"),
            "line 3: `ttl` (5m) is longer than `max_ttl` (1m); shorten one or lengthen the other",
        ),
        (
            second_line("[metrics]\nlisten = \"9464\""),
            "line 3: `listen` in [metrics] must be an IP address and a port such as \"127.0.0.1:9464\", not \"9464\"",
        ),
        (
            second_line("keep_records = \"40d\"\n[policy]\nrefresh_ttl = \"41d\""),
            "line 4: `refresh_ttl` (984h) is longer than `keep_records` (960h), after which an approval is deleted; shorten one or lengthen the other",
        ),
        (
            second_line("[policy]\ninterval = 0.5"),
            "line 3: `interval` in [policy] must be seconds such as 300, or a string such as \"5m\", not a number with a decimal point",
        ),
        (
            second_line("[policy]\ninteraction_minimum = \"number\""),
            "line 3: `interaction_minimum` in [policy] can't be \"number\"; use \"boolean\" or \"number_choose\" or \"input_manual\"",
        ),
        (
            second_line("[policy]\nuser_verification = \"require\""),
            "line 3: `user_verification` in [policy] can't be \"require\"; did you mean \"required\"?",
        ),
        (
            second_line("[policy]\nuser_verification = \"preferred\"\nuser_verification_above = [\"50 euros\"]"),
            "line 4: `user_verification_above` in [policy] must hold amounts such as \"50.00 EUR\", not \"50 euros\"",
        ),
        (
            second_line("[policy]\nuser_verification_above = [\"50.00 EUR\"]"),
            "line 3: `user_verification_above` changes nothing where `user_verification` is \"required\" anyway; set that to \"preferred\", or remove this",
        ),
        (
            second_line("[policy]\nmax_pending = 0"),
            "line 3: `max_pending` in [policy] must be between 1 and 1000, not 0",
        ),
        (
            second_line("[policy]\nprompts_per_minute = \"5\""),
            "line 3: `prompts_per_minute` in [policy] must be a whole number, without quotes, not a string",
        ),
        (
            second_line("[policy]\nhide_unknown_users = \"yes\""),
            "line 3: `hide_unknown_users` in [policy] must be true or false, without quotes, not a string",
        ),
        (
            second_line("[devices]\npasskeys = \"some\""),
            "line 3: `passkeys` in [devices] can't be \"some\"; use \"any\" or \"device_bound\" or \"off\"",
        ),
        (
            second_line("[devices]\npasskeys = \"device_bound\""),
            "line 3: `passkeys = \"device_bound\"` in [devices] rests on attestations by the authenticators' makers; list their roots in `attestation_roots`, or use \"any\" or \"off\"",
        ),
        (
            second_line("[devices]\nresume = \"always\""),
            "line 3: `resume` in [devices] can't be \"always\"; use \"link\" or \"passkey\" or \"off\"",
        ),
        (
            second_line("[devices]\nshared = true"),
            "line 3: `shared` in [devices] must be a string in quotes, not true or false",
        ),
        (
            second_line("[devices]\nattestation_roots = [\"roots.pem\"]"),
            "line 3: `attestation_roots` in [devices]: the file /nowhere/roots.pem can't be read: No such file or directory (os error 2); check the path (relative paths begin at the configuration's folder)",
        ),
        // Users.
        (
            second_line("users = [\"alice\"]"),
            "line 2: `users` must be a list of tables, each headed [[users]], not a string",
        ),
        (
            second_line("[[users]]\nname = \"Alice\""),
            "line 2: `sub` in [[users]] is missing; add it, for example sub = \"alice\"",
        ),
        (
            second_line("[[users]]\nsub = \"\""),
            "line 3: `sub` in [[users]] must be 1 to 255 printable ASCII characters; choose another",
        ),
        (
            second_line(&format!("{users}hints = [\"Alice@Example.com\"]")),
            "line 7: hint \"Alice@Example.com\" already names the user on line 4; each may name one user only",
        ),
        (
            second_line(&format!("{users}hints = [\"alice\"]")),
            "line 7: hint \"alice\" already names the user on line 3; each may name one user only",
        ),
        (
            second_line(&format!("{users}[[users]]\nsub = \"bob\"")),
            "line 8: sub \"bob\" already names the user on line 6; each may name one user only",
        ),
        (
            second_line(&format!("{users}hints = [\" bob\"]")),
            "line 7: `hints` in [[users]] holds a hint that is empty or padded with spaces; trim it",
        ),
        (
            second_line(&format!("{users}phone = \"1\"")),
            "line 7: unknown key `phone` in [[users]]; remove it, or use one of: sub, name, email, hints, allow_automated, locked, user_code",
        ),
        // Clients.
        (
            second_line(&format!("[[clients]]\nsecret = \"{SECRET}\"")),
            "line 2: `client_id` in [[clients]] is missing; add it, for example client_id = \"till-14\"",
        ),
        (
            client(&format!("[[clients]]\nclient_id = \"till\"\nsecret = \"{SECRET}\"")),
            "line 6: client_id \"till\" is already used on line 3; choose another",
        ),
        (
            client_secret(""),
            "line 2: a client needs a secret; add `secret` or `secret_file` with at least 128 random bits, for example from: openssl rand -hex 32",
        ),
        (
            client_secret("secret = \"correct horse battery\""),
            "line 4: `secret` in [[clients]] is too easy to guess: it needs at least 128 random bits, for example from: openssl rand -hex 32",
        ),
        (
            client_secret("secret = \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\""),
            "line 4: `secret` in [[clients]] is too easy to guess: it needs at least 128 random bits, for example from: openssl rand -hex 32",
        ),
        (
            client_secret("secret = \"Übergrößenträger-Kaffeemaschine-1234\""),
            "line 4: `secret` in [[clients]] may hold printable ASCII characters only; make a new one, for example by: openssl rand -hex 32",
        ),
        (
            client_secret("secret = 1234567890"),
            "line 4: `secret` in [[clients]] must be a string in quotes, not a number",
        ),
        (
            client("secret_file = \"till.secret\""),
            "line 5: a client has `secret` or `secret_file`, not both; remove one",
        ),
        (
            client_secret("secret_file = \"till.secret\""),
            "line 4: the secret's file /nowhere/till.secret can't be read: No such file or directory (os error 2); check the path (relative paths begin at the configuration's folder) and who may read it",
        ),
        (
            client_secret("token_endpoint_auth_method = \"none\""),
            "line 4: a public client can't ask for approvals (CIBA Core 4); give it a secret and leave `token_endpoint_auth_method` out",
        ),
        (
            client("token_endpoint_auth_method = \"private_key_jwt\""),
            "line 5: a client that authenticates by a key or a certificate has no secret; remove `secret`",
        ),
        (
            client_secret("token_endpoint_auth_method = \"private_key_jwt\""),
            "line 4: this method needs the client's public keys: add `jwks`, `jwks_file` or `jwks_uri`",
        ),
        (
            client_secret(
                "token_endpoint_auth_method = \"private_key_jwt\"\njwks = { keys = [ { kty = \"oct\", k = \"AA\" } ] }",
            ),
            "line 5: `jwks` in [[clients]] can't be used: a JWK set holds public keys only; this one has a private key in it: replace that key, it is no longer secret",
        ),
        (
            client_secret(
                "token_endpoint_auth_method = \"private_key_jwt\"\njwks_uri = \"http://till.example.com/jwks\"",
            ),
            "line 5: `jwks_uri` in [[clients]] must be an https address without user name and fragment (plain http only for 127.x.y.z, [::1] and localhost)",
        ),
        (
            client_secret("token_endpoint_auth_method = \"tls_client_auth\""),
            "line 4: tls_client_auth needs one of `tls_client_auth_subject_dn`, `tls_client_auth_san_dns` and `tls_client_auth_san_uri`; add it",
        ),
        (
            client_secret("token_endpoint_auth_method = \"client_secret_jwt\""),
            "line 4: `token_endpoint_auth_method` \"client_secret_jwt\" would need the secret itself, and only its hash is kept; use \"private_key_jwt\" or \"client_secret_basic\"",
        ),
        (
            client("token_endpoint_auth_signing_alg = \"ES256\""),
            "line 5: `token_endpoint_auth_signing_alg` applies to private_key_jwt only; remove it",
        ),
        (
            client("dpop_bound_access_tokens = true\ntls_client_certificate_bound_access_tokens = true"),
            "line 6: access tokens are bound to a DPoP key or to a certificate, not both; remove one",
        ),
        (
            client("backchannel_client_notification_endpoint = \"https://till.example.com/ciba\""),
            "line 5: `backchannel_client_notification_endpoint` applies to \"ping\" and \"push\" only; set `backchannel_token_delivery_mode`, or remove it",
        ),
        (
            client("backchannel_token_delivery_mode = \"push\""),
            "line 5: this mode needs `backchannel_client_notification_endpoint`, an https address such as \"https://till.example.com/ciba\"; add it",
        ),
        (
            client("grant_types = [\"urn:ietf:params:oauth:grant-type:ciba\"]"),
            "line 5: `grant_types` in [[clients]] can't be \"urn:ietf:params:oauth:grant-type:ciba\"; use \"urn:openid:params:grant-type:ciba\" or \"authorization_code\" or \"refresh_token\" or \"client_credentials\"",
        ),
        (
            client("interaction_types = [\"boolean\", \"input_manuel\"]"),
            "line 5: `interaction_types` in [[clients]] can't be \"input_manuel\"; did you mean \"input_manual\"?",
        ),
        (
            client("interaction_types = [\"boolean\", \"boolean\"]"),
            "line 5: `interaction_types` in [[clients]] lists \"boolean\" twice; remove one",
        ),
        (
            client("authorization_details_types = [\"generic\"]"),
            "line 5: this provider does not accept \"generic\"; add it to `authorization_details_types` at the top of the file, or as [[authorization_details]]",
        ),
        (
            client("id_token_signed_response_alg = \"HS256\""),
            "line 5: `id_token_signed_response_alg` in [[clients]] can't be \"HS256\"; did you mean \"ES256\"?",
        ),
        (
            client("scope = \"profile email\""),
            "line 5: `scope` in [[clients]] must be a space-delimited list that contains `openid`",
        ),
        (
            client("client_name = \"Till\""),
            "line 5: unknown key `client_name` in [[clients]]; remove it, or use one of: client_id, name, token_endpoint_auth_method, jwks, jwks_file, jwks_uri, token_endpoint_auth_signing_alg, tls_client_auth_subject_dn, tls_client_auth_san_dns, tls_client_auth_san_uri, secret, secret_file, first_party, verified, interaction_types, grant_types, may_introspect, backchannel_token_delivery_mode, backchannel_client_notification_endpoint, backchannel_user_code_parameter, backchannel_authentication_request_signing_alg, id_token_signed_response_alg, dpop_bound_access_tokens, tls_client_certificate_bound_access_tokens, client_assertion_audience, profile, authorization_details_types, backchannel_endpoint_login_hint_token_types, resources, scope, terminal, subject_type, policy",
        ),
        (
            client("[clients.policy]\nttl = \"1h\""),
            "line 6: `ttl` (1h) is longer than `max_ttl` (10m); shorten one or lengthen the other",
        ),
        (
            client("[clients.policy]\nmax_tll = 60"),
            "line 6: unknown key `max_tll` in [clients.policy]; did you mean `max_ttl`?",
        ),
    ];
    assert!(table.len() >= 25);
    let wrong: Vec<String> = table
        .iter()
        .filter(|(text, message)| mistakes(text) != [*message])
        .map(|(text, message)| {
            format!("{text}\n  expected: {message}\n  got:      {}\n", mistakes(text).join("\n            "))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once_in_the_order_of_its_lines() {
    let text = "issuer = \"http://id.example.com\"\nmode = \"tset\"\n[policy]\nttl = \"x\"\n[[users]]\n";
    let lines: Vec<usize> =
        Config::parse(text, Path::new("")).err().expect("a bad file").iter().map(|e| e.line).collect();
    assert_eq!(lines, [1, 2, 4, 5]);
}

#[test]
fn a_file_that_is_not_there_is_told_with_its_path() {
    let errors = Config::read(Path::new("/nowhere/provider.toml")).err().expect("no file");
    assert_eq!(
        errors.to_string(),
        "/nowhere/provider.toml: the file can't be read: No such file or directory (os error 2); check the path and who may read it"
    );
}

#[test]
fn no_message_repeats_a_secret() {
    let canary = "Canary-0xDEADBEEF";
    for text in [
        client_secret(&format!("secret = \"{canary}\"")),
        client_secret(&format!("secret = \"{canary}ü\"")),
        client_secret(&format!("secret = {canary}")),
        client_secret(&format!("secret = [\"{canary}\"]")),
        client_secret(&format!("secret = \"{canary}")),
    ] {
        let told = mistakes(&text);
        assert!(!told.is_empty() && !told.join("").contains(canary), "{told:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_secrets_file_that_everybody_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("till.secret");
    std::fs::write(&path, format!("{SECRET}\n")).expect("written");
    let text = client_secret("secret_file = \"till.secret\"");
    let set = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");

    set(0o644);
    let errors = Config::parse(&text, folder.path()).err().expect("refused");
    let shown = path.display();
    assert_eq!(
        errors[0].to_string(),
        format!("line 4: the secret's file {shown} may be read by everybody (mode 644); run: chmod 600 {shown}")
    );

    for mode in [0o602, 0o620] {
        set(mode);
        let errors =
            Config::parse(&text, folder.path()).err().expect("who can write it can put a secret of their own in it");
        assert!(errors[0].message.ends_with(&format!("run: chmod go-w {shown}")), "{mode:o}: {}", errors[0]);
    }

    set(0o600);
    assert!(Config::parse(&text, folder.path()).is_ok(), "the line feed at its end is no part of the secret");
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let config = good(&client(""));
    assert_eq!((config.name.as_str(), config.listen.to_string().as_str()), ("id.example.com", "127.0.0.1:8787"));
    assert_eq!(config.mode, Mode::Production);
    assert_eq!(config.keep_records, Duration::from_secs(400 * 86_400));
    let types: Vec<_> = config.detail_types.names().collect();
    assert_eq!(types, ["payment_initiation", "account_information"]);
    let policy = &config.policy;
    assert_eq!(
        (policy.ttl, policy.max_ttl, policy.interval),
        (Duration::from_secs(300), Duration::from_secs(600), Duration::from_secs(5))
    );
    assert_eq!((policy.max_pending, policy.prompts_per_minute, policy.not_me), (3, 5, Duration::from_secs(900)));
    assert_eq!(
        (policy.interaction_minimum, policy.user_verification),
        (InteractionType::Boolean, UserVerification::Required)
    );
    let client = &config.clients[0];
    assert_eq!(
        (client.name.as_str(), client.verified, client.first_party, client.may_ask),
        ("till", false, false, true)
    );
    assert_eq!(client.interaction_types, [InteractionType::Boolean]);
    assert!(client.hides_unknown_users(), "hidden from clients that are not first-party");
}

#[test]
fn a_clients_policy_changes_only_what_it_names() {
    let config = good(&format!(
        "{}[clients.policy]\nttl = \"2m\"\n",
        client("first_party = true").replace("[[clients]]", "[policy]\ninterval = 2\nttl = 60\n[[clients]]")
    ));
    let policy = &config.clients[0].policy;
    assert_eq!((policy.ttl, policy.interval), (Duration::from_secs(120), Duration::from_secs(2)));
    assert_eq!(config.policy.ttl, Duration::from_secs(60));
    assert!(!config.clients[0].hides_unknown_users());
}

#[test]
fn people_are_found_by_subject_and_by_hint() {
    let config = good(&second_line(
        "[[users]]\nsub = \"u-1\"\nname = \"Alice\"\nhints = [\"Alice@Example.com\", \"+49 170 1\"]",
    ));
    let found = |hint| config.users.by_login_hint(hint).map(|user| user.name.as_str());
    assert_eq!(
        (found("u-1"), found("alice@example.COM"), found("+49 170 1")),
        (Some("Alice"), Some("Alice"), Some("Alice"))
    );
    assert_eq!((found("U-1"), found("alice")), (None, None), "a subject is compared byte for byte");
}

#[test]
fn an_empty_list_says_the_same_as_none() {
    let users = "[[users]]\nsub = \"alice\"\nhints = []\n";
    let empty = format!("{users}[proxy]\ntrusted = []\n[egress]\nallow = []\n");
    let config = good(&second_line(&empty));
    assert_eq!(config.users.by_sub("alice").map(|user| user.hints.len()), Some(0));
}

#[test]
fn a_telephone_number_names_its_owner_however_it_is_written() {
    let config = good(&second_line("[[users]]\nsub = \"alice\"\nhints = [\"+49 170 1234567\"]\n"));
    for asked in ["+491701234567", "+49-170-1234567", "+49 170 1234567"] {
        assert_eq!(config.users.by_login_hint(asked).map(|user| user.sub.as_str()), Some("alice"), "{asked}");
    }
    let twice =
        "[[users]]\nsub = \"a\"\nhints = [\"+49 170 1234567\"]\n[[users]]\nsub = \"b\"\nhints = [\"+491701234567\"]\n";
    let told = mistakes(&second_line(twice)).join("\n");
    assert!(told.contains("hint \"+491701234567\" already names the user on line"), "{told}");
}

#[test]
fn who_may_be_called_inside_is_named_by_network_or_address() {
    let config = good(&second_line(
        "[egress]\nallow = [\"10.1.2.0/24\", \"127.0.0.1\", \"fd00::/8\"]\nproxy = \"http://10.1.2.3:3128\"",
    ));
    let nets: Vec<String> = config.egress.allow.iter().map(ToString::to_string).collect();
    assert_eq!(nets, ["10.1.2.0/24", "127.0.0.1/32", "fd00::/8"]);
    assert_eq!(config.egress.proxy.as_ref().map(|proxy| proxy.as_str()), Some("http://10.1.2.3:3128/"));
    assert!(good("issuer = \"https://id.example.com\"").egress.allow.is_empty());
}

#[test]
fn a_file_without_a_certificate_is_no_authority() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("ca.pem"), "no certificate\n").expect("written");
    let errors = Config::parse(&second_line("[egress]\nca = \"ca.pem\""), folder.path()).err().expect("a mistake");
    let shown = folder.path().join("ca.pem");
    let expected = format!("{} holds no certificate in PEM (\"-----BEGIN CERTIFICATE-----\")", shown.display());
    assert_eq!(errors.iter().map(|error| error.message.clone()).collect::<Vec<_>>(), [expected]);
}

#[test]
fn an_operators_own_detail_types_are_read_with_their_schemas() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("vote.json"), r#"{"type":"object","required":["for"]}"#).expect("written");
    std::fs::write(folder.path().join("broken.json"), "{").expect("written");
    let read = |lines: &str| Config::parse(&second_line(lines), folder.path());
    let config = read(
        "[[authorization_details]]\ntype = \"vote\"\nschema_file = \"vote.json\"\nmax_count = 1\n\n[[authorization_details]]\ntype = \"deletion\"\nmax_bytes = 500\n[authorization_details.schema]\ntype = \"object\"\nrequired = [\"count\"]",
    );
    let config = config.unwrap_or_else(|errors| panic!("{errors:?}"));
    let names: Vec<_> = config.detail_types.names().collect();
    assert_eq!(names, ["vote", "deletion", "payment_initiation", "account_information"]);

    let own = "[[authorization_details]]\ntype = \"vote\"\n";
    for (lines, message) in [
        (own.to_owned(), "line 2: a type needs a JSON Schema (2020-12): add `schema_file` or `schema`"),
        (
            format!("{own}schema = \"{{}}\"\nschema_file = \"vote.json\""),
            "line 2: a type has one of `schema` and `schema_file`; remove the other",
        ),
        (
            format!("{own}schema = '{{\"$ref\":\"https://schemas.example/vote\"}}'"),
            "line 4: the type \"vote\" can't be used: the schema can't be used: ",
        ),
        (format!("{own}schema_file = \"absent.json\""), "line 4: the schema's file "),
        (format!("{own}schema_file = \"broken.json\""), "line 4: the schema's file "),
        (
            format!("{own}schema = \"{{}}\"\nmax_bytes = 7000"),
            "line 5: `max_bytes` in [[authorization_details]] must be between 64 and 6144, not 7000",
        ),
        (
            format!("{own}schema = \"{{}}\"\nmax_size = 1"),
            "line 5: unknown key `max_size` in [[authorization_details]]; ",
        ),
    ] {
        let errors = read(&lines).err().expect("refused");
        assert!(errors[0].to_string().starts_with(message), "{lines}\n{}", errors[0]);
    }
}

#[test]
fn a_user_code_is_a_short_text_or_its_hash() {
    let user = |code: &str| second_line(&format!("[[users]]\nsub = \"alice\"\nuser_code = \"{code}\""));
    assert!(good(&user("4711")).users.by_sub("alice").is_some_and(|user| user.user_code.is_some()));
    assert!(good(&user(include_str!("user_code_hash.phc").trim())).users.by_sub("alice").is_some());
    assert_eq!(
        mistakes(&user("12")),
        [
            "line 4: `user_code` in [[users]] can't be used: a user code is 4 to 64 printable ASCII characters without spaces"
        ]
    );
    let hash = mistakes(&user("$2b$12$abcdefghijklmnopqrstuv"));
    assert!(hash[0].starts_with("line 4: `user_code` in [[users]] can't be used: this is not a hash"), "{hash:?}");
    assert!(!format!("{:?}", good(&user("4711")).users).contains("4711"));
}

#[test]
fn issuers_of_hints_have_keys_of_their_own() {
    const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    let issuer = |lines: &str| format!("[[login_hint_issuers]]\nissuer = \"https://hints.example\"\n{lines}");
    let config = good(&second_line(&issuer(&format!("jwks = '{KEYS}'"))));
    assert_eq!(config.hint_issuers[0].subject_claim, "sub");
    for (lines, message) in [
        (issuer(""), "line 2: a hint issuer needs its public keys: add `jwks`, `jwks_file` or `jwks_uri`"),
        (
            issuer("jwks = \"{}\""),
            "line 4: `jwks` in [[login_hint_issuers]] can't be used: a JWK set is a JSON object with an array named keys",
        ),
        (
            issuer(&format!("jwks = '{KEYS}'\nsubject_claim = \"\"")),
            "line 5: `subject_claim` in [[login_hint_issuers]] is empty; leave it out for \"sub\"",
        ),
        (
            format!("{0}{1}{0}{1}", issuer(""), format!("jwks = '{KEYS}'\n")),
            "line 6: issuer \"https://hints.example\" is listed twice; remove one",
        ),
    ] {
        assert_eq!(mistakes(&second_line(&lines)), [message], "{lines}");
    }
}

#[test]
#[cfg(unix)]
fn a_webhooks_secret_must_be_hard_to_guess() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("webhook.secret");
    let text = second_line("[webhook]\nurl = \"https://ops.example.com/\"\nsecret_file = \"webhook.secret\"");
    let with = |secret: &str, mode: u32| {
        std::fs::write(&path, secret).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
        Config::parse(&text, folder.path()).map(|config| config.webhook.map(|webhook| webhook.key().to_vec()))
    };
    let key = |secret: &str| with(secret, 0o600).unwrap_or_else(|errors| panic!("{errors:?}")).expect("a webhook");
    assert_eq!(key(&format!("{SECRET}\n")), SECRET.as_bytes());
    assert_eq!(key("whsec_MTIzNDU2Nzg5MDEyMzQ1Ng==\n"), b"1234567890123456");
    for weak in ["swordfish", "", "whsec_MTIzNA==", "whsec_", "whsec_!!!"] {
        let errors = with(weak, 0o600).expect_err("a mistake");
        assert!(errors[0].message.contains("is too easy to guess"), "{weak}: {}", errors[0]);
        assert!(weak.is_empty() || !errors[0].message.contains(weak), "{}", errors[0]);
    }
    let errors = with(SECRET, 0o644).expect_err("a mistake");
    let message = &errors[0].message;
    assert!(
        message.starts_with("the secret's file ") && message.contains("may be read by everybody (mode 644)"),
        "{message}"
    );
}

#[test]
fn p05_a_push_client_with_bound_tokens_is_refused() {
    let push = "backchannel_token_delivery_mode = \"push\"\nbackchannel_client_notification_endpoint = \"https://till.example.com/ciba\"";
    for binding in ["dpop_bound_access_tokens", "tls_client_certificate_bound_access_tokens"] {
        let told = mistakes(&client(&format!("{push}\n{binding} = true")));
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("pushed tokens can't be sender-constrained"), "{told:?}");
        let ping = push.replace("push", "ping");
        assert!(mistakes(&client(&format!("{ping}\n{binding} = true"))).is_empty());
    }
}

/// The configuration that the environment and the command line make of a file's text.
fn overridden(text: &str, variables: &[(&str, &str)], given: &[&str]) -> Result<Config, Vec<String>> {
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let mut overrides = Overrides::of_environment(variables);
    for each in given {
        overrides.add(each).expect("NAME=VALUE");
    }
    let said = |errors: Vec<ConfigError>| errors.iter().map(ToString::to_string).collect();
    Config::parse_with(text, Path::new("/nowhere"), &overrides).map_err(said)
}

#[test]
fn the_command_line_goes_before_the_environment_and_that_before_the_file() {
    let text = "issuer = \"https://id.example.com\"\nname = \"File\"\nlisten = \"127.0.0.1:1\"\n[policy]\nttl = \"1m\"\nmax_ttl = \"2m\"\n";
    let variables = [
        ("COUNTERSIGN_OP_NAME", "Environment"),
        ("COUNTERSIGN_OP_LISTEN", "127.0.0.1:2"),
        ("COUNTERSIGN_OP_POLICY__TTL", "90"),
        ("COUNTERSIGN_OP_PROXY__TRUSTED", "[\"10.0.0.0/8\", \"127.0.0.1\"]"),
        ("COUNTERSIGN_OP_METRICS__LISTEN", "127.0.0.1:9464"),
        ("COUNTERSIGN_LOG", "info"),
        ("PATH", "/bin"),
    ];
    let Ok(config) = overridden(text, &variables, &["listen=127.0.0.1:3", "policy.hide_not_me=true"]) else {
        panic!("sound")
    };
    assert_eq!((config.name.as_str(), config.listen.port()), ("Environment", 3));
    assert_eq!((config.policy.ttl.as_secs(), config.policy.max_ttl.as_secs()), (90, 120), "beside what the file says");
    assert!(config.policy.hide_not_me);
    assert_eq!(config.proxies.networks.len(), 2);
    assert_eq!(config.metrics.map(|address| address.port()), Some(9464), "a table that the file has not");
}

#[test]
fn a_list_of_tables_is_not_overridden() {
    let text =
        format!("issuer = \"https://id.example.com\"\n[[clients]]\nclient_id = \"till\"\nsecret = \"{SECRET}\"\n");
    let words = |source: &str, name: &str| {
        format!(
            "{source}: `{name}` is a list of tables, which can't be overridden: change the file, or use `countersign op client` and `op user`"
        )
    };
    let environment = overridden(&text, &[("COUNTERSIGN_OP_USERS", "[]")], &[]).err();
    assert_eq!(environment, Some(vec![words("COUNTERSIGN_OP_USERS", "users")]));
    let option = overridden(&text, &[], &["clients=[{client_id=\"other\"}]"]).err();
    assert_eq!(option, Some(vec![words("--configure clients", "clients")]));
    assert!(overridden(&text, &[], &["authorization_details_types=[\"generic\"]"]).is_ok(), "a list of strings");
}

#[test]
fn a_mistake_made_elsewhere_is_named_by_where_it_was_made() {
    let text = "issuer = \"https://id.example.com\"\n";
    for (variables, given, expected) in [
        (
            vec![("COUNTERSIGN_OP_LISTN", "127.0.0.1:1")],
            vec![],
            "COUNTERSIGN_OP_LISTN: unknown key `listn` at the top of the file; did you mean `listen`?",
        ),
        (
            vec![("COUNTERSIGN_OP_LISTEN", "somewhere")],
            vec![],
            "COUNTERSIGN_OP_LISTEN: `listen` must be an IP address and a port such as \"127.0.0.1:8787\", not \"somewhere\"",
        ),
        (
            vec![("COUNTERSIGN_OP_NAME", "One"), ("COUNTERSIGN_OP_MODE", "tset")],
            vec!["policy.ttl=5 minutes"],
            "COUNTERSIGN_OP_MODE: `mode` can't be \"tset\"; use \"production\" or \"test\"",
        ),
        (
            vec![],
            vec!["policy.ttl=5 minutes"],
            "--configure policy.ttl: `ttl` in [policy] must be seconds such as 300, or a string such as \"5m\", not \"5 minutes\"",
        ),
        (vec![], vec!["policy=off"], "--configure policy: `policy` must be a table headed [policy], not a string"),
        (vec![], vec!["a b=1"], "--configure a b: this is not a configuration name"),
    ] {
        let errors = overridden(text, &variables, &given).err().expect("a mistake");
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{expected}: {errors:?}");
    }
    assert_eq!(Overrides::default().add("no value"), Err(super::OverrideError("no value".to_owned())));
}

#[cfg(unix)]
#[test]
fn attack_files_that_decide_who_may_sign_in_or_register_are_refused_if_others_may_write_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("changed");
    };
    let config = folder.path().join("provider.toml");
    let told = || match Config::read(&config) {
        Ok(_) => String::new(),
        Err(errors) => errors.to_string(),
    };
    let keys = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    let authority = countersign_testing::certificates::self_signed(&["ca.example"]).cert.pem();
    let method = "token_endpoint_auth_method = \"private_key_jwt\"\njwks_file = \"named\"";
    for (what, setting, content) in [
        ("the keys' file", format!("[[clients]]\nclient_id = \"till\"\n{method}"), keys.to_owned()),
        (
            "the keys' file",
            "[[login_hint_issuers]]\nissuer = \"https://hints.example\"\njwks_file = \"named\"".to_owned(),
            keys.to_owned(),
        ),
        ("`client_ca` in [tls]: the file", "[tls]\nclient_ca = \"named\"".to_owned(), authority.clone()),
        ("the certificates' file", "[egress]\nca = \"named\"".to_owned(), authority.clone()),
        (
            "`attestation_roots` in [devices]: the file",
            "[devices]\nattestation_roots = [\"named\"]".to_owned(),
            authority.clone(),
        ),
        (
            "the schema's file",
            "[[authorization_details]]\ntype = \"vote\"\nschema_file = \"named\"".to_owned(),
            r#"{"type":"object"}"#.to_owned(),
        ),
    ] {
        let named = folder.path().join("named");
        std::fs::write(&config, format!("issuer = \"https://id.example.com\"\n{setting}\n")).expect("written");
        std::fs::write(&named, content).expect("written");
        set(&config, 0o644);
        set(&named, 0o644);
        assert_eq!(told(), "", "{setting}: everybody may read what is no secret");
        for mode in [0o664, 0o646] {
            set(&named, mode);
            let found = told();
            assert!(found.contains(what), "{found}");
            assert!(found.ends_with(&format!("run: chmod go-w {}", named.display())), "{mode:o}: {found}");
        }
        set(&named, 0o644);
    }
    for mode in [0o664, 0o622, 0o602] {
        set(&config, mode);
        let found = told();
        assert!(found.ends_with(&format!("run: chmod go-w {}", config.display())), "{mode:o}: {found}");
    }
}

/// Files that the configuration names are read by functions that look at who may write them.
#[test]
fn attack_no_section_reads_a_file_without_looking_at_who_may_write_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config");
    let mut read = 0;
    for file in std::fs::read_dir(&folder).expect("listed") {
        let path = file.expect("listed").path();
        if path.extension().is_none_or(|extension| extension != "rs") || path.ends_with("tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("readable");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for raw in ["fs::read", "File::open", "fs::OpenOptions"] {
            assert!(!code.contains(raw), "{} reads a file by {raw}", path.display());
        }
        read += usize::from(code.contains("trusted_file::read") || code.contains("read_settings"));
    }
    assert!(read >= 5, "{read} sections read files");
}
