//! The one window: how it looks before the page does, and what it never does.

use std::time::Duration;

use countersign_app::{App, Appearance};
use tauri::utils::config::Color;
use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::{AppHandle, Emitter as _, Manager as _, Runtime, Theme, UserAttentionType, WebviewUrl, WebviewWindow};
use tauri::{WebviewWindowBuilder, WindowEvent};

/// The window's name, which the capability file grants its commands to.
pub const MAIN: &str = "main";

/// The one event a page hears; its payload is a snapshot.
pub const SNAPSHOT: &str = "snapshot";

/// A page that has not loaded by then is shown as it is: a window that never comes helps nobody.
const LOADED_BY: Duration = Duration::from_secs(3);

/// The grounds of the page (`--bg` in ui/src/tokens.css), so that nothing flashes before it is drawn.
const PAPER: Color = Color(0xf6, 0xf5, 0xf2, 0xff);
const INK: Color = Color(0x14, 0x14, 0x13, 0xff);

/// Opens the window. It is shown when its page has loaded.
///
/// # Errors
/// The system gives no window.
pub fn open<R: Runtime>(handle: &AppHandle<R>, appearance: Appearance) -> tauri::Result<WebviewWindow<R>> {
    let window = WebviewWindowBuilder::new(handle, MAIN, WebviewUrl::default())
        .title("Countersign")
        .inner_size(400.0, 720.0)
        .min_inner_size(320.0, 568.0)
        .visible(false)
        .theme(theme(appearance))
        .background_color(if appearance == Appearance::Dark { INK } else { PAPER })
        // The page comes from the program; it goes nowhere else and opens nothing.
        .on_navigation(|url| url.scheme() == "tauri" || url.host_str() == Some("tauri.localhost"))
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_page_load(|window, load| {
            if load.event() == PageLoadEvent::Finished {
                show(&window);
            }
        })
        .build()?;
    let waiting = window.clone();
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(LOADED_BY).await;
        show(&waiting);
    });
    Ok(window)
}

/// Tells the page whatever changes, and asks for attention when something new waits, until the app is gone.
pub async fn follow<R: Runtime>(handle: AppHandle<R>, app: App) {
    let mut changes = app.changes();
    let (mut waited, mut appearance) = (0, app.appearance());
    loop {
        let snapshot = app.snapshot().await;
        let waits = snapshot.requests.iter().filter(|request| !request.held).count();
        let chosen = snapshot.appearance;
        if let Err(error) = handle.emit_to(MAIN, SNAPSHOT, snapshot) {
            tracing::debug!(%error, "the page was not told");
        }
        if let Some(window) = handle.get_webview_window(MAIN) {
            if waits > waited && !window.is_focused().unwrap_or(true) {
                // Where a system knows no such thing, the window still shows it.
                let _ = window.request_user_attention(Some(UserAttentionType::Informational));
            }
            if chosen != appearance {
                let _ = window.set_theme(theme(chosen));
            }
        }
        (waited, appearance) = (waits, chosen);
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Whether this event means that the window is gone for good.
pub fn is_gone(event: &WindowEvent) -> bool {
    matches!(event, WindowEvent::Destroyed)
}

fn show<R: Runtime>(window: &WebviewWindow<R>) {
    if !window.is_visible().unwrap_or(true) {
        let _ = window.show();
    }
}

fn theme(appearance: Appearance) -> Option<Theme> {
    match appearance {
        Appearance::System => None,
        Appearance::Light => Some(Theme::Light),
        Appearance::Dark => Some(Theme::Dark),
    }
}
