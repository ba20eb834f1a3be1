//! What the tests through the window share: a display that is not there, WebKit's driver, the window, and what a person does in it.
//!
//! A test takes a [`desktop::Desktop`] (a place as in `countersign-tests`, a display, a driver) and opens a [`window::Window`] or a
//! [`browser::Browser`] on it. Waiting is always for something that can be seen; a wait that is in vain says for what.

pub mod axe;
pub mod browser;
pub mod demo;
pub mod desktop;
pub mod driver;
pub mod page;
pub mod window;
