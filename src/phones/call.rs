//! An answered call at a phone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rsip::{Method, Request};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::phones::dialog::Dialog;
use crate::phones::g711::Law;
use crate::phones::heard::Heard;
use crate::phones::message;
use crate::phones::offer::{self, DIGITS, Terms};
use crate::phones::phone::Fault;
use crate::phones::sound::{Aim, Sound};
use crate::phones::transaction::{Transaction, Unacknowledged};
use crate::phones::wire::{Arrived, Wire};
use crate::sdp::session::Direction;

/// An answered call. Dropped, it falls silent without a word to the peer: [`Self::hang_up`] is the polite way.
#[derive(Debug)]
pub struct Call {
    shared: Arc<Shared>,
    server: AbortHandle,
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// This phone.
    ByUs,
    /// The peer's BYE.
    ByPeer,
}

#[derive(Debug)]
struct Shared {
    wire: Arc<Wire>,
    dialog: Mutex<Dialog>,
    sound: Sound,
    law: Law,
    /// The version of our next description, and the direction that we said last.
    said: Mutex<(u32, Direction)>,
    ended: watch::Sender<Option<Ended>>,
}

impl Call {
    /// Takes over a dialog whose INVITE was answered with 2xx.
    pub(in crate::phones) fn begin(
        wire: Arc<Wire>,
        dialog: Dialog,
        sound: Sound,
        law: Law,
        inbox: mpsc::Receiver<Arrived>,
        answer: Option<Unacknowledged>,
    ) -> Self {
        let shared = Arc::new(Shared {
            wire,
            dialog: Mutex::new(dialog),
            sound,
            law,
            said: Mutex::new((2, Direction::SendRecv)),
            ended: watch::Sender::new(None),
        });
        let server = tokio::spawn(serve(Arc::clone(&shared), inbox, answer)).abort_handle();
        Self { shared, server }
    }

    /// Ends the call and waits for the peer's answer.
    ///
    /// # Errors
    /// The peer refused the BYE or said nothing for 32 s. The call is over all the same.
    pub async fn hang_up(&self) -> Result<(), Fault> {
        if self.shared.ended.borrow().is_some() {
            return Ok(());
        }
        self.shared.end(Ended::ByUs);
        let (bye, hop) = self.shared.request(Method::Bye, None);
        let response = Transaction::start(&self.shared.wire, bye, hop)
            .await?
            .finish()
            .await?;
        match response.status_code.code() {
            200..300 => Ok(()),
            status => Err(Fault::Refused(status)),
        }
    }

