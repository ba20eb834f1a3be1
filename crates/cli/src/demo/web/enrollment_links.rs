//! Enrollment link on the pages: made when a page is open, renewed before it expires, replaced once used.

use countersign_gateway::{ConfirmError, Gateway, IssuedLink, LinkRequest, LinkState};
use countersign_jose::clock::Clock as _;
use countersign_protocol::registration::Confirm;
use serde::Serialize;

use crate::qr_code;
use countersign_device::edge::system::SystemClock;

/// A link is renewed when it expires in less than this, in seconds: enough time to finish enrolling.
const RENEW_BELOW: u64 = 120;

/// The current link, and the result of its confirmation code.
#[derive(Default)]
pub struct EnrollmentLinks {
    current: Option<CurrentLink>,
    /// Links that were used and confirmed.
    confirmed: Vec<String>,
    said: Option<String>,
}

struct CurrentLink {
    issued: IssuedLink,
    qr: QrView,
}

/// The link as the pages show it.
#[derive(Serialize, Clone, PartialEq, Eq)]
pub struct LinkView {
    /// The link, for pasting.
    link: String,
    /// Whether a device has used it and waits for its code.
    waits_for_code: bool,
    /// The result of the last code.
    said: Option<String>,
    qr: QrView,
}

/// The link as a QR code.
#[derive(Serialize, Clone, PartialEq, Eq)]
struct QrView {
    /// The QR code as SVG; `None` where it is too large for one.
    picture: Option<String>,
    /// Why there is none.
    why_not: Option<String>,
}

impl LinkView {
    /// The link.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// Whether a device has used it and waits for its code.
    pub fn waits_for_code(&self) -> bool {
        self.waits_for_code
    }
}

fn qr_view(issued: &IssuedLink) -> QrView {
    match qr_code::picture(issued.link.issuer(), &issued.link.expose()) {
        Ok(picture) => QrView { picture: Some(picture), why_not: None },
        Err(why) => QrView { picture: None, why_not: Some(format!("{why}.")) },
    }
}

impl EnrollmentLinks {
    /// Whether a device was confirmed with this link.
    pub fn was_confirmed(&self, link: &str) -> bool {
        self.confirmed.iter().any(|known| known == link)
    }

    /// The link to show now; a new one if the current one can't be used.
    pub async fn view(&mut self, gateway: &Gateway) -> Result<LinkView, String> {
        let state = self.state(gateway)?;
        let left = self
            .current
            .as_ref()
            .map_or(0, |current| current.issued.expires_at.seconds().saturating_sub(SystemClock.now().seconds()));
        let serves = match state {
            Some(LinkState::Open) => left > RENEW_BELOW,
            // Its device is registered, and the code can still be typed.
            Some(LinkState::Registered) => true,
            Some(LinkState::Confirmed | LinkState::Ended) | None => false,
        };
        if !serves {
            if state == Some(LinkState::Confirmed) {
                self.confirmed.extend(self.current.as_ref().map(|current| current.issued.link.expose()));
                self.said.get_or_insert_with(|| "That device is one of Alice’s now.".to_owned());
            } else if state == Some(LinkState::Ended) && self.said.is_none() {
                self.said = Some("That link has ended. Here is a new one.".to_owned());
            }
            let issued = self.make(gateway).await?;
            self.current = Some(CurrentLink { qr: qr_view(&issued), issued });
        }
        let Some(current) = &self.current else { return Err("there is no link".to_owned()) };
        Ok(LinkView {
            link: current.issued.link.expose(),
            waits_for_code: state == Some(LinkState::Registered),
            said: self.said.clone(),
            qr: current.qr.clone(),
        })
    }

    /// Checks the confirmation code that a device shows.
    pub async fn confirm(&mut self, gateway: &Gateway, code: &str) {
        let Some(current) = &self.current else { return };
        self.said = match gateway.confirm(&current.issued.id, code).await {
            Ok(confirmed) => Some(format!("“{}” is one of Alice’s devices now.", confirmed.device_name)),
            Err(ConfirmError::WrongCode { tries_left }) => {
                let tries = if tries_left == 1 { "one try is".to_owned() } else { format!("{tries_left} tries are") };
                Some(format!("That is not the code. Look at the device again; {tries} left."))
            }
            Err(ConfirmError::Ended) => {
                Some("That was the third wrong code: link and device have ended. Here is a new link.".to_owned())
            }
            Err(ConfirmError::NotRegistered) => Some("No device has opened this link yet.".to_owned()),
            Err(error) => Some(error.to_string()),
        };
    }

    fn state(&self, gateway: &Gateway) -> Result<Option<LinkState>, String> {
        let Some(current) = &self.current else { return Ok(None) };
        gateway.link_state(&current.issued.id).map_err(|error| error.to_string())
    }

    async fn make(&self, gateway: &Gateway) -> Result<IssuedLink, String> {
        issue(gateway, Confirm::Code, true).await
    }
}

/// A link for a window of this browser, which opens the device's page. Without a code: nobody photographs it on its way, and the
/// window is beside this page. Each call makes another link.
pub async fn for_this_browser(gateway: &Gateway, issuer: &str) -> Result<String, String> {
    let issued = issue(gateway, Confirm::None, false).await?;
    let link = issued.link.expose();
    let (_, token) = link.split_once('#').ok_or("the link has no token")?;
    Ok(format!("{}/device/#{token}", issuer.trim_end_matches('/')))
}

async fn issue(gateway: &Gateway, confirm: Confirm, allow_automated: bool) -> Result<IssuedLink, String> {
    let subject = "alice".parse().map_err(|_| "alice is no subject".to_owned())?;
    let request = LinkRequest { subject, subject_label: "Alice".to_owned(), confirm, allow_automated };
    gateway.issue_link(request).await.map_err(|error| error.to_string())
}
