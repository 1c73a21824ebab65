//! A simulated phone that sends the other side on (REFER: RFC 3515), and hears how that goes.

use std::time::Duration;

use ringtag::base::time::Moment;

use crate::phone::{Act, Phone, State};
use crate::text::body;

impl Phone {
    /// Asks that the other side be sent to another extension; `leaves`: it hangs up as soon as it has a 202.
    pub(super) fn refer(&mut self, now: Moment, extension: u16, leaves: bool) {
        if self.clients.iter().any(|one| one.method == "REFER") {
            return;
        }
        self.leaves = leaves;
        let more = format!("Refer-To: <sip:{extension}@10.67.0.1>\r\n");
        self.request_in(now, "REFER", "", None, &more);
    }

    /// Asks that the other side be sent to whom the phone talks with whose dialog this names.
    pub(crate) fn refer_to_party_of(&mut self, now: Moment, named: &str, leaves: bool) {
        if self.clients.iter().any(|one| one.method == "REFER") {
            return;
        }
        self.leaves = leaves;
        let escaped = named.replace(';', "%3B").replace('=', "%3D");
        let more = format!("Refer-To: <sip:10.1.1.1?Replaces={escaped}>\r\n");
        self.request_in(now, "REFER", "", None, &more);
    }

    pub(super) fn referred(&mut self, now: Moment, status: u16) {
        match status {
            200..=299 if self.leaves && self.state == State::Up => self.bye(now),
            481 if self.state == State::Up => self.bye(now),
            _goes_on => {}
        }
    }

    pub(super) fn notified(&mut self, now: Moment, key: &str, text: &str) {
        self.respond(key, text, 200, "", "");
        if body(text).starts_with("SIP/2.0 2") {
            self.plan
                .push((now + Duration::from_millis(200), Act::HangUp));
        }
    }
}
