//! Trials of a registration: a registrar's answers on a clock that jumps from deadline to deadline.

use super::*;
use crate::sip::message::Request;
use crate::sip::write::{Reply, reason_phrase};

/// A registration on a clock that jumps from deadline to deadline.
struct Sim {
    machine: Registration,
    now: Moment,
}

fn account() -> Account {
    Account {
        registrar: Uri::parse("sip:carrier.example").unwrap(),
        address: Uri::parse("sip:74950000000@carrier.example").unwrap(),
        contact: Uri::parse("sip:74950000000@192.0.2.1:5060").unwrap(),
        route: None,
        credentials: Some(Credentials {
            username: "u".to_owned(),
            password: "p".to_owned(),
        }),
        user_agent: "ringtag".to_owned(),
    }
}

impl Sim {
    fn start() -> Self {
        Self {
            machine: Registration::new(account(), Chance::from_number(1)),
            now: Moment::START,
        }
    }

    /// The REGISTER that is asked for.
    #[track_caller]
    fn register(&mut self) -> Request {
        match self.machine.poll() {
            Some(Action::Register(outgoing)) => {
                Request::parse(outgoing.encode(&"SIP/2.0/UDP h;branch=z9hG4bK1")).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn changed(&mut self, up: bool, status: u16) {
        match self.machine.poll() {
            Some(Action::Changed { up: u, status: s }) => assert_eq!((u, s), (up, status)),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn quiet(&mut self) {
        assert!(self.machine.poll().is_none());
    }

    fn respond(&mut self, request: &Request, status: u16, headers: &[(Name, &str)]) {
        let mut reply = Reply::to(request, status, reason_phrase(status)).tag("r");
        for (name, value) in headers {
            reply = reply.header(*name, value);
        }
        let response = Response::parse(reply.finish()).unwrap();
        self.machine.handle_response(self.now, &response);
    }

    /// Goes to the next deadline; returns how many seconds that took, rounded down.
    fn wait(&mut self) -> u64 {
        let (at, _) = self.machine.poll_timeout().unwrap();
        let waited = at - self.now;
        self.now = at;
        self.machine.handle_timeout(at);
        waited.as_secs()
    }

    fn up(&mut self) -> Request {
        let register = self.register();
        self.respond(&register, 200, &[]);
        self.changed(true, 200);
        register
    }
}

const CHALLENGE: &str = "Digest realm=\"carrier\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"";

#[test]
fn registration_is_refreshed_before_it_expires() {
    let mut sim = Sim::start();
    let first = sim.register();
    let headers = first.headers();
    assert_eq!(first.uri().as_str(), "sip:carrier.example");
    assert_eq!(headers.expires(), Some(3_600));
    assert_eq!(headers.cseq().number, 1);
    assert_eq!(
        headers.to().as_bytes(),
        b"<sip:74950000000@carrier.example>"
    );
    sim.respond(&first, 100, &[]);
    sim.quiet();
    sim.respond(
        &first,
        200,
        &[
            (Name::Contact, "<sip:other@192.0.2.9>;expires=9"),
            (
                Name::Contact,
                "<sip:74950000000@192.0.2.1:5060>;expires=100",
            ),
            (Name::Expires, "7"),
        ],
    );
    sim.changed(true, 200);
    assert!(sim.machine.is_up());
    assert!(matches!(
        sim.machine.poll_timeout(),
        Some((_, Timer::Refresh))
    ));
    let waited = sim.wait();
    assert!((75..=85).contains(&waited), "{waited}");
    let second = sim.register();
    assert_eq!(second.headers().cseq().number, 2);
    assert_eq!(second.headers().call_id(), headers.call_id());
    sim.respond(&second, 200, &[(Name::Expires, "100")]);
    // It stands as before: nothing to tell.
    sim.quiet();
}

#[test]
fn challenge_is_answered_and_its_nonce_used_again() {
    let mut sim = Sim::start();
    let first = sim.register();
    sim.respond(&first, 401, &[(Name::WwwAuthenticate, CHALLENGE)]);
    let second = sim.register();
    let said = second.headers().text(Name::Authorization).unwrap();
    assert!(
        said.contains("nc=00000001") && said.contains("username=\"u\""),
        "{said}"
    );
    sim.respond(&second, 200, &[]);
    sim.changed(true, 200);
    sim.wait();
    let third = sim.register();
    let said = third.headers().text(Name::Authorization).unwrap();
    assert!(said.contains("nc=00000002"), "{said}");
    let stale = CHALLENGE.replace("n1", "n2") + ", stale=true";
    sim.respond(&third, 401, &[(Name::WwwAuthenticate, &stale)]);
    let fourth = sim.register();
    let said = fourth.headers().text(Name::Authorization).unwrap();
    assert!(
        said.contains("nonce=\"n2\"") && said.contains("nc=00000001"),
        "{said}"
    );
}

#[test]
fn proxy_challenge_is_answered_in_its_own_header() {
    let mut sim = Sim::start();
    let first = sim.register();
    sim.respond(&first, 407, &[(Name::ProxyAuthenticate, CHALLENGE)]);
    let second = sim.register();
    assert!(second.headers().has(Name::ProxyAuthorization));
    assert!(!second.headers().has(Name::Authorization));
}

#[test]
fn wrong_secret_is_not_tried_in_a_loop() {
    let mut sim = Sim::start();
    let first = sim.register();
    sim.respond(&first, 401, &[(Name::WwwAuthenticate, CHALLENGE)]);
    let second = sim.register();
    sim.respond(&second, 401, &[(Name::WwwAuthenticate, CHALLENGE)]);
    sim.changed(false, 401);
    sim.quiet();
    assert!(sim.wait() >= 5);
    assert!(!sim.register().headers().has(Name::Authorization));
}

#[test]
fn new_challenges_without_end_are_no_way_in() {
    let mut sim = Sim::start();
    for n in 0..CHALLENGES_MAX {
        let challenge = CHALLENGE.replace("n1", &format!("n{n}"));
        let register = sim.register();
        sim.respond(&register, 401, &[(Name::WwwAuthenticate, &challenge)]);
    }
    let register = sim.register();
    let last = CHALLENGE.replace("n1", "last");
    sim.respond(&register, 401, &[(Name::WwwAuthenticate, &last)]);
    sim.changed(false, 401);
    sim.quiet();
}

#[test]
fn too_brief_an_interval_is_lengthened_once() {
    let mut sim = Sim::start();
    let first = sim.register();
    sim.respond(&first, 423, &[(Name::MinExpires, "7200")]);
    let second = sim.register();
    assert_eq!(second.headers().expires(), Some(7_200));
    sim.respond(&second, 423, &[(Name::MinExpires, "7200")]);
    sim.changed(false, 423);
    sim.quiet();
}

#[test]
fn failures_are_retried_ever_more_slowly_up_to_ten_minutes() {
    let mut sim = Sim::start();
    let mut waits = Vec::new();
    for _ in 0..10 {
        sim.register();
        sim.machine.handle_failed(sim.now);
        if waits.is_empty() {
            sim.changed(false, 0);
        }
        sim.quiet();
        waits.push(sim.wait());
    }
    for (wait, least) in waits
        .iter()
        .zip([5, 10, 20, 40, 80, 160, 320, 600, 600, 600])
    {
        assert!((least..=least * 11 / 10).contains(wait), "{waits:?}");
    }
    // Success makes the carrier as good as new.
    sim.up();
    sim.wait();
    let refresh = sim.register();
    sim.respond(&refresh, 503, &[]);
    sim.changed(true, 503);
    assert!(sim.wait() <= 6);
}

/// What a 200 with these Service-Routes tells, if anything.
fn told(values: &[&str]) -> Option<Vec<String>> {
    let mut sim = Sim::start();
    let first = sim.register();
    let headers: Vec<_> = values.iter().map(|v| (Name::ServiceRoute, *v)).collect();
    sim.respond(&first, 200, &headers);
    let routes = match sim.machine.poll() {
        Some(Action::Routes(routes)) => routes,
        Some(Action::Changed { .. }) => return None,
        other => panic!("{other:?}"),
    };
    sim.changed(true, 200);
    Some(routes)
}

#[test]
fn a_service_route_is_told_whole_or_not_at_all() {
    let two = "<sip:edge.example;lr>, \"Core\" <sips:core.example:5061;lr;x=1>;y=2";
    let expected = [
        "<sip:edge.example;lr>",
        "<sips:core.example:5061;lr;x=1>",
        "<sip:last.example;lr>",
    ];
    assert_eq!(told(&[two, "<sip:last.example;lr>"]).unwrap(), expected);
    assert_eq!(told(&["<sip:edge.example;lr>, <sip:strict.example>"]), None);
    assert_eq!(told(&["<sip:edge.example;lr>", "nonsense"]), None);
    assert_eq!(told(&["<tel:+1;lr>"]), None);
    assert_eq!(told(&["<sip:edge.example;lr>"; ROUTES_MAX + 1]), None);
    let long = format!("<sip:{}.example;lr>", "a".repeat(60));
    assert!(told(&[long.as_str(); ROUTES_MAX]).is_some());
    let longer = format!("<sip:{}@edge.example;lr>", "a".repeat(ROUTES_BYTES_MAX));
    assert_eq!(told(&[longer.as_str()]), None);
}

#[test]
fn a_service_route_falls_with_its_registration() {
    let mut sim = Sim::start();
    let first = sim.register();
    sim.respond(
        &first,
        200,
        &[(Name::ServiceRoute, "<sip:edge.example;lr>")],
    );
    assert!(matches!(sim.machine.poll(), Some(Action::Routes(routes)) if routes.len() == 1));
    sim.changed(true, 200);
    sim.machine.unregister();
    let last = sim.register();
    sim.respond(&last, 200, &[]);
    assert!(matches!(sim.machine.poll(), Some(Action::Routes(routes)) if routes.is_empty()));
    sim.changed(false, 200);
}

#[test]
fn a_register_says_that_path_is_known_and_goes_by_the_outbound_proxy() {
    let mut account = account();
    account.route = Some("<sip:proxy.example;lr>".to_owned());
    let mut sim = Sim {
        machine: Registration::new(account, Chance::from_number(1)),
        now: Moment::START,
    };
    let first = sim.register();
    assert!(first.headers().lists(Name::Supported, "path"));
    assert_eq!(first.headers().routes(), [b"<sip:proxy.example;lr>"]);
}

#[test]
fn a_register_that_goes_elsewhere_is_a_new_request_without_the_old_answers() {
    let mut sim = Sim::start();
    let first = sim.register();
    sim.respond(&first, 401, &[(Name::WwwAuthenticate, CHALLENGE)]);
    let second = sim.register();
    assert!(second.headers().has(Name::Authorization));
    sim.machine.handle_elsewhere();
    let third = sim.register();
    assert!(!third.headers().has(Name::Authorization));
    assert_eq!(third.headers().cseq().number, 3);
    // What the first place still says counts for nothing.
    sim.respond(&second, 403, &[]);
    sim.quiet();
    sim.respond(&third, 200, &[]);
    sim.changed(true, 200);
    sim.machine.handle_elsewhere();
    sim.quiet();
}

#[test]
fn retry_after_is_followed() {
    let mut sim = Sim::start();
    let first = sim.register();
    sim.respond(
        &first,
        503,
        &[(Name::RetryAfter, "120 (maintenance);duration=9")],
    );
    sim.changed(false, 503);
    assert!((120..=132).contains(&sim.wait()));
}

#[test]
fn registration_that_cannot_be_refreshed_falls_when_it_expires() {
    let mut sim = Sim::start();
    sim.up();
    let fell = loop {
        let (at, timer) = sim.machine.poll_timeout().unwrap();
        sim.wait();
        if timer == Timer::Expired {
            break at;
        }
        sim.register();
        sim.machine.handle_failed(sim.now);
        while sim.machine.poll().is_some() {}
    };
    assert_eq!(fell.as_millis(), 3_600_000);
    sim.changed(false, 0);
    assert!(!sim.machine.is_up());
    assert!(matches!(
        sim.machine.poll_timeout(),
        Some((_, Timer::Retry))
    ));
}

#[test]
fn registration_is_taken_back_on_stop() {
    let mut sim = Sim::start();
    sim.up();
    sim.machine.unregister();
    sim.machine.unregister();
    let leave = sim.register();
    assert_eq!(leave.headers().expires(), Some(0));
    sim.respond(&leave, 401, &[(Name::WwwAuthenticate, CHALLENGE)]);
    let leave = sim.register();
    assert_eq!(leave.headers().expires(), Some(0));
    assert!(leave.headers().has(Name::Authorization));
    sim.respond(&leave, 200, &[]);
    sim.changed(false, 200);
    assert!(sim.machine.is_gone());
    assert_eq!(sim.machine.poll_timeout(), None);
    sim.quiet();
}

#[test]
fn what_never_stood_is_not_taken_back() {
    let mut sim = Sim::start();
    let first = sim.register();
    sim.respond(&first, 403, &[]);
    sim.changed(false, 403);
    sim.machine.unregister();
    sim.quiet();
    assert!(sim.machine.is_gone());
}

#[test]
fn answer_to_an_earlier_register_changes_nothing() {
    let mut sim = Sim::start();
    let first = sim.up();
    sim.wait();
    sim.register();
    sim.respond(&first, 403, &[]);
    sim.quiet();
    assert_eq!(
        sim.machine.poll_timeout().map(|(_, timer)| timer),
        Some(Timer::Expired)
    );
}
