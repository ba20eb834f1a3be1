//! Words for a command line that people copy.

use std::path::Path;

/// A path as one word of a POSIX shell: in quotes if it needs them.
pub fn quoted(path: &Path) -> String {
    word(&path.display().to_string())
}

/// A text as one word of a POSIX shell: in quotes if it needs them.
pub fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_only_where_a_shell_would_read_it_otherwise() {
        assert_eq!(word("/srv/id/dev-ca.crt"), "/srv/id/dev-ca.crt");
        assert_eq!(word("/srv/my id"), "'/srv/my id'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word("$HOME"), "'$HOME'");
        assert_eq!(word(""), "''");
    }
}
