//! Downloads port on a folder.

use std::fs;
use std::future::ready;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use countersign_device::ports::maybe_send::BoxFuture;

use crate::ports::{Downloads, NotSaved};

/// How many file names are tried for one file.
const TRIES: u32 = 100;

/// A folder, made when something is first saved.
pub struct DownloadsFolder(PathBuf);

impl DownloadsFolder {
    /// The folder at this path.
    pub fn at(path: PathBuf) -> DownloadsFolder {
        DownloadsFolder(path)
    }
}

impl Downloads for DownloadsFolder {
    fn save<'a>(&'a self, name: &'a str, text: &'a str) -> BoxFuture<'a, Result<String, NotSaved>> {
        let folder = &self.0;
        let saved = write_new(folder, name, text)
            .map(|path| path.display().to_string())
            .map_err(|error| NotSaved(format!("{} can't be written to: {error}", folder.display())));
        Box::pin(ready(saved))
    }
}

fn write_new(folder: &Path, name: &str, text: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let (stem, extension) =
        name.rsplit_once('.').map_or((name, String::new()), |(stem, end)| (stem, format!(".{end}")));
    for number in 1..=TRIES {
        let again = if number == 1 { String::new() } else { format!(" ({number})") };
        let path = folder.join(format!("{stem}{again}{extension}"));
        match fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => return file.write_all(text.as_bytes()).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saving_twice_makes_two_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = write_new(folder.path(), "countersign-ch_AAAA.json", "one").expect("written");
        let second = write_new(folder.path(), "countersign-ch_AAAA.json", "two").expect("written");
        assert_eq!(fs::read_to_string(first).expect("there"), "one");
        assert_eq!(second.file_name().and_then(|name| name.to_str()), Some("countersign-ch_AAAA (2).json"));
        assert_eq!(fs::read_to_string(second).expect("there"), "two");
    }
}
