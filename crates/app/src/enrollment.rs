//! From a link to an account, with the link kept from the page.

use std::sync::Arc;

use countersign_device as device;
use countersign_device::ports::user_verifier::FixedPin;
use countersign_protocol::registration::Confirm;
use serde::Serialize;

use crate::app::App;
use crate::failure::Failure;
use crate::link::Link;
use crate::secrets::{LinkText, PinText};

/// A link that was verified: what a person is asked about.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LinkPreview {
    /// The provider.
    pub issuer: String,
    /// Its registrable domain.
    pub domain: String,
    /// The same in ASCII, where that is something else.
    pub punycode: Option<String>,
    /// Whether no account is at this provider yet.
    pub new_provider: bool,
    /// The user.
    pub subject_label: String,
    /// Whether the provider is for tests.
    pub test: bool,
    /// Whether a confirmation code will have to be typed where the link came from.
    pub confirm: bool,
}

/// A new account.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EnrollmentResult {
    /// Its id on this device.
    pub account: String,
    /// Six digits to type where the link came from; until then the account gets nothing.
    pub confirmation_code: Option<String>,
}

impl App {
    /// A link from outside, which replaces one that waits.
    pub fn offer_link(&self, link: Link) {
        self.enrollment(|state| {
            state.waiting = Some(link);
            state.revision = state.revision.wrapping_add(1);
        });
        self.changed();
    }

    /// Verifies a pasted link, or the one that waits, and remembers what it found.
    ///
    /// # Errors
    /// [`Failure`]; it holds nothing of the link.
    pub async fn preview(&self, link: Option<LinkText>) -> Result<LinkPreview, Failure> {
        let device = self.device()?;
        let link = match link {
            Some(text) => Link::read(&text).map_err(|error| Failure::new("invalid_link", error))?,
            None => {
                let waiting = self.enrollment(|state| state.waiting.clone());
                waiting.ok_or_else(|| Failure::new("no_link", "no link waits"))?
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
        })
    }

    /// Enrolls with the link that was verified last. After a lost reply the same call may be made again.
    ///
    /// # Errors
    /// [`Failure`]; the link is kept, so that it can be tried again.
    pub async fn enroll(&self, pin: &PinText, device_name: &str) -> Result<EnrollmentResult, Failure> {
        let device = self.device()?;
        let preview = self.enrollment(|state| state.preview.clone());
        let preview = preview.ok_or_else(|| Failure::new("no_link", "no link was verified"))?;
        let enrolled = device.enroll(&preview, device_name, &FixedPin(pin.entry()?)).await?;
        self.forget_link();
        let code = enrolled.confirmation_code.map(|code| code.expose().to_owned());
        if let Some(code) = &code {
            self.update_state(|state| drop(state.codes.insert(enrolled.account.clone(), code.clone())));
        }
        self.changed();
        Ok(EnrollmentResult { account: enrolled.account.to_string(), confirmation_code: code })
    }

    /// Forgets a link that waits, and what was verified.
    pub fn forget_link(&self) {
        self.enrollment(|state| {
            state.waiting = None;
            state.preview = None;
        });
        self.changed();
    }
}

/// The link that waits, and the one that was verified.
#[derive(Default)]
pub(crate) struct EnrollmentState {
    pub(crate) waiting: Option<Link>,
    pub(crate) revision: u32,
    preview: Option<Arc<device::LinkPreview>>,
}
