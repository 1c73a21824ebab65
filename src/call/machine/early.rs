//! Early dialogs: one with a target for each To tag that it rings under, one with the caller for each that it is shown
//! (RFC 3261 12.1), and what was agreed in them before any answer (RFC 3262, RFC 6337 section 2).

use bytes::Bytes;

use crate::base::chance::Token;
use crate::base::id::{LegId, Side};
use crate::base::sound::Srtp;
use crate::base::time::Moment;
use crate::call::desk::MediaWish;
use crate::call::hands::{Answer, Hands};
use crate::call::leg::Heard;
use crate::call::machine::attempt::Attempt;
use crate::call::machine::modify::{Modify, Stage};
use crate::call::machine::prack::Prack;
use crate::call::machine::{Call, State};
use crate::call::offer_answer::{aim, heard};
use crate::sdp::{Session, Voice};
use crate::sip::dialog::Dialog;
use crate::sip::message::Request;
use crate::sip::reliable::client::ReliableClient;
use crate::sip::reliable::rack::RAck;
use crate::sip::reliable::server::ReliableServer;

/// One early dialog of a target, as the caller sees it.
#[derive(Debug)]
pub(in crate::call) struct Fork {
    /// The target's To tag.
    pub(in crate::call) remote: Box<str>,
    /// Our To tag toward the caller, once it was shown: an answer in one early dialog cannot change (RFC 6337 3.1.1), another
    /// target's or another fork's SDP therefore needs a dialog of its own.
    pub(in crate::call) tag: Option<Token>,
    /// What we say to the caller in that dialog.
    pub(in crate::call) voice: Voice,
    /// The SDP of the target that counts, as it wrote it; empty: none yet.
    pub(in crate::call) body: Bytes,
    /// Our half toward the target, once a reliable provisional response made it.
    pub(in crate::call) toward: Option<Box<Toward>>,
    /// Our half toward the caller, once a reliable one was given.
    pub(in crate::call) shown: Option<Box<Shown>>,
    /// What both sides agreed on, reliably.
    pub(in crate::call) agreed: Option<Box<Agreed>>,
    /// An offer on its way from one side to the other.
    pub(in crate::call) modify: Option<Box<Modify>>,
}

/// An early dialog with a target.
#[derive(Debug)]
pub(in crate::call) struct Toward {
    pub(in crate::call) dialog: Dialog,
    /// What we say in it. Begins as what the INVITE said.
    pub(in crate::call) voice: Voice,
    pub(in crate::call) heard: ReliableClient,
    /// Its offer, where the caller made none: the caller's PRACK answers it.
    pub(in crate::call) offer: Option<Session>,
    /// Our PRACKs that have no answer yet.
    pub(in crate::call) pracks: Vec<Prack>,
}

/// An early dialog with the caller.
#[derive(Debug)]
pub(in crate::call) struct Shown {
    pub(in crate::call) dialog: Dialog,
    pub(in crate::call) sender: ReliableServer<Said>,
}

/// A reliable provisional response to the caller.
#[derive(Clone, Debug)]
pub(in crate::call) struct Said {
    pub(in crate::call) status: u16,
    pub(in crate::call) bytes: Bytes,
    /// The target's response that it passes on, whose PRACK waits for the caller's.
    pub(in crate::call) owed: Option<RAck>,
    /// It carries the target's offer: its PRACK has the answer.
    pub(in crate::call) offers: bool,
}

/// A session that both sides agreed on.
#[derive(Clone, Debug)]
pub(in crate::call) struct Agreed {
    /// What the caller said last.
    pub(in crate::call) left: Session,
    /// What the target said last.
    pub(in crate::call) right: Session,
    /// Whose is the answer.
    pub(in crate::call) answerer: Side,
}

/// Which early dialog: the place of its attempt, and its own there.
pub(super) type Place = (usize, usize);

impl Agreed {
    /// What `offerer` offered and the other answered.
    pub(super) const fn new(offerer: Side, offer: Session, answer: Session) -> Self {
        match offerer {
            Side::Caller => Self {
                left: offer,
                right: answer,
                answerer: Side::Callee,
            },
            Side::Callee => Self {
                left: answer,
                right: offer,
                answerer: Side::Caller,
            },
        }
    }

    /// What is kept of both sides' words: the caller's, the target's.
    pub(super) fn heard(&self) -> [Heard; 2] {
        let answer = match self.answerer {
            Side::Caller => &self.left,
            Side::Callee => &self.right,
        };
        [heard(&self.left, answer), heard(&self.right, answer)]
    }
}

impl Fork {
    /// An early dialog that the caller was not shown yet.
    pub(super) fn new(hands: &mut Hands, remote: &str, srtp: Srtp) -> Self {
        Self {
            remote: remote.into(),
            tag: None,
            voice: hands.voice(srtp),
            body: Bytes::new(),
            toward: None,
            shown: None,
            agreed: None,
            modify: None,
        }
    }