    /// Waits for the end of the call.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.shared.ended.subscribe();
        loop {
            if let Some(ended) = *ended.borrow_and_update() {
                return ended;
            }
            if ended.changed().await.is_err() {
                return Ended::ByUs;
            }
        }
    }

    /// What was heard so far; still to be had after the end.
    pub fn heard(&self) -> Heard {
        self.shared.sound.heard()
    }

    /// Sends RFC 4733 digits, 160 ms each, in place of the tone.
    pub fn press(&self, digits: &str) {
        self.shared.sound.press(digits);
    }

    /// SIP's Call-ID of this dialog.
    pub fn call_id(&self) -> String {
        lock(&self.shared.dialog).call_id.clone()
    }

    /// Puts the peer on hold: we play on and listen no more.
    ///
    /// # Errors
    /// The peer refused the offer, or it did not answer.
    pub async fn hold(&self) -> Result<(), Fault> {
        self.offer(Direction::SendOnly).await
    }

    /// Ends the hold.
    ///
    /// # Errors
    /// The peer refused the offer, or it did not answer.
    pub async fn resume(&self) -> Result<(), Fault> {
        self.offer(Direction::SendRecv).await
    }

    /// Sends a re-INVITE (RFC 3261 14.1).
    async fn offer(&self, direction: Direction) -> Result<(), Fault> {
        let shared = &self.shared;
        let laws = [shared.law, shared.law.other()];
        let sdp = shared.describe(&laws, Some(DIGITS), direction);
        let (invite, hop) = shared.request(Method::Invite, Some(sdp));
        let number = message::cseq(&invite).ok_or(Fault::Unreadable)?;
        let mut transaction = Transaction::start(&shared.wire, invite, hop).await?;
        loop {
            let response = transaction.next().await?;
            match response.status_code.code() {
                ..200 => {}
                200..300 => {
                    let (ack, hop) = {
                        let mut dialog = lock(&shared.dialog);
                        dialog.refresh(&response);
                        (dialog.ack(&shared.wire, number), dialog.hop())
                    };
                    transaction.acknowledge(ack, hop).await;
                    return shared.aim(&response.body);
                }
                status => return Err(Fault::Refused(status)),
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.server.abort();
        self.shared.sound.aim(None);
        let call_id = lock(&self.shared.dialog).call_id.clone();
        self.shared.wire.leave(&call_id);
    }
}

impl Shared {
    fn request(&self, method: Method, sdp: Option<Vec<u8>>) -> (Request, std::net::SocketAddr) {
        let mut dialog = lock(&self.dialog);
        (dialog.request(&self.wire, method, sdp), dialog.hop())
    }

    fn end(&self, by: Ended) {
        self.sound.aim(None);
        self.ended.send_if_modified(|ended| {
            let first = ended.is_none();
            ended.get_or_insert(by);
            first
        });
    }

    /// Writes our next description.
    fn describe(&self, laws: &[Law], digits: Option<u8>, direction: Direction) -> Vec<u8> {
        let mut said = lock(&self.said);
        let version = said.0;
        *said = (version + 1, direction);
        offer::describe(self.sound.address, version, laws, digits, direction)
    }

    /// Plays as the peer's description and our own direction allow.
    fn aim(&self, body: &[u8]) -> Result<(), Fault> {
        let terms = Terms::read(body)?;
        let may_send = lock(&self.said).1.sends();
        self.sound
            .aim(aim_of(&terms, self.law).filter(|_| may_send));
        Ok(())
    }

    /// Takes a request of the dialog. A final answer to an INVITE is returned: it wants an ACK.
    async fn take(&self, arrived: &Arrived) -> Option<Unacknowledged> {
        let request = &arrived.request;
        let (status, sdp) = match request.method {
            Method::Bye => {
                self.end(Ended::ByPeer);
                (200, None)
            }
            Method::Invite => {
                lock(&self.dialog).refresh(request);
                match self.answer_offer(&request.body) {
                    Ok(sdp) => (200, Some(sdp)),
                    Err(_) => (488, None),
                }
            }
            // A CANCEL that comes after the answer changes nothing (9.2).
            Method::Cancel | Method::Options | Method::Info | Method::Update => (200, None),
            Method::Ack
            | Method::Message
            | Method::Notify
            | Method::PRack
            | Method::Publish
            | Method::Refer
            | Method::Register
            | Method::Subscribe => (501, None),
        };
        let contact = lock(&self.dialog).contact().to_owned();
        let response = message::response(request, status, "", Some(&contact), sdp);
        let bytes = self.wire.answer(arrived, response).await;
        (request.method == Method::Invite).then(|| Unacknowledged::new(bytes, arrived.peer))
    }

    /// Answers a re-INVITE's offer, or makes one where it has none (its answer then comes in the ACK).
    fn answer_offer(&self, body: &[u8]) -> Result<Vec<u8>, Fault> {
        if body.is_empty() {
            let laws = [self.law, self.law.other()];
            return Ok(self.describe(&laws, Some(DIGITS), Direction::SendRecv));
        }
        let terms = Terms::read(body)?;
        let law = terms.choose(self.law);
        let direction = offer::reverse(terms.direction);
        let sdp = self.describe(&[law], terms.digits.map(|_| DIGITS), direction);
        self.sound
            .aim(aim_of(&terms, self.law).filter(|_| direction.sends()));
        Ok(sdp)
    }
}

/// Where to play under the peer's terms, preferring a law.
pub(in crate::phones) fn aim_of(terms: &Terms, ours: Law) -> Option<Aim> {
    terms.to.map(|to| Aim {
        to,
        law: terms.choose(ours),
        digits: terms.digits,
    })
}

/// Answers the peer's requests until the call is dropped.
async fn serve(
    shared: Arc<Shared>,
    mut inbox: mpsc::Receiver<Arrived>,
    mut answer: Option<Unacknowledged>,
) {
    loop {
        let again = async {
            match &mut answer {
                Some(answer) => answer.again(&shared.wire).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            arrived = inbox.recv() => {
                let Some(arrived) = arrived else { return };
                if arrived.request.method == Method::Ack {
                    answer = None;
                    // The answer to an offer that we made in a 2xx (RFC 3264 5); one that cannot be used leaves silence.
                    if !arrived.request.body.is_empty()
                        && shared.aim(&arrived.request.body).is_err()
                    {
                        shared.sound.aim(None);
                    }
                } else if let Some(unacknowledged) = shared.take(&arrived).await {
                    answer = Some(unacknowledged);
                }
            }
            more = again => if !more { answer = None },
        }
    }
}

/// Nothing here leaves a half-done change behind; a panic elsewhere is no reason to stop.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
