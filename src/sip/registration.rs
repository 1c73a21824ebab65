//! A registration that is kept alive at a carrier (RFC 3261 section 10.2).
//!
//! The machine says what to send and is told what came of it; transactions are the endpoint's, addresses the user's.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::chance::{Chance, Token};
use crate::base::time::Moment;
use crate::sip::auth::{Challenge, Credentials, Round};
use crate::sip::header::Name;
use crate::sip::headers::CSeq;
use crate::sip::message::Response;
use crate::sip::method::Method;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::{Scheme, Uri};
use crate::sip::write::{Outgoing, RequestWriter};

/// What is asked for: an hour, the default of RFC 3261 10.2.
pub const EXPIRES_S: u32 = 3_600;
/// The longest that a registrar may demand with 423: beyond a day it is a mistake.
const EXPIRES_MAX_S: u32 = 86_400;
/// The wait after the first failure; it doubles with each that follows.
const RETRY_MIN: Duration = Duration::from_secs(5);
/// The longest wait of our own: a carrier that is back is noticed within ten minutes.
const RETRY_MAX: Duration = Duration::from_secs(600);
/// The longest wait that a Retry-After is followed for.
const RETRY_AFTER_MAX_S: u32 = 3_600;
/// Most challenges answered in a row: a stale nonce, then another realm; more is a loop.
const CHALLENGES_MAX: u32 = 3;

/// Routes that are kept of one registrar: an edge and a core, and room for more.
const ROUTES_MAX: usize = 8;
/// Their length together: they stand in each request, which has to fit a datagram.
const ROUTES_BYTES_MAX: usize = 1_024;

/// Where and as whom to register.
#[derive(Clone, Debug)]
pub struct Account {
    /// The registrar: `sip:sip.example.net`.
    pub registrar: Uri,
    /// The address that calls come for: `sip:74950000000@sip.example.net`.
    pub address: Uri,
    /// Where we want them: our Contact.
    pub contact: Uri,
    /// The value of Route: an outbound proxy.
    pub route: Option<String>,
    /// Who answers challenges; `None`: the carrier knows us by address.
    pub credentials: Option<Credentials>,
    /// The User-Agent header.
    pub user_agent: String,
}

/// What the machine wants done or tells.
#[derive(Debug)]
pub enum Action {
    /// Send this REGISTER, and report its response or failure.
    Register(Outgoing),
    /// The registrar says by which Route requests other than REGISTER shall go (RFC 3608); empty: by none.
    Routes(Vec<String>),
    /// The registration stands, no longer stands, or still does not for another reason.
    Changed {
        /// It stands.
        up: bool,
        /// The registrar's status; 0 when it said nothing.
        status: u16,
    },
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The registration will expire: it is refreshed.
    Refresh,
    /// The last attempt failed: the next one is made.
    Retry,
    /// No attempt to refresh came through: the registration no longer stands.
    Expired,
}

/// One registration.
#[derive(Debug)]
pub struct Registration {
    account: Account,
    chance: Chance,
    call_id: Token,
    tag: Token,
    cseq: u32,
    expires_s: u32,
    state: State,
    /// Until when the registrar keeps it, as far as we know.
    stands_until: Option<Moment>,
    /// What was last told.
    told: Option<(bool, u16)>,
    failures: u32,
    /// The Service-Route that was told last.
    routes: Vec<String>,
    challenges: Vec<Answered>,
    actions: VecDeque<Action>,
}

/// A challenge under which requests are sent until a new one replaces it.
#[derive(Debug)]
struct Answered {
    header: Name,
    challenge: Challenge,
    count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A REGISTER is out.
    Asking {
        /// How many challenges in a row were answered.
        challenges: u32,
    },
    /// It stands.
    Standing {
        refresh_at: Moment,
    },
    /// The last attempt failed.
    Waiting {
        retry_at: Moment,
    },
    /// A REGISTER with Expires 0 is out.
    Leaving {
        /// How many challenges in a row were answered.
        challenges: u32,
    },
    Gone,
}

