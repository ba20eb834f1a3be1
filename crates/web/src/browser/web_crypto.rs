//! WebCrypto: P-256 keys that never leave it, and AES-256-GCM.

use countersign_device::ports::key_store::{KeyError, SigningKey};
use countersign_device::ports::maybe_send::BoxFuture;
use countersign_jose::key::PublicKey;
use js_sys::{Array, Promise};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::CryptoKey;
use zeroize::Zeroizing;

use super::js;
use crate::exception::storage_error;

/// Makes a P-256 key that signs and can't be exported (Web Cryptography §13.4), with its public half.
///
/// # Errors
/// [`KeyError::Storage`]
pub(super) async fn make_signing_key() -> Result<(CryptoKey, PublicKey), KeyError> {
    let usages = Array::of1(&JsValue::from_str("sign"));
    let pair = subtle("generateKey", &[&ecdsa("namedCurve", "P-256"), &JsValue::FALSE, &usages]).await?;
    let private: CryptoKey = js::get(&pair, "privateKey").dyn_into().map_err(failed)?;
    let public = subtle("exportKey", &[&JsValue::from_str("raw"), &js::get(&pair, "publicKey")]).await?;
    let public = PublicKey::from_sec1(&js::bytes(&public)).map_err(|_| KeyError::Unreadable)?;
    Ok((private, public))
}

/// A key of WebCrypto as one that signs.
pub(super) struct WebCryptoKey(pub(super) CryptoKey);

impl SigningKey for WebCryptoKey {
    fn sign(&self, input: String) -> BoxFuture<'static, Result<Vec<u8>, KeyError>> {
        let key = self.0.clone();
        Box::pin(async move {
            let signed = subtle("sign", &[&ecdsa("hash", "SHA-256"), &key, &js::array(input.as_bytes())]).await?;
            Ok(js::bytes(&signed))
        })
    }
}

/// Makes a key for AES-256-GCM that can't be exported.
///
/// # Errors
/// [`KeyError::Storage`]
pub(super) async fn make_sealing_key() -> Result<CryptoKey, KeyError> {
    let algorithm = js::object(&[("name", &JsValue::from_str("AES-GCM")), ("length", &JsValue::from_f64(256.0))]);
    let key = subtle("generateKey", &[&algorithm, &JsValue::FALSE, &sealing_usages()]).await?;
    key.dyn_into().map_err(failed)
}

/// A key for AES-256-GCM of these bytes.
///
/// # Errors
/// [`KeyError::Storage`]
pub(super) async fn sealing_key(bytes: &[u8; 32]) -> Result<CryptoKey, KeyError> {
    let raw = js::array(bytes);
    let algorithm = js::object(&[("name", &JsValue::from_str("AES-GCM"))]);
    let imported =
        subtle("importKey", &[&JsValue::from_str("raw"), &raw, &algorithm, &JsValue::FALSE, &sealing_usages()]).await;
    raw.fill(0, 0, 32);
    imported?.dyn_into().map_err(failed)
}

/// Encrypts; the tag is at the end.
///
/// # Errors
/// [`KeyError::Storage`]
pub(super) async fn encrypt(key: &CryptoKey, nonce: &[u8], context: &[u8], plain: &[u8]) -> Result<Vec<u8>, KeyError> {
    let plain = js::array(plain);
    let sealed = subtle("encrypt", &[&aes_gcm(nonce, context), key, &plain]).await;
    plain.fill(0, 0, plain.length());
    Ok(js::bytes(&sealed?))
}

/// Decrypts; `None` where key, nonce, context or bytes are others.
///
/// # Errors
/// [`KeyError::Storage`]
pub(super) async fn decrypt(
    key: &CryptoKey,
    nonce: &[u8],
    context: &[u8],
    sealed: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
    match promised("decrypt", &[&aes_gcm(nonce, context), key, &js::array(sealed)]).await {
        Ok(plain) => {
            let plain = js_sys::Uint8Array::new(&plain);
            let bytes = Zeroizing::new(plain.to_vec());
            plain.fill(0, 0, plain.length());
            Ok(Some(bytes))
        }
        Err(thrown) if js::exception_name(&thrown) == "OperationError" => Ok(None),
        Err(thrown) => Err(failed(thrown)),
    }
}

fn ecdsa(member: &str, value: &str) -> JsValue {
    js::object(&[("name", &JsValue::from_str("ECDSA")), (member, &JsValue::from_str(value))]).into()
}

fn aes_gcm(nonce: &[u8], context: &[u8]) -> JsValue {
    let name = JsValue::from_str("AES-GCM");
    js::object(&[("name", &name), ("iv", &js::array(nonce)), ("additionalData", &js::array(context))]).into()
}

fn sealing_usages() -> JsValue {
    Array::of2(&JsValue::from_str("encrypt"), &JsValue::from_str("decrypt")).into()
}

async fn subtle(method: &str, arguments: &[&JsValue]) -> Result<JsValue, KeyError> {
    promised(method, arguments).await.map_err(failed)
}

async fn promised(method: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    // Absent on a page without https that is not on this machine (Secure Contexts).
    let subtle = js::get(&js::global("crypto"), "subtle");
    let promise: Promise = js::call(&subtle, method, arguments)?.dyn_into()?;
    JsFuture::from(promise).await
}

fn failed(thrown: JsValue) -> KeyError {
    KeyError::Storage(std::io::Error::other(storage_error(&js::exception_name(&thrown))))
}
