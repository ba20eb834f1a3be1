//! Existence by time: for a client that must not learn who exists, a request costs the same work whoever it is about, from its
//! first call to its end. Work is counted, not timed.

use axum::http::StatusCode;
use countersign_gateway::LinkRequest;
use countersign_protocol::id::Subject;
use countersign_protocol::registration::Confirm;
use countersign_store::{CountedWork, WorkCounter};
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};

use crate::metrics;
use crate::world::{BC, CONFIG, SECRET, World};

/// The client shows numbers, is not first-party, and asks as it likes.
const CLIENT: &str = "numbers";

const PAYMENT: &str = r#"[{"type":"payment_initiation","instructedAmount":{"currency":"EUR","amount":"80.00"},"creditorName":"Acme Coffee"}]"#;

/// Everybody a client could ask about: those that can be asked first, then those that can't, and nobody.
const HINTS: [&str; 9] = ["alice", "card:4711", "carol", "card:11", "bob", "dave", "lara", "erin", "mallory"];

/// Two devices each for Alice (in the file), Carol and Erin (in the store, Erin locked); none for Bob and Dave. Lara is locked in
/// the file.
async fn population(config: &str) -> World {
    let world = World::with(config);
    for (sub, hint) in [("carol", "card:11"), ("dave", "card:12"), ("erin", "card:13")] {
        let entry = format!("[[users]]\nsub = \"{sub}\"\nname = \"Somebody\"\nhints = [\"{hint}\"]\n");
        world.provider.add_user(&entry).await.expect("added");
    }
    for sub in ["alice", "carol", "erin"] {
        for name in ["Phone", "Tablet"] {
            world.enroll_for(sub, name).await;
        }
    }
    world.provider.lock_user(&"erin".parse().expect("a subject")).await.expect("locked");
    // The first sweep counts the devices that users have.
    world.side.gateway.sweep().await.expect("swept");
    world
}

impl World {
    async fn enroll_for(&self, sub: &str, name: &str) -> TestDevice {
        let subject: Subject = sub.parse().expect("a subject");
        let request =
            LinkRequest { subject, subject_label: sub.to_owned(), confirm: Confirm::None, allow_automated: false };
        let link = self.side.gateway.issue_link(request).await.expect("a link");
        let mut device = self.side.device(name);
        assert_eq!(device.register(&self.side, &link.link).await.status, StatusCode::CREATED);
        device.pull(&self.side).await;
        device
    }

    /// The work of each step in the lives of two requests: one that expires, and one that its client cancels.
    async fn lives(&self, hint: &str, details: &str, counter: &WorkCounter) -> Vec<CountedWork> {
        let mut work = Vec::new();
        let form =
            [("scope", "openid"), ("login_hint", hint), ("requested_expiry", "20"), ("authorization_details", details)];
        let form = if details.is_empty() { &form[..3] } else { &form[..] };
        counter.take();
        let asked = self.post(CLIENT, BC, form).await;
        assert_eq!(asked.status, StatusCode::OK, "{hint}: {}", asked.body);
        work.push(counter.take());
        let id = asked.text("auth_req_id");
        for (pause, error) in [
            (0, "authorization_pending"),
            (6, "authorization_pending"),
            (12, "authorization_pending"),
            (7, "expired_token"),
        ] {
            self.advance_seconds(pause);
            self.side.gateway.sweep().await.expect("swept");
            assert_eq!(self.poll(CLIENT, &id).await.text("error"), error, "{hint}");
            work.push(counter.take());
        }
        let asked = self.post(CLIENT, BC, form).await;
        work.push(counter.take());
        let id = asked.text("auth_req_id");
        assert_eq!(self.post(CLIENT, "/tenant/revoke", &[("token", &id)]).await.status, StatusCode::OK);
        work.push(counter.take());
        assert_eq!(self.poll(CLIENT, &id).await.text("error"), "access_denied", "{hint}");
        work.push(counter.take());
        // No limit on prompts remembers this one.
        self.advance_seconds(65);
        work
    }
}

/// The same rows, and within a hundredth the same steps: a row that is found is read, one that is missing is not.
fn assert_equal_work(all: &[(&str, Vec<CountedWork>)]) {
    let (first, expected) = &all[0];
    for (hint, work) in all {
        assert_eq!(work.len(), expected.len());
        for (step, (one, other)) in work.iter().zip(expected).enumerate() {
            assert_eq!(one.rows, other.rows, "step {step} for {hint} and for {first}");
            let (least, most) = (one.steps.min(other.steps), one.steps.max(other.steps));
            assert!(
                most - least <= 10 + most / 100,
                "step {step}: {} for {hint}, {} for {first}",
                one.steps,
                other.steps
            );
        }
    }
}

