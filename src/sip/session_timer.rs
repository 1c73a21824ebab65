//! Session timers (RFC 4028): a dialog that nobody refreshes in time ends, so that no call outlives a peer that vanished.
//!
//! A machine for one dialog. It reads what the peer wants, says what is written, and when to act; which request refreshes
//! and what is told to whom when the session has expired is the call's.

use std::time::Duration;

use crate::base::time::Moment;
use crate::sip::header::Name;
use crate::sip::headers::Headers;
use crate::sip::scan;
use crate::sip::write::RequestWriter;

/// The option tag (RFC 4028 section 11).
pub const OPTION: &str = "timer";
/// No Min-SE is smaller, and this is what holds where there is none (section 5).
pub const MIN_SE_S: u32 = 90;
/// The interval that section 4 recommends.
pub const SESSION_EXPIRES_S: u32 = 1_800;
/// What a peer may make us agree to, though section 5 would have 90: shorter ones would cost a request every few seconds and
/// are taken as nothing said.
const INTERVAL_S_MIN: u32 = 10;
/// Times that one peer may raise its minimum. Each proxy on the way may do so once, and real paths have three.
const RAISES_MAX: u8 = 4;
/// Section 10: whoever waits gives up so much before the end, or a third of the interval where that is less.
const SPARE: Duration = Duration::from_secs(32);

/// What the admin wants of sessions: `session_expires_s` and `min_se_s` of `[sip]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The interval that is asked for; 0: none is asked for, and peers' wishes are followed.
    pub expires_s: u32,
    /// The shortest interval that is agreed to.
    pub min_se_s: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            expires_s: SESSION_EXPIRES_S,
            min_se_s: MIN_SE_S,
        }
    }
}

/// Who sends the refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// We do.
    Us,
    /// The peer does.
    Peer,
}

/// What a session timer waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Half of the interval is over, or a refresh that failed is due again: the call refreshes.
    Refresh,
    /// No refresh came through in time: the call ends.
    Expired,
}

/// What a 2xx of ours says about the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The value of Session-Expires.
    pub expires: String,
    /// Whether Require names [`OPTION`]: the peer knows it (section 9).
    pub required: bool,
}

/// The session timer of one dialog.
#[derive(Clone, Debug)]
pub struct SessionTimer {
    policy: Policy,
    /// The largest Min-SE that the path has named, or ours.
    min_se_s: u32,
    raises: u8,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// No interval is agreed: the dialog lasts until its BYE.
    Off,
    /// Refreshed in time, or over.
    Running {
        interval_s: u32,
        refresher: Refresher,
        /// When the refresh is due; `None`: the peer sends it, or ours is on its way.
        refresh: Option<Moment>,
        expired: Moment,
    },
}

