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
mod tests;
