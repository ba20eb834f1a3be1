//! Each endpoint, with a part of the request missing or of the wrong kind: status and code from its extractor or its client
//! authentication. Errors of the parameters themselves are in `client_errors.rs`.

use axum::body::Body;
use axum::http::{Request, header};

use crate::world::{BC, CONFIG, SECRET, TOKEN, World, basic, form_request, raw_request};

const AUTH0_TOKEN: &str = "/tenant/oauth/token";
const INTROSPECT: &str = "/tenant/introspect";
const REVOKE: &str = "/tenant/revoke";
const USERINFO: &str = "/tenant/userinfo";
const REGISTER: &str = "/tenant/register";
const FORM: &str = "application/x-www-form-urlencoded";
const ACCESS: &str = "2e1f8c6d9ab34750b2c1d4e5f6a70819";

/// What is missing or wrong, the request, and the status and code of its answer; an empty code: no JSON of OAuth's.
type Row = (String, Request<Body>, u16, &'static str);

/// The endpoints that take a form and authenticate the client, and the code for one without its first parameter.
const FORM_ENDPOINTS: [(&str, &str); 5] = [
    (BC, "invalid_scope"),
    (TOKEN, "invalid_request"),
    (AUTH0_TOKEN, "invalid_request"),
    (INTROSPECT, "invalid_request"),
    (REVOKE, "invalid_request"),
];

fn empty(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).expect("a request")
}

fn with_header(mut request: Request<Body>, name: header::HeaderName, value: &str) -> Request<Body> {
    request.headers_mut().append(name, value.parse().expect("a header"));
    request
}

fn rows_of_forms() -> Vec<Row> {
    let till = basic("till", SECRET);
    let mut rows = Vec::new();
    for (path, no_parameter) in FORM_ENDPOINTS {
        let mut row = |what: &str, request, status, code| rows.push((format!("{path}: {what}"), request, status, code));
        let form = |authorization: Option<&str>| form_request(path, authorization, &[]);
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            row(method, empty(method, path), 405, "invalid_request");
        }
        row("neither content type nor body", empty("POST", path), 400, "invalid_request");
        let no_type = with_header(empty("POST", path), header::AUTHORIZATION, &till);
        row("no content type", no_type, 400, "invalid_request");
        row("plain text", raw_request(path, Some(&till), "text/plain", b"a=b".to_vec()), 400, "invalid_request");
        row("no client authentication", form(None), 401, "invalid_client");
        row("a client id alone", form_request(path, None, &[("client_id", "till")]), 401, "invalid_client");
        row(
            "a secret without a client id",
            form_request(path, None, &[("client_secret", SECRET)]),
            401,
            "invalid_client",
        );
        row("a bearer token in place of the client", form(Some("Bearer at")), 401, "invalid_client");
        row("an empty body", form(Some(&till)), 400, no_parameter);
        let two = with_header(form(Some(&till)), header::AUTHORIZATION, &till);
        row("two Authorization headers", two, 400, "invalid_request");
        let dpop = header::HeaderName::from_static("dpop");
        let proofs = with_header(with_header(form(Some(&till)), dpop.clone(), "a"), dpop, "b");
        row("two DPoP headers", proofs, 400, "invalid_request");
        let large = raw_request(path, Some(&till), FORM, vec![b'a'; 16 * 1024 + 1]);
        row("more than 16 KiB", large, 413, "invalid_request");
        row("a broken escape", raw_request(path, Some(&till), FORM, b"a=%z".to_vec()), 400, "invalid_request");
    }
    rows
}

fn rows_of_json() -> Vec<Row> {
    let till = basic("till", SECRET);
    let json = |path: &str, body: &str| raw_request(path, Some(&till), "application/json", body.as_bytes().to_vec());
    let mut rows: Vec<Row> = [BC, TOKEN, INTROSPECT, REVOKE]
        .map(|path| (format!("{path}: JSON"), json(path, "{}"), 400, "invalid_request"))
        .into();
    rows.extend([
        (
            "/oauth/token: JSON of another client than Auth0's".to_owned(),
            json(AUTH0_TOKEN, "{}"),
            400,
            "invalid_request",
        ),
        ("/oauth/token: JSON that is no object".to_owned(), json(AUTH0_TOKEN, "[]"), 400, "invalid_request"),
        ("/oauth/token: JSON without a body".to_owned(), json(AUTH0_TOKEN, ""), 400, "invalid_request"),
    ]);
    rows
}