impl SessionTimer {
    /// Starts with no interval agreed.
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            min_se_s: policy.min_se_s,
            raises: 0,
            state: State::Off,
        }
    }

    /// Adds what an INVITE or UPDATE of ours says: the interval in force, or the one we wish for (section 7.1, 7.4).
    #[must_use]
    pub fn ask(&self, request: RequestWriter) -> RequestWriter {
        let (interval_s, role) = match self.state {
            // Who refreshes is the peer's choice at first.
            State::Off if self.policy.expires_s == 0 => return request,
            State::Off => (self.policy.expires_s, ""),
            State::Running {
                interval_s,
                refresher,
                ..
            } => match refresher {
                Refresher::Us => (interval_s, ";refresher=uac"),
                Refresher::Peer => (interval_s, ";refresher=uas"),
            },
        };
        let interval_s = interval_s.max(self.min_se_s);
        request
            .header(Name::SessionExpires, format_args!("{interval_s}{role}"))
            .header(Name::MinSe, self.min_se_s)
    }

    /// Whether a request asks for a shorter session than we agree to: then it is answered 422 with this Min-SE. A sender
    /// that does not know session timers cannot be told so (section 9).
    pub fn too_small(policy: Policy, request: &Headers) -> Option<u32> {
        let (asked_s, _) = session_expires(request)?;
        (knows_timers(request) && asked_s < policy.min_se_s).then_some(policy.min_se_s)
    }

    /// Agrees to what a request of the peer's asks for, and says what its 2xx tells; `None`: the session has no timer.
    pub fn accept(&mut self, now: Moment, request: &Headers) -> Option<Terms> {
        let knows = knows_timers(request);
        let theirs = min_se(request);
        self.min_se_s = self.min_se_s.max(theirs.unwrap_or(0));
        let floor_s = theirs.unwrap_or(MIN_SE_S);
        let ours_s = self.policy.expires_s;
        // Whoever does not know of timers cannot be refused with 422, nor may the interval be raised here (section 9): what is
        // less than we agree to is not agreed to.
        let least_s = if knows {
            INTERVAL_S_MIN
        } else {
            self.policy.min_se_s
        };
        let asked = session_expires(request).filter(|(asked_s, _)| *asked_s >= least_s);
        let (interval_s, role) = match asked {
            // It may be made shorter, never longer, and not shorter than the path's minimum.
            Some((asked_s, role)) if ours_s > 0 => (asked_s.min(ours_s.max(floor_s)), role),
            Some(asked) => asked,
            // Refreshing for a peer that knows nothing of it would only ask whether it is there; the call does that.
            None if knows && ours_s > 0 => (ours_s.max(self.min_se_s), None),
            None => {
                self.state = State::Off;
                return None;
            }
        };
        // Table 2 of section 9; where it is left to us, we do it ourselves.
        let refresher = match role {
            Some(Role::Uac) if knows => Refresher::Peer,
            Some(Role::Uac | Role::Uas) | None => Refresher::Us,
        };
        self.start(now, interval_s, refresher);
        let role = match refresher {
            Refresher::Us => "uas",
            Refresher::Peer => "uac",
        };
        Some(Terms {
            expires: format!("{interval_s};refresher={role}"),
            required: knows,
        })
    }

    /// Takes what the 2xx to a request of ours says: the interval runs anew, or there is none any more (section 7.2).
    pub fn agreed(&mut self, now: Moment, response: &Headers) {
        let said = session_expires(response).filter(|(said_s, _)| *said_s >= INTERVAL_S_MIN);
        match said {
            Some((interval_s, role)) => {
                let refresher = match role {
                    Some(Role::Uas) => Refresher::Peer,
                    Some(Role::Uac) | None => Refresher::Us,
                };
                self.start(now, interval_s, refresher);
            }
            None => self.state = State::Off,
        }
    }

    /// Takes a 422 to a request of ours; `true`: the same again says enough now (section 7.3).
    pub fn raise(&mut self, response: &Headers) -> bool {
        let Some(wanted_s) = min_se(response) else {
            return false;
        };
        let asked_s = match self.state {
            State::Off if self.policy.expires_s == 0 => return false,
            State::Off => self.policy.expires_s,
            State::Running { interval_s, .. } => interval_s,
        };
        let more = wanted_s > asked_s.max(self.min_se_s) && self.raises < RAISES_MAX;
        if more {
            self.raises += 1;
            self.min_se_s = wanted_s;
        }
        more
    }

    /// A refresh of ours failed in a way that leaves the dialog standing: it is due again after `delay`, if that is not
    /// too late.
    pub fn postpone(&mut self, now: Moment, delay: Duration) {
        match &mut self.state {
            State::Running {
                refresher: Refresher::Us,
                refresh,
                ..
            } => *refresh = Some(now + delay),
            State::Running { .. } | State::Off => {}
        }
    }

    /// How long after a failure the refresh is tried again where the peer says nothing: five times before the session ends.
    pub fn patience(&self) -> Duration {
        match self.state {
            State::Running { interval_s, .. } => Duration::from_secs(u64::from(interval_s)) / 10,
            State::Off => Duration::ZERO,
        }
    }

    /// Whether an interval is agreed: somebody refreshes, and a peer that vanished is noticed.
    pub const fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Who refreshes, where an interval is agreed.
    pub const fn refresher(&self) -> Option<Refresher> {
        match self.state {
            State::Running { refresher, .. } => Some(refresher),
            State::Off => None,
        }
    }

    /// When to call [`Self::handle_timeout`], and why.
    pub fn poll_timeout(&self) -> Option<(Moment, Timer)> {
        match self.state {
            State::Off => None,
            State::Running {
                refresh, expired, ..
            } => {
                let refresh = refresh.map(|at| (at, Timer::Refresh));
                refresh.into_iter().chain([(expired, Timer::Expired)]).min()
            }
        }
    }

    /// Says what is due; each thing is said once.
    pub fn handle_timeout(&mut self, now: Moment) -> Option<Timer> {
        let State::Running {
            refresh, expired, ..
        } = &mut self.state
        else {
            return None;
        };
        if *expired <= now {
            self.state = State::Off;
            return Some(Timer::Expired);
        }
        refresh.take_if(|at| *at <= now).map(|_due| Timer::Refresh)
    }

    fn start(&mut self, now: Moment, interval_s: u32, refresher: Refresher) {
        let interval = Duration::from_secs(u64::from(interval_s));
        let refresh = match refresher {
            Refresher::Us => Some(now + interval / 2),
            Refresher::Peer => None,
        };
        self.state = State::Running {
            interval_s,
            refresher,
            refresh,
            expired: now + (interval - SPARE.min(interval / 3)),
        };
    }
}

/// Who the refresher is, in the words of one request: whoever sends it, or whoever answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Uac,
    Uas,
}

fn session_expires(headers: &Headers) -> Option<(u32, Option<Role>)> {
    let value = headers.get(Name::SessionExpires)?;
    let (seconds, params) = seconds(value)?;
    let refresher = scan::Params::new(params).get("refresher").flatten();
    let role = refresher.and_then(|role| match role {
        role if role.eq_ignore_ascii_case(b"uac") => Some(Role::Uac),
        role if role.eq_ignore_ascii_case(b"uas") => Some(Role::Uas),
        _unknown => None,
    });
    Some((seconds, role))
}

fn min_se(headers: &Headers) -> Option<u32> {
    let (seconds, _) = seconds(headers.get(Name::MinSe)?)?;
    Some(seconds.max(MIN_SE_S))
}

/// Reads delta-seconds and what follows them; a number that does not fit is the largest that does.
fn seconds(value: &[u8]) -> Option<(u32, &[u8])> {
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    let (number, params) = value.split_at_checked(end)?;
    let number = scan::trim(number);
    let digits = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    digits.then(|| (scan::number(number).unwrap_or(u32::MAX), params))
}

fn knows_timers(request: &Headers) -> bool {
    request.lists(Name::Supported, OPTION) || request.lists(Name::Require, OPTION)
}

#[cfg(test)]
mod tests;
