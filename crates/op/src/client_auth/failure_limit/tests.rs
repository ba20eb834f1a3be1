use super::*;

const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9)));

fn known(client_id: &str) -> KnownClient<'_> {
    KnownClient { client_id, is_self_registered: false }
}

fn registered(client_id: &str) -> KnownClient<'_> {
    KnownClient { client_id, is_self_registered: true }
}

fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().expect("an address"))
}

/// Whether an authentication of this client, or of one that does not exist, was let through to fail.
fn fail<'c>(
    limit: &FailureLimit,
    client: impl Into<Option<KnownClient<'c>>>,
    network: Option<IpAddr>,
    now: Timestamp,
) -> bool {
    let (client, failed) = (client.into(), Err::<(), _>(OAuthError::new(ErrorCode::InvalidClient, "wrong")));
    let named = client.map_or("invented", |client| client.client_id);
    let checked = limit.check(named, network, now).and_then(|()| limit.begin(client, network, now));
    checked.map(|attempt| attempt.end(&failed)).is_ok()
}

fn succeed(limit: &FailureLimit, client: KnownClient<'_>, network: Option<IpAddr>, now: Timestamp) -> bool {
    limit.begin(Some(client), network, now).map(|attempt| attempt.end(&Ok(()))).is_ok()
}

#[test]
fn failures_are_limited_for_the_client_and_address_that_had_them_until_the_minute_is_over() {
    let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
    assert!((0..100).all(|_| fail(&limit, known("till"), HERE, now)));
    assert!(!fail(&limit, known("till"), HERE, now) && !succeed(&limit, known("till"), HERE, now));
    assert!(succeed(&limit, known("till"), address("198.51.100.1"), now), "a stranger's failures are not the client's");
    assert!(succeed(&limit, known("kiosk"), HERE, now), "another client at the same address");
    assert!(succeed(&limit, known("till"), HERE, now.plus_seconds(60)));
}

#[test]
fn successes_are_never_counted() {
    let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
    assert!((0..5000).all(|_| succeed(&limit, known("till"), HERE, now)));
    assert!((0..100).all(|_| fail(&limit, known("till"), HERE, now)));
}

#[test]
fn an_address_that_nobody_proved_is_limited_over_all_clients() {
    let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
    assert!((0..500).all(|n| fail(&limit, known(&format!("client-{n}")), HERE, now)));
    assert!(!succeed(&limit, known("till"), HERE, now));
    let shop = address("198.51.100.1");
    assert!(succeed(&limit, known("till"), shop, now));
    assert!((0..600).all(|n| fail(&limit, known(&format!("client-{n}")), shop, now)), "a shop is one address");
    let later = now.plus_seconds(601);
    assert!((0..500).all(|n| fail(&limit, known(&format!("client-{n}")), shop, later)));
    assert!(!fail(&limit, known("till"), shop, later), "it was proven too long ago");
}

#[test]
fn a_client_that_registered_itself_proves_nothing_about_others_at_its_address() {
    let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
    assert!(succeed(&limit, registered("rc_1"), HERE, now));
    assert!((0..500).all(|n| fail(&limit, known(&format!("client-{n}")), HERE, now)));
    assert!(!fail(&limit, known("till"), HERE, now), "the address is limited all the same");
    assert!(succeed(&limit, registered("rc_1"), HERE, now), "it proved that it is itself");
}

#[test]
fn what_is_under_way_at_once_is_bounded_until_it_has_ended() {
    let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
    let under_way: Vec<_> = (0..512).map(|_| limit.begin(Some(known("till")), HERE, now).expect("room")).collect();
    let later = now.plus_seconds(60);
    assert!(limit.begin(Some(known("till")), HERE, later).is_err(), "also over the end of a minute");
    drop(under_way);
    assert!(succeed(&limit, known("till"), HERE, later));
}

#[test]
fn a_client_behind_a_proxy_that_names_nobody_is_not_soon_locked_out_by_strangers() {
    let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
    assert!((0..3000).all(|_| fail(&limit, known("till"), None, now)));
    assert!(!fail(&limit, known("till"), None, now), "and still it is bounded");
}

#[test]
fn invented_clients_count_for_their_address_and_lock_out_nobody() {
    let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
    assert_eq!((0..30_000).filter(|_| fail(&limit, None, HERE, now)).count(), 500);
    let windows = limit.windows();
    assert_eq!((windows.clients.by_key.len(), windows.addresses.by_key.len()), (0, 1));
    drop(windows);
    assert!(succeed(&limit, known("till"), address("198.51.100.1"), now));
}

#[test]
fn calls_that_are_refused_leave_nothing_behind() {
    let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
    assert!((0..500).all(|_| fail(&limit, None, HERE, now)));
    assert!((0..1000).all(|n| limit.check(&format!("client-{n}"), HERE, now).is_err()));
    assert!((0..1000).all(|n| limit.begin(Some(known(&format!("client-{n}"))), HERE, now).is_err()));
    assert_eq!(limit.windows().clients.by_key.len(), 0);
}

#[test]
fn the_oldest_window_makes_room_and_no_two_share_one() {
    let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
    assert!((0..100).all(|_| fail(&limit, known("till"), HERE, now)));
    let of = |n: usize| address(&format!("2001:db8:{:x}:{:x}::", n >> 16, n & 0xffff));
    for n in 0..MAX_WINDOWS - 1 {
        assert!(fail(&limit, known("till"), of(n), now));
    }
    assert!(!fail(&limit, known("till"), HERE, now), "there was room for all");
    for n in MAX_WINDOWS..MAX_WINDOWS + 200 {
        assert!((0..2).all(|_| fail(&limit, known("till"), of(n), now)), "a window of its own");
    }
    let windows = limit.windows();
    for count in [windows.clients.by_key.len(), windows.clients.by_age.len(), windows.addresses.by_key.len()] {
        assert_eq!(count, MAX_WINDOWS);
    }
    drop(windows);
    assert!(fail(&limit, known("till"), HERE, now), "its window was the oldest");
}

#[test]
fn windows_that_are_over_are_cleared_away_by_new_ones() {
    let (limit, now) = (FailureLimit::default(), Timestamp::from_seconds(1000));
    (0..1000).for_each(|n| assert!(fail(&limit, known(&format!("client-{n}")), None, now)));
    let later = now.plus_seconds(60);
    (0..200).for_each(|n| assert!(fail(&limit, known(&format!("new-{n}")), None, later)));
    assert_eq!(limit.windows().clients.by_key.len(), 200);
}