#[tokio::test]
async fn attack_22_a_request_costs_the_same_work_whoever_it_is_about() {
    let world = population(CONFIG).await;
    let counter = world.side.gateway.store().count_work().await.expect("counted");
    for details in ["", PAYMENT] {
        for round in ["to prepare all statements", "measured"] {
            let mut all = Vec::new();
            for hint in HINTS {
                all.push((hint, world.lives(hint, details, &counter).await));
            }
            if round == "measured" {
                assert_eq!(all[0].1[0].rows["insert challenge"], 2, "each of two devices gets a signed challenge");
                assert_eq!(all[0].1[3].rows["update challenge"], 2, "and a signed outcome");
                assert_equal_work(&all);
            }
        }
    }
}

#[tokio::test]
async fn attack_22_a_wrong_user_code_costs_the_same_work_whoever_it_is_about() {
    let coded = |sub: &str| (format!("sub = \"{sub}\""), format!("sub = \"{sub}\"\nuser_code = \"4711\""));
    let mut config = ["alice", "bob", "lara"].iter().fold(CONFIG.to_owned(), |config, sub| {
        let (plain, coded) = coded(sub);
        config.replacen(&plain, &coded, 1)
    });
    config.push_str(&format!(
        "[[clients]]\nclient_id = \"shop\"\nsecret = \"{SECRET}\"\nbackchannel_user_code_parameter = true\n"
    ));
    let world = World::with(&config);
    world.enroll("Phone").await;
    let counter = world.side.gateway.store().count_work().await.expect("counted");
    let mut measured = Vec::new();
    for round in 0..2 {
        measured.clear();
        for hint in ["alice", "bob", "lara", "mallory"] {
            counter.take();
            let form = [("scope", "openid"), ("login_hint", hint), ("user_code", "0815")];
            let refused = world.post("shop", BC, &form).await;
            assert_eq!(refused.text("error"), "invalid_user_code", "{hint}, round {round}");
            measured.push((hint, vec![counter.take()]));
        }
    }
    assert_equal_work(&measured);
}

#[tokio::test]
async fn operators_see_nothing_of_decoys_and_a_day_after_their_end_they_are_gone() {
    let world = population(CONFIG).await;
    let count = |sql: &str| -> u64 {
        let read = world.side.gateway.store().read_blocking(|snapshot| {
            Ok(snapshot.connection().query_row(sql, [], |row| row.get::<_, i64>(0))?.unsigned_abs())
        });
        read.expect("counted")
    };
    let tables = ["approval", "challenge", "challenge_content", "prompt_history", "feed"];
    let rows = || tables.map(|table| count(&format!("SELECT count(*) FROM {table}")));
    let before = rows();
    let asked = world.post(CLIENT, BC, &[("scope", "openid"), ("login_hint", "mallory")]).await;
    let id = asked.text("auth_req_id");
    let cancelled = world.post(CLIENT, BC, &[("scope", "openid"), ("login_hint", "mallory")]).await;
    world.post(CLIENT, "/tenant/revoke", &[("token", &cancelled.text("auth_req_id"))]).await;
    let trace = world.provider.trace(&id).expect("read").expect("found");
    assert!(trace.request.is_some() && trace.approval.is_none());
    assert_eq!(world.provider.approval_of(&id).expect("read"), None);
    let pending = world.side.gateway.store().read_blocking(|snapshot| world.side.gateway.pending_approvals(snapshot));
    assert_eq!(pending.expect("counted").pending, 0);
    world.advance_seconds(3600);
    world.side.gateway.sweep().await.expect("swept");
    let metrics = metrics::read(&world).await;
    for outcome in ["expired", "cancelled"] {
        assert_eq!(metrics::value(&metrics, &format!("countersign_approvals_total{{outcome=\"{outcome}\"}}")), 0.0);
    }
    let (people, devices) = ("SELECT count(DISTINCT subject) FROM device WHERE status = 'active'", rows());
    assert_eq!((count(people), devices[0]), (3, before[0] + 2));
    world.advance_seconds(26 * 3600);
    world.side.gateway.sweep().await.expect("swept");
    assert_eq!(rows(), before);
}
