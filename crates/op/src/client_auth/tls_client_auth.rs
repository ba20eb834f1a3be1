//! `tls_client_auth` and `self_signed_tls_client_auth` (RFC 8705 §2): the certificate of the client's connection.

use super::{ClientAuthentication, invalid_client, wrong_method};
use crate::client_certificate;
use crate::config::{CertificateSubject, Client, ClientAuth};
use crate::http::{OAuthError, PeerCertificate};

impl ClientAuthentication {
    /// Authenticates a client by the connection's certificate.
    ///
    /// # Errors
    /// `invalid_client`.
    pub(super) async fn check_certificate(
        &self,
        client: &Client,
        certificate: Option<&PeerCertificate>,
    ) -> Result<(), OAuthError> {
        let by_certificate = matches!(client.auth, ClientAuth::Tls(_) | ClientAuth::SelfSignedTls);
        let Some(certificate) = certificate.filter(|_| by_certificate) else {
            return Err(wrong_method(&client.auth));
        };
        match &client.auth {
            ClientAuth::Tls(subject) => self.check_pki_certificate(certificate, subject),
            _ => self.check_self_signed(client, certificate).await,
        }
    }

    fn check_pki_certificate(
        &self,
        certificate: &PeerCertificate,
        subject: &CertificateSubject,
    ) -> Result<(), OAuthError> {
        let authorities = self.config.client_ca.as_ref();
        if !authorities.is_some_and(|all| all.issued(certificate, self.clock.now())) {
            return Err(invalid_client(
                "the client certificate is not valid now, not for client authentication, or not issued by an authority this provider trusts for clients",
            ));
        }
        if !client_certificate::has_subject(certificate, subject) {
            return Err(invalid_client(
                "the client certificate's subject is not the one this client is registered with",
            ));
        }
        Ok(())
    }

    /// Compares public keys alone: neither issuer nor dates matter, the key is valid as long as it is in the client's
    /// `jwks`.
    async fn check_self_signed(&self, client: &Client, certificate: &PeerCertificate) -> Result<(), OAuthError> {
        let Some(key) = client_certificate::public_key(certificate) else {
            return Err(invalid_client("the client certificate's key is neither P-256 nor RSA"));
        };
        if self.signatures.client_has_key(client, &key).await.map_err(|why| invalid_client(why.to_string()))? {
            return Ok(());
        }
        Err(invalid_client("the client certificate's key is not among this client's jwks"))
    }
}