impl Registration {
    /// Starts to register.
    pub fn new(account: Account, mut chance: Chance) -> Self {
        let mut machine = Self {
            call_id: chance.token(),
            tag: chance.token(),
            account,
            chance,
            cseq: 0,
            expires_s: EXPIRES_S,
            state: State::Asking { challenges: 0 },
            stands_until: None,
            told: None,
            failures: 0,
            routes: Vec::new(),
            challenges: Vec::new(),
            actions: VecDeque::new(),
        };
        machine.send(EXPIRES_S);
        machine
    }

    /// Takes a response to the REGISTER that is out.
    pub fn handle_response(&mut self, now: Moment, response: &Response) {
        let status = response.status();
        // An answer to an earlier REGISTER says nothing about this one.
        if status < 200 || response.headers().cseq().number != self.cseq {
            return;
        }
        match (self.state, status) {
            (State::Asking { .. }, 200..300) => self.handle_accepted(now, response),
            (State::Leaving { .. }, 200..300) => self.gone(status),
            (State::Asking { challenges }, 401 | 407) => {
                self.state = State::Asking {
                    challenges: challenges + 1,
                };
                if challenges >= CHALLENGES_MAX || !self.take_challenges(response) {
                    return self.fail(now, status, None);
                }
                self.send(self.expires_s);
            }
            (State::Leaving { challenges }, 401 | 407) => {
                self.state = State::Leaving {
                    challenges: challenges + 1,
                };
                if challenges >= CHALLENGES_MAX || !self.take_challenges(response) {
                    return self.gone(status);
                }
                self.send(0);
            }
            (State::Asking { .. }, 423) => match min_expires(response) {
                // Once it was granted what it demands, another 423 is a failure.
                Some(min) if min > self.expires_s && min <= EXPIRES_MAX_S => {
                    self.expires_s = min;
                    self.send(min);
                }
                Some(_) | None => self.fail(now, status, None),
            },
            (State::Asking { .. }, _) => self.fail(now, status, response.headers().retry_after()),
            (State::Leaving { .. }, _) => self.gone(status),
            (State::Standing { .. } | State::Waiting { .. } | State::Gone, _) => {}
        }
    }

    /// Takes the word that the REGISTER that is out failed without a response.
    pub fn handle_failed(&mut self, now: Moment) {
        match self.state {
            State::Asking { .. } => self.fail(now, 0, None),
            State::Leaving { .. } => self.gone(0),
            State::Standing { .. } | State::Waiting { .. } | State::Gone => {}
        }
    }

    /// Sends the REGISTER that is out again, to be taken to another place of the same registrar.
    pub fn handle_elsewhere(&mut self) {
        match self.state {
            State::Asking { .. } => {
                self.state = State::Asking { challenges: 0 };
                self.challenges.clear();
                self.send(self.expires_s);
            }
            State::Leaving { .. } => {
                self.state = State::Leaving { challenges: 0 };
                self.challenges.clear();
                self.send(0);
            }
            State::Standing { .. } | State::Waiting { .. } | State::Gone => {}
        }
    }

    /// Whether a REGISTER is out whose answer this response is.
    pub fn awaits(&self, response: &Response) -> bool {
        let asks = matches!(self.state, State::Asking { .. } | State::Leaving { .. });
        asks && response.headers().cseq().number == self.cseq
    }

    /// Advances time. Calling early or twice changes nothing.
    pub fn handle_timeout(&mut self, now: Moment) {
        if self.stands_until.is_some_and(|until| until <= now) {
            self.stands_until = None;
            self.tell(false, self.told.map_or(0, |(_, status)| status));
        }
        match self.state {
            State::Standing { refresh_at: at } | State::Waiting { retry_at: at } if at <= now => {
                self.state = State::Asking { challenges: 0 };
                self.send(self.expires_s);
            }
            State::Asking { .. }
            | State::Standing { .. }
            | State::Waiting { .. }
            | State::Leaving { .. }
            | State::Gone => {}
        }
    }

