//! State of a demo: one folder per port with a marker file, so that `--fresh` never removes anything else.

use std::fs;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use countersign_jose::secret::Secret;
use countersign_protocol::evidence::TrustAnchor;
use countersign_protocol::issuer::{Issuer, LOCALHOST};
use serde::{Deserialize, Serialize};

use super::{demo_config, free_port};
use crate::error_code::ErrorCode;
use crate::failure::Failure;
use countersign_device::edge::system::SystemRandom;

/// The state of the demo on one port.
#[derive(Debug, Clone)]
pub struct DemoState {
    folder: PathBuf,
    /// The provider's issuer.
    pub issuer: String,
    /// Whether an earlier demo left its state here.
    pub continues: bool,
    /// Where the state of another issuer or build went that was here.
    pub moved: Option<PathBuf>,
}

/// Content of the marker file.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Marker {
    countersign_demo: u32,
    issuer: String,
    /// Tables of the databases, in a digest: a build reads those of its own alone.
    #[serde(default)]
    layout: String,
}

const MARKER: &str = "demo.json";
/// Version of the folder's content; another version's is moved aside.
const VERSION: u32 = 3;
/// All entries that a demo makes in its folder.
const FILES: [&str; 16] = [
    MARKER,
    "provider.toml",
    "provider.log",
    "provider",
    "device",
    "app",
    "app.log",
    "app.enrolled",
    "automated",
    "automated.pin",
    "trust.json",
    "coffee-pos.secret",
    "support-desk.secret",
    "bike-station.secret",
    "acme-agent.secret",
    "prize-line.secret",
];

impl DemoState {
    /// Opens or makes the state for this address, in a folder named after its port. That of another issuer or of another build, which
    /// can't be continued, is moved aside. `issuer` is given if the provider is reached by another URL than the address it listens on.
    ///
    /// # Errors
    /// The folder can't be made or moved, or is not a demo's.
    pub fn open(base: &Path, listen: SocketAddr, issuer: Option<&Issuer>, fresh: bool) -> Result<DemoState, Failure> {
        let folder = base.join(listen.port().to_string());
        let issuer = issuer.map_or_else(|| issuer_at(listen), ToString::to_string);
        if fresh {
            remove(&folder)?;
        }
        let mark = marker_of(&folder)?;
        let expected = Marker { countersign_demo: VERSION, issuer: issuer.clone(), layout: layout() };
        let continues = mark.as_ref() == Some(&expected);
        let moved = match mark {
            Some(_) if !continues => Some(move_aside(&folder)?),
            _ => None,
        };
        let state = DemoState { folder, issuer, continues, moved };
        if !continues {
            state.make(listen, &expected).map_err(|error| unusable(&state.folder, &error))?;
        }
        Ok(state)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// An entry of the folder, one of `FILES`.
    pub fn path(&self, name: &str) -> PathBuf {
        debug_assert!(FILES.contains(&name), "--fresh must know {name}");
        self.folder.join(name)
    }

    /// A client's secret.
    ///
    /// # Errors
    /// Its file can't be read.
    pub fn secret(&self, client_id: &str) -> Result<Secret, Failure> {
        let path = self.folder.join(format!("{client_id}.secret"));
        let text = fs::read_to_string(&path).map_err(|error| unusable(&path, &error))?;
        Ok(Secret::new(text.trim()))
    }

    /// Writes the evidence root, for `countersign verify --trust`.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write_trust(&self, trust: &TrustAnchor) -> Result<PathBuf, Failure> {
        let path = self.path("trust.json");
        let text = serde_json::to_string(trust).expect("issuer and root serialize as strings");
        fs::write(&path, text + "\n").map_err(|error| unusable(&path, &error))?;
        Ok(fs::canonicalize(&path).unwrap_or(path))
    }

