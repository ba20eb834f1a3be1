//! The configuration that `op init` writes: every name that the reader knows, those with a default commented.

use countersign_protocol::issuer::Issuer;

/// With `@ISSUER@` and `@LISTEN@` to be filled in. A line that begins with `#` and no space is a setting.
const TEMPLATE: &str = include_str!("first.toml");

/// Files with a secret that the first configuration names, relative to its folder; some of them in commented settings.
pub const FIRST_SECRETS: [&str; 3] = ["till.secret", "webhook.secret", "registration.secret"];

/// The id of the client in it, whose secret is the first of [`FIRST_SECRETS`].
pub const FIRST_CLIENT: &str = "till";

/// The subject of the user in it.
pub const FIRST_USER: &str = "alice";

/// A first configuration for this issuer, as TOML. With plain http the server listens at the issuer's own address; else at the
/// default, behind a proxy that terminates TLS.
pub fn first_config(issuer: &Issuer) -> String {
    let listen = match issuer.loopback_address() {
        Some(address) if address != super::DEFAULT_LISTEN => format!("listen = \"{address}\""),
        _ => format!("#listen = \"{}\"", super::DEFAULT_LISTEN),
    };
    let issuer = toml::Value::String(issuer.as_str().to_owned()).to_string();
    TEMPLATE.replace("@ISSUER@", &issuer).replace("@LISTEN@", &listen)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use toml::de::DeTable;

    use super::super::error::ErrorCollector;
    use super::super::section::Section;
    use super::super::{Config, ConfigError, Policy};
    use super::*;

    fn issuer(text: &str) -> Issuer {
        text.parse().expect("an issuer")
    }

    fn written() -> String {
        first_config(&issuer("https://id.example.com"))
    }

    /// A folder with the files that the configuration names.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = countersign_testing::certificates::CertificateAuthority::new("Test CA").pem();
        for name in ["clients-ca.pem", "private-ca.pem"] {
            std::fs::write(folder.path().join(name), &authority).expect("written");
        }
        for name in FIRST_SECRETS {
            let path = folder.path().join(name);
            std::fs::write(&path, "5b7d20c6e91f4a83b2d47ac05e8f6139\n").expect("written");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("changed");
            }
        }
        folder
    }

    fn parse(text: &str, folder: &Path) -> Config {
        Config::parse(text, folder).unwrap_or_else(|errors: Vec<ConfigError>| panic!("{errors:?}\n{text}"))
    }

    /// Consecutive lines of settings, commented or not, with the heading above them.
    struct Block<'t> {
        /// Index of its first line.
        begins: usize,
        lines: Vec<&'t str>,
        /// Lines of the block with the table's heading, if that is commented; empty for the heading's own block.
        heading: Vec<&'t str>,
        /// The table, such as `[policy]`; empty at the top.
        table: &'t str,
    }

    fn is_commented(line: &str) -> bool {
        line.strip_prefix('#').is_some_and(|rest| !rest.is_empty() && !rest.starts_with(' '))
    }

    fn is_heading(line: &str) -> bool {
        line.trim_start_matches('#').starts_with('[')
    }

    /// The commented blocks.
    fn blocks(text: &str) -> Vec<Block<'_>> {
        let mut blocks: Vec<Block<'_>> = Vec::new();
        let (mut table, mut heading, mut last) = ("", Vec::new(), usize::MAX);
        for (number, line) in text.lines().enumerate() {
            if is_heading(line) {
                table = line.trim_start_matches('#');
                heading = Vec::new();
            }
            if !is_commented(line) {
                assert!(
                    line.is_empty() || line.starts_with("# ") || heading.is_empty(),
                    "{line}: its heading is commented"
                );
                continue;
            }
            if last.wrapping_add(1) != number || is_heading(line) {
                blocks.push(Block { begins: number, lines: Vec::new(), heading: heading.clone(), table });
            }
            let block = blocks.last_mut().expect("there is one");
            block.lines.push(&line[1..]);
            if is_heading(block.lines[0]) {
                heading = block.lines.clone();
            }
            last = number;
        }
        blocks
    }

    /// The text with this block and its heading in force.
    fn with(text: &str, block: &Block<'_>) -> String {
        let mut lines: Vec<&str> = text.lines().collect();
        let needed = match block.lines.iter().any(|line| line.contains("tls_client_auth\"")) {
            true => vec!["[tls]", "client_ca = \"clients-ca.pem\""],
            false => Vec::new(),
        };
        let put = block.heading.iter().chain(&block.lines).copied();
        lines.splice(block.begins..block.begins, put);
        lines.extend(needed);
        lines.join("\n")
    }

    #[test]
    fn every_name_that_the_reader_knows_is_in_the_first_configuration() {
        let (text, folder) = (written(), folder());
        // All tables are in force, so that the reader asks for each of their names. Errors about settings that exclude each
        // other do not matter here.
        let everything: Vec<&str> =
            text.lines().map(|line| if is_commented(line) { &line[1..] } else { line }).collect();
        // Each line with its table: a heading's paragraph is its table's, what is said above it included.
        let (mut table, mut lines) = ("", Vec::new());
        for paragraph in everything.split(|line| line.is_empty()) {
            table = paragraph.iter().find(|line| is_heading(line)).copied().unwrap_or(table);
            lines.extend(paragraph.iter().map(|line| (table, *line)));
        }
        let mut once = BTreeSet::new();
        let mut document = String::new();
        for line in &everything {
            if is_heading(line) {
                once.clear();
            }
            let name = line.split(" = ").next().unwrap_or_default();
            // A setting with two examples: the first.
            if line.is_empty() || line.starts_with('#') || is_heading(line) || once.insert(name) {
                document += &format!("{line}\n");
            }
        }
        let errors = ErrorCollector::of(&document);
        let read = DeTable::parse(&document).unwrap_or_else(|error| panic!("{error}\n{document}"));
        let _ = Config::from_document(Section::top(&read, &errors), folder.path());
        let known = errors.names_asked_for();
        assert!(known.len() > 80, "{known:?}");
        for (place, name) in known {
            let place = match place.strip_prefix(" in ").unwrap_or(place) {
                "[clients.policy]" | "[policy.unvouched_prompts]" => "[policy]",
                place => place,
            };
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let mut of_place = lines.iter().filter(|(table, line)| *table == place || is_heading(line));
            let found = of_place.any(|(_, line)| line.split(|c| !is_word(c)).any(|word| word == name));
            assert!(found, "`{name}` in {place:?} is not in first.toml: add it with its default");
        }
    }

    #[test]
    fn it_is_valid_as_it_is_and_with_each_commented_setting() {
        let (text, folder) = (written(), folder());
        let plain = parse(&text, folder.path());
        assert!(crate::check(&plain).is_empty());
        assert_eq!(format!("{:?}", plain.policy), format!("{:?}", Policy::default()));
        assert_eq!((plain.clients.len(), plain.users.iter().count()), (1, 1));
        assert_eq!(plain.clients[0].client_id, FIRST_CLIENT);
        assert!(plain.users.by_sub(FIRST_USER).is_some());
        let blocks = blocks(&text);
        assert!(blocks.len() > 50);
        for block in &blocks {
            let text = with(&text, block);
            let config = parse(&text, folder.path());
            // Neither has a default: one depends on the client, the other is an example.
            let is_example = block.lines.iter().any(|line| line.starts_with("hide_unknown") || line.contains("_above"));
            if block.table == "[policy]" && !is_example {
                assert_eq!(format!("{:?}", config.policy), format!("{:?}", Policy::default()), "{:?}", block.lines);
            }
        }
    }

    #[test]
    fn plain_http_listens_at_the_issuers_own_address() {
        let listen = |text: &str| {
            let written = first_config(&issuer(text));
            written
                .lines()
                .find(|line| line.trim_start_matches('#').starts_with("listen"))
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(listen("https://id.example.com"), "#listen = \"127.0.0.1:8787\"");
        assert_eq!(listen("http://localhost:8787"), "#listen = \"127.0.0.1:8787\"");
        assert_eq!(listen("http://localhost:9000"), "listen = \"127.0.0.1:9000\"");
        assert_eq!(listen("http://127.0.0.2"), "listen = \"127.0.0.2:80\"");
        assert_eq!(listen("http://[::1]:9000"), "listen = \"[::1]:9000\"");
    }
}
