//! The page that was put into the program by the feature `web`.

use axum::body::Bytes;

use super::DevicePage;

/// The files of the page, by their names below its address, each with its content.
#[cfg(feature = "web")]
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/device_page.rs"));
#[cfg(not(feature = "web"))]
const FILES: &[(&str, &[u8])] = &[];

impl DevicePage {
    /// The page in this program; `None` in one that was built without the feature `web`.
    pub fn embedded() -> Option<DevicePage> {
        let files = FILES.iter().map(|(name, content)| ((*name).to_owned(), Bytes::from_static(content)));
        DevicePage::new(files.collect()).ok().filter(|page| !page.files.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_a_page_exactly_if_it_was_built_with_one() {
        assert_eq!(DevicePage::embedded().is_some(), cfg!(feature = "web"));
        assert_eq!(FILES.iter().any(|(name, _)| *name == super::super::INDEX), cfg!(feature = "web"));
    }
}
