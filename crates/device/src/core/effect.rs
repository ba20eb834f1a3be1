//! Outputs of the core, to be carried out in order: what is written is durable before anything is sent.

use countersign_jose::key::SignFailed;
use countersign_jose::secret::Secret;
use countersign_protocol::dpop::DpopProof;
use countersign_protocol::id::ChallengeId;
use countersign_protocol::jws::{Compact, Unsigned};
use countersign_protocol::outcome::Outcome;

use crate::device_event::DeviceEvent;
use crate::error::AnswerError;
use crate::ports::transport::Call;
use crate::ports::vault::{Change, OutboxId};

/// A call's id until its reply. A core never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(super) u64);

/// A draft's id until its end. A core never uses one twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DraftId(pub(super) u64);

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SigningJob {
    /// An answer.
    Draft(DraftId),
    /// A refusal or dispute in the outbox.
    Message(OutboxId),
}

/// One of the account's two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// Signs DPoP proofs, denials, refusals and disputes, without asking anybody.
    Transport,
    /// Signs approvals. May ask the person first.
    Approval,
}

/// A call whose DPoP proof is to be signed by the transport key. It carries a credential, therefore it has no `Debug`.
#[derive(Clone)]
pub struct UnsignedCall {
    pub(super) call: Call,
    /// `None`: public, and sent without credential and proof.
    pub(super) proof: Option<Unsigned<DpopProof>>,
}

impl UnsignedCall {
    /// The bytes to be signed; `None` where the call needs no proof.
    pub fn signing_input(&self) -> Option<&str> {
        self.proof.as_ref().map(Unsigned::signing_input)
    }

    /// How long the call may take, in milliseconds; its signature counts.
    pub fn timeout_ms(&self) -> u64 {
        self.call.timeout_ms
    }

    /// The call, ready to be sent. `signature` is ignored where it needs no proof.
    ///
    /// # Errors
    /// [`SignFailed`] where that is no signature.
    pub fn signed(self, signature: &[u8]) -> Result<Call, SignFailed> {
        let UnsignedCall { mut call, proof } = self;
        if let Some(proof) = proof {
            call.headers.push(("dpop", proof.attach(signature)?.into_string()));
        }
        Ok(call)
    }
}

/// An output of [`Core::step`](super::Core::step).
pub enum Effect {
    /// Make all these changes or none, durably. Where that fails, this core is ahead of the vault and must not be used
    /// any more.
    Write(Vec<Change>),
    /// Send an event to the listeners.
    Emit(DeviceEvent),
    /// Sign a call's proof and make the call; report it by [`Event::Replied`](super::Event::Replied),
    /// [`Event::Failed`](super::Event::Failed), or [`Event::NotSent`](super::Event::NotSent) where the key did not sign.
    Call {
        /// Its id.
        id: CallId,
        /// The call.
        call: UnsignedCall,
    },
    /// Sign a call's proof and open a stream; report by [`Event::Opened`](super::Event::Opened),
    /// [`Event::StreamEvent`](super::Event::StreamEvent) and in the end [`Event::Failed`](super::Event::Failed), or by
    /// [`Event::Replied`](super::Event::Replied) where it was refused, [`Event::NotSent`](super::Event::NotSent) where the
    /// key did not sign.
    OpenStream {
        /// Its id.
        id: CallId,
        /// The call.
        call: UnsignedCall,
    },
    /// Have a key sign these bytes; report by [`Event::Signed`](super::Event::Signed) or
    /// [`Event::NotSigned`](super::Event::NotSigned).
    Sign {
        /// What is signed.
        job: SigningJob,
        /// The key.
        key: KeyRole,
        /// The bytes: a JWS signing input (RFC 7515 §5.1).
        input: String,
    },
    /// Take the prompt away, if there is one: a signature is not wanted any more.
    Abort(SigningJob),
    /// Tell who gave this decision how it went: stored and on its way, or no answer.
    DraftEnded {
        /// The draft.
        draft: DraftId,
        /// Why there is no answer.
        result: Result<(), AnswerError>,
    },
    /// Encrypt a new device credential so that it can be stored; report by [`Event::Sealed`](super::Event::Sealed).
    Seal(Secret),
    /// Drop a call or stream; nothing more is reported of it.
    Cancel(CallId),
    /// Look up an ended challenge; report by [`Event::Recalled`](super::Event::Recalled).
    Recall {
        /// The challenge's id.
        challenge: ChallengeId,
        /// The outcome that is about it.
        outcome: Compact<Outcome>,
    },
    /// Destroy both keys: the issuer signed that this device is revoked.
    DestroyKeys,
}
