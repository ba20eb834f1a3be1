//! A database that was put back from a copy gives nothing again that its lost part gave or ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use countersign_op::Provider;
use countersign_protocol::outcome::Ending;
use countersign_testing_gateway::{DeviceCalls as _, TestDevice};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::world::{BC, CONFIG, Reply, TOKEN, World};

fn config() -> String {
    let grants = "grant_types = [\"urn:openid:params:grant-type:ciba\", \"refresh_token\"]";
    CONFIG.replace("name = \"Acme Coffee\"", &format!("name = \"Acme Coffee\"\n{grants}"))
}

/// What a client had when the copy was made.
struct Before {
    pending: String,
    approved: String,
    access: String,
    refresh: String,
}

impl World {
    async fn ask_offline(&self) -> String {
        let form = [("scope", "openid offline_access"), ("login_hint", "alice"), ("interaction_type", "boolean")];
        self.post("till", BC, &form).await.text("auth_req_id")
    }

    async fn had(&self, phone: &mut TestDevice) -> Before {
        let approve = async |phone: &mut TestDevice| {
            let id = self.ask_offline().await;
            let challenge = phone.next_challenge(&self.side).await;
            let answer = phone.approve(&challenge, None);
            phone.settle(&self.side, &challenge, &answer).await;
            id
        };
        let redeemed = approve(phone).await;
        let tokens = self.poll("till", &redeemed).await;
        let approved = approve(phone).await;
        let pending = self.ask_offline().await;
        Before { pending, approved, access: tokens.text("access_token"), refresh: tokens.text("refresh_token") }
    }

    async fn gives_nothing_again(&self, before: &Before) {
        let refused = |reply: &Reply, error: &str| {
            assert_eq!(
                (reply.status, reply.text("error").as_str()),
                (StatusCode::BAD_REQUEST, error),
                "{}",
                reply.body
            );
        };
        refused(&self.poll("till", &before.pending).await, "access_denied");
        refused(&self.poll("till", &before.approved).await, "access_denied");
        let form = [("grant_type", "refresh_token"), ("refresh_token", before.refresh.as_str())];
        refused(&self.post("till", TOKEN, &form).await, "invalid_grant");
        let introspected = self.post("till", "/tenant/introspect", &[("token", &before.access)]).await;
        assert_eq!(introspected.body, r#"{"active":false}"#);
        let status = self.provider.status().await.expect("a status");
        let line = status.iter().find(|line| line.name == "restore").expect("it says so");
        assert!(line.detail.contains("a copy of the database was restored"), "{}", line.detail);
    }

    async fn served_until_nothing_is_pending(&self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let gateway = self.provider.gateway();
        let pending =
            || gateway.store().read_blocking(|snapshot| gateway.pending_approvals(snapshot)).expect("counted");
        let withdrawn = async {
            while pending().pending > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        self.provider.serve(listener, withdrawn).await.expect("a clean end");
    }

    /// Every row, without the mark of `op backup`, as a copy of the stopped file has them.
    fn raw_copy(&self, folder: &Path) -> PathBuf {
        let copy = folder.join("raw.db");
        let file = rusqlite::Connection::open(self.home().join("provider.db")).expect("the store");
        file.execute("VACUUM INTO ?1", [copy.to_str().expect("text")]).expect("copied");
        copy
    }

    /// Serves for a moment, and stops.
    async fn served(&self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        self.provider.serve(listener, std::future::ready(())).await.expect("a clean end");
    }
}

#[tokio::test]
async fn a_copy_by_backup_cancels_what_is_pending_and_redeems_nothing_at_its_first_serve() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let before = world.had(&mut phone).await;
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.db");
    countersign_op::back_up(world.home(), &copy).expect("copied");
    assert_eq!(world.poll("till", &before.approved).await.status, StatusCode::OK, "the original goes on");

    let world = world.restored_from(&copy, &config());
    world.gives_nothing_again(&before).await;
    world.served_until_nothing_is_pending().await;
    let fetched = phone.pull(&world.side).await;
    assert!(fetched.challenges.is_empty(), "nobody is asked again: {fetched:?}");

    // It is a copy once.
    world.advance_seconds(10);
    let after = world.had(&mut phone).await;
    let world = world.restarted_after_serving(&config()).await;
    assert_eq!(world.poll("till", &after.approved).await.status, StatusCode::OK);
    let outcomes = phone.pull(&world.side).await.withdrawn;
    assert!(outcomes.iter().all(|withdrawn| withdrawn.outcome.peek().expect("readable").outcome != Ending::Expired));
}

#[tokio::test]
async fn a_raw_copy_older_than_its_keys_is_noticed_as_well() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let before = world.had(&mut phone).await;
    world.served().await;
    let folder = tempfile::tempdir().expect("a folder");
    let copy = world.raw_copy(folder.path());
    let world = world.restarted_after_serving(&config()).await;
    assert_eq!(world.poll("till", &before.approved).await.status, StatusCode::OK, "a restart is no restore");
    world.served().await;
    let world = world.restored_from(&copy, &config());
    world.gives_nothing_again(&before).await;
    let world = world.restarted_after_serving(&config()).await;
    let ask = world.ask_offline().await;
    let challenge = phone.pull(&world.side).await.challenges.pop().expect("a request");
    let challenge = phone.verify(&challenge);
    let answer = phone.approve(&challenge, None);
    phone.settle(&world.side, &challenge, &answer).await;
    assert_eq!(world.poll("till", &ask).await.status, StatusCode::OK, "what comes after it counts");
}

