//! The provider's own TLS over a real socket: a certificate replaced while it runs, and client certificates.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use countersign_op::{Config, Provider};
use countersign_testing::certificates::{self, CertificateAuthority};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::client_keys::certified_pair;
use crate::world::World;

struct Pair {
    cert: String,
    key: String,
}

fn pair(name: &str) -> Pair {
    let made = certificates::self_signed(&[name]);
    Pair { cert: made.cert.pem(), key: made.signing_key.serialize_pem() }
}

fn put(folder: &Path, pair: &Pair) {
    std::fs::write(folder.join("key.pem"), &pair.key).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(folder.join("key.pem"), std::fs::Permissions::from_mode(0o600)).expect("changed");
    }
    std::fs::write(folder.join("cert.pem"), &pair.cert).expect("written");
}

/// Serves over TLS until the sender is dropped; `more` follows the section `[tls]`.
async fn served(world: &World, more: &str) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let text = format!(
        "issuer = \"https://id.example\"\nlisten = \"127.0.0.1:0\"\n[tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n{more}"
    );
    let config = Config::parse(&text, world.home()).unwrap_or_else(|errors| panic!("{errors:?}"));
    let home = world.home().join("tls-home");
    let provider = match Provider::open(config, &home, world.ports()) {
        Ok(provider) => provider,
        Err(error) => panic!("{error}"),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let until = async move { drop(stopped.await) };
        provider.serve(listener, until).await.expect("served");
    });
    (address, stop, serving)
}

async fn get(address: SocketAddr, believed: &Pair, own: Option<&Pair>, path: &str) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nhost: id.example\r\nconnection: close\r\n\r\n");
    exchange(address, believed, own, &request).await
}

/// One request over TLS that believes this certificate, as this client; the response's text.
async fn exchange(address: SocketAddr, believed: &Pair, own: Option<&Pair>, request: &str) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(believed.cert.as_bytes()).expect("PEM")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let chain = vec![CertificateDer::from_pem_slice(own.cert.as_bytes()).expect("PEM")];
            let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).expect("PEM");
            builder.with_client_auth_cert(chain, key).expect("a pair")
        }
    };
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("id.example").expect("a name");
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut text = Vec::new();
    // A peer that closes without a TLS goodbye has said all the same what it said.
    let _ = stream.read_to_end(&mut text).await;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_serves_tls_and_reloads_its_certificate_while_running() {
    let world = World::new();
    let (first, second) = (pair("id.example"), pair("id.example"));
    put(world.home(), &first);
    let (address, stop, serving) = served(&world, "").await;

    // A silent connection delays no other.
    let silent = TcpStream::connect(address).await.expect("connected");
    let found = get(address, &first, None, "/.well-known/openid-configuration").await.expect("an answer");
    assert!(found.starts_with("HTTP/1.1 200") && found.contains("\"issuer\":\"https://id.example\""), "{found}");
    let own = pair("till.example");
    let known = get(address, &first, Some(&own), "/healthz").await.expect("an answer");
    assert!(known.contains("\"alive\""), "a client certificate is welcome: {known}");
    assert!(get(address, &second, None, "/healthz").await.is_err(), "another certificate is not believed");

    put(world.home(), &second);
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while get(address, &second, None, "/healthz").await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "the new certificate was never used");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert!(get(address, &first, None, "/healthz").await.is_err());

    let mut plain = TcpStream::connect(address).await.expect("connected");
    plain.write_all(b"GET / HTTP/1.1\r\nhost: id.example\r\n\r\n").await.expect("sent");
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP/1.1"), "plain HTTP is not answered on a TLS port");
    drop((stop, silent));
    serving.await.expect("stopped");
}

/// Whether a client that speaks TLS 1.2 by this suite alone is served.
async fn is_served_by(address: SocketAddr, believed: &Pair, suite: rustls::SupportedCipherSuite) -> bool {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(believed.cert.as_bytes()).expect("PEM")).expect("a root");
    let ring = rustls::crypto::ring::default_provider();
    let provider = Arc::new(rustls::crypto::CryptoProvider { cipher_suites: vec![suite], ..ring });
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("a suite of this version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.expect("connected");
    let name = ServerName::try_from("id.example").expect("a name");
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_1_2_is_spoken_by_the_suites_of_fapi_and_by_others_where_they_are_listed() {
    use rustls::crypto::ring::cipher_suite::{
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 as AES, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 as CHACHA20,
    };
    let world = World::new();
    let server = pair("id.example");
    put(world.home(), &server);
    let (address, stop, serving) = served(&world, "").await;
    assert!(is_served_by(address, &server, AES).await);
    assert!(!is_served_by(address, &server, CHACHA20).await);
    drop(stop);
    serving.await.expect("stopped");

    let world = World::new();
    put(world.home(), &server);
    let suites = "suites = [\"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256\", \"TLS_AES_128_GCM_SHA256\"]\n";
    let (address, stop, serving) = served(&world, suites).await;
    assert!(is_served_by(address, &server, CHACHA20).await);
    assert!(!is_served_by(address, &server, AES).await, "the list is the whole of it");
    drop(stop);
    serving.await.expect("stopped");
}

#[test]
fn a_cipher_suite_that_is_not_known_is_refused_by_name() {
    let text = "issuer = \"https://id.example\"\n[tls]\nsuites = [\"TLS_RSA_WITH_AES_128_CBC_SHA\"]\n";
    let errors = Config::parse(text, Path::new("")).err().expect("a mistake");
    assert!(errors[0].message.starts_with("`suites` in [tls] can't be \"TLS_RSA_WITH_AES_128_CBC_SHA\""), "{errors:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d06_a_client_proves_itself_by_the_certificate_of_its_connection() {
    let world = World::new();
    let server = pair("id.example");
    put(world.home(), &server);
    let authority = CertificateAuthority::new("Acme CA");
    std::fs::write(world.home().join("clients.pem"), authority.pem()).expect("written");
    let more = "client_ca = \"clients.pem\"\n[[clients]]\nclient_id = \"till\"\nname = \"Till\"\n\
        token_endpoint_auth_method = \"tls_client_auth\"\ntls_client_auth_san_dns = \"till.example.com\"\n";
    let (address, stop, serving) = served(&world, more).await;
    let form = "client_id=till&scope=openid&login_hint=nobody";
    let ask = format!(
        "POST /bc-authorize HTTP/1.1\r\nhost: id.example\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    let ours = |(cert, key)| Pair { cert, key };
    let (known, stranger) =
        (ours(certified_pair(&authority)), ours(certified_pair(&CertificateAuthority::new("Acme CA"))));
    let said = exchange(address, &server, Some(&known), &ask).await.expect("an answer");
    assert!(said.starts_with("HTTP/1.1 200") && said.contains("auth_req_id"), "{said}");
    for other in [None, Some(&stranger)] {
        let said = exchange(address, &server, other, &ask).await.expect("an answer");
        assert!(said.starts_with("HTTP/1.1 401") && said.contains("invalid_client"), "{said}");
    }
    drop(stop);
    serving.await.expect("stopped");
}
