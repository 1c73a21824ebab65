//! Trials of session timers: whose turn it is to refresh, and when nobody did.

use bytes::Bytes;

use super::*;
use crate::sip::message::Request;
use crate::sip::method::Method;

const OURS: Policy = Policy {
    expires_s: 1_800,
    min_se_s: 90,
};
const NEVER_ASKED: Policy = Policy {
    expires_s: 0,
    min_se_s: 90,
};

fn headers(lines: &[&str]) -> Headers {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    let text = format!(
        "INVITE sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 7 INVITE\r\n{lines}\r\n"
    );
    let request = Request::parse(Bytes::from(text)).unwrap();
    request.headers().clone()
}

fn written(timer: &SessionTimer) -> String {
    let bytes = timer
        .ask(RequestWriter::new(&Method::Invite, "sip:x"))
        .finish();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let of_timer = |line: &&str| line.starts_with("Session-Expires") || line.starts_with("Min");
    text.lines().filter(of_timer).collect::<Vec<_>>().join(", ")
}

fn at(seconds: u64) -> Moment {
    Moment::from_millis(seconds * 1_000)
}

fn accepted(policy: Policy, lines: &[&str]) -> (SessionTimer, Option<Terms>) {
    let mut timer = SessionTimer::new(policy);
    let terms = timer.accept(at(0), &headers(lines));
    (timer, terms)
}

fn terms(policy: Policy, lines: &[&str]) -> Option<(String, bool)> {
    let (_, terms) = accepted(policy, lines);
    terms.map(|terms| (terms.expires, terms.required))
}

#[test]
fn the_refresher_is_chosen_as_the_table_of_the_rfc_says() {
    let known = "Supported: 100rel, timer";
    let some = |expires: &str, required| Some((expires.to_owned(), required));
    for (lines, answer) in [
        (
            &["Session-Expires: 600"][..],
            some("600;refresher=uas", false),
        ),
        (
            &["Session-Expires: 600", known],
            some("600;refresher=uas", true),
        ),
        (
            &["Session-Expires: 600;refresher=uac", known],
            some("600;refresher=uac", true),
        ),
        (
            &["x: 600 ; Refresher=UAS", "k: timer"],
            some("600;refresher=uas", true),
        ),
        (
            &["Session-Expires: 600;refresher=uac", "Require: timer"],
            some("600;refresher=uac", true),
        ),
        (&[known], some("1800;refresher=uas", true)),
        (&[], None),
        (
            &[known, "Session-Expires: soon"],
            some("1800;refresher=uas", true),
        ),
    ] {
        assert_eq!(terms(OURS, lines), answer, "{lines:?}");
    }
}

#[test]
fn an_interval_is_made_shorter_and_never_longer() {
    let known = "Supported: timer";
    let of = |lines: &[&str]| terms(OURS, lines).unwrap().0;
    assert_eq!(of(&[known, "Session-Expires: 86400"]), "1800;refresher=uas");
    assert_eq!(
        of(&[known, "Session-Expires: 86400", "Min-SE: 7200"]),
        "7200;refresher=uas"
    );
    assert_eq!(of(&[known, "Min-SE: 7200"]), "7200;refresher=uas");
    assert_eq!(of(&[known, "Session-Expires: 120"]), "120;refresher=uas");
    assert_eq!(
        of(&[known, "Session-Expires: 99999999999", "Min-SE: 99999999999"]),
        "4294967295;refresher=uas"
    );
}

#[test]
fn where_we_never_ask_the_peers_wish_is_followed() {
    assert_eq!(terms(NEVER_ASKED, &["Supported: timer"]), None);
    assert_eq!(
        terms(
            NEVER_ASKED,
            &["Supported: timer", "Session-Expires: 86400;refresher=uac"]
        ),
        Some(("86400;refresher=uac".to_owned(), true))
    );
    let mut timer = SessionTimer::new(NEVER_ASKED);
    assert_eq!(written(&timer), "");
    timer.agreed(at(0), &headers(&["Session-Expires: 600;refresher=uac"]));
    assert_eq!(
        written(&timer),
        "Session-Expires: 600;refresher=uac, Min-SE: 90"
    );
}

#[test]
fn too_short_a_wish_of_who_knows_no_timers_is_taken_as_none() {
    for policy in [OURS, NEVER_ASKED] {
        assert_eq!(terms(policy, &["Session-Expires: 10"]), None);
        assert_eq!(terms(policy, &["Session-Expires: 89"]), None);
        let least = terms(policy, &["Session-Expires: 90"]);
        assert_eq!(least, Some(("90;refresher=uas".to_owned(), false)));
    }
}

