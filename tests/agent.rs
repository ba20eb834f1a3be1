//! `examples/agent.py`, the agent that asks before it deletes, against a real provider.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use countersign_protocol::transcript::{Line, LineValue};
use countersign_tests::device::{Device, id};
use countersign_tests::process::Process;
use countersign_tests::provider::{Provider, Settings, TILL_SECRET};
use countersign_tests::test_env::TestEnv;
use countersign_tests::tokens;
use serde_json::{Value, json};

const PLAN: &str = "Delete 214 old invoices?";

/// Starts the agent as the client `coffee-pos`, with nothing but its four variables.
fn agent(env: &TestEnv, issuer: &str, secret: &str, hint: &str) -> Process {
    let mut command = Command::new("python3");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/agent.py"));
    command.current_dir(env.folder()).env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("ISSUER", issuer).env("CLIENT_ID", "coffee-pos").env("CLIENT_SECRET", secret).env("LOGIN_HINT", hint);
    Process::start(env, "agent", command)
}

#[test]
fn an_agent_goes_on_when_the_whole_plan_was_approved() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let mut agent = agent(&env, provider.issuer(), TILL_SECRET, "alice@example.com");
    let acknowledged = agent.line("acknowledged");
    assert!(acknowledged["auth_req_id"].is_string(), "{acknowledged}");

    let challenge = phone.only_pending();
    assert_eq!(challenge["kind"], "other");
    let plan: &Value = &challenge["authorization_details"][0];
    assert_eq!((&plan["type"], &plan["title"]), (&json!("generic"), &json!(PLAN)));
    let value = acknowledged["interaction_value"].as_str().expect("this client shows a number");
    phone.answer(id(&challenge), &["approve", "--value", value]).expect_code(0);
    let lines = phone.read(id(&challenge));
    for (label, value) in
        [("What", PLAN), ("where", "archive/invoices"), ("can be undone", "false"), ("invoices › 2015", "81 files")]
    {
        let is_there = |line: &Line| line.label == label && line.value == LineValue::Text(value.to_owned());
        assert!(lines.iter().any(is_there), "the device shows {label}, {value}: {lines:?}");
    }

    let received = agent.line("tokens");
    let claims = tokens::verified(provider.issuer(), &received["id_token"]).claims;
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("alice"), &json!("coffee-pos")));
    assert_eq!(received["authorization_details"][0]["title"], PLAN, "what was granted is what was asked");
    assert_eq!(agent.exit(), 0);
}

/// Runs the agent where names have no addresses: this machine may know `localhost`, others do not.
const WITHOUT_NAMES: &str = "
import re, socket, sys
known = socket.getaddrinfo
def numbers_alone(host, *more, **named):
    if not re.fullmatch('[0-9.]+|[0-9a-f:]+', host): raise socket.gaierror(socket.EAI_NONAME, 'no name is known here')
    return known(host, *more, **named)
socket.getaddrinfo = numbers_alone
exec(compile(open(sys.argv[1]).read(), sys.argv[1], 'exec'))
";

#[test]
fn localhost_is_this_machine_for_it_without_a_resolver_and_without_a_proxy() {
    let env = TestEnv::new();
    let port = 8_000 + (std::process::id() % 12_000) as u16;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let settings = Settings { issuer: Some(format!("http://localhost:{port}")), ..Settings::default() };
    let provider = Provider::start_at(&env, "provider", address, &settings);
    let nobody = format!("http://{}", env.free_address());
    let run = |issuer: &str| {
        let mut command = Command::new("python3");
        command.args(["-c", WITHOUT_NAMES]).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/agent.py"));
        command.env("http_proxy", &nobody).env_remove("no_proxy").env_remove("NO_PROXY");
        command.env("ISSUER", issuer).env("CLIENT_ID", "coffee-pos").env("LOGIN_HINT", "nobody");
        command.env("CLIENT_SECRET", TILL_SECRET);
        let mut agent = Process::start(&env, "agent", command);
        let failed = agent.line("failed");
        agent.exit();
        failed["error"].clone()
    };
    assert_eq!(run(provider.issuer()), "unknown_user_id", "the provider was asked");
    assert_eq!(run("http://id.test"), "unreachable", "other names are looked up, and asked for by the proxy");
}

#[test]
fn it_exits_1_when_the_person_denies() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let mut agent = agent(&env, provider.issuer(), TILL_SECRET, "alice");
    agent.line("acknowledged");
    phone.answer(id(&phone.only_pending()), &["deny", "--reason", "mistake"]).expect_code(0);
    let failed = agent.line("failed");
    assert_eq!((&failed["error"], &failed["denial_reason"]), (&json!("access_denied"), &json!("mistake")));
    assert_eq!(agent.exit(), 1);
}

#[test]
fn it_exits_3_when_the_request_expires() {
    let env = TestEnv::new();
    let settings = Settings { policy: "ttl = 6".to_owned(), ..Default::default() };
    let provider = Provider::start_with(&env, "provider", &settings);
    let _phone = Device::enrolled(&env, "phone", &provider, "alice");
    let mut agent = agent(&env, provider.issuer(), TILL_SECRET, "alice");
    assert_eq!(agent.line("acknowledged")["expires_in"], 6);
    assert_eq!(agent.line("failed")["error"], "expired_token");
    assert_eq!(agent.exit(), 3);
}

#[test]
fn it_waits_for_a_provider_that_is_started_again() {
    let env = TestEnv::new();
    let mut provider = Provider::start(&env);
    let phone = Device::enrolled(&env, "phone", &provider, "alice");
    let mut agent = agent(&env, provider.issuer(), TILL_SECRET, "alice");
    let acknowledged = agent.line("acknowledged");
    provider.kill_9();
    provider.restart();
    let challenge = phone.only_pending();
    let value = acknowledged["interaction_value"].as_str().expect("this client shows a number");
    phone.answer(id(&challenge), &["approve", "--value", value]).expect_code(0);
    agent.line("tokens");
    assert_eq!(agent.exit(), 0);
}

#[test]
fn it_exits_4_with_the_providers_error_otherwise() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let issuer = provider.issuer();
    for (secret, hint, error) in
        [("not the secret of this client", "alice", "invalid_client"), (TILL_SECRET, "nobody", "unknown_user_id")]
    {
        let mut agent = agent(&env, issuer, secret, hint);
        let failed = agent.line("failed");
        assert_eq!(failed["error"], error);
        assert!(failed["error_description"].is_string(), "{failed}");
        assert_eq!(agent.exit(), 4);
    }
    let nobody = format!("http://{}", env.free_address());
    let mut agent = agent(&env, &nobody, TILL_SECRET, "alice");
    assert_eq!(agent.line("failed")["error"], "unreachable");
    assert_eq!(agent.exit(), 4);
}
