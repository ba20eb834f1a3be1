//! Enrollment links as the app accepts them: pasted, as an argument, or in a `countersign://` URL.

use countersign_jose::secret::Secret;
use thiserror::Error;
use url::Url;

use crate::secrets::LinkText;

/// A URL that may be an enrollment link. The device finds out whether it is one.
#[derive(Clone)]
pub struct Link(Secret);

/// The string is no link.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("this is no enrollment link: one begins with https:// or countersign://enroll?link=")]
pub struct InvalidLink;

impl Link {
    /// Reads `https://…/push/enroll#…`, or `countersign://enroll?link=…` with that link percent-encoded.
    ///
    /// # Errors
    /// [`InvalidLink`]; its text holds nothing of the link.
    pub fn read(text: &LinkText) -> Result<Link, InvalidLink> {
        let text = text.expose().trim();
        let url = Url::parse(text).map_err(|_| InvalidLink)?;
        match url.scheme() {
            "https" | "http" => Ok(Link(Secret::new(text))),
            "countersign" if url.host_str() == Some("enroll") && matches!(url.path(), "" | "/") => {
                let mut links = url.query_pairs().filter(|(name, _)| name == "link");
                match (links.next(), links.next()) {
                    (Some((_, link)), None) if link.starts_with("https://") || link.starts_with("http://") => {
                        Ok(Link(Secret::new(link)))
                    }
                    _ => Err(InvalidLink),
                }
            }
            _ => Err(InvalidLink),
        }
    }

    /// The link, for the device alone.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        Link::read(&LinkText::new(text)).ok().map(|link| link.expose().to_owned())
    }

    #[test]
    fn a_link_is_read_as_it_is_or_out_of_a_countersign_url() {
        let link = "https://id.example/push/enroll#abc.def.ghi";
        assert_eq!(read(&format!(" {link}\n")).as_deref(), Some(link));
        let wrapped = "countersign://enroll?link=https%3A%2F%2Fid.example%2Fpush%2Fenroll%23abc.def.ghi";
        assert_eq!(read(wrapped).as_deref(), Some(link));
    }

    #[test]
    fn attack_19_an_address_that_only_looks_like_a_link_is_none() {
        for text in [
            "",
            "abc",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "countersign://enroll",
            "countersign://approve?link=https%3A%2F%2Fid.example",
            "countersign://enroll/deep?link=https%3A%2F%2Fid.example",
            "countersign://enroll?link=file%3A%2F%2F%2Fetc%2Fpasswd",
            "countersign://enroll?link=https%3A%2F%2Fone.example&link=https%3A%2F%2Fother.example",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
