//! How a transfer goes, told to who asked for it (RFC 3515 2.4.4): a status line for each step, and the last one ends it.

use crate::base::time::Moment;
use crate::call::hands::{Hands, Owner};
use crate::call::machine::transfer::Referrer;
use crate::call::machine::{Call, Errand, State};
use crate::sip::header::Name;
use crate::sip::message::Method;
use crate::sip::refer::{SIPFRAG, sipfrag};

/// Seconds for which a step's notification promises another one: longer than any target rings.
const PROMISED_S: u32 = 180;

impl Call {
    /// Tells who asked for the transfer under way that its INVITE has got this status; a final one is the last word. What it
    /// answers changes nothing: where its subscription is gone, it does not want to know.
    pub(super) fn notify(&mut self, now: Moment, hands: &mut Hands, status: u16) {
        let key = self.key;
        let State::Up(up) = &mut self.state else {
            return;
        };
        let Some(transfer) = &mut up.transfer else {
            return;
        };
        let (Some(event), Some(attempt)) = (transfer.event, self.attempts.get_mut(transfer.by))
        else {
            return;
        };
        let leg = &mut attempt.leg;
        let state = match status {
            ..200 => format!("active;expires={PROMISED_S}"),
            _final => "terminated;reason=noresource".to_owned(),
        };
        // It hung up and listens on: its dialog is back for this one request.
        if let Referrer::Gone(dialog) = &mut transfer.referrer {
            leg.dialog = dialog.take().map(|dialog| *dialog);
        }
        let owner = Owner::Call(key, leg.id, Errand::Notify);
        let contact = hands.contact_of(leg);
        hands.within(now, leg, &Method::Notify, owner, |notify| {
            notify
                .header(Name::Contact, contact)
                .header(Name::Event, event)
                .header(Name::SubscriptionState, state)
                .body(SIPFRAG, sipfrag(status).as_bytes())
        });
        if let Referrer::Gone(dialog) = &mut transfer.referrer {
            *dialog = leg.dialog.take().map(Box::new);
        }
    }
}
