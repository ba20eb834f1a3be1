//! ECDSA signatures in DER (RFC 3279 §2.2.3), as authenticators make them.

use p256::ecdsa::Signature;

use super::SIGNATURE_BYTES;

/// Longest DER encoding of a signature by a P-256 key, in bytes.
pub const DER_SIGNATURE_BYTES: usize = 72;

/// The input is not the DER encoding of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a DER signature")]
pub struct NotASignature;

impl NotASignature {
    /// The stable code, for programs.
    pub const fn code(&self) -> &'static str {
        "not_a_signature"
    }
}

/// A signature in DER as JWS has it: r and s, 32 bytes each. Read strictly: each length and integer in its shortest form, nothing
/// after it, r and s in 1…n−1. s may be high or low, for authenticators make both.
///
/// # Errors
/// [`NotASignature`]
pub fn signature_from_der(der: &[u8]) -> Result<[u8; SIGNATURE_BYTES], NotASignature> {
    if der.len() > DER_SIGNATURE_BYTES {
        return Err(NotASignature);
    }
    Signature::from_der(der).map(|signature| signature.to_bytes().into()).map_err(|_| NotASignature)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
        let integer = |bytes: &[u8]| [&[2, bytes.len() as u8], bytes].concat();
        let inner = [integer(r), integer(s)].concat();
        [&[0x30, inner.len() as u8], inner.as_slice()].concat()
    }

    /// The group's order n (SEC 2 §2.4.2).
    const N: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];

    #[test]
    fn strict_der_alone_is_a_signature() {
        let good = der(&[1], &[0x7f, 2]);
        let mut fixed = [0; 64];
        fixed[31] = 1;
        fixed[62..].copy_from_slice(&[0x7f, 2]);
        assert_eq!(signature_from_der(&good), Ok(fixed));
        let padded = |value: &[u8]| [&[0], value].concat();
        let high = [&N[..31], &[0x50]].concat();
        assert!(signature_from_der(&der(&padded(&high), &padded(&high))).is_ok(), "n - 1, twice");
        for (name, bad) in [
            ("nothing", Vec::new()),
            ("r zero", der(&[0], &[1])),
            ("s zero", der(&[1], &[0])),
            ("r = n", der(&padded(&N), &[1])),
            ("s = n", der(&[1], &padded(&N))),
            ("r of 33 bytes", der(&padded(&[0xff; 33]), &[1])),
            ("a leading zero too many", der(&[0, 1], &[1])),
            ("negative", der(&[0x80], &[1])),
            ("an empty integer", der(&[], &[1])),
            ("a byte after it", [good.as_slice(), &[0]].concat()),
            ("a byte within it", [&[0x30, 8], &good[2..], &[0]].concat()),
            ("a long length", [&[0x30, 0x81, 7], &good[2..]].concat()),
            ("an indefinite length", [&[0x30, 0x80], &good[2..], &[0, 0]].concat()),
            ("cut", good[..good.len() - 1].to_vec()),
            ("a set", [&[0x31], &good[1..]].concat()),
            ("r ‖ s", fixed.to_vec()),
        ] {
            assert_eq!(signature_from_der(&bad), Err(NotASignature), "{name}");
        }
    }
}
