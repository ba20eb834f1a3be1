//! An issuer at `http://localhost`: device, client and operator's commands reach it on this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use countersign_tests::device::{Device, id};
use countersign_tests::http;
use countersign_tests::process::Process;
use countersign_tests::provider::{Provider, Settings};
use countersign_tests::test_env::TestEnv;

#[test]
fn a_provider_at_localhost_listens_at_both_of_its_addresses_and_gives_way_at_neither() {
    let env = TestEnv::new();
    if TcpListener::bind("[::1]:0").is_err() {
        return println!("skipped: this machine has no IPv6");
    }
    for (first, port) in [(IpAddr::V4(Ipv4Addr::LOCALHOST), 0), (IpAddr::V6(Ipv6Addr::LOCALHOST), 1)] {
        let port = 32_100 + 2 * (std::process::id() % 300) as u16 + port;
        let issuer = Some(format!("http://localhost:{port}"));
        let settings = Settings { issuer: issuer.clone(), ..Default::default() };
        let mut provider =
            Provider::start_at(&env, &format!("provider-{port}"), SocketAddr::from((first, port)), &settings);
        for address in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
            let well_known = format!("http://{address}/.well-known/openid-configuration");
            assert_eq!(http::send("GET", &well_known, &[], b"").json()["issuer"], provider.issuer(), "{address}");
        }
        provider.kill_9();
        let _held = TcpListener::bind(("::1", port)).expect("free again");
        let mut command = env.command(&["op", "serve", "--json", "--config"]);
        command.arg(provider.config()).arg("--home").arg(provider.home());
        let refused = Process::start(&env, "refused", command).finish().expect_code(2).line("error");
        let message = refused["message"].as_str().expect("words");
        assert!(refused["error"] == "listen" && message.contains(&format!("[::1]:{port}")), "{refused}");
    }
}

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
