//! The registrations that are kept at carriers: one machine for each `[[trunk]] register = true`.

use std::sync::Arc;
use std::time::Duration;

use crate::base::time::Moment;
use crate::call::contact::contact_user;
use crate::call::desk::{Note, Wish};
use crate::call::hands::{Hands, Owner};
use crate::call::trunk::Trunk;
use crate::call::trunks::Trunks;
use crate::sip::auth::Credentials;
use crate::sip::endpoint::Hop;
use crate::sip::message::Response;
use crate::sip::registration::{Account, Action, Registration};
use crate::sip::uri::Uri;

/// A trunk whose name leads nowhere is looked at again after this: names are looked up beside us.
const NAMELESS: Duration = Duration::from_secs(5);

/// All registrations. One that is taken back keeps its place, since answers come for it.
#[derive(Debug)]
pub(in crate::call) struct Registrar {
    entries: Vec<Entry>,
    /// ringtag is being stopped: whatever the trunks become, nothing is registered again.
    stopped: bool,
}

#[derive(Debug)]
struct Entry {
    trunk: Arc<Trunk>,
    stage: Stage,
    /// Which of the trunk's addresses is asked.
    address: usize,
}

#[derive(Debug)]
enum Stage {
    /// To be started.
    Due(Moment),
    Kept(Box<Registration>),
    /// Taken back, or never made.
    Gone,
}

impl Registrar {
    /// Plans a registration for each trunk that wants one.
    pub(in crate::call) fn new(trunks: &Trunks) -> Self {
        let wanted = trunks.iter().filter(|line| line.trunk.register);
        Self {
            entries: wanted.map(|line| Entry::new(&line.trunk)).collect(),
            stopped: false,
        }
    }

    /// When [`Self::handle_timeout`] is next wanted.
    pub(in crate::call) fn next(&self) -> Option<Moment> {
        let at = |entry: &Entry| match &entry.stage {
            Stage::Due(at) => Some(*at),
            Stage::Kept(machine) => machine.poll_timeout().map(|(at, _)| at),
            Stage::Gone => None,
        };
        self.entries.iter().filter_map(at).min()
    }

    /// Starts, refreshes and tries again what is due.
    pub(in crate::call) fn handle_timeout(&mut self, now: Moment, hands: &mut Hands) {
        for (at, entry) in self.entries.iter_mut().enumerate() {
            match &mut entry.stage {
                Stage::Due(due) if *due <= now => entry.start(now, hands),
                Stage::Kept(machine) => machine.handle_timeout(now),
                Stage::Due(_) | Stage::Gone => continue,
            }
            entry.act(now, at, hands);
        }
    }

    /// Takes the answer to a REGISTER.
    pub(in crate::call) fn response(
        &mut self,
        now: Moment,
        at: usize,
        response: &Response,
        hands: &mut Hands,
    ) {
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        if let Stage::Kept(machine) = &mut entry.stage {
            machine.handle_response(now, response);
        }
        entry.act(now, at, hands);
    }

    /// A REGISTER was not answered: the next attempt asks the trunk's next address.
    pub(in crate::call) fn failed(&mut self, now: Moment, at: usize, hands: &mut Hands) {
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        entry.address += 1;
        if let Stage::Kept(machine) = &mut entry.stage {
            machine.handle_failed(now);
        }
        entry.act(now, at, hands);
    }

    /// Follows a reload: what changed is taken back and made anew.
    pub(in crate::call) fn set_trunks(&mut self, now: Moment, trunks: &Trunks, hands: &mut Hands) {
        for (at, entry) in self.entries.iter_mut().enumerate() {
            let same = trunks
                .by_id(&entry.trunk.id)
                .is_some_and(|line| *line.trunk == *entry.trunk);
            if !same {
                entry.take_back();
                entry.act(now, at, hands);
            }
        }
        if self.stopped {
            return;
        }
        for line in trunks.iter().filter(|line| line.trunk.register) {
            let kept = self
                .entries
                .iter()
                .any(|entry| *entry.trunk == *line.trunk && !matches!(entry.stage, Stage::Gone));
            if !kept {
                self.entries.push(Entry::new(&line.trunk));
            }
        }
    }

    /// Takes every registration back: the carrier then sends its calls elsewhere.
    pub(in crate::call) fn stop(&mut self, now: Moment, hands: &mut Hands) {
        self.stopped = true;
        for (at, entry) in self.entries.iter_mut().enumerate() {
            entry.take_back();
            entry.act(now, at, hands);
        }
    }

    /// Whether no registrar's answer to a last REGISTER is awaited.
    pub(in crate::call) fn is_idle(&self) -> bool {
        self.entries.iter().all(|entry| match &entry.stage {
            Stage::Kept(machine) => machine.is_gone(),
            Stage::Due(_) | Stage::Gone => true,
        })
    }
}

impl Entry {
    fn new(trunk: &Arc<Trunk>) -> Self {
        Self {
            trunk: Arc::clone(trunk),
            stage: Stage::Due(Moment::START),
            address: 0,
        }
    }

    /// The way to the address that is asked now.
    fn hop(&self, hands: &Hands) -> Option<Hop> {
        let line = hands.trunks.by_id(&self.trunk.id)?;
        let places = &line.addresses.0;
        let place = places.get(self.address.checked_rem(places.len())?)?;
        Some(place.hop())
    }

    fn start(&mut self, now: Moment, hands: &mut Hands) {
        let account = self.hop(hands).and_then(|hop| self.account(hands, &hop));
        self.stage = match account {
            Some(account) => {
                let chance = hands.chance.fork();
                Stage::Kept(Box::new(Registration::new(account, chance)))
            }
            None => Stage::Due(now + NAMELESS),
        };
    }

    fn account(&self, hands: &Hands, hop: &Hop) -> Option<Account> {
        let trunk = &self.trunk;
        let user = trunk.username.as_deref();
        let sent_by = hands.sip.sent_by(hop)?;
        let at = contact_user(trunk).map(|user| format!("{user}@"));
        let transport = trunk.transport.uri_param();
        let contact = format!("sip:{}{sent_by}{transport}", at.unwrap_or_default());
        let credentials = user.zip(trunk.password.as_deref());
        Some(Account {
            registrar: Uri::sip(None, &trunk.host, trunk.port).ok()?,
            address: Uri::sip(user, &trunk.host, None).ok()?,
            contact: Uri::parse(&contact).ok()?,
            credentials: credentials.map(|(username, password)| Credentials {
                username: username.to_owned(),
                password: password.to_owned(),
            }),
            user_agent: hands.user_agent.to_string(),
        })
    }

    fn take_back(&mut self) {
        match &mut self.stage {
            Stage::Kept(machine) => machine.unregister(),
            Stage::Due(_) | Stage::Gone => self.stage = Stage::Gone,
        }
    }

    /// Does what the machine says.
    fn act(&mut self, now: Moment, at: usize, hands: &mut Hands) {
        let hop = self.hop(hands);
        let Stage::Kept(machine) = &mut self.stage else {
            return;
        };
        while let Some(action) = machine.poll() {
            match (action, hop) {
                (Action::Register(request), Some(hop)) => {
                    hands.send(now, hop, request, Owner::Registration(at));
                }
                (Action::Register(_), None) => machine.handle_failed(now),
                (Action::Changed { up, status }, _) => {
                    let trunk = Arc::clone(&self.trunk.id);
                    hands.wish(Wish::Note(Note::Registration { trunk, up, status }));
                }
            }
        }
        if machine.is_gone() {
            self.stage = Stage::Gone;
        }
    }
}
