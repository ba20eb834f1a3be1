//! docs/operating.md against the code: its example parses, and it has every name of the configuration.

use std::path::Path;

use countersign_op::Config;

/// Tables have headings of their own.
const TABLES: [&str; 16] = [
    "devices",
    "push",
    "discovery",
    "authorization_details",
    "support",
    "policy",
    "proxy",
    "registration",
    "egress",
    "tls",
    "web_device",
    "webhook",
    "metrics",
    "login_hint_issuers",
    "users",
    "clients",
];

const GUIDE: &str = include_str!("../../../../docs/operating.md");

/// The example, with its secret in the file that it names.
fn example() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("till-14.secret");
    std::fs::write(&secret, "f7c09d1c2b8e4a6590d3b1a7e2c45f68\n").expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).expect("set");
    }
    let (_, rest) = GUIDE.split_once("```toml\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    (folder, example.to_owned())
}

#[test]
fn the_first_configuration_is_read_as_it_is_explained() {
    let (folder, example) = example();
    let config = Config::parse(&example, folder.path()).unwrap_or_else(|errors| panic!("{errors:?}"));
    assert_eq!(config.users.by_login_hint("CARD:4711").map(|user| user.name.as_str()), Some("Alice Example"));
    let client = &config.clients[0];
    assert_eq!((client.policy.ttl.as_secs(), client.policy.interval.as_secs()), (120, 2));
}

#[test]
fn every_name_of_the_configuration_is_in_the_guide() {
    // An unknown key makes the reader list all names it knows at that place.
    let places = [
        ("zzzzzzzzzzzz = 1\nissuer = \"https://id.example.com\"", "At the top"),
        (
            "issuer = \"https://id.example.com\"\n[[authorization_details]]\ntype = \"a\"\nschema = \"{}\"\nzzzzzzzzzzzz = 1",
            "`[[authorization_details]]`",
        ),
        (
            "issuer = \"https://id.example.com\"\n[[login_hint_issuers]]\nissuer = \"a\"\nzzzzzzzzzzzz = 1",
            "`[[login_hint_issuers]]`",
        ),
        ("issuer = \"https://id.example.com\"\n[discovery]\nzzzzzzzzzzzz = 1", "`[discovery]`"),
        ("issuer = \"https://id.example.com\"\n[support]\nzzzzzzzzzzzz = 1", "`[support]`"),
        ("issuer = \"https://id.example.com\"\n[proxy]\nzzzzzzzzzzzz = 1", "`[proxy]`"),
        ("issuer = \"https://id.example.com\"\n[registration]\nzzzzzzzzzzzz = 1", "`[registration]`"),
        ("issuer = \"https://id.example.com\"\n[policy]\nzzzzzzzzzzzz = 1", "`[policy]`"),
        ("issuer = \"https://id.example.com\"\n[egress]\nzzzzzzzzzzzz = 1", "`[egress]`"),
        ("issuer = \"https://id.example.com\"\n[tls]\nzzzzzzzzzzzz = 1", "`[tls]`"),
        (
            "issuer = \"https://id.example.com\"\n[webhook]\nzzzzzzzzzzzz = 1\nurl = \"https://ops.example\"\nsecret_file = \"x\"",
            "`[webhook]`",
        ),
        (
            "issuer = \"https://id.example.com\"\n[metrics]\nzzzzzzzzzzzz = 1\nlisten = \"127.0.0.1:9464\"",
            "`[metrics]`",
        ),
        ("issuer = \"https://id.example.com\"\n[[users]]\nsub = \"a\"\nzzzzzzzzzzzz = 1", "`[[users]]`"),
        (
            "issuer = \"https://id.example.com\"\n[[clients]]\nclient_id = \"a\"\nsecret = \"f7c09d1c2b8e4a6590d3b1a7e2c45f68\"\nzzzzzzzzzzzz = 1",
            "`[[clients]]`",
        ),
    ];
    for (text, heading) in places {
        let errors = Config::parse(text, Path::new("")).err().expect("an unknown key");
        let unknown = errors.iter().find(|error| error.message.contains("zzzz")).expect("an unknown key");
        let (_, names) = unknown.message.split_once("use one of: ").expect("the names");
        let (_, section) = GUIDE.split_once(&format!("\n### {heading}")).expect(heading);
        let section = section.split("\n### ").next().unwrap_or_default().split("\n## ").next().unwrap_or_default();
        for name in names.split(", ").filter(|name| !TABLES.contains(name)) {
            assert!(section.contains(&format!("`{name}`")), "{name} is missing under {heading}");
        }
    }
}

#[tokio::test]
async fn every_alert_has_its_section_and_asks_for_what_is_counted() {
    let rules = include_str!("../../../../packaging/prometheus/alerts.yml");
    let pages = include_str!("../../../../docs/alerts.md");
    let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(alerts.len(), pages.matches("\n## ").count(), "a section for each alert and none besides");
    for alert in alerts {
        assert!(pages.contains(&format!("\n## {alert}\n")), "{alert} has no section");
        assert!(rules.contains(&format!("docs/alerts.md#{}\n", alert.to_lowercase())), "{alert} does not lead to it");
    }
    let guide = include_str!("../../../../docs/operating.md");
    let known = crate::metrics::names().await;
    let mut asked = names_in(rules);
    asked.extend(names_in(guide));
    for name in asked {
        let family = ["_total", "_bucket"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        assert!(known.iter().any(|known| known == family), "{name} is not counted: {known:?}");
    }
}

/// Every name of a metric in a text.
fn names_in(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    words.filter(|word| word.starts_with("countersign_") && *word != "countersign_gateway").collect()
}