    fn make(&self, listen: SocketAddr, mark: &Marker) -> io::Result<()> {
        make_private_folder(&self.folder)?;
        let random = SystemRandom::new();
        for client in demo_config::CLIENTS {
            let secret = self.folder.join(format!("{client}.secret"));
            if !secret.exists() {
                write_private(&secret, Secret::random(&random).expose())?;
            }
        }
        let pin = self.path("automated.pin");
        if !pin.exists() {
            let digits = format!("{:06}", countersign_jose::random::below(&random, 1_000_000));
            write_private(&pin, &digits)?;
        }
        fs::write(self.path("provider.toml"), demo_config::provider_toml(&self.issuer, listen))?;
        // Last, so that incomplete state has no marker.
        fs::write(self.path(MARKER), serde_json::to_string(mark).expect("a marker is a number and strings"))
    }
}

/// The issuer of a demo that listens here. `localhost` where that is what the address is called: browsers make passkeys for names
/// alone.
fn issuer_at(listen: SocketAddr) -> String {
    match free_port::is_localhost(listen.ip()) {
        true => format!("http://{LOCALHOST}:{}", listen.port()),
        false => format!("http://{listen}"),
    }
}

fn layout() -> String {
    format!("{} {}", countersign_op::store_layout(), countersign_device::edge::vault_sqlite::SCHEMA)
}

/// Renames the folder, and returns its new name: `8787-earlier`, `8787-earlier-2`, …
fn move_aside(folder: &Path) -> Result<PathBuf, Failure> {
    let name = |count: usize| {
        let mut name = folder.as_os_str().to_owned();
        name.push("-earlier");
        if count > 1 {
            name.push(format!("-{count}"));
        }
        PathBuf::from(name)
    };
    let aside = (1..).map(name).find(|aside| fs::symlink_metadata(aside).is_err()).expect("numbers don't end");
    fs::rename(folder, &aside).map_err(|error| unusable(folder, &error))?;
    Ok(aside)
}

/// The marker; `None` if the folder is missing or empty.
fn marker_of(folder: &Path) -> Result<Option<Marker>, Failure> {
    let mut entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(folder, &error)),
    };
    let mark = fs::read(folder.join(MARKER)).ok().and_then(|text| serde_json::from_slice::<Marker>(&text).ok());
    match mark {
        Some(mark) => Ok(Some(mark)),
        None if entries.next().is_none() => Ok(None),
        None => Err(not_ours(folder, "it has no marker of a demo")),
    }
}

/// Removes an earlier demo: a folder, not a link, with a marker and nothing in it that a demo did not make.
fn remove(folder: &Path) -> Result<(), Failure> {
    let Ok(kind) = fs::symlink_metadata(folder) else { return Ok(()) };
    if !kind.is_dir() {
        return Err(not_ours(folder, "it is not a folder"));
    }
    if marker_of(folder)?.is_none() {
        return Ok(());
    }
    let entries = fs::read_dir(folder).map_err(|error| unusable(folder, &error))?;
    for entry in entries.flatten() {
        if !FILES.iter().any(|ours| entry.file_name() == *ours) {
            return Err(not_ours(folder, &format!("it also holds {}", entry.file_name().display())));
        }
    }
    fs::remove_dir_all(folder).map_err(|error| unusable(folder, &error))
}

fn not_ours(folder: &Path, why: &str) -> Failure {
    let what = format!("{} is not a demo's state ({why}); nothing was removed. Use another --home", folder.display());
    Failure::usage(ErrorCode::NotADemo, what)
}

fn unusable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(ErrorCode::DemoState, format_args!("{} can't be used: {error}", path.display()))
}

fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    writeln!(options.open(path)?, "{text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen() -> SocketAddr {
        SocketAddr::from(([127, 31, 7, 2], 4711))
    }

    #[test]
    fn a_demo_continues_its_state_and_fresh_starts_over() {
        let base = tempfile::tempdir().expect("a folder");
        let first = DemoState::open(base.path(), listen(), None, false).expect("a new state");
        let secret = first.secret("coffee-pos").expect("a secret");
        let again = DemoState::open(base.path(), listen(), None, false).expect("the same state");
        assert!(!first.continues && again.continues);
        assert!(again.secret("coffee-pos").expect("a secret") == secret);
        let fresh = DemoState::open(base.path(), listen(), None, true).expect("a fresh state");
        assert!(!fresh.continues);
        assert!(fresh.secret("coffee-pos").expect("a secret") != secret);
    }

    #[test]
    fn fresh_removes_only_the_state_of_a_demo() {
        let base = tempfile::tempdir().expect("a folder");
        let folder = base.path().join("4711");
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("thesis.txt"), "years of work").expect("written");
        for fresh in [true, false] {
            let refused = DemoState::open(base.path(), listen(), None, fresh).expect_err("not ours");
            assert_eq!(refused.code, "not_a_demo");
        }
        fs::remove_file(folder.join("thesis.txt")).expect("removed");
        DemoState::open(base.path(), listen(), None, true).expect("an empty folder is as good as none");
        fs::write(folder.join("thesis.txt"), "years of work").expect("written");
        let refused = DemoState::open(base.path(), listen(), None, true).expect_err("not all of it is ours");
        assert!(refused.message.contains("thesis.txt"), "{refused}");
        assert!(folder.join("thesis.txt").exists() && folder.join(MARKER).exists());
    }

    #[test]
    fn the_state_of_an_earlier_build_or_of_another_issuer_is_moved_aside_whole() {
        let base = tempfile::tempdir().expect("a folder");
        let open = |issuer: Option<&Issuer>| DemoState::open(base.path(), listen(), issuer, false).expect("a state");
        let first = open(None);
        let issuer = first.issuer.clone();
        let earlier = [
            r#"{"countersign_demo":2,"issuer":"#.to_owned() + &format!("\"{issuer}\"}}"),
            serde_json::to_string(&Marker { countersign_demo: VERSION, issuer, layout: "other tables".to_owned() })
                .expect("a mark"),
        ];
        let mut expected = vec!["4711-earlier".to_owned()];
        let mut former = first;
        for (count, mark) in (2..).zip(earlier) {
            fs::write(former.path(MARKER), mark).expect("written");
            let secret = former.secret("coffee-pos").expect("a secret");
            let anew = open(None);
            let aside = anew.moved.clone().expect("a folder");
            assert!(!anew.continues && aside.ends_with(expected.last().expect("a name")), "{aside:?}");
            let kept = fs::read_to_string(aside.join("coffee-pos.secret")).expect("it moved");
            assert!(Secret::new(kept.trim()) == secret && anew.secret("coffee-pos").expect("another") != secret);
            expected.push(format!("4711-earlier-{count}"));
            former = anew;
        }
        let elsewhere: Issuer = "https://demo.acme.example".parse().expect("an issuer");
        let anew = open(Some(&elsewhere));
        assert!(anew.moved.is_some_and(|aside| aside.ends_with("4711-earlier-3")) && !anew.continues);
        assert!(open(Some(&elsewhere)).moved.is_none(), "the same again continues");
    }

    #[test]
    fn the_issuer_is_localhost_where_that_is_the_address() {
        for (listen, issuer) in [
            ("127.0.0.1:8787", "http://localhost:8787"),
            ("[::1]:8787", "http://localhost:8787"),
            ("127.31.7.2:8787", "http://127.31.7.2:8787"),
        ] {
            assert_eq!(issuer_at(listen.parse().expect("an address")), issuer);
        }
    }

    #[test]
    fn the_provider_accepts_the_generated_configuration() {
        let base = tempfile::tempdir().expect("a folder");
        let state = DemoState::open(base.path(), listen(), None, false).expect("a new state");
        let config = countersign_op::Config::read(&state.path("provider.toml")).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(config.issuer.as_str(), state.issuer);
        assert_eq!(config.clients.len(), demo_config::CLIENTS.len());
    }
}
