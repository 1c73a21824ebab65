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
mod tests {
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
}
