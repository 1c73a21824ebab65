//! The session timer of a simulated phone (RFC 4028), in either part.

use std::time::Duration;

use ringtag::base::time::Moment;

use crate::phone::{Phone, State};
use crate::text::{header, lists};

/// What two phones agreed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    interval_s: u32,
    /// This phone refreshes.
    mine: bool,
    refresh: Option<Moment>,
    over: Moment,
}

impl Running {
    fn new(now: Moment, interval_s: u32, mine: bool, forgets: bool) -> Self {
        let interval = Duration::from_secs(interval_s.into());
        // Section 10: whoever waits gives up a little before the end. Who forgot to refresh waits a little longer, to see it.
        let over = match (mine, forgets) {
            (true, true) => interval + Duration::from_secs(3),
            (true, false) => interval,
            (false, _) => interval - (interval / 3).min(Duration::from_secs(32)),
        };
        Self {
            interval_s,
            mine,
            refresh: (mine && !forgets).then(|| now + interval / 2),
            over: now + over,
        }
    }

    pub(super) fn next(&self) -> Moment {
        self.refresh.map_or(self.over, |at| at.min(self.over))
    }
}

impl Phone {
    fn forgets(&self) -> bool {
        self.habits.session.is_some_and(|wish| wish.forgets)
    }

    /// What a request of ours says of the session.
    pub(super) fn session_headers(&self) -> String {
        let (interval_s, role) = match (&self.session, self.habits.session) {
            (_, None) => return String::new(),
            (Some(running), _) if running.mine => (running.interval_s, ";refresher=uac"),
            (Some(running), _) => (running.interval_s, ";refresher=uas"),
            (None, Some(wish)) => {
                let role = match wish.refreshes {
                    Some(true) => ";refresher=uac",
                    Some(false) => ";refresher=uas",
                    None => "",
                };
                (wish.interval_s, role)
            }
        };
        let least = self
            .min_se_s
            .max(self.habits.session.map_or(0, |wish| wish.min_s));
        let interval_s = interval_s.max(least);
        format!("Session-Expires: {interval_s}{role}\r\nMin-SE: {least}\r\n")
    }

    /// Takes the 2xx to an INVITE or UPDATE of ours.
    pub(super) fn session_agreed(&mut self, now: Moment, response: &str) {
        let (interval_s, refresher) = session_expires(response);
        let forgets = self.forgets();
        self.session = (interval_s > 0)
            .then(|| Running::new(now, interval_s, refresher != Some("uas"), forgets));
    }

    /// Takes what a request asks for; what the 2xx says of it.
    pub(super) fn session_terms(&mut self, now: Moment, request: &str) -> String {
        let Some(wish) = self.habits.session else {
            self.session = None;
            return String::new();
        };
        let knows = lists(request, "Supported", "timer");
        let (asked_s, refresher) = session_expires(request);
        let least = header(request, "Min-SE").parse().unwrap_or(90);
        let interval_s = match asked_s {
            0 => wish.interval_s.max(least),
            asked_s => asked_s.min(wish.interval_s.max(least)),
        };
        let mine = match refresher {
            _ if !knows => true,
            Some("uac") => false,
            Some(_uas) => true,
            None => wish.refreshes.unwrap_or(true),
        };
        let forgets = self.forgets();
        self.session = Some(Running::new(now, interval_s, mine, forgets));
        let require = if knows { "Require: timer\r\n" } else { "" };
        let role = if mine { "uas" } else { "uac" };
        format!("{require}Session-Expires: {interval_s};refresher={role}\r\n")
    }

    /// The Min-SE for the 422 that a request gets, whose session would be too short.
    pub(super) fn too_short(&self, request: &str) -> Option<u32> {
        let wish = self.habits.session?;
        let (asked_s, _) = session_expires(request);
        let knows = lists(request, "Supported", "timer");
        (knows && asked_s > 0 && asked_s < wish.min_s).then_some(wish.min_s)
    }

    /// Refreshes, or gives up, when it is time.
    pub(super) fn session_due(&mut self, now: Moment) {
        let Some(running) = self.session.filter(|running| running.next() <= now) else {
            return;
        };
        if self.state != State::Up {
            self.session = None;
            return;
        }
        if running.over <= now {
            self.session = None;
            match (running.mine, self.forgets()) {
                // It promised and did nothing: the other side has to have hung up by now.
                (true, true) => self.outlived = true,
                (true, false) => {}
                (false, _) => self.unrefreshed = true,
            }
            return self.bye(now);
        }
        let busy = !self.may_modify() || self.clients.iter().any(|one| one.method == "UPDATE");
        let wait = if busy {
            Duration::from_secs(1)
        } else {
            Duration::from_secs(u64::from(running.interval_s) / 2)
        };
        self.session = Some(Running {
            refresh: Some(now + wait),
            ..running
        });
        match (busy, self.habits.updates) {
            (true, _) => {}
            (false, true) => self.request(now, "UPDATE", ""),
            (false, false) => {
                let again = self.sdp(self.direction);
                self.request(now, "INVITE", &again);
            }
        }
    }
}

/// The interval, 0 where there is none, and who refreshes.
fn session_expires(text: &str) -> (u32, Option<&str>) {
    let value = header(text, "Session-Expires");
    let (interval_s, params) = value.split_once(';').unwrap_or((value, ""));
    let role = params.strip_prefix("refresher=");
    (interval_s.parse().unwrap_or(0), role)
}