fn rows_of_userinfo() -> Vec<Row> {
    let row = |what: &str, request, status, code| (format!("{USERINFO}: {what}"), request, status, code);
    let with = |value: &str| with_header(empty("GET", USERINFO), header::AUTHORIZATION, value);
    vec![
        row("GET without Authorization", empty("GET", USERINFO), 401, "invalid_token"),
        row("POST without Authorization", empty("POST", USERINFO), 401, "invalid_token"),
        row("a client's secret", with(&basic("till", SECRET)), 401, "invalid_token"),
        row("Bearer without a token", with("Bearer"), 401, "invalid_token"),
        row("a token that is none", with("Bearer at"), 401, "invalid_token"),
        row("DPoP without a proof", with("DPoP at"), 401, "invalid_token"),
        row("two tokens", with_header(with("Bearer at"), header::AUTHORIZATION, "Bearer at"), 401, "invalid_token"),
        row("a token in the body", form_request(USERINFO, None, &[("access_token", "at")]), 401, "invalid_token"),
        row("PUT", empty("PUT", USERINFO), 405, ""),
    ]
}

fn rows_of_registration() -> Vec<Row> {
    let row = |what: &str, request, status, code| (format!("{REGISTER}: {what}"), request, status, code);
    let bearer = format!("Bearer {ACCESS}");
    let post =
        |authorization: Option<&str>, body: Vec<u8>| raw_request(REGISTER, authorization, "application/json", body);
    vec![
        row("GET", empty("GET", REGISTER), 405, "invalid_request"),
        row("no initial access token", post(None, b"{}".to_vec()), 401, "invalid_token"),
        row("another token", post(Some("Bearer other"), b"{}".to_vec()), 401, "invalid_token"),
        row(
            "the token under another scheme",
            post(Some(&format!("Basic {ACCESS}")), b"{}".to_vec()),
            401,
            "invalid_token",
        ),
        row("no body", post(Some(&bearer), Vec::new()), 400, "invalid_client_metadata"),
        row("a form", raw_request(REGISTER, Some(&bearer), FORM, b"a=b".to_vec()), 400, "invalid_client_metadata"),
        row("JSON that is no object", post(Some(&bearer), b"[]".to_vec()), 400, "invalid_client_metadata"),
        row("metadata without grant types", post(Some(&bearer), b"{}".to_vec()), 400, "invalid_client_metadata"),
        row("more than 16 KiB", post(Some(&bearer), vec![b' '; 16 * 1024 + 1]), 413, "invalid_client_metadata"),
    ]
}

#[tokio::test]
async fn every_endpoint_answers_a_missing_part_with_its_code_and_status() {
    let world = World::with(&format!(
        "{CONFIG}\n[registration]\nenabled = true\ninitial_access_token = \"{ACCESS}\"\nper_minute = 100\n"
    ));
    let rows = [rows_of_forms(), rows_of_json(), rows_of_userinfo(), rows_of_registration()].into_iter().flatten();
    let mut wrong = Vec::new();
    for (what, request, status, code) in rows {
        let reply = world.send(request).await;
        let json = serde_json::from_str::<serde_json::Value>(&reply.body).unwrap_or_default();
        let found = json["error"].as_str().unwrap_or_default().to_owned();
        if (reply.status.as_u16(), found.as_str()) != (status, code) {
            wrong.push(format!("{what}: {} {found:?}, not {status} {code:?}", reply.status.as_u16()));
        }
        if status == 405 {
            assert!(reply.header(header::ALLOW).is_some(), "{what}: which methods are allowed");
        }
        if status == 401 {
            assert!(reply.header(header::WWW_AUTHENTICATE).is_some(), "{what}: how to authenticate (RFC 9110 §15.5.2)");
        }
        if !code.is_empty() {
            assert_eq!(reply.header(header::CACHE_CONTROL), Some("no-store"), "{what}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
