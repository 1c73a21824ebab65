//! A call that rings at a phone.

use std::sync::Arc;
use std::time::Duration;

use rsip::Method;
use rsip::message::HeadersExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::phones::call::{Call, aim_of};
use crate::phones::dialog::Dialog;
use crate::phones::message;
use crate::phones::offer::{self, DIGITS, Terms};
use crate::phones::phone::{Fault, Settings};
use crate::phones::sound::Sound;
use crate::phones::transaction::Unacknowledged;
use crate::phones::wire::{Arrived, Wire};
use crate::sdp::session::Direction;

/// An INVITE that waits for its answer. It must be answered or rejected; dropped, the caller hears nothing more.
#[derive(Debug)]
pub struct Incoming {
    wire: Arc<Wire>,
    settings: Settings,
    arrived: Arrived,
    inbox: mpsc::Receiver<Arrived>,
    dialog: Dialog,
    tag: String,
    sound: Sound,
    terms: Option<Terms>,
}

/// What a phone does with a call: rings, then answers or rejects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How long it rings.
    pub ring: Duration,
    /// Whether its tone is heard while it rings (183 with SDP).
    pub early_media: bool,
    /// `None`: takes the call; else the final status.
    pub reject: Option<u16>,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            ring: Duration::from_millis(200),
            early_media: false,
            reject: None,
        }
    }
}

impl Incoming {
    pub(in crate::phones) async fn new(
        wire: &Arc<Wire>,
        settings: &Settings,
        arrived: Arrived,
        inbox: mpsc::Receiver<Arrived>,
    ) -> Result<Self, Fault> {
        let tag = wire.token();
        let dialog = Dialog::answer(wire, &settings.name, &arrived.request, &tag, arrived.peer)?;
        let ssrc = u32::from_str_radix(tag.get(..8).unwrap_or("1"), 16).unwrap_or(1);
        let sound = Sound::open(wire.address.ip(), settings.tone_hz, ssrc).await?;
        let body = &arrived.request.body;
        let terms = match body.is_empty() {
            true => None,
            false => Some(Terms::read(body)?),
        };
        let wire = Arc::clone(wire);
        let settings = settings.clone();
        Ok(Self {
            wire,
            settings,
            arrived,
            inbox,
            dialog,
            tag,
            sound,
            terms,
        })
    }

    /// The user of the request-URI: what was dialled.
    pub fn dialled(&self) -> Option<String> {
        self.arrived.request.uri.user().map(str::to_owned)
    }

    /// The user of From: whom the manager sees.
    pub fn caller(&self) -> Option<String> {
        let uri = self.arrived.request.from_header().ok()?.uri().ok()?;
        uri.user().map(str::to_owned)
    }

    /// SIP's Call-ID of this leg.
    pub fn call_id(&self) -> &str {
        &self.dialog.call_id
    }

    /// The first header of that name in the INVITE.
    pub fn header(&self, name: &str) -> Option<String> {
        message::header(&self.arrived.request, name)
    }

    /// Says 180.
    pub async fn ring(&self) {
        self.provisional(180, None).await;
    }

    /// Says 183 with SDP and plays the tone before the answer. Without an offer there is nothing to answer: 180.
    pub async fn ring_aloud(&self) {
        let Some(terms) = &self.terms else {
            return self.ring().await;
        };
        self.provisional(183, Some(self.describe())).await;
        self.sound.aim(aim_of(terms, self.settings.law));
    }

    /// Rings for so long.
    ///
    /// # Errors
    /// The caller gave up; the CANCEL and the INVITE are answered.
    pub async fn wait(mut self, ring: Duration) -> Result<Self, Fault> {
        let until = Instant::now() + ring;
        while let Ok(arrived) = timeout_at(until, self.inbox.recv()).await {
            let Some(arrived) = arrived else {
                return Err(Fault::Closed);
            };
            let cancelled = arrived.request.method == Method::Cancel;
            let status = if cancelled { 200 } else { 481 };
            let response = message::response(&arrived.request, status, &self.tag, None, None);
            self.wire.answer(&arrived, response).await;
            if cancelled {
                self.reject(487).await;
                return Err(Fault::Cancelled);
            }
        }
        Ok(self)
    }

    /// Does as told.
    ///
    /// # Errors
    /// The caller gave up, or the answer told to reject the call.
    pub async fn follow(self, answer: &Answer) -> Result<Call, Fault> {
        if answer.early_media {
            self.ring_aloud().await;
        } else {
            self.ring().await;
        }
        let ringing = self.wait(answer.ring).await?;
        match answer.reject {
            None => Ok(ringing.answer().await),
            Some(status) => {
                ringing.reject(status).await;
                Err(Fault::Refused(status))
            }
        }
    }

    /// Takes the call: 200, repeated until its ACK comes.
    pub async fn answer(self) -> Call {
        let contact = self.dialog.contact().to_owned();
        let sdp = Some(self.describe());
        let request = &self.arrived.request;
        let response = message::response(request, 200, &self.tag, Some(&contact), sdp);
        let bytes = self.wire.answer(&self.arrived, response).await;
        if let Some(terms) = &self.terms {
            self.sound.aim(aim_of(terms, self.settings.law));
        }
        let answer = Unacknowledged::new(bytes, self.arrived.peer);
        let law = self.settings.law;
        Call::begin(
            self.wire,
            self.dialog,
            self.sound,
            law,
            self.inbox,
            Some(answer),
        )
    }

    /// Turns the call down; the answer is repeated in the background until its ACK comes.
    pub async fn reject(self, status: u16) {
        let response = message::response(&self.arrived.request, status, &self.tag, None, None);
        let bytes = self.wire.answer(&self.arrived, response).await;
        let answer = Unacknowledged::new(bytes, self.arrived.peer);
        let call_id = self.dialog.call_id;
        tokio::spawn(async move {
            answer.until_acked(Arc::clone(&self.wire), self.inbox).await;
            self.wire.leave(&call_id);
        });
    }

    async fn provisional(&self, status: u16, sdp: Option<Vec<u8>>) {
        let contact = Some(self.dialog.contact());
        let response = message::response(&self.arrived.request, status, &self.tag, contact, sdp);
        self.wire.answer(&self.arrived, response).await;
    }

    /// The answer to the offer, or an offer where there is none. The same each time: an answer does not change.
    fn describe(&self) -> Vec<u8> {
        let here = self.sound.address;
        match &self.terms {
            Some(terms) => {
                let digits = terms.digits.map(|_| DIGITS);
                let direction = offer::reverse(terms.direction);
                offer::describe(
                    here,
                    1,
                    &[terms.choose(self.settings.law)],
                    digits,
                    direction,
                )
            }
            None => {
                let laws = [self.settings.law, self.settings.law.other()];
                offer::describe(here, 1, &laws, Some(DIGITS), Direction::SendRecv)
            }
        }
    }
}
