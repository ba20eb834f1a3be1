//! Shared code of the tests through the window: an X server without a screen, WebKit's driver, the window, and a person's actions.
//!
//! A test makes a [`desktop::Desktop`] (a test environment as in `countersign-tests`, and an X display) and opens a
//! [`window::Window`] or a [`browser::Browser`] on it. Every wait is for something visible, and fails with what it waited for.

pub mod axe;
pub mod browser;
pub mod demo;
pub mod desktop;
pub mod driver;
pub mod page;
pub mod window;