    /// Takes the registration back. Only what may stand is taken back; nothing is sent afterwards.
    pub fn unregister(&mut self) {
        match self.state {
            State::Leaving { .. } | State::Gone => {}
            State::Asking { .. } | State::Standing { .. } | State::Waiting { .. } => {
                if self.stands_until.is_none() && !matches!(self.state, State::Asking { .. }) {
                    self.state = State::Gone;
                    return;
                }
                self.state = State::Leaving { challenges: 0 };
                self.send(0);
            }
        }
    }

    /// Returns the next thing to do or to know, or `None` when drained.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Returns when to call [`Self::handle_timeout`] next, and which timer asks.
    pub fn poll_timeout(&self) -> Option<(Moment, Timer)> {
        let next = match self.state {
            State::Standing { refresh_at } => Some((refresh_at, Timer::Refresh)),
            State::Waiting { retry_at } => Some((retry_at, Timer::Retry)),
            State::Asking { .. } | State::Leaving { .. } | State::Gone => None,
        };
        let expired = self.stands_until.map(|at| (at, Timer::Expired));
        [next, expired].into_iter().flatten().min()
    }

    /// Whether the registrar keeps our Contact, as far as we know.
    pub const fn is_up(&self) -> bool {
        self.stands_until.is_some()
    }

    /// Whether the registration was taken back, or given up after [`Self::unregister`].
    pub const fn is_gone(&self) -> bool {
        matches!(self.state, State::Gone)
    }

    fn handle_accepted(&mut self, now: Moment, response: &Response) {
        let granted = self.granted(response);
        if granted == 0 {
            return self.fail(now, response.status(), None);
        }
        self.failures = 0;
        self.stands_until = Some(now + Duration::from_secs(granted.into()));
        // Between 75 and 85 %: early enough for several attempts, and many trunks do not refresh in one burst.
        let percent = 75 + self.chance.below(10);
        let refresh = Duration::from_millis(u64::from(granted) * 10 * percent);
        self.state = State::Standing {
            refresh_at: now + refresh,
        };
        let routes = service_routes(response);
        // Told each time, so that what another registration of the same trunk took away is there again.
        if !routes.is_empty() || self.routes != routes {
            self.routes.clone_from(&routes);
            self.actions.push_back(Action::Routes(routes));
        }
        self.tell(true, response.status());
    }

    /// The seconds that the registrar grants: of our Contact, else of Expires, else what we asked for (10.2.4).
    fn granted(&self, response: &Response) -> u32 {
        let headers = response.headers();
        let ours = headers
            .contacts()
            .find(|contact| contact.uri().matches(&self.account.contact));
        let of_contact = ours.and_then(|contact| {
            let value = std::str::from_utf8(contact.param("expires")?).ok()?;
            value.parse().ok()
        });
        of_contact
            .or_else(|| headers.expires())
            .unwrap_or(self.expires_s)
    }

