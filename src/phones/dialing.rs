//! A call that a phone places, until it is answered.

use std::net::SocketAddr;
use std::sync::Arc;

use rsip::{Method, Response, Uri};
use tokio::sync::mpsc;

use crate::phones::call::{Call, aim_of};
use crate::phones::dialog::Dialog;
use crate::phones::heard::Heard;
use crate::phones::message;
use crate::phones::offer::{self, DIGITS, Terms};
use crate::phones::phone::{Fault, Settings};
use crate::phones::sound::Sound;
use crate::phones::transaction::Transaction;
use crate::phones::wire::{Arrived, Wire};
use crate::sdp::session::Direction;

/// An INVITE on its way. It advances while one of its methods is awaited.
#[derive(Debug)]
pub struct Dialing {
    wire: Arc<Wire>,
    settings: Settings,
    dialog: Dialog,
    sound: Sound,
    transaction: Transaction,
    inbox: mpsc::Receiver<Arrived>,
    /// The 2xx, where [`Self::progress`] met it.
    answer: Option<Response>,
}

impl Dialing {
    pub(in crate::phones) async fn start(
        wire: &Arc<Wire>,
        settings: &Settings,
        uri: Uri,
        peer: SocketAddr,
    ) -> Result<Self, Fault> {
        let ssrc = u32::from_str_radix(wire.token().get(..8).unwrap_or("1"), 16).unwrap_or(1);
        let sound = Sound::open(wire.address.ip(), settings.tone_hz, ssrc).await?;
        let mut dialog = Dialog::begin(wire, &settings.name, uri, peer);
        let laws = [settings.law, settings.law.other()];
        let sdp = offer::describe(sound.address, 1, &laws, Some(DIGITS), Direction::SendRecv);
        let invite = dialog.request(wire, Method::Invite, Some(sdp));
        let inbox = wire.enter(dialog.call_id.clone());
        let transaction = Transaction::start(wire, invite, peer).await?;
        Ok(Self {
            wire: Arc::clone(wire),
            settings: settings.clone(),
            dialog,
            sound,
            transaction,
            inbox,
            answer: None,
        })
    }

    /// Waits for the next response that says more than 100, and returns its status.
    ///
    /// # Errors
    /// The call was refused, or nobody answers.
    pub async fn progress(&mut self) -> Result<u16, Fault> {
        loop {
            let response = self.next().await?;
            match response.status_code.code() {
                100 => {}
                status @ ..200 => return Ok(status),
                status @ 200..300 => {
                    self.answer = Some(response);
                    return Ok(status);
                }
                status => return Err(self.refused(status)),
            }
        }
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// The call was refused, nobody answers, or the answer cannot be used.
    pub async fn answered(mut self) -> Result<Call, Fault> {
        loop {
            let response = self.next().await?;
            match response.status_code.code() {
                ..200 => {}
                200..300 => return self.accept(&response).await,
                status => return Err(self.refused(status)),
            }
        }
    }

    /// Gives up: CANCEL once a response has come, and where the peer answers all the same, ACK and BYE (RFC 3261 9.1).
    ///
    /// # Errors
    /// Nobody answers, or the INVITE was refused with something other than 487.
    pub async fn cancel(mut self) -> Result<(), Fault> {
        let mut sent = false;
        loop {
            if self.transaction.heard && !sent {
                sent = true;
                let cancel = message::write(message::cancel(&self.transaction.request));
                self.wire.send(&cancel, self.dialog.hop()).await;
            }
            let response = self.next().await?;
            match response.status_code.code() {
                ..200 => {}
                200..300 => return self.accept(&response).await?.hang_up().await,
                487 => {
                    self.wire.leave(&self.dialog.call_id);
                    return Ok(());
                }
                status => return Err(self.refused(status)),
            }
        }
    }

    /// Early media heard so far.
    pub fn heard(&self) -> Heard {
        self.sound.heard()
    }

    /// The next response. Plays toward whoever describes its sound; what cannot be used is judged at the answer.
    async fn next(&mut self) -> Result<Response, Fault> {
        let response = match self.answer.take() {
            Some(answer) => answer,
            None => self.transaction.next().await?,
        };
        if let Ok(terms) = Terms::read(&response.body) {
            self.sound.aim(aim_of(&terms, self.settings.law));
        }
        Ok(response)
    }

    async fn accept(mut self, response: &Response) -> Result<Call, Fault> {
        let number = message::cseq(&self.transaction.request).ok_or(Fault::Unreadable)?;
        self.dialog.learn(response)?;
        let ack = self.dialog.ack(&self.wire, number);
        self.transaction.acknowledge(ack, self.dialog.hop()).await;
        let usable = Terms::read(&response.body).map(drop);
        let law = self.settings.law;
        let call = Call::begin(self.wire, self.dialog, self.sound, law, self.inbox, None);
        match usable {
            Ok(()) => Ok(call),
            Err(fault) => {
                // An answer that cannot be used still made a call: it is ended properly (RFC 3261 13.2.2.4).
                call.hang_up().await?;
                Err(fault)
            }
        }
    }

    fn refused(&self, status: u16) -> Fault {
        self.wire.leave(&self.dialog.call_id);
        Fault::Refused(status)
    }
}
