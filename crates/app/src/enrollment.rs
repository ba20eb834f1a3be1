//! Enrollment from a link. A page never gets the link back.

use std::sync::Arc;

use countersign_device as device;
use countersign_device::error::EnrollError;
use countersign_device::ports::user_verifier::{FixedVerifier, Verified};
use countersign_protocol::registration::Confirm;
use serde::Serialize;

use crate::app::App;
use crate::failure::Failure;
use crate::link::Link;
use crate::secrets::{LinkText, PinText};

/// A verified link, for asking the person.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LinkPreview {
    /// The provider's issuer.
    pub issuer: String,
    /// The provider's registrable domain.
    pub domain: String,
    /// The domain in ASCII, where that differs.
    pub punycode: Option<String>,
    /// Whether this device has no account at this provider yet.
    pub new_provider: bool,
    /// The user's name.
    pub subject_label: String,
    /// Whether the provider is for tests.
    pub test: bool,
    /// Whether a confirmation code will have to be typed where the link came from.
    pub confirm: bool,
    /// Whether the approval key can be a passkey: the screen lock takes the place of a PIN.
    pub passkey: bool,
    /// Whether the provider takes passkeys from this device: where `passkey` is not, a screen lock may be what is missing.
    pub takes_passkeys: bool,
    /// Whether a passkey that this person has for this page already may take the new one's place.
    pub known_passkey: bool,
}

/// The result of an enrollment: a new account.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EnrollmentResult {
    /// The account's id on this device.
    pub account: String,
    /// Six digits to type where the link came from; until then the account receives nothing.
    pub confirmation_code: Option<String>,
}

impl App {
    /// Offers a link from outside to the page. It replaces an earlier one.
    pub fn offer_link(&self, link: Link) {
        self.enrollment(|state| {
            state.waiting = Some(link);
            state.revision = state.revision.wrapping_add(1);
        });
        self.changed();
    }

    /// Verifies a pasted link, or the offered one, and stores the result for [`App::enroll`].
    ///
    /// # Errors
    /// [`Failure`]; its text holds nothing of the link.
    pub async fn preview(&self, link: Option<LinkText>) -> Result<LinkPreview, Failure> {
        let device = self.device()?;
        let link = match link {
            Some(text) => Link::read(&text).map_err(|error| Failure::new("invalid_link", error))?,
            None => {
                let waiting = self.enrollment(|state| state.waiting.clone());
                waiting.ok_or_else(|| Failure::new("no_link", "there is no link"))?
            }
        };
        let found = Arc::new(device.preview(link.expose()).await?);
        self.enrollment(|state| state.preview = Some(Arc::clone(&found)));
        Ok(LinkPreview {
            issuer: found.issuer.as_str().to_owned(),
            domain: found.domain.shown.clone(),
            punycode: found.domain.ascii.clone(),
            new_provider: found.new_provider,
            subject_label: found.subject_label.clone(),
            test: found.test,
            confirm: found.confirm == Confirm::Code,
            passkey: found.passkey.is_some(),
            takes_passkeys: found.takes_passkeys,
            known_passkey: found.takes_known_passkey,
        })
    }

    /// Enrolls with the link that was verified last. Without a PIN the approval key is a passkey ([`LinkPreview::passkey`]). After a
    /// lost reply the call may be repeated.
    ///
    /// # Errors
    /// [`Failure`]; the link is kept, so that it can be tried again.
    pub async fn enroll(&self, pin: Option<&PinText>, device_name: &str) -> Result<EnrollmentResult, Failure> {
        let device = self.device()?;
        let preview = self.enrollment(|state| state.preview.clone());
        let preview = preview.ok_or_else(|| Failure::new("no_link", "no link was verified yet"))?;
        let user = match pin {
            Some(pin) => pin.entry()?,
            // Else the platform would have to open a key that nothing here protects.
            None if preview.passkey.is_some() => Verified::Platform { method: None },
            None => return Err(EnrollError::NoPin.into()),
        };
        let enrolled = device.enroll(&preview, device_name, &FixedVerifier(user)).await?;
        Ok(self.enrolled(device, enrolled))
    }

    /// Enrolls with the link that was verified last, by a passkey that this person has for this page already
    /// ([`LinkPreview::known_passkey`]). After a lost reply the call may be repeated.
    ///
    /// # Errors
    /// [`Failure`]; the link is kept, so that another key can be made with it.
    pub async fn enroll_again(&self, device_name: &str) -> Result<EnrollmentResult, Failure> {
        let device = self.device()?;
        let preview = self.enrollment(|state| state.preview.clone());
        let preview = preview.ok_or_else(|| Failure::new("no_link", "no link was verified yet"))?;
        let enrolled = device.enroll_again(&preview, device_name).await?;
        Ok(self.enrolled(device, enrolled))
    }

    /// Whether this page may try [`App::resume`] at its own provider.
    ///
    /// # Errors
    /// [`Failure`] where the provider can't be asked.
    pub async fn may_resume(&self, issuer: &str) -> Result<bool, Failure> {
        let issuer = issuer.parse().map_err(|_| Failure::bad_argument("the issuer"))?;
        Ok(self.device()?.may_resume(&issuer).await?)
    }

    /// Enrolls without a link, by a passkey that this person has for this page already.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn resume(&self, issuer: &str, device_name: &str) -> Result<EnrollmentResult, Failure> {
        let issuer = issuer.parse().map_err(|_| Failure::bad_argument("the issuer"))?;
        let device = self.device()?;
        let enrolled = device.resume(&issuer, device_name).await?;
        Ok(self.enrolled(device, enrolled))
    }

    /// The link was used, where there was one.
    fn enrolled(&self, device: &device::Device, enrolled: device::EnrollmentResult) -> EnrollmentResult {
        self.forget_link();
        let code = enrolled.confirmation_code.map(|code| code.expose().to_owned());
        if let Some(code) = &code {
            self.update_state(|state| drop(state.codes.insert(enrolled.account.clone(), code.clone())));
        }
        self.watch_push(device, &enrolled.account);
        self.changed();
        EnrollmentResult { account: enrolled.account.to_string(), confirmation_code: code }
    }

    /// Whether there is a link that was offered or verified, and not used.
    pub fn has_link(&self) -> bool {
        self.enrollment(|state| state.waiting.is_some() || state.preview.is_some())
    }

    /// Forgets the offered and the verified link.
    pub fn forget_link(&self) {
        self.enrollment(|state| {
            state.waiting = None;
            state.preview = None;
        });
        self.changed();
    }
}

/// The offered link and the verified one.
#[derive(Default)]
pub(crate) struct EnrollmentState {
    pub(crate) waiting: Option<Link>,
    pub(crate) revision: u32,
    preview: Option<Arc<device::LinkPreview>>,
}
