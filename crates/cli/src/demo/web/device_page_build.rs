//! The device in a browser, as far as it is built: the demo does not wait for it, and has the provider serve it when it is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use serde::Serialize;

use crate::commands::op::device_page_folder;
use crate::demo::provider_process::PageOrders;

/// The page's files and their build.
pub struct DevicePageBuild {
    /// Where the build notes how it goes; `None` where nobody builds.
    notes: Option<PathBuf>,
    began: Instant,
    orders: Option<PageOrders>,
    /// The files that the provider has read last, well or not.
    read: Option<PageFiles>,
    /// Whether it serves a page.
    is_served: bool,
    /// Whether the page came while the demo ran.
    joined: bool,
    refused: Option<String>,
}

/// What tells one build's files from another's.
#[derive(Clone, PartialEq, Eq)]
struct PageFiles {
    folder: PathBuf,
    built: SystemTime,
}

/// State of the page, for the till.
#[derive(Serialize, Clone, PartialEq, Eq)]
pub struct DevicePageView {
    state: &'static str,
    /// A message about it.
    said: Option<String>,
}

impl DevicePageBuild {
    /// The files that are there now; before the provider starts, which reads them.
    pub fn new() -> DevicePageBuild {
        let notes = std::env::var_os("COUNTERSIGN_WEB_BUILD").map(PathBuf::from);
        let read = files();
        let is_served = read.is_some();
        DevicePageBuild { notes, began: Instant::now(), orders: None, read, is_served, joined: false, refused: None }
    }

    /// The same beside this provider, which has started.
    #[must_use]
    pub fn served_by(self, orders: PageOrders) -> DevicePageBuild {
        DevicePageBuild { orders: Some(orders), ..self }
    }

    /// Whether the provider serves the page.
    pub const fn is_served(&self) -> bool {
        self.is_served
    }

    /// Has the provider read the page when another one was built than it serves.
    pub async fn join(&mut self) {
        let Some(orders) = &self.orders else { return };
        if self.note("building").is_some() {
            return;
        }
        let Some(files) = files().filter(|files| self.read.as_ref() != Some(files)) else { return };
        self.read = Some(files);
        match orders.read_again().await {
            Ok(()) => {
                self.joined |= !self.is_served;
                self.is_served = true;
                self.refused = None;
            }
            Err(why) => self.refused = Some(why),
        }
    }

    /// Its state.
    pub fn view(&self) -> DevicePageView {
        let of = |state, said: String| DevicePageView { state, said: Some(said) };
        if self.is_served {
            let said = "This browser can be Alice’s phone now: the page was built while the demo ran.";
            return DevicePageView { state: "ready", said: self.joined.then(|| said.to_owned()) };
        }
        if let Some(why) = &self.refused {
            return of("failed", format!("The page of Alice’s phone can’t be served: {why}."));
        }
        if self.note("building").is_some() {
            let minutes = self.began.elapsed().as_secs() / 60;
            return of(
                "building",
                format!("The page of Alice’s phone is being built, {minutes} min so far. It joins by itself."),
            );
        }
        if let Some(failed) = self.note("failed") {
            let log = failed.with_file_name("build.log");
            return of("failed", format!("The page of Alice’s phone could not be built; see {}.", log.display()));
        }
        if self.note("missing").is_some() {
            let how = "The page of Alice’s phone is not built: what builds it is not installed here. make setup PART=web \
                       installs it, and make web builds the page, which then joins by itself.";
            return of("missing", how.to_owned());
        }
        of("absent", "The page of Alice’s phone is not built. make web builds it; it then joins by itself.".to_owned())
    }

    fn note(&self, name: &str) -> Option<PathBuf> {
        self.notes.as_ref().map(|folder| folder.join(name)).filter(|note| note.exists())
    }
}

fn files() -> Option<PageFiles> {
    let folder = device_page_folder::find()?;
    let built = built_at(&folder)?;
    Some(PageFiles { folder, built })
}

/// When the page was built; `None` while there is none.
fn built_at(folder: &Path) -> Option<SystemTime> {
    fs::metadata(folder.join("index.html")).and_then(|index| index.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_note_of_the_build_has_its_words_and_a_way_on() {
        let notes = tempfile::tempdir().expect("a folder");
        let mut build = DevicePageBuild {
            notes: Some(notes.path().to_owned()),
            began: Instant::now(),
            orders: None,
            read: None,
            is_served: false,
            joined: false,
            refused: None,
        };
        let shown = |build: &DevicePageBuild| {
            let DevicePageView { state, said } = build.view();
            (state, said.unwrap_or_default())
        };
        let expect = |build: &DevicePageBuild, state: &str, words: &str| {
            let (found, said) = shown(build);
            assert!(found == state && said.contains(words), "{found}: {said}");
        };
        expect(&build, "absent", "make web");
        for (note, words) in [
            ("missing", "make setup PART=web"),
            ("failed", &*notes.path().join("build.log").display().to_string()),
            ("building", "being built, 0 min so far"),
        ] {
            fs::write(notes.path().join(note), "").expect("written");
            expect(&build, note, words);
        }
        build.refused = Some("others may change it".to_owned());
        expect(&build, "failed", "others may change it");
        build.is_served = true;
        assert_eq!(shown(&build), ("ready", String::new()), "nothing to say where it was there from the start");
    }
}