    /// It comes to nothing: who waits for an answer in it hears that it is gone.
    pub(super) fn forget(self, now: Moment, hands: &mut Hands) {
        if let Some(tag) = self.tag {
            hands.forget_tag(tag);
        }
        if let Some(Modify {
            server,
            stage: Stage::Passed {
                client, request, ..
            },
            ..
        }) = self.modify.map(|modify| *modify)
        {
            hands.disown(client);
            hands.reply(now, server, &request, Answer::status(481));
        }
    }
}

impl Attempt {
    /// The early dialog under a tag of the target's: the one with our half, else the latest.
    pub(super) fn fork_of(&self, remote: &str) -> Option<usize> {
        let same = |fork: &&Fork| &*fork.remote == remote;
        let whole = |fork: &Fork| &*fork.remote == remote && fork.toward.is_some();
        self.forks
            .iter()
            .position(whole)
            .or_else(|| self.forks.iter().rposition(|fork| same(&fork)))
    }
}

impl Call {
    pub(super) fn fork_mut(&mut self, (index, fork): Place) -> Option<&mut Fork> {
        self.attempts.get_mut(index)?.forks.get_mut(fork)
    }

    /// The early dialog that the caller knows under `tag`.
    pub(super) fn shown_under(&self, tag: Token) -> Option<Place> {
        self.attempts.iter().enumerate().find_map(|(index, one)| {
            let fork = one.forks.iter().position(|fork| fork.tag == Some(tag))?;
            Some((index, fork))
        })
    }

    /// The early dialog that a request on `leg` belongs to, by its tags.
    pub(super) fn place_of(&self, leg: LegId, request: &Request) -> Option<Place> {
        if leg == self.caller.leg.id {
            let tag = request.headers().to().tag()?;
            return self.shown_under(Token::parse(tag.as_bytes())?);
        }
        let index = self.attempt(leg)?;
        let remote = request.headers().from().tag()?;
        let fork = self.attempts.get(index)?.fork_of(remote)?;
        Some((index, fork))
    }

    /// Our half of the early dialog that a request on `leg` belongs to, where there is one.
    pub(super) fn early_dialog(&mut self, leg: LegId, request: &Request) -> Option<&mut Dialog> {
        if !matches!(self.state, State::Hunting(_)) {
            return None;
        }
        let by_caller = leg == self.caller.leg.id;
        match self.place_of(leg, request) {
            Some(place) if by_caller => {
                let shown = self.fork_mut(place)?.shown.as_mut()?;
                Some(&mut shown.dialog)
            }
            Some(place) => Some(&mut self.fork_mut(place)?.toward.as_mut()?.dialog),
            None if by_caller => {
                let tag = self.caller.leg.tag.to_string();
                let shown = self.caller.early.as_mut()?;
                (request.headers().to().tag() == Some(&*tag)).then_some(&mut shown.dialog)
            }
            None => None,
        }
    }

    /// What was said last in an early dialog is in force.
    pub(super) fn agree(&mut self, place: Place, agreed: Box<Agreed>) {
        if let Some(fork) = self.fork_mut(place) {
            fork.voice.settle();
            if let Some(toward) = &mut fork.toward {
                toward.voice.settle();
            }
            fork.agreed = Some(agreed);
        }
    }

    /// What we say to the caller and to a target: in an early dialog of theirs, or in the call.
    pub(super) fn voices(&self, index: usize, fork: Option<usize>) -> Option<[&Voice; 2]> {
        let attempt = self.attempts.get(index)?;
        let fork = fork.and_then(|fork| attempt.forks.get(fork));
        let to_caller = fork.map_or(&self.caller.leg.voice, |fork| &fork.voice);
        let toward = fork.and_then(|fork| fork.toward.as_ref());
        let to_callee = toward.map_or(&attempt.leg.voice, |toward| &toward.voice);
        Some([to_caller, to_callee])
    }

    /// The SRTP of the trunk that a side of an attempt is on.
    pub(super) fn srtp_on(&self, index: usize, side: Side) -> Srtp {
        match (side, self.attempts.get(index)) {
            (Side::Callee, Some(attempt)) => attempt.leg.trunk.srtp,
            (Side::Callee, None) => Srtp::Off,
            (Side::Caller, _) => self.caller.leg.trunk.srtp,
        }
    }

    /// Aims both legs by what was agreed before the answer, and bridges them.
    pub(super) fn open_agreed(
        &self,
        hands: &mut Hands,
        (index, fork): (usize, Option<usize>),
        agreed: &Agreed,
    ) {
        let callee = self.attempts.get(index).map(|one| one.leg.id);
        let Some((callee, [to_caller, to_callee])) = callee.zip(self.voices(index, fork)) else {
            return;
        };
        let caller = self.caller.leg.id;
        let (left, right) = (&agreed.left, &agreed.right);
        let sides = [
            (caller, left, right, to_caller),
            (callee, right, left, to_callee),
        ];
        for (leg, own, other, voice) in sides {
            let aim = Box::new(aim(own, Some(other), voice));
            Self::media(hands, MediaWish::Aim { leg, aim });
        }
        Self::media(hands, MediaWish::Bridge { caller, callee });
    }
}
