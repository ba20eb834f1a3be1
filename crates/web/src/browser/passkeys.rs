//! Passkeys (WebAuthn Level 3): made and used for approvals alone, the person verified each time.

use std::future::Future;
use std::pin::pin;

use countersign_device::ports::key_store::{KeyError, PasskeyRequest, SigningKey};
use countersign_device::ports::maybe_send::BoxFuture;
use countersign_device::ports::runtime::Runtime as _;
use countersign_jose::hash::Hash;
use countersign_jose::key::PublicKey;
use countersign_jose::random::{self, Random};
use countersign_protocol::discovery::AttestationConveyance;
use countersign_protocol::webauthn::{Assertion, AttestationObject, CreationProof, PasskeyProof, RelyingParty};
use futures_util::future::{Either, select};
use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortController;

use super::js;
use super::runtime::EventLoop;
use crate::exception::passkey_error;

/// How long a person has, in milliseconds: a little less than a draft lives.
const PROMPT_MS: u64 = 110_000;

/// ES256 (RFC 9053 §2.1).
const ES256: f64 = -7.0;

/// A new passkey.
pub(super) struct NewPasskey {
    pub(super) id: Vec<u8>,
    pub(super) key: PublicKey,
    pub(super) created: CreationProof,
}

/// Whether passkeys can be made here: the browser has WebAuthn, and the device something that verifies a person.
pub(super) async fn are_available() -> bool {
    let class = js::global("PublicKeyCredential");
    let asked = js::call(&class, "isUserVerifyingPlatformAuthenticatorAvailable", &[]);
    let Ok(promise) = asked.and_then(|promise| promise.dyn_into::<Promise>()) else { return false };
    JsFuture::from(promise).await.is_ok_and(|available| available.is_truthy())
}

/// Has the system make a passkey for this registration.
///
/// # Errors
/// [`KeyError`] as the person and the system decide.
pub(super) async fn make(
    ask: &PasskeyRequest,
    transport: &PublicKey,
    random: &dyn Random,
) -> Result<NewPasskey, KeyError> {
    let text = JsValue::from_str;
    let party = js::object(&[("id", &text(&ask.party.rp_id)), ("name", &text(&ask.party.rp_id))]);
    // Of its own: a passkey with the same id on this host would be replaced.
    let user_id = js::array(&random::bytes::<32>(random));
    let name = text(&ask.user_name);
    let user = js::object(&[("id", &user_id), ("name", &name), ("displayName", &name)]);
    let es256 = js::object(&[("type", &text("public-key")), ("alg", &JsValue::from_f64(ES256))]);
    let selection = js::object(&[
        ("authenticatorAttachment", &text("platform")),
        ("residentKey", &text("required")),
        ("requireResidentKey", &JsValue::TRUE),
        ("userVerification", &text("required")),
    ]);
    let attestation = match ask.attestation {
        AttestationConveyance::Direct => "direct",
        AttestationConveyance::None => "none",
    };
    let options = js::object(&[
        ("rp", &party),
        ("user", &user),
        ("challenge", &js::array(ask.challenge(transport).as_bytes())),
        ("pubKeyCredParams", &Array::of1(&es256)),
        ("authenticatorSelection", &selection),
        ("attestation", &text(attestation)),
        ("timeout", &JsValue::from_f64(PROMPT_MS as f64)),
    ]);
    let credential = prompt("create", options).await?;
    let response = js::get(&credential, "response");
    let created = CreationProof {
        client_data_json: js::bytes(&js::get(&response, "clientDataJSON")),
        attestation_object: js::bytes(&js::get(&response, "attestationObject")),
    };
    let object = AttestationObject::parse(&created.attestation_object).map_err(|_| KeyError::Unreadable)?;
    let attested = object.authenticator_data().attested().ok_or(KeyError::Unreadable)?;
    let key = attested.key.clone();
    // As the provider will: what it would refuse is better made anew at once.
    let checked = created.verify(&ask.challenge(transport), &ask.party, &key);
    checked.map_err(|error| KeyError::Storage(std::io::Error::other(error)))?;
    Ok(NewPasskey { id: js::bytes(&js::get(&credential, "rawId")), key, created })
}

/// Has the person choose one of the passkeys that this host has, and sign this challenge with it.
///
/// # Errors
/// [`KeyError`] as the person and the system decide.
pub(super) async fn find(party: &RelyingParty, challenge: &Hash) -> Result<PasskeyProof, KeyError> {
    let credential = prompt("get", request(challenge, &party.rp_id, &Array::new())).await?;
    Ok(PasskeyProof { credential_id: js::bytes(&js::get(&credential, "rawId")), assertion: assertion_of(&credential) })
}

/// Options of a signature by one of these passkeys; none listed: by whichever the person chooses.
fn request(challenge: &Hash, rp_id: &str, allowed: &Array) -> js_sys::Object {
    js::object(&[
        ("challenge", &js::array(challenge.as_bytes())),
        ("rpId", &JsValue::from_str(rp_id)),
        ("allowCredentials", allowed),
        ("userVerification", &JsValue::from_str("required")),
        ("timeout", &JsValue::from_f64(PROMPT_MS as f64)),
    ])
}

fn assertion_of(credential: &JsValue) -> Assertion {
    let response = js::get(credential, "response");
    let part = |name| js::bytes(&js::get(&response, name));
    Assertion {
        authenticator_data: part("authenticatorData"),
        client_data_json: part("clientDataJSON"),
        signature: part("signature"),
    }
}

/// A passkey as a key that signs. Each signature asks the person.
pub(super) struct Passkey {
    pub(super) id: Vec<u8>,
    pub(super) rp_id: String,
}

impl SigningKey for Passkey {
    fn sign(&self, input: String) -> BoxFuture<'static, Result<Vec<u8>, KeyError>> {
        let allowed = js::object(&[("type", &JsValue::from_str("public-key")), ("id", &js::array(&self.id))]);
        let options = request(&Hash::of(input), &self.rp_id, &Array::of1(&allowed));
        Box::pin(async move {
            let credential = prompt("get", options).await?;
            Ok(assertion_of(&credential).to_third_part().into_bytes())
        })
    }
}

/// Takes the system's sheet away when it is dropped before the person has answered.
struct Sheet(AbortController);

impl Drop for Sheet {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Has the system ask the person, by `navigator.credentials.create` or `get`.
fn prompt(method: &'static str, options: js_sys::Object) -> impl Future<Output = Result<JsValue, KeyError>> {
    // The call is made when this is called, within the person's touch, not when it is first polled.
    let begun = begin(method, options);
    async move {
        let (sheet, promise) = begun.map_err(|thrown| passkey_error(&js::exception_name(&thrown), false))?;
        match select(pin!(JsFuture::from(promise)), EventLoop.sleep(PROMPT_MS)).await {
            Either::Left((Ok(credential), _)) if credential.is_object() => Ok(credential),
            Either::Left((Ok(_), _)) => Err(KeyError::Declined),
            Either::Left((Err(thrown), _)) => Err(passkey_error(&js::exception_name(&thrown), false)),
            Either::Right(_) => {
                drop(sheet);
                Err(passkey_error("AbortError", true))
            }
        }
    }
}

fn begin(method: &str, options: js_sys::Object) -> Result<(Sheet, Promise), JsValue> {
    let abort = AbortController::new()?;
    let request = js::object(&[("publicKey", &options), ("signal", &abort.signal())]);
    let credentials = js::get(&js::global("navigator"), "credentials");
    let promise: Promise = js::call(&credentials, method, &[&request])?.dyn_into()?;
    Ok((Sheet(abort), promise))
}
