//! Folder of the device page that `op serve` serves: `COUNTERSIGN_WEB`, else `web` beside this program.

use std::path::{Path, PathBuf};

use countersign_op::DevicePage;

use crate::failure::Failure;

/// Reads the page; `None` where none is built.
///
/// # Errors
/// `COUNTERSIGN_WEB` names no page, or a page can't be read or may be changed by others.
pub fn read() -> Result<Option<DevicePage>, Failure> {
    let read = |folder: PathBuf| DevicePage::read(&folder).map_err(|error| Failure::usage(error.code(), error));
    find().map(read).transpose()
}

/// The folder that [`read`] reads; `None` where none is named and none is built.
pub fn find() -> Option<PathBuf> {
    let named = std::env::var_os("COUNTERSIGN_WEB").filter(|folder| !folder.is_empty());
    match named {
        Some(folder) => Some(PathBuf::from(folder)),
        None => beside(&std::env::current_exe().ok()?),
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
