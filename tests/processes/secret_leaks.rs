//! Searches for secrets in logs at level trace, standard output, errors, request lines, and every byte that both sides store. The
//! places where one is needed are listed, with the reason; an entry that is no longer needed fails the test too.

use std::collections::BTreeSet;

use countersign_device::pin::Pin;
use countersign_device::seal::SealedKey;
use countersign_jose::base64url;
use countersign_tests::canary::{Canary, files};
use countersign_tests::client::PAYMENT;
use countersign_tests::device::{Device, id};
use countersign_tests::http;
use countersign_tests::process::Process;
use countersign_tests::provider::{Provider, Settings, TILL_SECRET};
use countersign_tests::proxy::Proxy;
use countersign_tests::test_env::TestEnv;
use serde_json::Value;

/// Long enough not to occur by chance.
const PIN: &str = "830175926640281937";

/// Where a secret is needed: the secret, the location, the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("link", "output of op link", "this command gives it out; it serves once, within ten minutes"),
    ("confirmation code", "output of enroll", "the person reads it there and types it elsewhere"),
    ("auth_req_id", "output of request", "the client's own handle, for the script that runs the client"),
    ("client secret", "provider.toml", "the operator wrote it there; `secret_file` keeps it apart"),
    ("transport key", "phone-home/keys/ACCOUNT.transport", "the key's own file, mode 0600"),
    ("home key", "phone-home/keys/home", "the key's own file, mode 0600"),
    ("evidence root", "provider-home/keys/evidence-root.p8", "the key's own file, mode 0600"),
    ("gateway key", "provider-home/keys/gateway.p8", "the key's own file, mode 0600"),
    ("registration key", "provider-home/keys/registration.p8", "the key's own file, mode 0600"),
    ("push key", "provider-home/keys/vapid.p8", "the key's own file, mode 0600"),
    ("token key", "provider-home/keys/token.p8", "the key's own file, mode 0600"),
    ("gateway secret", "provider-home/keys/gateway-secret.secret", "the secret's own file, mode 0600"),
];

#[test]
fn attack_16_no_secret_is_logged_printed_or_stored_where_it_does_not_belong() {
    let env = TestEnv::new();
    let (issuer, listen) = (env.free_address(), env.free_address());
    let proxy = Proxy::start(issuer, listen);
    let settings = Settings { behind: Some(listen), log: Some("trace"), ..Settings::default() };
    let provider = Provider::start_at(&env, "provider", issuer, &settings);
    let mut outputs = Vec::new();

    // Each operation once: a code mistyped and typed, an approval, a wrong PIN, a denial.
    let (link, mut op) = provider.link_with_code("alice");
    outputs.push(("output of op link", link.clone()));
    let phone = Device::with(&env, "phone", PIN, "trace");
    let enrolled = phone.enroll(&link);
    let code = enrolled["confirmation_code"].as_str().unwrap().to_owned();
    outputs.push(("output of enroll", enrolled.to_string()));
    op.say("not a code");
    op.say(&code);
    let confirmed = op.finish().expect_code(0);
    outputs.push(("output of op link, confirmed", confirmed.line("confirmed").to_string()));
    let till = provider.till().with_log("trace");
    let mut requests = Vec::new();
    for decision in ["approve", "deny"] {
        let (request, acknowledged) = till.acknowledged(&["--authorization-details", PAYMENT]);
        let challenge = phone.only_pending();
        outputs.push(("output of pending", challenge.to_string()));
        if decision == "approve" {
            let guessing = Device::with(&env, "phone", "123123123123", "trace");
            let wrong = guessing.answer(id(&challenge), &["approve"]).expect_code(2);
            outputs.push(("output of a wrong PIN", wrong.output.join("\n")));
            outputs.push(("output of request", acknowledged.to_string()));
        }
        outputs.push(("output of answer", phone.answer(id(&challenge), &[decision]).expect_code(0).output.join("\n")));
        outputs.push((
            "output of evidence",
            if decision == "approve" { phone.evidence(id(&challenge)) } else { String::new() },
        ));
        requests.push((request.finish(), acknowledged));
    }
    for command in ["accounts", "history", "pending"] {
        outputs.push(("output of lists", phone.run(&[command]).expect_code(0).output.join("\n")));
    }

    let canaries = secrets(&env, &provider, &proxy, &link, &code, &requests[0].1);
    outputs.push(("request lines", request_lines(&proxy)));
    outputs.push(("errors over HTTP", provoked_errors(&provider, &link)));
    let mut found = BTreeSet::new();
    for (name, text) in &outputs {
        look(&canaries, name, text.as_bytes(), &mut found);
    }
    for (path, bytes) in files(env.folder()) {
        let name = path.strip_prefix(env.folder()).unwrap().to_str().unwrap().to_owned();
        look(&canaries, &name.replace(&account(&enrolled), "ACCOUNT"), &bytes, &mut found);
    }

    let expected: BTreeSet<_> =
        EXCEPTIONS.iter().map(|(what, location, _)| ((*what).to_owned(), (*location).to_owned())).collect();
    let unexpected: Vec<_> = found.difference(&expected).collect();
    assert!(unexpected.is_empty(), "secrets where they must not be: {unexpected:#?}");
    let stale: Vec<_> = expected.difference(&found).collect();
    assert!(stale.is_empty(), "exceptions that are none any more: {stale:#?}");
}

