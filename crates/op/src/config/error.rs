//! What is wrong with a configuration file, line by line, in words that say what to write instead.

use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The line the mistake stands on, counted from 1; 0 when it is not about a line (the file can't be read).
    pub line: usize,
    /// What is wrong and what to do about it. Never holds a secret's value.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => out.write_str(&self.message),
            line => write!(out, "line {line}: {}", self.message),
        }
    }
}

/// Every mistake found in one configuration file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The file that was read.
    pub file: PathBuf,
    /// At least one mistake.
    pub errors: Vec<ConfigError>,
}

impl ConfigErrors {
    pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> ConfigErrors {
        let message = format!("the file can't be read: {error}; check the path and who may read it");
        ConfigErrors { file: file.to_owned(), errors: vec![ConfigError { line: 0, message }] }
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        for (n, error) in self.errors.iter().enumerate() {
            if n > 0 {
                out.write_str("\n")?;
            }
            match error.line {
                0 => write!(out, "{file}: {}", error.message)?,
                line => write!(out, "{file}:{line}: {}", error.message)?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
