//! The page's commands, one to one onto the app. Each is also listed in `build.rs` and in `capabilities/main.json`.

use countersign_app::{
    ActivityEntry, AnswerRequest, AnswerResult, App, Appearance, Decision, EnrollmentResult, Failure, LinkPreview,
    LinkText, PinText, Snapshot,
};
use tauri::State;

#[tauri::command(rename_all = "snake_case")]
pub(crate) async fn snapshot(app: State<'_, App>) -> Result<Snapshot, Failure> {
    Ok(app.snapshot().await)
}

#[tauri::command(rename_all = "snake_case")]
pub(crate) async fn preview(app: State<'_, App>, link: Option<LinkText>) -> Result<LinkPreview, Failure> {
    app.preview(link).await
}

#[tauri::command(rename_all = "snake_case")]
pub(crate) async fn enroll(
    app: State<'_, App>,
    pin: PinText,
    device_name: String,
) -> Result<EnrollmentResult, Failure> {
    app.enroll(Some(&pin), &device_name).await
}

#[tauri::command(rename_all = "snake_case")]
pub(crate) async fn forget_link(app: State<'_, App>) -> Result<(), Failure> {
    app.forget_link();
    Ok(())
}

#[tauri::command(rename_all = "snake_case")]
pub(crate) async fn shown(app: State<'_, App>, challenge_id: String) -> Result<(), Failure> {
    app.shown(&challenge_id).await
}

#[tauri::command(rename_all = "snake_case")]
pub(crate) async fn answer(
    app: State<'_, App>,
    challenge_id: String,
    display_hash: String,
    decision: Decision,
    pin: Option<PinText>,
    number: Option<String>,
) -> Result<AnswerResult, Failure> {
    app.answer(AnswerRequest { challenge_id, display_hash, decision, pin, number }).await
}

#[tauri::command(rename_all = "snake_case")]
pub(crate) async fn check_now(app: State<'_, App>) -> Result<(), Failure> {
    app.check_now().await
}

#[tauri::command(rename_all = "snake_case")]
pub(crate) async fn activity(app: State<'_, App>) -> Result<Vec<ActivityEntry>, Failure> {
    app.activity().await
}

#[tauri::command(rename_all = "snake_case")]
pub(crate) async fn dispute(app: State<'_, App>, challenge_id: String) -> Result<(), Failure> {
    app.dispute(&challenge_id).await
}

#[tauri::command(rename_all = "snake_case")]
pub(crate) async fn save_evidence(app: State<'_, App>, challenge_id: String) -> Result<String, Failure> {
    app.save_evidence(&challenge_id).await
}

#[tauri::command(rename_all = "snake_case")]
pub(crate) async fn set_appearance(app: State<'_, App>, appearance: Appearance) -> Result<(), Failure> {
    app.set_appearance(appearance);
    Ok(())
}
