//! What a person sees and does on a page: looking, waiting, pressing, typing.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::{Client, Locator};
use serde_json::Value;

/// How long something may take to be seen on two busy cores.
const PATIENCE: Duration = Duration::from_secs(30);

/// A page in a session.
#[derive(Clone)]
pub struct Page {
    /// The session.
    pub client: Client,
    pictures: PathBuf,
}

impl Page {
    /// A page whose pictures go into a folder of this name below `target/e2e`.
    pub fn new(client: Client, name: &str) -> Page {
        let folder = target().join("e2e").join(name);
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        Page { client, pictures: folder }
    }

    /// Waits until an element is there, and returns it.
    ///
    /// # Panics
    /// If it doesn't come.
    pub async fn see(&self, css: &str) -> Element {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(element) = self.client.find(Locator::Css(css)).await {
                return element;
            }
            if Instant::now() > deadline {
                panic!("{css} was not seen. On the page:\n{}", self.text().await);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether an element is there now.
    pub async fn has(&self, css: &str) -> bool {
        self.client.find(Locator::Css(css)).await.is_ok()
    }

    /// Waits until an element's text holds these words, and returns all of it.
    ///
    /// # Panics
    /// If it doesn't come.
    pub async fn read(&self, css: &str, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = match self.client.find(Locator::Css(css)).await {
                Ok(element) => element.text().await.unwrap_or_default(),
                Err(_) => String::new(),
            };
            if text.contains(words) {
                return text;
            }
            if Instant::now() > deadline {
                panic!("{css} does not say {words:?} but {text:?}. On the page:\n{}", self.text().await);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The element's text as the page holds it.
    ///
    /// # Panics
    /// If there is no such element.
    pub async fn content(&self, css: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.textContent ?? null;";
        let content = self.run(script, vec![css.into()]).await;
        content.as_str().unwrap_or_else(|| panic!("there is no {css}")).to_owned()
    }

    /// Waits until a script says true.
    ///
    /// # Panics
    /// If it doesn't.
    pub async fn until(&self, what: &str, script: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.run(script, vec![]).await != Value::Bool(true) {
            if Instant::now() > deadline {
                panic!("{what} was waited for in vain. On the page:\n{}", self.text().await);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Presses a button as soon as it is there and not inert.
    ///
    /// # Panics
    /// If it can't be pressed.
    pub async fn press(&self, css: &str) {
        self.see(&format!("{css}:not([aria-disabled=true]):not(:disabled)")).await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let pressed = match self.client.find(Locator::Css(css)).await {
                Ok(element) => element.click().await,
                Err(error) => Err(error),
            };
            match pressed {
                Ok(()) => return,
                Err(error) if Instant::now() > deadline => panic!("{css} can't be pressed: {error}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Types into a field, in place of what is there.
    ///
    /// # Panics
    /// If there is no such field.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.see(css).await;
        field.clear().await.unwrap_or_else(|error| panic!("{css} can't be emptied: {error}"));
        field.send_keys(text).await.unwrap_or_else(|error| panic!("nothing can be typed into {css}: {error}"));
    }

    /// Types keys where the focus is. An element that the page has replaced in the meantime got none of them.
    ///
    /// # Panics
    /// If nothing has the focus.
    pub async fn keys(&self, keys: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let focused = self.client.active_element().await.expect("something has the focus");
            match focused.send_keys(keys).await {
                Ok(()) => return,
                Err(error) if error.is_stale_element_reference() && Instant::now() < deadline => {}
                Err(error) => panic!("keys don't reach what has the focus: {error}"),
            }
        }
    }

    /// Runs a script.
    ///
    /// # Panics
    /// If it fails.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap_or_else(|error| panic!("a script failed: {error}"))
    }

    /// Everything that is to be read.
    pub async fn text(&self) -> String {
        let all = self.client.execute("return document.body.innerText;", vec![]).await;
        all.ok().and_then(|text| text.as_str().map(str::to_owned)).unwrap_or_else(|| "(no page)".to_owned())
    }

    /// Makes the page so large, in CSS pixels.
    ///
    /// # Panics
    /// If the window can't be resized.
    pub async fn resize(&self, width: u32, height: u32) {
        self.client.set_window_size(width, height).await.expect("the window can be resized");
        let script = "return innerWidth === arguments[0] && innerHeight === arguments[1];";
        let deadline = Instant::now() + PATIENCE;
        while self.run(script, vec![width.into(), height.into()]).await != Value::Bool(true) {
            let inner = self.run("return [innerWidth, innerHeight, outerWidth, outerHeight];", vec![]).await;
            assert!(Instant::now() < deadline, "the page is {inner} and not {width} × {height}");
            let (outer_width, outer_height) = match self.client.get_window_size().await {
                Ok((w, h)) => (u32::try_from(w).unwrap_or(width), u32::try_from(h).unwrap_or(height)),
                Err(_) => (width, height),
            };
            let inner_width = u32::try_from(inner[0].as_u64().unwrap_or(0)).unwrap_or(width);
            let inner_height = u32::try_from(inner[1].as_u64().unwrap_or(0)).unwrap_or(height);
            // What frames and bars take.
            let more = (outer_width.saturating_sub(inner_width), outer_height.saturating_sub(inner_height));
            let _ = self.client.set_window_size(width + more.0, height + more.1).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Keeps a picture of the page as test output, and checks that nothing overflows.
    ///
    /// # Panics
    /// If there is none, or an element is wider than its container.
    pub async fn picture(&self, name: &str) -> PathBuf {
        // Two frames later what is there has been painted; the half second in which Approve is inert is over, too.
        let painted = "const done = arguments[0]; setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 200)";
        self.client.execute_async(painted, vec![]).await.expect("the page is painted");
        let png = self.client.screenshot().await.expect("a picture");
        let path = self.pictures.join(format!("{name}.png"));
        std::fs::write(&path, png).expect("the picture can be written");
        let out = self.run(STANDS_OUT, vec![]).await;
        assert_eq!(out, serde_json::json!([]), "in the picture {name:?}, these overflow their containers");
        path
    }
}

/// Elements whose right edge is beyond that of their parent, by more than rounding explains. Left out are runs of text, since kept
/// spaces hang over the end of a line, and icons, which are centred on smaller elements.
const STANDS_OUT: &str = "
    const visible = (one) => one.checkVisibility() && one.getBoundingClientRect().width > 1;
    const flows = (one) => !['absolute', 'fixed'].includes(getComputedStyle(one).position) && getComputedStyle(one).display !== 'inline';
    const scrolls = (one) => getComputedStyle(one).overflowX !== 'visible';
    return [...document.body.querySelectorAll('*')]
        .filter((one) => visible(one) && flows(one) && !one.closest('svg') && !scrolls(one.parentElement))
        .filter((one) => one.getBoundingClientRect().right > one.parentElement.getBoundingClientRect().right + 1.5)
        .map((one) => one.outerHTML.slice(0, 200));";

/// Where cargo puts what it makes.
pub fn target() -> PathBuf {
    let binary = countersign_tests::binary::countersign();
    binary.parent().and_then(Path::parent).expect("target/debug/countersign").to_owned()
}
