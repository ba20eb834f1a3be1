//! Signing with a key that may take its time and ask the person.

use countersign_jose::key::SignFailed;
use countersign_protocol::jws::{Claims, Compact, Unsigned};

use crate::error::EnrollError;
use crate::ports::key_store::{KeyError, SigningKey};
use crate::ports::runtime::{Runtime, timeout};

/// How long a key may take to sign, a person's touch included, in milliseconds.
const SIGNING_MS: u64 = 120_000;

/// The message with the signature of this key, which may take its time and ask the person.
pub(crate) async fn signed<T: Claims>(
    runtime: &dyn Runtime,
    unsigned: Unsigned<T>,
    key: &dyn SigningKey,
) -> Result<Compact<T>, EnrollError> {
    let signing = key.sign(unsigned.signing_input().to_owned());
    let signature = timeout(runtime, SIGNING_MS, signing).await.unwrap_or(Err(KeyError::TimedOut))?;
    unsigned.attach(&signature).map_err(|SignFailed| EnrollError::Keys(KeyError::Gone))
}
