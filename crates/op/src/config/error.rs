//! Configuration errors: each with its line and what to write instead.

use std::fmt;
use std::path::{Path, PathBuf};

/// One error in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Line number from 1; 0 for an error without a line (the file can't be read, an override).
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

/// All errors in one configuration file, in the order of their lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    /// Path of the configuration file.
    pub file: PathBuf,
    /// At least one error.
    pub errors: Vec<ConfigError>,
}

impl ConfigErrors {
    /// Stable code in snake_case, as the CLI prints it.
    pub const fn code(&self) -> &'static str {
        "configuration"
    }

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
