//! Calls to real TLS servers on loopback addresses: one plays a public server, another one inside the operator's network.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use countersign_testing::certificates::CertificateAuthority;
use countersign_testing::https_server::{HttpsServer, ScriptedResponse};
use countersign_tls::CertificateFault;
use reqwest::header::HeaderMap;
use url::Url;

use crate::{Authorities, CallError, Egress, EgressConfig, Lookup, Resolver};

/// Answers each question with the next list of addresses, and keeps the questions.
#[derive(Default)]
struct ScriptedResolver {
    answers: Mutex<VecDeque<Vec<&'static str>>>,
    asked: Mutex<Vec<String>>,
}

impl ScriptedResolver {
    fn new(answers: &[&[&'static str]]) -> Arc<ScriptedResolver> {
        let answers = answers.iter().map(|addresses| addresses.to_vec()).collect();
        Arc::new(ScriptedResolver { answers: Mutex::new(answers), asked: Mutex::default() })
    }

    fn asked(&self) -> usize {
        self.asked.lock().expect("the questions").len()
    }
}

impl Resolver for ScriptedResolver {
    fn lookup(&self, host: &str) -> Lookup {
        self.asked.lock().expect("the questions").push(host.to_owned());
        let next = self.answers.lock().expect("the answers").pop_front();
        Box::pin(async move {
            let addresses = next.ok_or_else(|| io::Error::other("no such name"))?;
            Ok(addresses.iter().map(|text| text.parse::<IpAddr>().expect("an address")).collect())
        })
    }
}

fn config(allow: &[&str], authority: &CertificateAuthority) -> EgressConfig {
    let allow = allow.iter().map(|net| net.parse().expect("a network")).collect();
    let ca = Authorities::from_pem(authority.pem().as_bytes()).expect("a certificate");
    EgressConfig { allow, ca: Some(ca), proxy: None }
}

fn egress(allow: &[&str], authority: &CertificateAuthority, names: Arc<ScriptedResolver>) -> Egress {
    Egress::new(config(allow, authority), names)
}

fn url(text: &str) -> Url {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

async fn post(egress: &Egress, to: &str) -> Result<u16, CallError> {
    egress.post(&url(to), HeaderMap::new(), b"{}".to_vec()).await.map(|answer| answer.status)
}

#[tokio::test]
async fn attack_15_addresses_in_the_url_itself_are_judged_in_every_form() {
    let authority = CertificateAuthority::new("Test CA");
    let inside = HttpsServer::start(&authority, "127.0.0.1", &[]).await;
    let egress = egress(&[], &authority, ScriptedResolver::new(&[]));
    let forms = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "017700000001",
        "0x7f.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "0",
        "[::]",
        "169.254.169.254",
        "2852039166",
        "[fd00:ec2::254]",
        "10.0.0.1",
        "192.168.1.1",
    ];
    for form in forms {
        let refused = post(&egress, &format!("https://{form}:{}/", inside.port())).await;
        assert_eq!(refused, Err(CallError::Blocked), "{form}");
    }
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn attack_15_a_name_is_judged_by_all_that_it_resolves_to() {
    let authority = CertificateAuthority::new("Test CA");
    let outside = HttpsServer::start(&authority, "127.0.0.1", &["client.example"]).await;
    let names =
        ScriptedResolver::new(&[&["127.0.0.2"], &["169.254.169.254", "::1", "10.0.0.1"], &["127.0.0.2", "127.0.0.1"]]);
    let egress = egress(&["127.0.0.1/32"], &authority, names);
    let to = format!("https://client.example:{}/", outside.port());
    assert_eq!(post(&egress, &to).await, Err(CallError::Blocked));
    assert_eq!(post(&egress, &to).await, Err(CallError::Blocked));
    assert_eq!(post(&egress, &to).await, Ok(204), "what is left is called");
    assert_eq!(post(&egress, "https://gone.example/").await, Err(CallError::Unreachable));
}

#[tokio::test]
async fn attack_15_a_name_that_turns_inside_between_two_calls_is_judged_again_and_asked_once_a_connection() {
    let authority = CertificateAuthority::new("Test CA");
    let outside = HttpsServer::start(&authority, "127.0.0.1", &["rebind.example"]).await;
    let inside = HttpsServer::start(&authority, "127.0.0.2", &["rebind.example"]).await;
    // Were the name asked once to be judged and once more to be connected to, the second answer would lead inside.
    let names = ScriptedResolver::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let egress = egress(&["127.0.0.1/32"], &authority, names.clone());
    assert_eq!(post(&egress, &format!("https://rebind.example:{}/", outside.port())).await, Ok(204));
    assert_eq!(names.asked(), 1);
    let again = post(&egress, &format!("https://rebind.example:{}/", inside.port())).await;
    assert_eq!(again, Err(CallError::Blocked));
    assert_eq!((names.asked(), inside.requests().len(), outside.requests().len()), (2, 0, 1));
}

#[tokio::test]
async fn attack_15_a_redirect_is_not_followed() {
    let authority = CertificateAuthority::new("Test CA");
    let inside = HttpsServer::start(&authority, "127.0.0.2", &[]).await;
    let outside = HttpsServer::start(&authority, "127.0.0.1", &[]).await;
    let egress = egress(&["127.0.0.0/8"], &authority, ScriptedResolver::new(&[]));
    for status in [301, 302, 303, 307, 308] {
        outside.respond_with([ScriptedResponse::With(status, "location", inside.url("/"))]);
        assert_eq!(post(&egress, &outside.url("/")).await, Ok(status));
    }
    assert!(inside.requests().is_empty());
}

#[tokio::test]
async fn only_https_is_called_except_where_loopback_is_allowed() {
    let authority = CertificateAuthority::new("Test CA");
    let egress = egress(&["127.0.0.1/32", "10.0.0.0/8"], &authority, ScriptedResolver::new(&[]));
    for refused in ["http://client.example/", "http://8.8.8.8/", "http://10.0.0.1/", "ftp://client.example/", "data:x"]
    {
        assert_eq!(egress.check(&url(refused)), Err(CallError::NotHttps), "{refused}");
    }
    assert_eq!(egress.check(&url("http://127.0.0.1:1/")), Ok(()));
    assert_eq!(egress.check(&url("http://127.0.0.2:1/")), Err(CallError::Blocked));
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_a_resolver_says_and_names_like_it_are_not() {
    let authority = CertificateAuthority::new("Test CA");
    let here = HttpsServer::start(&authority, "127.0.0.1", &["localhost"]).await;
    let elsewhere = HttpsServer::start(&authority, "127.0.0.2", &["localhost"]).await;
    let to = format!("https://localhost:{}/", here.port());
    for answers in [&[] as &[&[&str]], &[&["127.0.0.2"], &["127.0.0.2"]]] {
        let names = ScriptedResolver::new(answers);
        let egress = egress(&["127.0.0.0/8"], &authority, names.clone());
        assert_eq!(post(&egress, &to).await, Ok(204));
        assert_eq!(names.asked(), 0);
    }
    let proxied = url(&elsewhere.url("/"));
    let config = EgressConfig { proxy: Some(proxied), ..config(&["127.0.0.0/8"], &authority) };
    assert_eq!(post(&Egress::new(config, ScriptedResolver::new(&[])), &to).await, Ok(204), "no proxy is asked");
    assert!(elsewhere.requests().is_empty());

    let allowed = egress(&["127.0.0.1/32"], &authority, ScriptedResolver::new(&[]));
    assert_eq!(allowed.check(&url("http://localhost:1/")), Ok(()), "plain http, as to 127.0.0.1");
    for other in ["http://localhost.:1/", "http://id.localhost:1/", "http://localhost.test/"] {
        assert_eq!(allowed.check(&url(other)), Err(CallError::NotHttps), "{other}");
    }
    let guarded = egress(&[], &authority, ScriptedResolver::new(&[&["8.8.8.8"]]));
    for inside in ["http://localhost:1/", "https://localhost/"] {
        assert_eq!(guarded.check(&url(inside)), Err(CallError::Blocked), "{inside}");
    }
}

#[tokio::test]
async fn a_certificate_by_an_unknown_authority_is_refused() {
    let (known, unknown) = (CertificateAuthority::new("Test CA"), CertificateAuthority::new("Test CA"));
    let endpoint = HttpsServer::start(&unknown, "127.0.0.1", &[]).await;
    let egress = egress(&["127.0.0.1/32"], &known, ScriptedResolver::new(&[]));
    assert_eq!(post(&egress, &endpoint.url("/")).await, Err(CallError::Untrusted(CertificateFault::UnknownAuthority)));
    assert!(endpoint.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = CertificateAuthority::new("Test CA");
    let endpoint = HttpsServer::start(&authority, "127.0.0.1", &["client.example"]).await;
    let egress = egress(&["127.0.0.1/32"], &authority, ScriptedResolver::new(&[&["127.0.0.1"]]));
    let refused = post(&egress, &format!("https://other.example:{}/", endpoint.port())).await;
    assert_eq!(refused, Err(CallError::Untrusted(CertificateFault::WrongName)));
}

#[tokio::test]
async fn a_document_is_fetched_up_to_its_limit() {
    let authority = CertificateAuthority::new("Test CA");
    let endpoint = HttpsServer::start(&authority, "127.0.0.1", &[]).await;
    let egress = egress(&["127.0.0.1/32"], &authority, ScriptedResolver::new(&[]));
    let body = "a body nobody reads";
    let document = || ScriptedResponse::With(200, "cache-control", "max-age=60".to_owned());
    endpoint.respond_with([document(), document()]);
    let fetched = egress.get(&url(&endpoint.url("/jwks")), "application/json", body.len()).await.expect("an answer");
    assert_eq!((fetched.status, fetched.body.as_slice()), (200, body.as_bytes()));
    assert_eq!(fetched.headers["cache-control"], "max-age=60");
    let refused = egress.get(&url(&endpoint.url("/jwks")), "application/json", body.len() - 1).await;
    assert_eq!(refused.map(|_| ()), Err(CallError::TooLarge));
    assert_eq!(endpoint.requests()[0].header("accept"), Some("application/json"));
}

#[tokio::test]
async fn the_configured_proxy_is_asked_and_no_other_name() {
    let authority = CertificateAuthority::new("Test CA");
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = proxy.local_addr().expect("an address").port();
    let names = ScriptedResolver::new(&[&["127.0.0.1"]]);
    let proxied = url(&format!("http://proxy.example:{port}"));
    let egress = Egress::new(EgressConfig { proxy: Some(proxied), ..config(&[], &authority) }, names.clone());
    let asked = tokio::spawn(async move {
        use tokio::io::AsyncReadExt as _;
        let (mut stream, _) = proxy.accept().await.expect("a connection");
        let mut head = vec![0; 39];
        stream.read_exact(&mut head).await.expect("a request");
        String::from_utf8(head).expect("text")
    });
    assert_eq!(post(&egress, "https://client.example/").await, Err(CallError::Unreachable));
    assert_eq!(asked.await.expect("the proxy"), "CONNECT client.example:443 HTTP/1.1\r\nHo");
    assert_eq!(*names.asked.lock().expect("the questions"), ["proxy.example"]);
    assert_eq!(post(&egress, "https://127.0.0.1/").await, Err(CallError::Blocked), "an address is judged all the same");
}