#[test]
fn too_short_a_wish_is_refused_where_the_sender_can_understand_it() {
    let policy = Policy {
        expires_s: 1_800,
        min_se_s: 120,
    };
    let refused = |lines: &[&str]| SessionTimer::too_small(policy, &headers(lines));
    let known = "Supported: timer";
    assert_eq!(refused(&[known, "Session-Expires: 119"]), Some(120));
    assert_eq!(refused(&[known, "Session-Expires: 120"]), None);
    assert_eq!(refused(&["Session-Expires: 60"]), None);
    assert_eq!(refused(&[known]), None);
}

#[test]
fn a_422_is_followed_as_often_as_the_path_has_hops() {
    let mut timer = SessionTimer::new(OURS);
    assert_eq!(written(&timer), "Session-Expires: 1800, Min-SE: 90");
    assert!(timer.raise(&headers(&["Min-SE: 3600"])));
    assert_eq!(written(&timer), "Session-Expires: 3600, Min-SE: 3600");
    for (wanted, more) in [(3_600, false), (0, false), (3_601, true), (3_602, true)] {
        let line = format!("Min-SE: {wanted}");
        assert_eq!(timer.raise(&headers(&[&line])), more, "{line}");
    }
    assert!(!timer.raise(&headers(&[])));
    assert!(timer.raise(&headers(&["Min-SE: 4000"])));
    assert!(!timer.raise(&headers(&["Min-SE: 5000"])), "once too often");
    assert!(!SessionTimer::new(NEVER_ASKED).raise(&headers(&["Min-SE: 500"])));
}

#[test]
fn the_side_that_refreshes_does_so_at_half_the_interval() {
    let mut timer = SessionTimer::new(OURS);
    timer.agreed(at(100), &headers(&["Session-Expires: 90;refresher=uac"]));
    assert_eq!(timer.poll_timeout(), Some((at(145), Timer::Refresh)));
    assert_eq!(timer.handle_timeout(at(144)), None);
    assert_eq!(timer.handle_timeout(at(145)), Some(Timer::Refresh));
    assert_eq!(timer.handle_timeout(at(145)), None, "it is said once");
    // 90 - min(32, 30).
    assert_eq!(timer.poll_timeout(), Some((at(160), Timer::Expired)));
    timer.postpone(at(146), timer.patience());
    assert_eq!(timer.poll_timeout(), Some((at(155), Timer::Refresh)));
    assert_eq!(timer.handle_timeout(at(155)), Some(Timer::Refresh));
    timer.agreed(at(156), &headers(&["Session-Expires: 90;refresher=uac"]));
    assert_eq!(timer.poll_timeout(), Some((at(201), Timer::Refresh)));
}

#[test]
fn a_session_that_the_peer_does_not_refresh_expires_32_s_early() {
    let mut timer = SessionTimer::new(OURS);
    timer.agreed(at(0), &headers(&["Session-Expires: 1800;refresher=uas"]));
    assert_eq!(timer.refresher(), Some(Refresher::Peer));
    assert_eq!(timer.poll_timeout(), Some((at(1_768), Timer::Expired)));
    timer.postpone(at(1), Duration::from_secs(1));
    assert_eq!(timer.handle_timeout(at(1_767)), None, "not ours to refresh");
    assert_eq!(timer.handle_timeout(at(1_768)), Some(Timer::Expired));
    assert_eq!(timer.poll_timeout(), None);
    assert_eq!(timer.handle_timeout(at(9_000)), None);
}

#[test]
fn a_2xx_without_an_interval_ends_the_watch() {
    let mut timer = SessionTimer::new(OURS);
    timer.agreed(at(0), &headers(&["Session-Expires: 600"]));
    assert!(timer.is_running());
    for nothing in [&[][..], &["Session-Expires: 9"], &["Session-Expires: -1"]] {
        timer.agreed(at(0), &headers(&["Session-Expires: 600"]));
        timer.agreed(at(9), &headers(nothing));
        assert_eq!(timer.poll_timeout(), None, "{nothing:?}");
    }
}

#[test]
fn a_request_of_ours_says_who_refreshes_in_its_own_words() {
    let known = "Supported: timer";
    let (timer, _) = accepted(OURS, &[known, "Session-Expires: 600;refresher=uac"]);
    assert_eq!(
        written(&timer),
        "Session-Expires: 600;refresher=uas, Min-SE: 90"
    );
    let (timer, _) = accepted(OURS, &[known, "Session-Expires: 600", "Min-SE: 300"]);
    assert_eq!(
        written(&timer),
        "Session-Expires: 600;refresher=uac, Min-SE: 300"
    );
}
