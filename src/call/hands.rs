//! What a call acts with: the endpoint, wishes, and the index under which the switchboard finds it again.
//!
//! How it speaks is in `speak.rs`, how it leaves in `farewell.rs`.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::base::chance::{Chance, Token};
use crate::base::country::Country;
use crate::base::id::{CallId, LegId};
use crate::base::map::{Map, keyed};
use crate::base::number::Number;
use crate::base::sound::Srtp;
use crate::call::between::Message;
use crate::call::desk::{CallKey, MediaWish, Wish};
use crate::call::farewell::Farewells;
use crate::call::guard;
use crate::call::guard::fan_out::FanOut;
use crate::call::guard::half_open::HalfOpen;
use crate::call::ladder::Ladder;
use crate::call::leg::{Leg, Ports};
use crate::call::machine::Errand;
use crate::call::places::Places;
use crate::call::routes::Routes;
use crate::call::story::KeptDialog;
use crate::call::trunks::Trunks;
use crate::call::usage::Usage;
use crate::sdp::shield::SEED_BYTES;
use crate::sdp::{Shield, Voice};
use crate::sip::authenticate::Gate;
use crate::sip::dialog::{Dialog, Kept};
use crate::sip::endpoint::{ClientKey, Endpoint, ServerKey};
use crate::sip::session_timer::Policy;

pub(in crate::call) use crate::call::reply::Answer;

/// Everything but the calls themselves.
pub(in crate::call) struct Hands {
    pub(in crate::call) sip: Endpoint,
    pub(in crate::call) trunks: Arc<Trunks>,
    pub(in crate::call) country: Country,
    /// Who dialled which numbers lately.
    pub(in crate::call) fan_out: FanOut,
    /// Who must prove itself before it begins a call, and who did.
    pub(in crate::call) gate: Gate,
    /// The virtual numbers, in order: what is never dialled.
    pub(in crate::call) own_numbers: Vec<Number>,
    pub(in crate::call) chance: Chance,
    pub(in crate::call) usage: Usage,
    pub(in crate::call) half_open: HalfOpen,
    pub(in crate::call) places: Places,
    pub(in crate::call) routes: Routes,
    pub(in crate::call) farewells: Farewells,
    pub(in crate::call) user_agent: Arc<str>,
    /// Whose messages are whose.
    pub(in crate::call) ladder: Ladder,
    /// How long the sessions of new legs last.
    pub(in crate::call) session: Policy,
    pub(in crate::call) wishes: VecDeque<Wish>,
    /// What calls say to each other; the switchboard carries it at once.
    pub(in crate::call) between: VecDeque<Message>,
    tags: Map<Token, TagOwner>,
    clients: Map<ClientKey, Owner>,
    invites: Map<ServerKey, CallKey>,
    ids: Map<CallId, CallKey>,
}

/// Whose request of ours it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) enum Owner {
    /// A call's, on one of its legs.
    Call(CallKey, LegId, Errand),
    /// A BYE that outlived its call.
    Farewell,
    /// A health check's.
    Health,
    /// A registration's: its place in the list.
    Registration(usize),
}

/// Whose tag of ours it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::call) enum TagOwner {
    /// A leg's.
    Leg(CallKey, LegId),
    /// Of a dialog that is left; its BYE waits for this ACK.
    Waiting(ServerKey),
    /// Of a dialog whose BYE is out.
    Parting,
}

impl Hands {
    /// What is said in a new dialog on a trunk with this `srtp`.
    pub(in crate::call) fn voice(&mut self, srtp: Srtp) -> Voice {
        let id = self.chance.next_u64();
        let seed = || {
            let mut seed = [0; SEED_BYTES];
            self.chance.fill(&mut seed);
            seed
        };
        Voice::under(id, Shield::new(srtp, seed))
    }

    /// Starts with nothing under way.
    pub(in crate::call) fn new(
        sip: Endpoint,
        trunks: Arc<Trunks>,
        country: Country,
        user_agent: Arc<str>,
        mut chance: Chance,
    ) -> Self {
        Self {
            sip,
            trunks,
            country,
            fan_out: FanOut::new(chance.next_u64()),
            gate: Gate::new(&mut chance),
            own_numbers: Vec::new(),
            usage: Usage::new(chance.next_u64()),
            half_open: HalfOpen::new(guard::Settings::default(), chance.next_u64()),
            places: Places::default(),
            routes: Routes::default(),
            farewells: Farewells::new(chance.next_u64()),
            // Its keys are read from messages, but only those of our trunks' calls are kept.
            ladder: Ladder::new(0),
            user_agent,
            session: Policy::default(),
            wishes: VecDeque::new(),
            between: VecDeque::new(),
            tags: keyed(chance.next_u64()),
            clients: keyed(chance.next_u64()),
            invites: keyed(chance.next_u64()),
            ids: keyed(chance.next_u64()),
            chance,
        }
    }

