//! An issuer at `http://localhost`: device, client and operator's commands reach it on this machine.

use std::net::{Ipv4Addr, SocketAddr};

use countersign_tests::device::{Device, id};
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;

#[test]
fn a_provider_at_localhost_is_reached_although_the_environment_names_a_proxy() {
    let env = TestEnv::new();
    // `localhost` is 127.0.0.1, which tests share: the port is this process's.
    let port = 20_000 + (std::process::id() % 12_000) as u16;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    // Nobody listens there: whoever asks this proxy gets no reply.
    env.use_proxy(&format!("http://{}", env.free_address()));
    let issuer = Some(format!("http://localhost:{port}"));
    let provider = Provider::start_at(&env, "provider", address, &Settings { issuer, ..Default::default() });

    let phone = Device::new(&env, "phone");
    let enrolled = phone.enroll(&provider.link("alice"));
    assert_eq!(enrolled["issuer"], provider.issuer());
    let (mut asked, _) = provider.till().acknowledged(&["--interaction", "boolean"]);
    let challenge = phone.only_pending();
    assert_eq!(challenge["test"], true, "plain http is for tests");
    phone.answer(id(&challenge), &["approve"]).expect_code(0);
    asked.line("tokens");
    provider.op(&["status"]).expect_code(0);
}
