//! The desktop window around the app. It holds no logic: commands go to [`countersign_app::App`], snapshots go to the
//! page.

pub mod arguments;
mod commands;
pub mod start;
pub mod window;

use countersign_app::App;
use tauri::{Builder, Runtime};

/// Adds the app and its commands to a Tauri builder, for the real window and for tests of the capabilities alike.
pub fn with_commands<R: Runtime>(builder: Builder<R>, app: App) -> Builder<R> {
    builder.manage(app).invoke_handler(tauri::generate_handler![
        commands::snapshot,
        commands::preview,
        commands::enroll,
        commands::forget_link,
        commands::shown,
        commands::answer,
        commands::check_now,
        commands::activity,
        commands::dispute,
        commands::save_evidence,
        commands::set_appearance,
    ])
}