    /// How numbers are read, and which are ours.
    pub(in crate::call) fn numbers(&self) -> (&Country, &[Number]) {
        (&self.country, &self.own_numbers)
    }

    /// Wants something done.
    pub(in crate::call) fn wish(&mut self, wish: Wish) {
        self.wishes.push_back(wish);
    }

    /// Makes a tag under which a leg is found.
    pub(in crate::call) fn new_tag(&mut self, call: CallKey, leg: LegId) -> Token {
        let tag = self.chance.token();
        self.tags.insert(tag, TagOwner::Leg(call, leg));
        tag
    }

    /// Makes a Call-ID: 128 random bits and nothing about us (RFC 3261 8.1.1.4).
    pub(in crate::call) fn new_call_id(&mut self) -> String {
        format!("{}{}", self.chance.token(), self.chance.token())
    }

    /// Finds whose tag it is.
    pub(in crate::call) fn tag_owner(&self, tag: &str) -> Option<(Token, TagOwner)> {
        let tag = Token::parse(tag.as_bytes())?;
        self.tags.get(&tag).map(|owner| (tag, *owner))
    }

    /// The tag of a dialog that is being left.
    pub(in crate::call) fn entrust(&mut self, tag: Token, owner: TagOwner) {
        self.tags.insert(tag, owner);
    }

    /// Nobody is found under `tag` any more.
    pub(in crate::call) fn forget_tag(&mut self, tag: Token) {
        self.tags.remove(&tag);
    }

    /// The leg is over: nobody finds it, and its line is free.
    pub(in crate::call) fn forget_leg(&mut self, leg: &Leg) {
        self.tags.remove(&leg.tag);
        self.ladder.end(&leg.call_id, leg.id);
        self.usage.give_back(&leg.trunk.id);
    }

    /// Remembers an admitted call by its id.
    pub(in crate::call) fn remember(&mut self, id: CallId, call: CallKey) {
        self.ids.insert(id, call);
    }

    /// Forgets a call's id.
    pub(in crate::call) fn forget(&mut self, id: CallId) {
        self.ids.remove(&id);
    }

    /// Finds a call by its id.
    pub(in crate::call) fn by_id(&self, id: CallId) -> Option<CallKey> {
        self.ids.get(&id).copied()
    }

    /// What comes of an INVITE's server transaction is the call's: CANCEL, ACK.
    pub(in crate::call) fn expect_invite(&mut self, server: ServerKey, call: CallKey) {
        self.invites.insert(server, call);
    }

    /// Nothing more comes of it.
    pub(in crate::call) fn invite_is_answered(&mut self, server: ServerKey) {
        self.invites.remove(&server);
    }

    /// Whose INVITE it is.
    pub(in crate::call) fn invite_owner(&self, server: ServerKey) -> Option<CallKey> {
        self.invites.get(&server).copied()
    }

    /// A request of ours went out for `owner`.
    pub(in crate::call) fn own(&mut self, client: ClientKey, owner: Owner) {
        self.clients.insert(client, owner);
    }

    /// Whose request it is.
    pub(in crate::call) fn client_owner(&self, client: ClientKey) -> Option<Owner> {
        self.clients.get(&client).copied()
    }

    /// What else comes of a request is nobody's: a late 2xx is then ended by the switchboard.
    pub(in crate::call) fn disown(&mut self, client: ClientKey) {
        self.clients.remove(&client);
    }

    /// Whether nothing at all is under way: no dialog is being left, and no peer owes an answer.
    pub(in crate::call) fn is_idle(&self) -> bool {
        self.farewells.len() == 0 && self.wishes.is_empty() && !self.sip.is_waiting()
    }

    /// What is kept, for the law that nothing stays: tags, requests, INVITEs, ids, lines in use.
    pub(in crate::call) fn kept(&self) -> [usize; 5] {
        [
            self.tags.len(),
            self.clients.len(),
            self.invites.len(),
            self.ids.len(),
            self.usage.in_use(),
        ]
    }

    /// Gives a leg's ports back, where it has any.
    pub(in crate::call) fn close_ports(&mut self, leg: &mut Leg) {
        match leg.ports {
            Ports::Asked | Ports::Open(_) => {
                leg.ports = Ports::Closing;
                self.wish(Wish::Media(MediaWish::Close { leg: leg.id }));
            }
            Ports::None | Ports::Closing | Ports::Closed => {}
        }
    }

    /// What the log keeps of a dialog, so that the next start can end it.
    pub(in crate::call) fn keep(&self, leg: &Leg, dialog: &Dialog) -> KeptDialog {
        let Kept {
            call_id,
            local,
            remote,
            target,
            routes,
            cseq,
        } = dialog.kept();
        KeptDialog {
            call_id,
            local,
            remote,
            target,
            routes,
            cseq,
            trunk: Arc::clone(&leg.trunk.id),
            peer: leg.path.peer,
            ours: dialog.is_ours(),
        }
    }
}
