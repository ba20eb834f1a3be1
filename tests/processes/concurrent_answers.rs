//! Concurrency: three devices answer at once, each answer is sent many times over, while many polls ask for the tokens.

use std::collections::HashSet;
use std::sync::Barrier;

use countersign_protocol::fetch::Receipt;
use countersign_protocol::outcome::Ending;
use countersign_protocol::problem::Problem;
use countersign_tests::client::PAYMENT;
use countersign_tests::http::Response;
use countersign_tests::provider::Provider;
use countersign_tests::test_env::TestEnv;
use countersign_tests::wire_device;

/// Copies sent of each answer.
const COPIES: usize = 67;
/// Concurrent polls for the tokens.
const POLLS: usize = 100;

#[test]
fn three_answers_many_times_over_make_one_verdict_and_one_token_set() {
    let env = TestEnv::new();
    let provider = Provider::start(&env);
    let till = provider.till();
    let names = ["first", "second", "third"];
    let mut devices: Vec<_> = names.iter().map(|name| wire_device::enroll(&provider.link("alice"), name)).collect();
    let acknowledged = till.ask(&[("authorization_details", PAYMENT)]);
    let challenges: Vec<_> = devices.iter_mut().map(wire_device::only_challenge).collect();
    let answers = [
        devices[0].approve(&challenges[0], None),
        devices[1].approve(&challenges[1], None),
        devices[2].deny(&challenges[2], None),
    ];

    let start = Barrier::new(3 * COPIES + POLLS);
    let (replies, polls) = std::thread::scope(|scope| {
        let sending: Vec<Vec<_>> = (0..3)
            .map(|n| {
                let (device, challenge, answer, start) = (&devices[n], &challenges[n], &answers[n], &start);
                let send = move || {
                    start.wait();
                    wire_device::send_answer(device, challenge.id(), answer)
                };
                (0..COPIES).map(|_| scope.spawn(send)).collect()
            })
            .collect();
        let poll = || {
            start.wait();
            till.poll(&acknowledged)
        };
        let polling: Vec<_> = (0..POLLS).map(|_| scope.spawn(poll)).collect();
        let replies: Vec<Vec<Response>> =
            sending.into_iter().map(|all| all.into_iter().map(|one| one.join().unwrap()).collect()).collect();
        (replies, polling.into_iter().map(|one| one.join().unwrap()).collect::<Vec<Response>>())
    });

    let winner = (0..3).find(|n| replies[*n][0].status == 200).expect("one answer is the first");
    for (n, all) in replies.iter().enumerate() {
        let statuses: HashSet<u16> = all.iter().map(|reply| reply.status).collect();
        let expected = if n == winner { 200 } else { 409 };
        assert_eq!(statuses, HashSet::from([expected]), "every copy of {}'s answer gets the same reply", names[n]);
        let outcomes: HashSet<String> = all.iter().map(outcome_in).collect();
        assert_eq!(outcomes.len(), 1, "and the same outcome");
        let outcome = countersign_protocol::jws::Compact::from_text(outcomes.into_iter().next().unwrap());
        let ending = devices[n].verify_outcome(&challenges[n], Some(&answers[n]), &outcome).ending();
        let decision = if n == 2 { Ending::Denied } else { Ending::Approved };
        assert_eq!(ending, if n == winner { decision } else { Ending::AnsweredElsewhere });
        let told = wire_device::fetch(&mut devices[n]).withdrawn;
        assert!(
            told.iter().any(|end| end.id == *challenges[n].id() && end.outcome == outcome),
            "it is fetched too: {told:?}"
        );
    }

    let last = till.poll_to_the_end(&acknowledged);
    let token_sets = polls.iter().chain([&last]).filter(|reply| reply.status == 200).count();
    let approved = winner != 2;
    assert_eq!(token_sets, usize::from(approved), "{:?}", polls.iter().map(Response::text).collect::<HashSet<_>>());
    let after = till.poll(&acknowledged).error();
    assert_eq!(after, if approved { "invalid_grant" } else { "access_denied" });
    let known = ["authorization_pending", "slow_down", "access_denied", "invalid_grant"];
    for poll in polls.iter().filter(|poll| poll.status != 200) {
        assert!(poll.status == 400 && known.contains(&poll.error().as_str()), "{poll:?}");
    }
}

fn outcome_in(reply: &Response) -> String {
    let outcome = match reply.status {
        200 => serde_json::from_slice::<Receipt>(&reply.body).expect("a reply to an answer").outcome,
        _ => serde_json::from_slice::<Problem>(&reply.body).expect("a problem document").outcome,
    };
    outcome.unwrap_or_else(|| panic!("every reply to an answer has an outcome: {}", reply.text())).into_string()
}
