//! A plain browser, for the till's page.

use crate::desktop::Desktop;
use crate::driver::Driver;
use crate::page::Page;

/// A browser with one page.
pub struct Browser {
    driver: Driver,
    /// What is in it.
    pub page: Page,
}

impl Browser {
    /// Opens an address.
    ///
    /// # Panics
    /// If it can't be opened.
    pub async fn open(desktop: &Desktop, name: &str, url: &str) -> Browser {
        Browser::open_with(desktop, name, url, &[]).await
    }

    /// Opens an address in a browser with more in its environment.
    ///
    /// # Panics
    /// If it can't be opened.
    pub async fn open_with(desktop: &Desktop, name: &str, url: &str, environment: &[(&str, &str)]) -> Browser {
        let driver = Driver::start(desktop, name, None, environment).await;
        driver.client.goto(url).await.unwrap_or_else(|error| panic!("{url} can't be opened: {error}"));
        let test = std::thread::current().name().unwrap_or("test").replace("::", "-");
        let page = Page::new(driver.client.clone(), &format!("{test}/{name}"));
        Browser { driver, page }
    }

    /// Closes it.
    pub async fn close(self) {
        self.driver.close().await;
    }
}
