//! Files on the command line that hold a secret: read only if nobody else can read or change them.

use std::path::Path;

use countersign_private_files::{SecretError, read_secret};
use zeroize::Zeroizing;

use crate::error_code::ErrorCode;
use crate::failure::Failure;

/// Reads the file. `what` begins the sentence of a failure, before the file's name.
///
/// # Errors
/// With this code: it can't be read, everybody may read it, or others may write it or own it.
pub fn read(file: &Path, code: ErrorCode, what: &str) -> Result<Zeroizing<String>, Failure> {
    read_secret(file).map(Zeroizing::new).map_err(|error| match error {
        SecretError::Permissions(error) => Failure::usage(code, format_args!("{what} {error}")),
        error => Failure::usage(code, format_args!("{what} {} can't be read: {error}", file.display())),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_pin_or_secret_file_that_everybody_may_read_or_others_may_write_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pin");
        std::fs::write(&file, "271828").expect("written");
        let read_with = |mode| {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("changed");
            read(&file, ErrorCode::PinFile, "the PIN file")
        };
        for (mode, command) in [(0o666, "chmod 600"), (0o644, "chmod 600"), (0o620, "chmod go-w")] {
            let failure = read_with(mode).expect_err("refused");
            assert_eq!(failure.code, "pin_file");
            assert!(failure.message.starts_with(&format!("the PIN file {} may be ", file.display())), "{failure}");
            assert!(failure.message.ends_with(&format!("run: {command} {}", file.display())), "{mode:o}: {failure}");
        }
        assert_eq!(**read_with(0o600).as_ref().expect("read"), *"271828");
        let missing = read(&folder.path().join("none"), ErrorCode::PinFile, "the PIN file").expect_err("missing");
        assert!(missing.message.contains("none can't be read: "), "{missing}");
    }
}
