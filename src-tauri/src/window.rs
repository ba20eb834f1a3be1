//! The one window: its look before the page has loaded, and where it may not navigate.

use std::time::Duration;

use countersign_app::{App, Appearance};
use tauri::utils::config::Color;
use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::{AppHandle, Emitter as _, Manager as _, Runtime, Theme, UserAttentionType, WebviewUrl, WebviewWindow};
use tauri::{WebviewWindowBuilder, WindowEvent};

/// The window's label, which the capability file grants the commands to.
pub const MAIN: &str = "main";

/// The one event a page gets; its payload is a snapshot.
pub const SNAPSHOT: &str = "snapshot";

/// After this time the window is shown even if its page has not loaded.
const LOAD_TIMEOUT: Duration = Duration::from_secs(3);

/// The page's backgrounds (`--bg` in ui/src/tokens.css), so that the window does not flash before the page has loaded.
const LIGHT_BACKGROUND: Color = Color(0xf6, 0xf5, 0xf2, 0xff);
const DARK_BACKGROUND: Color = Color(0x14, 0x14, 0x13, 0xff);

/// Opens the window. It is shown when its page has loaded.
///
/// # Errors
/// The system opens no window.
pub fn open<R: Runtime>(handle: &AppHandle<R>, appearance: Appearance) -> tauri::Result<WebviewWindow<R>> {
    let window = WebviewWindowBuilder::new(handle, MAIN, WebviewUrl::default())
        .title("Countersign")
        .inner_size(400.0, 720.0)
        .min_inner_size(320.0, 568.0)
        .visible(false)
        .theme(theme(appearance))
        .background_color(if appearance == Appearance::Dark { DARK_BACKGROUND } else { LIGHT_BACKGROUND })
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
        tokio::time::sleep(LOAD_TIMEOUT).await;
        show(&waiting);
    });
    Ok(window)
}

/// Sends the page a snapshot at every change, and requests attention for new requests, until the app is dropped.
pub async fn send_snapshots<R: Runtime>(handle: AppHandle<R>, app: App) {
    let mut changes = app.changes();
    let (mut waited, mut appearance) = (0, app.appearance());
    loop {
        let snapshot = app.snapshot().await;
        let waits = snapshot.requests.iter().filter(|request| !request.held).count();
        let chosen = snapshot.appearance;
        if let Err(error) = handle.emit_to(MAIN, SNAPSHOT, snapshot) {
            tracing::debug!(%error, "the snapshot was not sent to the page");
        }
        if let Some(window) = handle.get_webview_window(MAIN) {
            if waits > waited && !window.is_focused().unwrap_or(true) {
                // A system without this still shows the request in the window.
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

/// Whether the window was destroyed.
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