fn look(canaries: &[Canary], location: &str, bytes: &[u8], found: &mut BTreeSet<(String, String)>) {
    let here = canaries.iter().filter(|canary| canary.is_in(bytes));
    found.extend(here.map(|canary| (canary.name.to_owned(), location.to_owned())));
}

fn account(enrolled: &Value) -> String {
    enrolled["account"].as_str().unwrap().to_owned()
}

/// Every secret of this run, in plain form.
fn secrets(
    env: &TestEnv,
    provider: &Provider<'_>,
    proxy: &Proxy,
    link: &str,
    code: &str,
    acknowledged: &Value,
) -> Vec<Canary> {
    let mut canaries = vec![
        Canary::text("link", link.split_once('#').unwrap().1),
        Canary::text("confirmation code", code),
        Canary::text("client secret", TILL_SECRET),
        Canary::text("auth_req_id", acknowledged["auth_req_id"].as_str().unwrap()),
        Canary::text("PIN", PIN),
        Canary::text("wrong PIN", "123123123123"),
        Canary::text("credential", &credential(proxy)),
    ];
    let keys = provider.home().join("keys");
    for (name, file) in [
        ("evidence root", "evidence-root.p8"),
        ("gateway key", "gateway.p8"),
        ("registration key", "registration.p8"),
        ("push key", "vapid.p8"),
        ("token key", "token.p8"),
    ] {
        canaries.push(Canary::bytes(name, &scalar_of(&std::fs::read(keys.join(file)).unwrap())));
    }
    let text_in = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap().trim().to_owned();
    let decoded = |text: String| base64url::decode(&text).unwrap();
    canaries.push(Canary::bytes("gateway secret", &decoded(text_in(keys.join("gateway-secret.secret")))));
    for (path, bytes) in files(&env.path("phone-home/keys")) {
        let text = String::from_utf8(bytes).unwrap().trim().to_owned();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("transport") => canaries.push(Canary::bytes("transport key", &decoded(text))),
            Some("approval") => {
                let sealed: SealedKey = serde_json::from_str(&text).unwrap();
                let account = path.file_stem().unwrap().to_str().unwrap();
                canaries.push(Canary::bytes(
                    "approval key",
                    &sealed.open(&Pin::parse(PIN).ok().unwrap(), None, account).unwrap(),
                ));
            }
            _ => canaries.push(Canary::bytes("home key", &decoded(text))),
        }
    }
    assert_eq!(canaries.len(), 16, "every secret was found");
    canaries
}

