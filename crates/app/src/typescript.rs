//! Generates the page's TypeScript types: `UPDATE_TYPES=1 cargo test -p countersign-app` writes them.

use std::path::Path;

use ts_rs::{Config, TS};

use crate::{
    AccountLine, AccountLook, ActivityEntry, AnswerResult, Appearance, Decision, EnrollmentResult, Failure,
    Interaction, LinkPreview, Look, PendingRequest, PushTrial, RequestResult, Snapshot, Support, WaitingRequest,
    WakeResult, Waking,
};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/backend/types.ts");

const HEAD: &str = r#"// Made from the types of crates/app by its tests; `UPDATE_TYPES=1 cargo test -p countersign-app` writes it again.

/** How a request ended. */
export type Ending = "approved" | "denied" | "expired" | "answered_elsewhere" | "cancelled" | "mismatch" | "refused" | "disputed" | "unknown";

/** Why a provider is offline. */
export type OfflineReason = "unreachable" | "not_the_provider" | "no_reply" | "unwell" | "certificate_unknown_authority" | "certificate_expired" | "certificate_wrong_name" | "certificate_of_authority" | "certificate_unusable";

/** An amount as the client sent it. */
export type Money = { amount: string, currency: string };

/** Where a line is placed on the screen. */
export type Role = "test" | "kind" | "held" | "first_request" | "client" | "client_claimed" | "provider" | "provider_claimed" | "provider_address" | "gateway" | "subject" | "amount" | "payee" | "account" | "detail" | "client_detail" | "section" | "message" | "number" | "choice" | "warning" | "repeat" | "practice" | "scope" | "assurance" | "terminal" | "context" | "client_id" | "asked_at" | "answer_until";

/** One line of a transcript, as it is shown and as it is recorded. */
export type TranscriptLine = { role: Role, label: string, label_from?: string, prominence: 1 | 2 | 3, from: string } & ({ type: "text" | "date" | "account" | "section", value: string } | { type: "money", value: Money });
"#;

fn types() -> String {
    let config = Config::default();
    let all = [
        Appearance::decl(&config),
        Decision::decl(&config),
        Failure::decl(&config),
        Support::decl(&config),
        Interaction::decl(&config),
        PendingRequest::decl(&config),
        RequestResult::decl(&config),
        AccountLine::decl(&config),
        Snapshot::decl(&config),
        LinkPreview::decl(&config),
        EnrollmentResult::decl(&config),
        AnswerResult::decl(&config),
        ActivityEntry::decl(&config),
        Waking::decl(&config),
        WakeResult::decl(&config),
        PushTrial::decl(&config),
        WaitingRequest::decl(&config),
        AccountLook::decl(&config),
        Look::decl(&config),
    ];
    all.iter().fold(HEAD.to_owned(), |text, decl| format!("{text}\nexport {}\n", decl.trim()))
}

#[test]
fn the_pages_types_are_those_of_the_app() {
    let types = types();
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::create_dir_all(Path::new(FILE).parent().expect("it is in a folder")).expect("made");
        std::fs::write(FILE, &types).expect("written");
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    assert_eq!(kept, types, "run UPDATE_TYPES=1 cargo test -p countersign-app, and look what changed");
}
