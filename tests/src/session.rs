//! A D-Bus session of a test's own, and gnome-keyring in it. Nothing of the session that the test runs in is touched.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::PATIENCE;
use crate::process::Process;
use crate::test_env::TestEnv;

/// A bus that starts nothing by itself: what answers on it, the test has started.
const BUS: &str = r#"<busconfig>
  <type>session</type>
  <listen>unix:dir=FOLDER</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// What a session with a keyring needs, and Debian's package of each.
const PROGRAMS: [(&str, &str); 3] =
    [("dbus-daemon", "dbus-daemon"), ("dbus-send", "dbus-bin"), ("gnome-keyring-daemon", "gnome-keyring")];

/// A session: its bus, and its keyring while one runs.
pub struct Session<'a> {
    env: &'a TestEnv,
    name: String,
    address: String,
    bus: Option<Process>,
    keyring: Option<Process>,
}

impl<'a> Session<'a> {
    /// A session that nothing can be said to: no bus listens there.
    pub fn without_bus(env: &'a TestEnv) -> Session<'a> {
        let address = format!("unix:path={}", env.path("no-bus").display());
        Session { env, name: "no-session".to_owned(), address, bus: None, keyring: None }
    }

    /// A session with an open keyring.
    ///
    /// # Panics
    /// If a program for it is not installed, or does not start.
    pub fn with_keyring(env: &'a TestEnv, name: &str) -> Session<'a> {
        if let Some((program, package)) = PROGRAMS.iter().find(|(program, _)| !is_installed(program)) {
            panic!("no {program} here: make setup PART=test, or apt-get install {package}");
        }
        let folder = env.path(name);
        fs::create_dir_all(folder.join("run")).expect("a folder");
        let config = folder.join("bus.conf");
        fs::write(&config, BUS.replace("FOLDER", &folder.display().to_string())).expect("a file");
        let mut command = Command::new("dbus-daemon");
        command.arg("--config-file").arg(config).args(["--nofork", "--print-address"]);
        let mut bus = Process::start(env, &format!("{name}-bus"), command);
        let address = bus.any_line();
        let mut session = Session { env, name: name.to_owned(), address, bus: Some(bus), keyring: None };
        session.start_keyring();
        session
    }

    /// The variables that put a process into it.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let folder = self.folder();
        vec![
            ("DBUS_SESSION_BUS_ADDRESS", self.address.clone()),
            ("XDG_RUNTIME_DIR", folder.join("run").display().to_string()),
        ]
    }

    /// Starts the keyring, and unlocks it as a login does. The first time it makes an empty one.
    ///
    /// # Panics
    /// If it doesn't open.
    pub fn start_keyring(&mut self) {
        let mut command = Command::new("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets", "--unlock"]).envs(self.environment());
        command.env("HOME", self.folder()).env("XDG_DATA_HOME", self.folder());
        let mut keyring = Process::start(self.env, &format!("{}-keyring", self.name), command);
        keyring.say("the session's password");
        keyring.hang_up();
        self.keyring = Some(keyring);
        self.until(|session| session.collection().is_some_and(|path| session.is_locked(&path) == Some(false)));
    }

    /// Ends the keyring. Its secrets stay on the disk.
    pub fn stop_keyring(&mut self) {
        self.keyring = None;
    }

    /// Stops the keyring so that it takes calls and answers none, as one that hangs.
    ///
    /// # Panics
    /// If none runs.
    pub fn hang_keyring(&self) {
        self.signal("STOP");
    }

    /// Lets a keyring that hangs go on.
    ///
    /// # Panics
    /// If none runs.
    pub fn wake_keyring(&self) {
        self.signal("CONT");
    }

    /// Locks it, as a screen saver or the person does.
    ///
    /// # Panics
    /// If it stays open.
    pub fn lock(&self) {
        let path = self.collection().expect("the keyring has a default collection");
        let member = "org.freedesktop.Secret.Service.Lock";
        self.send("/org/freedesktop/secrets", member, &[&format!("array:objpath:{path}")]).expect("locked");
        self.until(|session| session.is_locked(&path) == Some(true));
    }

    /// Deletes everything in it, and starts it anew.
    ///
    /// # Panics
    /// If its folder can't be removed, or it doesn't open.
    pub fn empty(&mut self) {
        self.stop_keyring();
        fs::remove_dir_all(self.folder().join("keyrings")).expect("the keyrings are there");
        self.start_keyring();
    }

    fn signal(&self, signal: &str) {
        let id = self.keyring.as_ref().expect("a keyring runs").id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", signal, &id]).status();
        assert!(sent.is_ok_and(|status| status.success()), "SIG{signal} could not be sent to the keyring");
    }

    fn folder(&self) -> PathBuf {
        self.env.path(&self.name)
    }

    fn collection(&self) -> Option<String> {
        let reply =
            self.send("/org/freedesktop/secrets", "org.freedesktop.Secret.Service.ReadAlias", &["string:default"])?;
        let path = reply.split('"').nth(1)?.to_owned();
        (path != "/").then_some(path)
    }

    fn is_locked(&self, collection: &str) -> Option<bool> {
        let property = ["string:org.freedesktop.Secret.Collection", "string:Locked"];
        let reply = self.send(collection, "org.freedesktop.DBus.Properties.Get", &property)?;
        reply.split_whitespace().next_back()?.parse().ok()
    }

    /// What the keyring replies to a call; `None`: an error.
    fn send(&self, path: &str, member: &str, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new("dbus-send");
        command.args([
            "--session",
            "--print-reply",
            "--reply-timeout=2000",
            "--dest=org.freedesktop.secrets",
            path,
            member,
        ]);
        let output = command.args(arguments).envs(self.environment()).output().expect("dbus-send runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn until(&self, holds: impl Fn(&Session<'a>) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < deadline, "the keyring of {} does not get there", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // The keyring before the bus that it is on.
        self.keyring = None;
        self.bus = None;
    }
}

fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}