/// The device credential, from the registration response.
fn credential(proxy: &Proxy) -> String {
    let traffic = String::from_utf8_lossy(&proxy.traffic()).into_owned();
    let (_, rest) = traffic.split_once(r#""device_credential":""#).expect("a credential crossed the wire");
    rest.split('"').next().unwrap().to_owned()
}

/// The private scalar in a PKCS#8 file of a P-256 key (RFC 5915 §3: version 1, then an octet string of 32 bytes).
fn scalar_of(pkcs8: &[u8]) -> [u8; 32] {
    let before = [0x02, 0x01, 0x01, 0x04, 0x20];
    let at = pkcs8.windows(5).position(|window| window == before).expect("a P-256 key");
    pkcs8[at + 5..at + 37].try_into().unwrap()
}

/// Every request's first line, as proxies and servers log it.
fn request_lines(proxy: &Proxy) -> String {
    let traffic = String::from_utf8_lossy(&proxy.traffic()).into_owned();
    let lines = traffic.split("\r\n").filter(|line| line.ends_with(" HTTP/1.1"));
    // A body before it on the same connection ends without a line break.
    let begins = |line: &str| ["GET /", "POST /"].iter().filter_map(|method| line.rfind(method)).max().unwrap_or(0);
    let lines: Vec<&str> = lines.map(|line| &line[begins(line)..]).collect();
    assert!(
        lines.iter().any(|line| line.contains("/push/register")) && lines.iter().any(|line| line.contains("/token"))
    );
    lines.join("\n")
}

/// Error responses to requests that have secrets where they don't belong.
fn provoked_errors(provider: &Provider<'_>, link: &str) -> String {
    let url = |path: &str| format!("{}{path}", provider.issuer());
    let token = link.split_once('#').unwrap().1;
    let bearer = format!("Bearer {TILL_SECRET}");
    let dpop = format!("DPoP {TILL_SECRET}");
    let misplaced = [("grant_type", TILL_SECRET), ("client_id", "coffee-pos"), ("client_secret", TILL_SECRET)];
    let twice = [("client_secret", TILL_SECRET), ("client_secret", TILL_SECRET)];
    let in_hint =
        [("login_hint", token), ("scope", TILL_SECRET), ("client_id", "coffee-pos"), ("client_secret", TILL_SECRET)];
    let as_json = format!("{{\"registration_token\":\"{token}\",\"pin\":\"{PIN}\"}}");
    let json = ("content-type", "application/json");
    let replies = [
        http::post_form(&url("/token"), &[], &misplaced),
        http::post_form(&url("/token"), &[], &twice),
        http::post_form(&url("/token"), &[("authorization", &bearer)], &[]),
        http::post_form(&url("/bc-authorize"), &[], &in_hint),
        http::send("POST", &url("/push/register"), &[json], as_json.as_bytes()),
        http::send("GET", &url("/push/challenges"), &[("authorization", &dpop), ("dpop", token)], b""),
        http::send("GET", &url(&format!("/{TILL_SECRET}")), &[], b""),
    ];
    assert!(replies.iter().all(|reply| reply.status >= 400));
    replies.iter().map(|reply| format!("{:?}\n{}\n", reply.headers, reply.text())).collect()
}

#[test]
fn an_error_on_the_command_line_repeats_no_secret() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let link = provider.link("alice");
    let token = link.split_once('#').unwrap().1;
    let canaries = [Canary::text("link", token), Canary::text("PIN", PIN), Canary::text("client secret", TILL_SECRET)];
    let elsewhere = link.replacen(provider.issuer(), "http://127.0.0.1:1", 1);
    std::fs::write(env.path("pin"), format!("{PIN}x")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(env.path("pin"), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    let issuer = provider.issuer();
    let ask = ["request", "--issuer", issuer, "--client-id", "kiosk", "--login-hint", "alice"];

    for (arguments, variable) in [
        (vec!["enroll", elsewhere.as_str(), "--yes"], ("COUNTERSIGN_PIN", PIN.to_owned())),
        (vec!["enroll", link.as_str(), "--yes"], ("COUNTERSIGN_PIN", format!("{PIN}x"))),
        (vec!["enroll", link.as_str(), "--yes", "--pin-file", "pin"], ("COUNTERSIGN_PIN", PIN.to_owned())),
        (ask.to_vec(), ("COUNTERSIGN_CLIENT_SECRET", TILL_SECRET.to_owned())),
    ] {
        let mut command = env.command(&arguments);
        command.args(["--json", "--home", "home"]).env(variable.0, variable.1).env("COUNTERSIGN_LOG", "trace");
        let finished = Process::start(&env, "failing", command).finish();
        assert_ne!(finished.code, 0, "{arguments:?}");
        let said = format!("{}\n{}", finished.output.join("\n"), finished.errors);
        let repeated: Vec<_> = canaries.iter().filter(|canary| canary.is_in(said.as_bytes())).collect();
        assert!(repeated.is_empty(), "{} is repeated by {arguments:?}: {said}", repeated[0].name);
    }
}
