//! Every error a client can cause: status, code, description and headers, in one table. Those with a device are in `tokens.rs`.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use crate::world::{BC, Reply, SECRET, TOKEN, World, basic, encoded, form_request, raw_request};

const CIBA: (&str, &str) = ("grant_type", "urn:openid:params:grant-type:ciba");
const FORM: &str = "application/x-www-form-urlencoded";

/// What is wrong, the request, and what its sender gets.
type Row = (&'static str, Request<Body>, u16, &'static str, &'static str);

/// A sound request of `till` for bob, with these parameters in place of its own.
fn bc(parameters: &[(&str, &str)]) -> Request<Body> {
    bc_by("till", parameters)
}

fn bc_by(client: &str, parameters: &[(&str, &str)]) -> Request<Body> {
    let mut form = vec![("scope", "openid"), ("login_hint", "bob")];
    form.retain(|(name, _)| !parameters.iter().any(|(other, _)| other == name));
    form.extend_from_slice(parameters);
    form_request(BC, Some(&basic(client, SECRET)), &form)
}

fn details(text: &str) -> Request<Body> {
    bc(&[("authorization_details", text)])
}

fn token(parameters: &[(&str, &str)]) -> Request<Body> {
    form_request(TOKEN, Some(&basic("till", SECRET)), parameters)
}

fn rows() -> Vec<Row> {
    let till = basic("till", SECRET);
    let raw = |body: &str| raw_request(BC, Some(&till), FORM, body.as_bytes().to_vec());
    let get = |path: &str| Request::get(path).body(Body::empty()).expect("a request");
    let put = |path: &str| Request::put(path).body(Body::empty()).expect("a request");
    let credentials = |id: &str, secret: &str| {
        form_request(
            BC,
            None,
            &[("scope", "openid"), ("login_hint", "bob"), ("client_id", id), ("client_secret", secret)],
        )
    };
    let unknown_client = "the client is not known or its secret is wrong";
    let not_basic = "the Authorization header is not Basic with a form-encoded client_id and secret";
    let unauthorized = "this client is not registered for the grant urn:openid:params:grant-type:ciba";
    let scope_form = "scope must be a space-delimited list, 1000 characters at most";
    let one_hint = "send one hint only: login_hint, id_token_hint or login_hint_token";
    let no_hint = "the hint is missing: send one of login_hint, id_token_hint and login_hint_token";
    let expiry = "requested_expiry must be a positive whole number of seconds";
    let nobody = "no user with an enrolled device matches this hint";
    let mut twice = form_request(BC, Some(&till), &[("scope", "openid"), ("login_hint", "bob")]);
    twice.headers_mut().append(header::AUTHORIZATION, till.parse().expect("a header"));
    vec![
        // Form and method, at both endpoints.
        ("b01 GET", get(BC), 405, "invalid_request", "this endpoint takes POST only"),
        ("b01 PUT", put(BC), 405, "invalid_request", "this endpoint takes POST only"),
        ("GET at the token endpoint", get(TOKEN), 405, "invalid_request", "this endpoint takes POST only"),
        (
            "b01 JSON",
            raw_request(BC, Some(&till), "application/json", b"{}".to_vec()),
            400,
            "invalid_request",
            "the body must be application/x-www-form-urlencoded in UTF-8",
        ),
        (
            "JSON at the token endpoint",
            raw_request(TOKEN, Some(&till), "application/json", b"{}".to_vec()),
            400,
            "invalid_request",
            "the body must be application/x-www-form-urlencoded in UTF-8",
        ),
        (
            "b01 Latin-1 by name",
            raw_request(BC, Some(&till), "application/x-www-form-urlencoded; charset=iso-8859-1", b"a=%C3%BC".to_vec()),
            400,
            "invalid_request",
            "the body must be application/x-www-form-urlencoded in UTF-8",
        ),
        (
            "b01 Latin-1 by content",
            raw("scope=openid&login_hint=%FC"),
            400,
            "invalid_request",
            "the body is not form-urlencoded UTF-8",
        ),
        (
            "a broken escape",
            raw("scope=openid&login_hint=%4"),
            400,
            "invalid_request",
            "the body is not form-urlencoded UTF-8",
        ),
        (
            "b13 a parameter twice",
            raw("scope=openid&login_hint=bob&scope=openid"),
            400,
            "invalid_request",
            "the parameter scope appears more than once: send each parameter once",
        ),
        (
            "b13 an unknown parameter twice",
            raw("scope=openid&login_hint=bob&x=1&x=2"),
            400,
            "invalid_request",
            "the parameter x appears more than once: send each parameter once",
        ),
        (
            "too large",
            raw(&format!("scope=openid&login_hint=bob&x={}", "x".repeat(16 * 1024))),
            413,
            "invalid_request",
            "the body is larger than 16 KiB, or broke off",
        ),
        ("two Authorization headers", twice, 400, "invalid_request", "the Authorization header appears more than once"),
        // Who is asking.
        (
            "b02 no authentication",
            form_request(BC, None, &[("scope", "openid"), ("login_hint", "bob")]),
            401,
            "invalid_client",
            "the client did not authenticate: use client_secret_basic, client_secret_post, private_key_jwt or a certificate",
        ),
        (
            "b02 an id without a secret",
            form_request(BC, None, &[("scope", "openid"), ("login_hint", "bob"), ("client_id", "till")]),
            401,
            "invalid_client",
            "this client is registered with a secret: use client_secret_basic or client_secret_post",
        ),
        (
            "b02 wrong secret, basic",
            form_request(BC, Some(&basic("till", "wrong")), &[]),
            401,
            "invalid_client",
            unknown_client,
        ),
        ("b02 wrong secret, post", credentials("till", "wrong"), 401, "invalid_client", unknown_client),
        (
            "b02 unknown client, basic",
            form_request(BC, Some(&basic("tille", SECRET)), &[]),
            401,
            "invalid_client",
            unknown_client,
        ),
        ("b02 unknown client, post", credentials("tille", SECRET), 401, "invalid_client", unknown_client),
        ("b02 another scheme", form_request(BC, Some("Bearer abc"), &[]), 401, "invalid_client", not_basic),
        ("b02 no base64", form_request(BC, Some("Basic !"), &[]), 401, "invalid_client", not_basic),
        ("b02 no colon", form_request(BC, Some("Basic dGlsbA=="), &[]), 401, "invalid_client", not_basic),
        (
            "basic and post at once",
            form_request(BC, Some(&till), &[("client_id", "till"), ("client_secret", SECRET)]),
            400,
            "invalid_request",
            "the client uses more than one authentication method: keep one of the Authorization header, client_secret and client_assertion",
        ),
        (
            "another client_id in the body",
            form_request(BC, Some(&till), &[("client_id", "kiosk")]),
            400,
            "invalid_request",
            "client_id in the body differs from the one in the Authorization header",
        ),
        (
            "a client assertion of no type",
            form_request(BC, None, &[("client_assertion", "e30.e30.x")]),
            401,
            "invalid_client",
            "client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        (
            "post by a client registered for basic",
            credentials("basic", SECRET),
            401,
            "invalid_client",
            "this client is registered for client_secret_basic: send the secret in the Authorization header",
        ),
        (
            "basic by a client registered for post",
            bc_by("post", &[]),
            401,
            "invalid_client",
            "this client is registered for client_secret_post: send the secret in the body",
        ),
        ("b14 a client without the grant", bc_by("reader", &[]), 400, "unauthorized_client", unauthorized),
        // What is asked.
        ("b03 no scope", bc(&[("scope", "")]), 400, "invalid_scope", "scope is missing: send at least openid"),
        ("b03 no openid", bc(&[("scope", "profile")]), 400, "invalid_scope", "scope must contain openid"),
        ("a scope with a line feed", bc(&[("scope", "openid\nx")]), 400, "invalid_scope", scope_form),
        ("a scope with two blanks", bc(&[("scope", "openid  x")]), 400, "invalid_scope", scope_form),
        (
            "a scope the client is not registered for",
            bc_by("narrow", &[("scope", "openid email")]),
            400,
            "invalid_scope",
            "this client may not ask for the scope email",
        ),
        ("b04 no hint", bc(&[("login_hint", "")]), 400, "invalid_request", no_hint),
        ("b04 two hints", bc(&[("id_token_hint", "e30.e30.x")]), 400, "invalid_request", one_hint),
        (
            "b04 two other hints",
            bc(&[("login_hint_token", "x"), ("login_hint", ""), ("id_token_hint", "x")]),
            400,
            "invalid_request",
            one_hint,
        ),
        ("b04 three hints", bc(&[("id_token_hint", "x"), ("login_hint_token", "x")]), 400, "invalid_request", one_hint),
        (
            "b07 an id_token_hint that is no token",
            bc(&[("id_token_hint", "alice"), ("login_hint", "")]),
            400,
            "invalid_request",
            "id_token_hint: it is not a compact JWS of three parts",
        ),
        (
            "b07 a login_hint_token that is no token",
            bc(&[("login_hint_token", "alice"), ("login_hint", "")]),
            400,
            "invalid_request",
            "login_hint_token: it is not a compact JWS of three parts",
        ),
        (
            "a hint about nobody",
            bc(&[("login_hint", "{\"format\":\"iss_sub\",\"iss\":\"https://id.example/tenant/\",\"sub\":\"\"}")]),
            400,
            "invalid_request",
            "sub in login_hint is empty",
        ),
        (
            "a hint in half a JSON",
            bc(&[("login_hint", "{\"format\":\"iss_sub\"}")]),
            400,
            "invalid_request",
            "the JSON in login_hint must have the strings format, iss and sub",
        ),
        (
            "a hint of another format",
            bc(&[("login_hint", "{\"format\":\"email\",\"iss\":\"x\",\"sub\":\"bob\"}")]),
            400,
            "invalid_request",
            "the format of login_hint must be iss_sub",
        ),
        (
            "a hint of another issuer",
            bc(&[("login_hint", "{\"format\":\"iss_sub\",\"iss\":\"https://evil.example/\",\"sub\":\"bob\"}")]),
            400,
            "invalid_request",
            "iss in login_hint is not this provider's issuer",
        ),
        ("b06 an unknown user", bc(&[("login_hint", "mallory")]), 400, "unknown_user_id", nobody),
        ("b06 a user without a device", bc(&[]), 400, "unknown_user_id", nobody),
        ("b15 a locked user", bc(&[("login_hint", "lara")]), 403, "access_denied", "this user is locked"),
        (
            "b10 a message with a line feed",
            bc(&[("binding_message", "a\nb")]),
            400,
            "invalid_binding_message",
            "binding_message: the text has a control character or a line break: U+000A at character 2",
        ),
        (
            "b10 a message that turns around",
            bc(&[("binding_message", "Pay \u{202e}00.08")]),
            400,
            "invalid_binding_message",
            "binding_message: the text has a character that changes its direction: U+202E at character 5",
        ),
        (
            "b10 a message that is too long",
            bc(&[("binding_message", &"x".repeat(501))]),
            400,
            "invalid_binding_message",
            "binding_message: the text is longer than 500 characters",
        ),
        ("b12 expiry 0", bc(&[("requested_expiry", "0")]), 400, "invalid_request", expiry),
        ("b12 expiry -1", bc(&[("requested_expiry", "-1")]), 400, "invalid_request", expiry),
        ("b12 expiry +1", bc(&[("requested_expiry", "+1")]), 400, "invalid_request", expiry),
        ("b12 expiry 1.5", bc(&[("requested_expiry", "1.5")]), 400, "invalid_request", expiry),
        ("b12 expiry NaN", bc(&[("requested_expiry", "NaN")]), 400, "invalid_request", expiry),
        (
            "b12 expiry beyond numbers",
            bc(&[("requested_expiry", "99999999999999999999")]),
            400,
            "invalid_request",
            expiry,
        ),
        (
            "acr_values with a line feed",
            bc(&[("acr_values", "a\nb")]),
            400,
            "invalid_request",
            "acr_values must be printable ASCII, 1000 characters at most",
        ),
        (
            "s01 a signed request with parameters beside it",
            bc(&[("request", "e30.e30.x")]),
            400,
            "invalid_request",
            "the signed request: scope is outside the JWT: put every parameter inside it",
        ),
        (
            "a request_uri",
            bc(&[("request_uri", "https://x.example/r")]),
            400,
            "invalid_request",
            "request_uri is not for authentication requests (CIBA Core 7.1.1): send the JWT itself as request",
        ),
        // Authorization details.
        (
            "b16 no JSON",
            details("["),
            400,
            "invalid_authorization_details",
            "authorization_details: this is not JSON at byte 1",
        ),
        (
            "b16 no array",
            details("{}"),
            400,
            "invalid_authorization_details",
            "authorization_details is not an array of objects",
        ),
        (
            "b16 an empty array",
            details("[]"),
            400,
            "invalid_authorization_details",
            "authorization_details is not an array of objects",
        ),
        (
            "b16 no type",
            details("[{}]"),
            400,
            "invalid_authorization_details",
            "an object in authorization_details has no type",
        ),
        (
            "b16 an unknown type",
            details("[{\"type\":\"vote\"}]"),
            400,
            "invalid_authorization_details",
            "authorization_details[0] has a type that this client may not send; it may send: payment_initiation, account_information, generic",
        ),
        (
            "b16 a type the client is not registered for",
            bc_by("narrow", &[("authorization_details", "[{\"type\":\"generic\",\"title\":\"x\"}]")]),
            400,
            "invalid_authorization_details",
            "authorization_details[0] has a type that this client may not send; it may send: account_information",
        ),
        (
            "b16 a missing member",
            details("[{\"type\":\"payment_initiation\",\"creditorName\":\"Acme\"}]"),
            400,
            "invalid_authorization_details",
            "authorization_details[0]: instructedAmount is missing",
        ),
        (
            "b16 an unknown member",
            details("[{\"type\":\"account_information\",\"actions\":[\"read\"],\"tip\":1}]"),
            400,
            "invalid_authorization_details",
            "authorization_details[0]: tip is not known here",
        ),
        (
            "b16 a name twice",
            details("[{\"type\":\"generic\",\"title\":\"x\",\"title\":\"y\"}]"),
            400,
            "invalid_authorization_details",
            "authorization_details: an object has the same name more than once at byte 31",
        ),
        (
            "b16 text that can't be shown",
            details("[{\"type\":\"generic\",\"title\":\"x\u{200b}y\"}]"),
            400,
            "invalid_authorization_details",
            "authorization_details[0].title: the text has an invisible character: U+200B at character 2",
        ),
        (
            "b16 too large",
            details(&format!("[{{\"type\":\"generic\",\"title\":\"x\",\"y\":\"{}\"}}]", "y".repeat(6 * 1024))),
            400,
            "invalid_authorization_details",
            "authorization_details is larger than 6 KiB",
        ),
        (
            "b16 too large once signed",
            details(&format!(
                "[{{\"type\":\"generic\",\"title\":\"x\",\"y\":\"{}{}\"}}]",
                "\\\"".repeat(1100),
                "y".repeat(3800)
            )),
            400,
            "invalid_authorization_details",
            "authorization_details and the request's other strings are too large for a signed challenge (14 KiB)",
        ),
        // Interaction.
        (
            "an unknown interaction",
            bc(&[("interaction_type", "wink")]),
            400,
            "invalid_request",
            "interaction_type must be boolean, number_choose or input_manual",
        ),
        (
            "an interaction beyond the client",
            bc_by("kiosk", &[("interaction_type", "input_manual")]),
            400,
            "invalid_request",
            "interaction_type input_manual is not among the interaction_types this client is registered for",
        ),
        (
            "an interaction below the minimum",
            bc_by("strict", &[("interaction_type", "boolean")]),
            400,
            "invalid_request",
            "interaction_type would be boolean, but this provider asks for input_manual at least: register the client for that, and ask for it by name if not all of the user's devices can do it",
        ),
        (
            "a client that can't reach the minimum",
            bc_by("strict", &[]),
            400,
            "invalid_request",
            "interaction_type would be boolean, but this provider asks for input_manual at least: register the client for that, and ask for it by name if not all of the user's devices can do it",
        ),
        // The token endpoint.
        (
            "no grant_type",
            token(&[("auth_req_id", "x")]),
            400,
            "invalid_request",
            "grant_type is missing: send urn:openid:params:grant-type:ciba",
        ),
        (
            "another grant",
            token(&[("grant_type", "authorization_code"), ("code", "x")]),
            400,
            "unsupported_grant_type",
            "this provider supports two grants: urn:openid:params:grant-type:ciba and refresh_token",
        ),
        (
            "the grant's name from a tutorial",
            token(&[("grant_type", "urn:ietf:params:oauth:grant-type:ciba"), ("auth_req_id", "x")]),
            400,
            "unsupported_grant_type",
            "the grant's name is urn:openid:params:grant-type:ciba (CIBA Core 10.1), not urn:ietf:params:oauth:grant-type:ciba",
        ),
        ("no auth_req_id", token(&[CIBA]), 400, "invalid_request", "auth_req_id is missing"),
        (
            "t01 an unknown auth_req_id",
            token(&[CIBA, ("auth_req_id", "ar_x")]),
            400,
            "invalid_grant",
            "auth_req_id is not known, or belongs to another client",
        ),
        (
            "b14 a client without the grant polls",
            form_request(TOKEN, Some(&basic("reader", SECRET)), &[CIBA, ("auth_req_id", "ar_x")]),
            400,
            "unauthorized_client",
            unauthorized,
        ),
        (
            "a poll without authentication",
            form_request(TOKEN, None, &[CIBA, ("auth_req_id", "ar_x")]),
            401,
            "invalid_client",
            "the client did not authenticate: use client_secret_basic, client_secret_post, private_key_jwt or a certificate",
        ),
    ]
}

#[tokio::test]
async fn every_error_has_its_status_code_words_and_headers() {
    let world = World::new();
    let mut wrong = Vec::new();
    for (what, request, status, code, description) in rows() {
        let reply = world.send(request).await;
        let expected = (status, code.to_owned(), description.to_owned());
        let got = (reply.status.as_u16(), reply.text("error"), reply.text("error_description"));
        if got != expected {
            wrong.push(format!("{what}\n  expected: {expected:?}\n  got:      {got:?}"));
        }
        wrong.extend(wrong_headers(&reply).map(|complaint| format!("{what}\n  {complaint}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What every error shares: kept by no cache, a challenge with every 401 and with nothing else.
fn wrong_headers(reply: &Reply) -> Option<String> {
    let challenge =
        (reply.status == StatusCode::UNAUTHORIZED).then_some("Basic realm=\"countersign\", charset=\"UTF-8\"");
    let allow = (reply.status == StatusCode::METHOD_NOT_ALLOWED).then_some("POST");
    let expected = [
        (header::CACHE_CONTROL, Some("no-store")),
        (header::CONTENT_TYPE, Some("application/json")),
        (header::WWW_AUTHENTICATE, challenge),
        (header::ALLOW, allow),
        (header::RETRY_AFTER, None),
    ];
    let wrong = expected.into_iter().find(|(name, value)| reply.header(name.clone()) != *value);
    wrong.map(|(name, value)| format!("{name}: expected {value:?}, got {:?}", reply.header(name.clone())))
}

#[tokio::test]
async fn asking_too_often_is_refused_before_anybody_is_looked_up() {
    let world = World::new();
    let ask = || world.send(bc_by("hasty", &[("login_hint", "mallory")]));
    assert_eq!(ask().await.status, StatusCode::OK);
    world.advance_seconds(20);
    let reply = ask().await;
    assert_eq!((reply.status.as_u16(), reply.text("error").as_str()), (429, "rate_limited"));
    assert_eq!(reply.header(header::RETRY_AFTER), Some("40"));
    assert_eq!(reply.header(header::CACHE_CONTROL), Some("no-store"));
    world.advance_seconds(40);
    assert_eq!(ask().await.status, StatusCode::OK);
}

#[tokio::test]
async fn t09_no_description_has_a_forbidden_character() {
    let world = World::new();
    for (what, request, ..) in rows() {
        let description = world.send(request).await.text("error_description");
        let permitted = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(description.bytes().all(permitted), "{what}: {description}");
    }
}

#[tokio::test]
async fn client_secret_basic_is_form_decoded_and_a_raw_secret_is_understood_too() {
    let world = World::new();
    let (id, secret) = ("odd:id+%", "100% f7c09d1c2b8e4a65+90d3b1a7e2c45f68:");
    let form = [("scope", "openid"), ("login_hint", "nobody")];
    let by_rule = form_request(BC, Some(&basic(id, secret)), &form);
    assert_eq!(world.send(by_rule).await.status, StatusCode::OK);

    // curl and many others join what they have, as it is.
    let joined =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{}:{secret}", encoded(id)));
    let raw = form_request(BC, Some(&format!("basic {joined}")), &form);
    assert_eq!(world.send(raw).await.status, StatusCode::OK);

    let in_body = [("client_id", id), ("client_secret", secret), form[0], form[1]];
    assert_eq!(world.send(form_request(BC, None, &in_body)).await.status, StatusCode::OK);
}