    fn fail(&mut self, now: Moment, status: u16, retry_after_s: Option<u32>) {
        let doubled = RETRY_MIN * 2_u32.saturating_pow(self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let own = doubled.min(RETRY_MAX);
        let asked = retry_after_s.map_or(Duration::ZERO, |s| {
            Duration::from_secs(s.min(RETRY_AFTER_MAX_S).into())
        });
        // Up to a tenth more, so that what a carrier's restart threw off does not come back at one moment.
        let wait = own.max(asked);
        let wait = wait + wait / 100 * u32::try_from(self.chance.below(10)).unwrap_or(0);
        self.state = State::Waiting {
            retry_at: now + wait,
        };
        self.tell(self.is_up(), status);
    }

    fn gone(&mut self, status: u16) {
        self.state = State::Gone;
        self.stands_until = None;
        self.tell(false, status);
    }

    fn tell(&mut self, up: bool, status: u16) {
        if !up && !std::mem::take(&mut self.routes).is_empty() {
            self.actions.push_back(Action::Routes(Vec::new()));
        }
        if self.told != Some((up, status)) {
            self.told = Some((up, status));
            self.actions.push_back(Action::Changed { up, status });
        }
    }

    /// Keeps the challenges of a response for the requests to come. `false`: they cannot be answered, or were in vain.
    fn take_challenges(&mut self, response: &Response) -> bool {
        if self.account.credentials.is_none() {
            return false;
        }
        let asked = Challenge::all(response.headers());
        let in_vain = |(header, challenge): &(Name, Challenge)| {
            !challenge.is_stale()
                && self.challenges.iter().any(|known| {
                    known.header == *header && known.challenge.nonce() == challenge.nonce()
                })
        };
        if asked.is_empty() || asked.iter().any(in_vain) {
            self.challenges.clear();
            return false;
        }
        for (header, challenge) in asked {
            self.challenges.retain(|known| {
                known.header != header || known.challenge.realm() != challenge.realm()
            });
            self.challenges.push(Answered {
                header,
                challenge,
                count: 0,
            });
        }
        true
    }

    fn send(&mut self, expires_s: u32) {
        self.cseq = self.cseq.saturating_add(1);
        let uri = self.account.registrar.as_str();
        let address = self.account.address.as_str();
        let mut writer = RequestWriter::new(&Method::Register, uri)
            .header(Name::MaxForwards, 70)
            .header(Name::From, format_args!("<{address}>;tag={}", self.tag))
            .header(Name::To, format_args!("<{address}>"))
            .header(Name::CallId, self.call_id)
            .header(
                Name::CSeq,
                CSeq {
                    number: self.cseq,
                    method: Method::Register,
                },
            )
            .header(Name::Contact, format_args!("<{}>", self.account.contact))
            .header(Name::Expires, expires_s)
            // Proxies on the way may put themselves into Path (RFC 3327 5.1).
            .header(Name::Supported, "path")
            .header(Name::UserAgent, &self.account.user_agent);
        if let Some(route) = &self.account.route {
            writer = writer.header(Name::Route, route);
        }
        if let Some(who) = &self.account.credentials {
            for answered in &mut self.challenges {
                answered.count += 1;
                let cnonce = self.chance.token().to_string();
                let round = Round {
                    count: answered.count,
                    cnonce: &cnonce,
                };
                let value = answered
                    .challenge
                    .answer(who, &Method::Register, uri, round);
                writer = writer.header(answered.header, value);
            }
        }
        self.actions.push_back(Action::Register(writer.outgoing()));
    }
}

/// The Service-Route of a 200 (RFC 3608 5), each value written anew. One that cannot be followed whole is not followed at all.
fn service_routes(response: &Response) -> Vec<String> {
    let mut routes = Vec::new();
    for value in response.headers().all(Name::ServiceRoute) {
        let route = NameAddr::parse(value).ok();
        let uri = route.as_ref().map(NameAddr::uri);
        let followed = uri.filter(|uri| match uri.scheme() {
            Scheme::Sip | Scheme::Sips => uri.is_loose_route(),
            Scheme::Tel | Scheme::Other => false,
        });
        match followed {
            Some(uri) if routes.len() < ROUTES_MAX => routes.push(format!("<{uri}>")),
            Some(_) | None => return Vec::new(),
        }
    }
    let length: usize = routes.iter().map(String::len).sum();
    if length > ROUTES_BYTES_MAX {
        routes.clear();
    }
    routes
}

fn min_expires(response: &Response) -> Option<u32> {
    response.headers().text(Name::MinExpires)?.parse().ok()
}

#[cfg(test)]
mod tests {
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

    const CHALLENGE: &str =
        "Digest realm=\"carrier\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"";

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
}
