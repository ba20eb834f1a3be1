//! Makes enrollment links: a signed registration token behind the issuer's enrollment page.

use countersign_jose::clock::Timestamp;
use countersign_jose::key::Signer as _;
use countersign_protocol::discovery::Mode;
use countersign_protocol::id::{RegistrationTokenId, Subject};
use countersign_protocol::jws::Compact;
use countersign_protocol::limits;
use countersign_protocol::link::EnrollmentLink;
use countersign_protocol::registration::{Confirm, RegistrationToken};
use countersign_protocol::text::{self, TextError};
use countersign_store::Error as StoreError;

use crate::Gateway;
use crate::store::links::{self, Link, LinkState};

/// Parameters of a new enrollment link.
#[derive(Debug, Clone)]
pub struct LinkRequest {
    /// The user.
    pub subject: Subject,
    /// Display name of the user on the device.
    pub subject_label: String,
    /// How the device is confirmed. [`Confirm::None`] only in test mode.
    pub confirm: Confirm,
    /// Whether an automated device may register.
    pub allow_automated: bool,
}

/// A new enrollment link: a secret until it is used.
#[derive(Clone)]
pub struct IssuedLink {
    /// By this the code is typed later ([`Gateway::confirm`]).
    pub id: RegistrationTokenId,
    /// The link; [`EnrollmentLink::expose`] gives its text.
    pub link: EnrollmentLink,
    /// When the link expires.
    pub expires_at: Timestamp,
}

/// Why no link was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// `confirm: none` in production.
    #[error("a link without confirmation is for test mode only: leave --confirm none out, or set mode = \"test\"")]
    ConfirmationNeeded,
    /// The user's name can't be shown.
    #[error("the user's name can't be shown on a device: {0}")]
    Label(TextError),
    /// The gateway's key did not sign.
    #[error("the gateway could not sign the link")]
    Sign,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LinkError {
    /// The stable code, one for all of them, as the command line prints it.
    pub const fn code(&self) -> &'static str {
        "link"
    }
}

impl Gateway {
    /// Makes a link for a user; it serves one device, for ten minutes.
    ///
    /// # Errors
    /// [`LinkError`].
    pub async fn issue_link(&self, request: LinkRequest) -> Result<IssuedLink, LinkError> {
        if request.confirm == Confirm::None && self.settings().mode != Mode::Test {
            return Err(LinkError::ConfirmationNeeded);
        }
        text::check(&request.subject_label, limits::NAME_CHARACTERS).map_err(LinkError::Label)?;
        let now = self.now();
        let expires_at = Timestamp::from_seconds(now.seconds() + limits::REGISTRATION_TOKEN_SECONDS);
        let token = RegistrationToken {
            iss: self.settings().issuer.clone(),
            sub: request.subject.clone(),
            subject_label: request.subject_label.clone(),
            aud: self.urls().registration.clone(),
            iat: now.seconds(),
            exp: expires_at.seconds(),
            jti: RegistrationTokenId::random(self.random()),
            confirm: request.confirm,
            allow_automated: request.allow_automated,
            evidence_root: *self.keys().root.public_key().thumbprint(),
        };
        let signed = Compact::sign(&token, &self.keys().registration).map_err(|_| LinkError::Sign)?;
        let row = Link {
            id: token.jti.clone(),
            subject: request.subject,
            subject_label: request.subject_label,
            confirm: request.confirm,
            allow_automated: request.allow_automated,
            expires_at,
            tries_left: limits::CONFIRMATION_TRIES,
            state: LinkState::Open,
            device: None,
            alerted: false,
            registration: None,
        };
        self.store().write(move |tx| links::insert(tx, &row)).await?;
        let link = EnrollmentLink::new(self.settings().issuer.clone(), signed);
        Ok(IssuedLink { id: token.jti, link, expires_at })
    }

    /// The state of a link; `None` if there is none of this id.
    ///
    /// # Errors
    /// The store's.
    pub fn link_state(&self, id: &RegistrationTokenId) -> Result<Option<LinkState>, StoreError> {
        self.store().read_blocking(|snapshot| Ok(links::by_id(snapshot, id)?.map(|link| link.state)))
    }
}
