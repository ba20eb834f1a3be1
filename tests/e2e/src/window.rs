//! The real window, as a person has it in front of them.

use std::path::PathBuf;
use std::process::Command;

use countersign_tests::provider::Provider;
use serde_json::json;

use crate::desktop::Desktop;
use crate::driver::Driver;
use crate::page::{Page, target};

/// The PIN of every window here.
pub const PIN: &str = "275914";

/// A window and its page.
pub struct Window<'a> {
    desktop: &'a Desktop,
    name: String,
    driver: Driver,
    /// What is in it.
    pub page: Page,
}

/// How a window is opened.
#[derive(Default, Clone)]
pub struct Opening {
    /// The link given as an argument.
    pub link: Option<String>,
    /// `app.json` before the start.
    pub appearance: Option<&'static str>,
    /// The value of `COUNTERSIGN_LOG`.
    pub log: Option<&'static str>,
    /// The language.
    pub language: Option<&'static str>,
}

impl<'a> Window<'a> {
    /// Opens the window of this name; its home is a folder of the same name.
    pub async fn open(desktop: &'a Desktop, name: &str) -> Window<'a> {
        Window::open_with(desktop, name, &Opening::default()).await
    }

    /// Opens it in another way.
    ///
    /// # Panics
    /// If the window is not built, or does not come.
    pub async fn open_with(desktop: &'a Desktop, name: &str, opening: &Opening) -> Window<'a> {
        let binary = target().join("debug/countersign-app");
        assert!(binary.exists(), "{} is not there: make app", binary.display());
        let home = desktop.env.path(&format!("{name}-home"));
        if let Some(appearance) = opening.appearance {
            std::fs::create_dir_all(&home).expect("a home");
            std::fs::write(home.join("app.json"), json!({ "appearance": appearance }).to_string()).expect("written");
        }
        let mut arguments = vec!["--home".to_owned(), home.display().to_string()];
        arguments.extend(opening.link.clone());
        let options = json!({ "binary": binary, "args": arguments });
        let language = opening.language.unwrap_or("C.UTF-8");
        let environment = [("COUNTERSIGN_LOG", opening.log.unwrap_or("debug")), ("LANG", language)];
        let driver = Driver::start(desktop, name, Some(options), &environment).await;
        let page = Page::new(driver.client.clone(), &picture_folder(name));
        let window = Window { desktop, name: name.to_owned(), driver, page };
        window.page.see("main[data-screen]:not([data-screen=starting])").await;
        window
    }

    /// A window that was made Alice's by a pasted link, without a code.
    pub async fn enrolled(desktop: &'a Desktop, name: &str, provider: &Provider<'_>) -> Window<'a> {
        Window::enrolled_with(desktop, name, provider, &Opening::default()).await
    }

    /// The same, opened in another way.
    pub async fn enrolled_with(
        desktop: &'a Desktop,
        name: &str,
        provider: &Provider<'_>,
        opening: &Opening,
    ) -> Window<'a> {
        let window = Window::open_with(desktop, name, opening).await;
        let page = &window.page;
        page.press("#have-link").await;
        page.fill("#link", &provider.link("alice")).await;
        page.press("#continue").await;
        page.press("#confirm").await;
        window.choose_pin().await;
        window.screen("requests").await;
        window
    }

    /// Types the PIN twice and goes on.
    pub async fn choose_pin(&self) {
        self.page.fill("#pin", PIN).await;
        self.page.fill("#pin-again", PIN).await;
        self.page.press("#enroll").await;
    }

    /// Waits for a screen.
    pub async fn screen(&self, name: &str) {
        self.page.see(&format!("main[data-screen={name}]")).await;
    }

    /// Waits for the request on the screen that shows these words somewhere, and says its id.
    ///
    /// # Panics
    /// If it doesn't come.
    pub async fn request(&self, words: &str) -> String {
        self.page.read("section[data-challenge]", words).await;
        let section = self.page.see("section[data-challenge]").await;
        section.attr("data-challenge").await.ok().flatten().expect("a request has an id")
    }

    /// Approves what is on the screen, with this PIN.
    pub async fn approve(&self, pin: &str) {
        self.page.press("#approve").await;
        self.page.fill("#pin", pin).await;
        self.page.press("#pin-approve").await;
    }

    /// The window's home.
    pub fn home(&self) -> PathBuf {
        self.desktop.env.path(&format!("{}-home", self.name))
    }

    /// Closes the window as a person does.
    pub async fn close(self) {
        self.driver.close().await;
    }

    /// `kill -9`: the program gets no chance to do anything more.
    ///
    /// # Panics
    /// If there is no such program.
    pub fn kill_9(self) {
        let running = countersign_tests::process::processes_in(self.desktop.env.folder());
        let is_window = |id: &u32| {
            let said = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let said = String::from_utf8_lossy(&said).into_owned();
            said.contains("countersign-app") && said.contains(&self.home().display().to_string())
        };
        let windows: Vec<u32> = running.into_iter().filter(is_window).collect();
        assert_eq!(windows.len(), 1, "one process is the window");
        let killed = Command::new("kill").args(["-KILL", &windows[0].to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()), "the window could not be killed");
        // A killed process holds its home until the system has put it away; a zombie holds nothing any more.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while is_alive(windows[0]) {
            assert!(std::time::Instant::now() < deadline, "the window does not go away");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// Whether a process may still hold its home. The main thread is a zombie as soon as it ended; what the process has open is closed by
/// the last of its threads.
fn is_alive(id: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).map_or(0, Iterator::count);
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The state is the first word behind the program's name, which is in parentheses.
    threads > 1 || stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Pictures go by the test's name, for windows of several tests may be called the same.
fn picture_folder(name: &str) -> String {
    let test = std::thread::current().name().unwrap_or("test").replace("::", "-");
    format!("{test}/{name}")
}
