//! `countersign op dev-certificate`: a certificate for trying the provider from other machines, and how to trust it there.

use std::path::Path;

use countersign_device::edge::system::SystemClock;
use countersign_jose::clock::Clock as _;
use serde_json::json;

use super::development_certificate::{DevelopmentCertificate, make};
use crate::error_code::ErrorCode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::home::absolute;
use crate::new_files::{NewFile, write_all};
use crate::output::{Output, Paint};
use crate::server_name::ServerName;
use crate::shell::quoted;
use crate::time_format;

/// The port in the printed configuration: that of the default `listen`.
const PORT: u16 = 8787;

/// Runs the command. Opens neither home nor port.
pub fn run(names: &[ServerName], to: &Path, output: Output) -> Result<Exit, Failure> {
    let Some(host) = names.iter().find(|name| matches!(name, ServerName::Dns(_))) else {
        let what =
            "name at least one host beside addresses, such as id.test: browsers make no passkeys for an IP address";
        return Err(Failure::usage(ErrorCode::NoHostName, what));
    };
    let folder = absolute(to);
    let made = make(names, SystemClock.now()).map_err(|error| Failure::usage(ErrorCode::NotWritten, error))?;
    let [authority, cert, key] = ["dev-ca.crt", "dev-cert.pem", "dev-key.pem"].map(|name| folder.join(name));
    write_all(&[
        NewFile { path: authority.clone(), content: &made.authority, is_private: false },
        NewFile { path: cert.clone(), content: &made.certificate, is_private: false },
        NewFile { path: key.clone(), content: made.key.expose(), is_private: true },
    ])?;
    let event = json!({
        "event": "dev_certificate",
        "names": names.iter().map(ServerName::in_url).collect::<Vec<_>>(),
        "authority": authority.display().to_string(),
        "authority_sha256": made.authority_sha256,
        "cert": cert.display().to_string(),
        "key": key.display().to_string(),
        "not_after": made.not_after.seconds(),
    });
    output.result(&event, |paint| describe(paint, &made, (host, names), [&authority, &cert, &key]))?;
    Ok(Exit::Ok)
}

/// `host`: the name in the printed configuration; `names`: all that the certificate is for.
fn describe(
    paint: Paint,
    made: &DevelopmentCertificate,
    (host, names): (&ServerName, &[ServerName]),
    paths: [&Path; 3],
) -> String {
    let [authority, cert, key] = paths;
    let toml = |path: &Path| toml::Value::String(path.display().to_string());
    let (ca, name) = (quoted(authority), host.in_url());
    let store = quoted(&authority.with_file_name("dev-trust.p12"));
    let all = names.iter().map(ServerName::in_url).collect::<Vec<_>>().join(", ");
    let until = time_format::full(made.not_after.seconds());
    format!(
        "\
{made_for} until {until}.

  {authority}   the authority's certificate, for whoever shall trust it
  {cert}   the server's certificate
  {key}   its private key

The authority's own private key is not kept: it signed this certificate and signs no other.

{heading_toml}

  issuer = \"https://{name}:{PORT}\"
  listen = \"0.0.0.0:{PORT}\"

  [tls]
  cert = {toml_cert}
  key = {toml_key}

Each machine must find {name}: by DNS, or in its hosts file. A phone makes passkeys for that name, never for an IP address, and not
past a warning: it must trust the authority.

{heading_trust}

  countersign, Go, Python, curl   SSL_CERT_FILE={ca}   (instead of the system's authorities)
  Node                            NODE_EXTRA_CA_CERTS={ca}
  Python's requests               REQUESTS_CA_BUNDLE={ca}
  Java                            keytool -importcert -noprompt -alias countersign-dev -file {ca} -keystore {store} -storetype PKCS12 -storepass changeit
                                  java -Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStorePassword=changeit …
  Debian, Ubuntu                  sudo cp {ca} /usr/local/share/ca-certificates/countersign-dev.crt && sudo update-ca-certificates
  Chrome, Firefox                 Settings, Privacy and security, Certificates, Authorities: import the file
  macOS                           sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain {ca}
  Windows                         certutil -addstore Root dev-ca.crt, as administrator
  Android                         Settings, Security, Encryption and credentials, Install a certificate, CA certificate
  iPhone                          open the file, install the profile in Settings, then General, About, Certificate Trust Settings: switch it on

Compare the fingerprint (SHA-256) on the other machine before you trust it:
{fingerprint}",
        made_for = paint.bold(&format!("A certificate for {all}")),
        authority = authority.display(),
        cert = cert.display(),
        key = key.display(),
        heading_toml = paint.bold("In provider.toml:"),
        toml_cert = toml(cert),
        toml_key = toml(key),
        heading_trust = paint.bold("To trust it, only where you develop:"),
        fingerprint = made.authority_sha256,
    )
}