#[tokio::test]
async fn attack_a_raw_copy_from_before_a_command_is_noticed_though_nothing_was_served_since() {
    for command in ["user lock", "user remove", "device revoke", "client secret"] {
        // Users and clients that commands may remove are in the store.
        let entry = "[[users]]\nsub = \"carol\"\nname = \"Carol\"\n";
        let world = World::with(&config());
        world.provider.add_user(entry).await.expect("added");
        let mut phone = world.enroll("Phone").await;
        let before = world.had(&mut phone).await;
        world.served().await;
        let folder = tempfile::tempdir().expect("a folder");
        let copy = world.raw_copy(folder.path());

        let config_of_command = countersign_op::Config::parse(&config(), world.home());
        let config_of_command = config_of_command.unwrap_or_else(|errors| panic!("{errors:?}"));
        let admin = Provider::open_for_admin(config_of_command, world.home(), world.ports());
        let admin = admin.unwrap_or_else(|error| panic!("{error}"));
        match command {
            "user lock" => {
                let alice = "alice".parse().expect("a subject");
                assert_eq!(admin.lock_user(&alice).await.expect("locked"), 1);
            }
            "user remove" => {
                let carol = "carol".parse().expect("a subject");
                assert_eq!(admin.remove_user(&carol).await.expect("removed"), 0);
            }
            "device revoke" => assert!(admin.revoke_device(phone.id()).await.expect("revoked")),
            _ => {
                let client = "[[clients]]\nclient_id = \"desk\"\n";
                admin.add_client(client).await.expect("added");
                admin.rotate_secret("desk").await.expect("another");
            }
        }
        drop(admin);
        world.restored_from(&copy, &config()).gives_nothing_again(&before).await;
    }
}

#[tokio::test]
async fn a_copy_is_noticed_in_whichever_way_the_provider_that_will_serve_is_opened() {
    let world = World::with(&config());
    let mut phone = world.enroll("Phone").await;
    let before = world.had(&mut phone).await;
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.db");
    countersign_op::back_up(world.home(), &copy).expect("copied");
    let world = world.restored_with_approver(&copy, &config());
    world.gives_nothing_again(&before).await;
    world.served().await;
    world.gives_nothing_again(&before).await;
}

#[tokio::test]
async fn the_start_after_a_restore_waits_for_no_withdrawal() {
    let world = World::with(&config());
    world.enroll("Phone").await;
    let asked = world.ask_offline().await;
    let folder = tempfile::tempdir().expect("a folder");
    let copy = folder.path().join("copy.db");
    countersign_op::back_up(world.home(), &copy).expect("copied");
    let world = world.restored_from(&copy, &config());

    // While this write lasts nothing can be withdrawn.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let began = Arc::new(Notify::new());
    let begun = began.clone();
    let store = world.provider.gateway().store().clone();
    let writing = tokio::spawn(async move {
        let write = store.write(move |_| -> Result<(), countersign_store::Error> {
            began.notify_one();
            let _ = held.recv_timeout(Duration::from_secs(120));
            Ok(())
        });
        write.await
    });
    begun.notified().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let answered = async {
        let mut client = TcpStream::connect(address).await.expect("connected");
        client.write_all(b"GET /healthz HTTP/1.1\r\nhost: id.example\r\n\r\n").await.expect("sent");
        let mut status = [0; 12];
        client.read_exact(&mut status).await.expect("a response");
        assert_eq!(&status, b"HTTP/1.1 200", "it serves while the writer is busy");
        drop(release);
    };
    world.provider.serve(listener, answered).await.expect("a clean end");
    writing.await.expect("not aborted").expect("written");
    assert_eq!(world.poll("till", &asked).await.text("error"), "access_denied");
}
