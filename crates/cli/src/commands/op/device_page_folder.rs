//! The device page that `op serve` serves: in the folder `COUNTERSIGN_WEB`, else in `web` beside this program, else in the program.

use std::path::{Path, PathBuf};

use countersign_op::DevicePage;

use crate::failure::Failure;

/// Where a page was found.
pub enum PageSource {
    /// The folder that the environment names.
    Named(PathBuf),
    /// A folder beside the program.
    Beside(PathBuf),
    /// The program itself.
    Embedded,
}

/// Reads the page; `None` where none is built.
///
/// # Errors
/// `COUNTERSIGN_WEB` names no page, or a page can't be read or may be changed by others.
pub fn read() -> Result<Option<(DevicePage, PageSource)>, Failure> {
    let source = source();
    let read = |folder: &Path| DevicePage::read(folder).map_err(|error| Failure::usage(error.code(), error));
    let page = match &source {
        PageSource::Named(folder) | PageSource::Beside(folder) => Some(read(folder)?),
        PageSource::Embedded => DevicePage::embedded(),
    };
    Ok(page.map(|page| (page, source)))
}

/// The folder that [`read`] reads; `None` where none is named and none is built.
pub fn find() -> Option<PathBuf> {
    match source() {
        PageSource::Named(folder) | PageSource::Beside(folder) => Some(folder),
        PageSource::Embedded => None,
    }
}

fn source() -> PageSource {
    let named = std::env::var_os("COUNTERSIGN_WEB").filter(|folder| !folder.is_empty());
    let beside = || std::env::current_exe().ok().as_deref().and_then(beside);
    match named {
        Some(folder) => PageSource::Named(PathBuf::from(folder)),
        None => beside().map_or(PageSource::Embedded, PageSource::Beside),
    }
}

/// The folder of a page that was built or installed with the program: beside it or, for one that cargo built, beside the folder of
/// its profile.
fn beside(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?;
    let is_profile = folder.parent().is_some_and(|target| target.join("CACHEDIR.TAG").is_file());
    let folders = [Some(folder), folder.parent().filter(|_| is_profile)];
    folders.into_iter().flatten().map(|folder| folder.join("web")).find(|folder| folder.join("index.html").is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_page_is_found_beside_the_program_or_beside_the_profile_that_cargo_built() {
        let root = tempfile::tempdir().expect("a folder");
        let program = root.path().join("debug/countersign");
        let page = |path: &str| {
            let folder = root.path().join(path);
            fs::create_dir_all(&folder).expect("made");
            fs::write(folder.join("index.html"), "").expect("written");
            folder
        };
        let of_cargo = page("web");
        assert_eq!(beside(&program), None, "the folder above says nothing where cargo built nothing");
        fs::write(root.path().join("CACHEDIR.TAG"), "").expect("written");
        assert_eq!(beside(&program), Some(of_cargo));
        let installed = page("debug/web");
        assert_eq!(beside(&program), Some(installed));
    }
}
