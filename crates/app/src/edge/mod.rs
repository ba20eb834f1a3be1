//! Implementations of the ports on files. Behind the feature `edge`.

mod downloads_folder;
mod state_file;

pub use downloads_folder::DownloadsFolder;
pub use state_file::StateFile;
