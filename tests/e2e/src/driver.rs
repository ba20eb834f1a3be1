//! WebKit's driver as a process, and a session with a program that it starts.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use crate::desktop::Desktop;

/// How long a driver may take to listen, and a program to open its window.
const PATIENCE: Duration = Duration::from_secs(60);

/// A driver with one session. Whatever it started ends with it.
pub struct Driver {
    child: Child,
    /// The session.
    pub client: Client,
}

impl Driver {
    /// Starts a driver and a session. `options` are `webkitgtk:browserOptions`; without any, a plain browser is started.
    ///
    /// # Panics
    /// If there is no driver, or it gets no session.
    pub async fn start(desktop: &Desktop, name: &str, options: Option<Value>, environment: &[(&str, &str)]) -> Driver {
        let port = free_port();
        let errors = desktop.env.path(&format!("{name}.stderr"));
        let errors = File::options().create(true).append(true).open(errors).expect("a file for standard error");
        let mut command = Command::new("WebKitWebDriver");
        command.args([format!("--port={port}"), "--host=127.0.0.1".to_owned()]);
        command.current_dir(desktop.env.folder()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("COUNTERSIGN_") {
                command.env_remove(name);
            }
        }
        command.env("DISPLAY", desktop.display()).env_remove("WAYLAND_DISPLAY").env("GDK_BACKEND", "x11");
        command.env("LIBGL_ALWAYS_SOFTWARE", "1").env("NO_AT_BRIDGE", "1").env("GSETTINGS_BACKEND", "memory");
        command.env("TAURI_AUTOMATION", "true").env("TAURI_WEBVIEW_AUTOMATION", "true");
        command.env("HOME", desktop.env.folder()).env("XDG_DATA_HOME", desktop.env.path("data"));
        command.env("XDG_CACHE_HOME", desktop.env.path("cache")).env("XDG_CONFIG_HOME", desktop.env.path("config"));
        // No test writes into the keyring of the person who runs it.
        command.env("COUNTERSIGN_KEY", "file");
        command.env("LANG", "C.UTF-8").env_remove("LC_ALL").env("TZ", "UTC");
        command.envs(environment.iter().copied());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().expect("WebKitWebDriver is installed: make setup PART=test");
        let mut driver = Starting(Some(child));
        let mut capabilities = Capabilities::new();
        if let Some(options) = options {
            capabilities.insert("webkitgtk:browserOptions".to_owned(), options);
        }
        // Prompts are answered by nobody: one that comes fails the test that it interrupts.
        capabilities.insert("unhandledPromptBehavior".to_owned(), json!("ignore"));
        let url = format!("http://127.0.0.1:{port}");
        let deadline = Instant::now() + PATIENCE;
        let client = loop {
            let attempt =
                ClientBuilder::new(HttpConnector::new()).capabilities(capabilities.clone()).connect(&url).await;
            match attempt {
                Ok(client) => break client,
                Err(error) if Instant::now() > deadline => panic!("no session with {name}: {error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        };
        Driver { child: driver.0.take().expect("it was started"), client }
    }

    /// Ends the session, as closing the window does, and waits until the driver is gone.
    pub async fn close(mut self) {
        let _ = self.client.clone().close().await;
        stop(&mut self.child);
    }
}

/// A driver that has no session yet.
struct Starting(Option<Child>);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            stop(child);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// Ends the driver and, by its process group, whatever it started.
fn stop(child: &mut Child) {
    let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).stderr(Stdio::null()).status();
    let _ = child.kill();
    let _ = child.wait();
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}
