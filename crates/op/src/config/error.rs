//! Configuration errors: each with its line and what to write instead.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use countersign_private_files::SecretError;

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

    pub(super) fn unreadable(file: &Path, error: &SecretError) -> ConfigErrors {
        let message = match error {
            SecretError::Permissions(error) => format!("the file decides who may sign in, and {error}"),
            error => format!("the file can't be read: {error}; check the path and who may read it"),
        };
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

/// Collects the errors of one document.
pub(super) struct ErrorCollector<'t> {
    text: &'t str,
    /// Overrides: end offset and source of each; offsets behind the text lie in them.
    overrides: Vec<(usize, &'t str)>,
    found: RefCell<Vec<ConfigError>>,
    /// Every name that was asked for, and the table it belongs to as messages say it.
    #[cfg(test)]
    asked: RefCell<std::collections::BTreeSet<(&'static str, &'static str)>>,
}

impl<'t> ErrorCollector<'t> {
    pub(super) fn of(text: &'t str) -> ErrorCollector<'t> {
        ErrorCollector::with(text, &[])
    }

    /// Also for the lines of overrides, each with its source.
    pub(super) fn with(text: &'t str, lines: &'t [(String, String)]) -> ErrorCollector<'t> {
        let overrides = lines.iter().map(|(source, line)| (line.len(), source.as_str())).collect();
        ErrorCollector {
            text,
            overrides,
            found: RefCell::default(),
            #[cfg(test)]
            asked: RefCell::default(),
        }
    }

    pub(super) fn add(&self, at: &Range<usize>, message: impl Into<String>) {
        let line = self.line(at.start);
        let message = match self.overrides.iter().find(|(end, _)| line == 0 && at.start <= *end) {
            Some((_, source)) => format!("{source}: {}", message.into()),
            None => message.into(),
        };
        self.found.borrow_mut().push(ConfigError { line, message });
    }

    /// Line number from 1; 0 for an offset in an override.
    pub(super) fn line(&self, offset: usize) -> usize {
        if offset > self.text.len() {
            return 0;
        }
        1 + self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count()
    }

    /// Remembers that a table was asked for a name.
    #[cfg(test)]
    pub(super) fn asked_for(&self, place: &'static str, name: &'static str) {
        self.asked.borrow_mut().insert((place, name));
    }

    /// Every name that the readers of this document know: its table as messages say it, and the name.
    #[cfg(test)]
    pub(super) fn names_asked_for(&self) -> Vec<(&'static str, &'static str)> {
        self.asked.borrow().iter().copied().collect()
    }

    /// All errors, by line.
    pub(super) fn into_sorted(self) -> Vec<ConfigError> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|error| error.line);
        found
    }
}
