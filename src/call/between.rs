//! What two calls say to each other when a party of one joins the other: words that the switchboard carries in their order,
//! before anything else happens to either.
//!
//! The one whose REFER it was is the taker, the other one the giver. A call never sees another one: what it may know of it, and
//! what it gets of it, stands here (docs/adr/0009).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::base::chance::Token;
use crate::base::id::{CallId, LegId};
use crate::base::time::Moment;
use crate::call::desk::CallKey;
use crate::call::hands::{Answer, Hands};
use crate::call::story::TriedResult;
use crate::call::switchboard::Switchboard;
use crate::call::trunk::Trunk;
use crate::call::upkeep::Upkeep;
use crate::route::decision::Target;
use crate::sdp::{Session, Voice};
use crate::sip::dialog::Dialog;
use crate::sip::endpoint::ServerKey;
use crate::sip::header::Name;
use crate::sip::message::Request;
use crate::sip::replaces::Replaces;
use crate::sip::transport::Path;

/// A word on its way.
#[derive(Debug)]
pub(in crate::call) struct Message {
    pub(in crate::call) now: Moment,
    pub(in crate::call) from: CallKey,
    pub(in crate::call) to: CallKey,
    pub(in crate::call) word: Word,
}

/// What is said.
#[derive(Debug)]
pub(in crate::call) enum Word {
    /// The taker: who talks to the leg that this names shall come to me.
    Ask(Box<Asked>),
    /// The giver: it may come, and this is who it is. It stays where it is until it is taken.
    Granted(Box<Granted>),
    /// The giver: it may not, and who sent the REFER hears this.
    Denied(Errand, Answer),
    /// The taker: ask it to talk by this offer, from this address of mine on.
    Offer(Box<Session>, SocketAddr),
    /// The giver: it answered so.
    Answered(Box<Session>),
    /// The giver: it cannot come, or has left.
    Failed(TriedResult, Option<u16>),
    /// The taker: now.
    Take,
    /// The giver, whose call is over: here it is.
    Given(Box<Given>),
    /// The taker: keep it.
    Keep,
}

/// The REFER that all this is about, and the leg on which it came.
#[derive(Debug)]
pub(in crate::call) struct Errand {
    pub(in crate::call) leg: LegId,
    pub(in crate::call) server: ServerKey,
    pub(in crate::call) request: Request,
}

/// What a taker asks for.
#[derive(Debug)]
pub(in crate::call) struct Asked {
    pub(in crate::call) errand: Errand,
    /// Whose place is taken: a leg of the giver, by the tag that we gave it, and the whole name of its dialog.
    pub(in crate::call) named: (LegId, Replaces),
    /// Who asks: that leg must be on the same trunk.
    pub(in crate::call) trunk: Arc<str>,
    pub(in crate::call) call: Option<CallId>,
    /// The taker was dialled securely, and its way is secure (RFC 5630 4.1).
    pub(in crate::call) sips: bool,
    pub(in crate::call) is_secure: bool,
}

/// Who is going to come.
#[derive(Debug)]
pub(in crate::call) struct Granted {
    pub(in crate::call) errand: Errand,
    pub(in crate::call) call: Option<CallId>,
    pub(in crate::call) target: Target,
    pub(in crate::call) trunk: Arc<Trunk>,
    pub(in crate::call) path: Path,
    pub(in crate::call) sips: bool,
    pub(in crate::call) call_id: Box<str>,
    pub(in crate::call) remote_uri: Box<str>,
    /// The host that its ports have to face.
    pub(in crate::call) toward: IpAddr,
}

/// Our half of its dialog.
#[derive(Debug)]
pub(in crate::call) struct Given {
    pub(in crate::call) dialog: Dialog,
    pub(in crate::call) tag: Token,
    pub(in crate::call) path: Path,
    pub(in crate::call) voice: Voice,
    pub(in crate::call) upkeep: Upkeep,
    pub(in crate::call) credentials: Vec<(Name, String)>,
}

impl Hands {
    /// Says something to another call.
    pub(in crate::call) fn say_to(&mut self, now: Moment, from: CallKey, to: CallKey, word: Word) {
        let message = Message {
            now,
            from,
            to,
            word,
        };
        self.between.push_back(message);
    }
}

impl Switchboard {
    /// Carries what calls say to each other until nothing more is said.
    pub(in crate::call) fn carry_words(&mut self) {
        while let Some(message) = self.hands.between.pop_front() {
            let (now, to) = (message.now, message.to);
            match self.calls.get_mut(&to) {
                Some(call) => {
                    call.hear_call(&mut self.hands, message);
                    self.settle_call(to);
                }
                None => undelivered(now, &mut self.hands, message.word),
            }
        }
    }
}

/// A call that is over answers nothing: whoever waits for it is told.
fn undelivered(now: Moment, hands: &mut Hands, word: Word) {
    match word {
        Word::Ask(asked) => {
            let Errand {
                server, request, ..
            } = asked.errand;
            hands.reply(now, server, &request, Answer::status(603));
        }
        // The giver says good-bye before it goes, and a taker that goes takes nothing with it.
        Word::Granted(_)
        | Word::Denied(..)
        | Word::Offer(..)
        | Word::Answered(_)
        | Word::Failed(..)
        | Word::Take
        | Word::Given(_)
        | Word::Keep => {}
    }
}
