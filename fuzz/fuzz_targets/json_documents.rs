//! Every JSON document of the protocol: refused or read, and what was read is read again from what is written of it.
//! The first byte says which document.
#![no_main]

use countersign_protocol::discovery::Discovery;
use countersign_protocol::evidence::{Evidence, TrustAnchor};
use countersign_protocol::fetch::{FetchResponse, Receipt};
use countersign_protocol::json;
use countersign_jose::key::PublicKey;
use countersign_protocol::manifest::ManifestChain;
use countersign_protocol::problem::Problem;
use countersign_protocol::registration::{CredentialResponse, KeySet, RegistrationRequest, RegistrationResponse};
use countersign_protocol::transcript::Transcript;
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, document)) = bytes.split_first() else { return };
    match kind % 13 {
        0 => read::<Discovery>(document),
        1 => read::<KeySet>(document),
        2 => read::<ManifestChain>(document),
        3 => read::<RegistrationRequest>(document),
        4 => read::<RegistrationResponse>(document),
        5 => read::<CredentialResponse>(document),
        6 => read::<FetchResponse>(document),
        7 => read::<Receipt>(document),
        8 => read::<Problem>(document),
        9 => read::<Evidence>(document),
        10 => read::<Transcript>(document),
        11 => read::<TrustAnchor>(document),
        _ => read::<PublicKey>(document),
    }
});

fn read<T: DeserializeOwned + Serialize>(document: &[u8]) {
    let Ok(read) = json::parse::<T>(document) else { return };
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    let again = json::parse::<T>(&written).unwrap_or_else(|error| {
        panic!("{error} in what was written: {}", String::from_utf8_lossy(&written));
    });
    let twice = serde_json::to_vec(&again).expect("it was written before");
    assert!(twice == written, "{} is not {}", String::from_utf8_lossy(&written), String::from_utf8_lossy(&twice));
}
