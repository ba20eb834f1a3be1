//! New files that a command makes together: all of them or none, and never in the place of one that is there.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error_code::ErrorCode;
use crate::failure::Failure;

/// A file to be made.
pub struct NewFile<'c> {
    /// Where; its folder must be there.
    pub path: PathBuf,
    /// What it holds.
    pub content: &'c str,
    /// Whether only its owner may read it. Others are readable as the system's mask says.
    pub is_private: bool,
}

/// Makes every file. If one can't be made, those before it are removed again.
///
/// # Errors
/// A file is there already, which is left as it is, or the system's error.
pub fn write_all(files: &[NewFile<'_>]) -> Result<(), Failure> {
    for (made, file) in files.iter().enumerate() {
        if let Err(error) = write(file) {
            for earlier in &files[..made] {
                let _ = fs::remove_file(&earlier.path);
            }
            return Err(failure(&file.path, &error));
        }
    }
    Ok(())
}

/// Writes one file to the disk; what was written of it in vain is removed.
fn write(file: &NewFile<'_>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if file.is_private { 0o600 } else { 0o644 });
    let mut opened = options.open(&file.path)?;
    let written = opened.write_all(file.content.as_bytes()).and_then(|()| opened.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(&file.path);
    }
    written
}

fn failure(path: &Path, error: &io::Error) -> Failure {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            let what = format!("{path} is there already and is not overwritten; move it away, or choose another place");
            Failure::usage(ErrorCode::FileExists, what)
        }
        io::ErrorKind::NotFound => {
            Failure::usage(ErrorCode::NotWritten, format!("{path} can't be written: its folder does not exist"))
        }
        _ => Failure::usage(ErrorCode::NotWritten, format!("{path} can't be written: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: PathBuf, is_private: bool) -> NewFile<'static> {
        NewFile { path, content: "content\n", is_private }
    }

    #[test]
    fn a_file_that_is_there_stops_all_and_stays_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        fs::write(&second, "older").expect("written");
        let refused = write_all(&[file(first.clone(), true), file(second.clone(), true)]).expect_err("it is there");
        assert_eq!(refused.code, "file_exists");
        assert!(refused.message.contains("second is there already"), "{}", refused.message);
        assert!(!first.exists(), "all or none");
        assert_eq!(fs::read_to_string(&second).expect("readable"), "older");
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_is_its_owners_alone_and_no_link_is_followed() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let (private, link, target) =
            (folder.path().join("key"), folder.path().join("link"), folder.path().join("target"));
        write_all(&[file(private.clone(), true)]).expect("made");
        assert_eq!(fs::metadata(&private).expect("there").permissions().mode() & 0o777, 0o600);
        std::os::unix::fs::symlink(&target, &link).expect("linked");
        assert_eq!(write_all(&[file(link, true)]).expect_err("a link").code, "file_exists");
        assert!(!target.exists());
        let nowhere = write_all(&[file(folder.path().join("no/key"), true)]).expect_err("no folder");
        assert!(nowhere.message.contains("its folder does not exist"), "{}", nowhere.message);
    }
}
