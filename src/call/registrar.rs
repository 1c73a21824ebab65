//! The registrations that are kept at carriers: one machine for each `[[trunk]] register = true`.

use std::sync::Arc;
use std::time::Duration;

use crate::base::time::Moment;
use crate::call::contact::contact_user;
use crate::call::desk::{Note, Wish};
use crate::call::hands::{Hands, Owner};
use crate::call::routes::of_register;
use crate::call::trunk::Trunk;
use crate::call::trunks::Trunks;
use crate::sip::auth::Credentials;
use crate::sip::endpoint::{ClientKey, Hop};
use crate::sip::message::Response;
use crate::sip::place::Place;
use crate::sip::registration::{Account, Action, Registration};
use crate::sip::uri::Uri;

/// Places that one attempt asks: each may keep it waiting for 64 * T1, and the next attempt begins with others.
const TRIED_MAX: usize = 4;

/// How long a place is waited for while another could be asked: five repetitions over UDP.
const PATIENCE: Duration = Duration::from_secs(8);

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
    /// Which of the trunk's places is asked.
    place: Option<Place>,
    /// Those that failed in this round.
    tried: Vec<Place>,
    /// The REGISTER that is out, and until when it is waited for because another place could be asked.
    asked: Option<(ClientKey, Moment)>,
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
        let at = |entry: &Entry| {
            let own = match &entry.stage {
                Stage::Due(at) => Some(*at),
                Stage::Kept(machine) => machine.poll_timeout().map(|(at, _)| at),
                Stage::Gone => None,
            };
            let asked = entry.asked.map(|(_, until)| until);
            own.into_iter().chain(asked).min()
        };
        self.entries.iter().filter_map(at).min()
    }

    /// Starts, refreshes and tries again what is due.
    pub(in crate::call) fn handle_timeout(&mut self, now: Moment, hands: &mut Hands) {
        for (at, entry) in self.entries.iter_mut().enumerate() {
            entry.lose_patience(now, hands);
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
        let status = response.status();
        if entry.awaits(response) {
            entry.asked = None;
        }
        if status == 503 && entry.awaits(response) {
            let retry_after_s = response.headers().retry_after();
            if entry.go_elsewhere(now, hands, retry_after_s) {
                return entry.act(now, at, hands);
            }
        } else if status >= 200 && entry.awaits(response) {
            entry.tried.clear();
            if let Some(place) = &entry.place {
                hands.places.answered(place);
            }
        }
        if let Stage::Kept(machine) = &mut entry.stage {
            machine.handle_response(now, response);
        }
        entry.act(now, at, hands);
    }

    /// A REGISTER was not answered: the trunk's next place is asked.
    pub(in crate::call) fn failed(&mut self, now: Moment, at: usize, hands: &mut Hands) {
        let Some(entry) = self.entries.get_mut(at) else {
            return;
        };
        entry.asked = None;
        if entry.go_elsewhere(now, hands, None) {
            return entry.act(now, at, hands);
        }
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
            place: None,
            tried: Vec::new(),
            asked: None,
        }
    }

    /// The way to the place that is asked now: the one that answered last while the trunk still lives there, since a nonce
    /// is a server's own, else the first that has not failed.
    fn hop(&mut self, now: Moment, hands: &mut Hands) -> Option<Hop> {
        let line = hands.trunks.by_id(&self.trunk.id)?;
        let stays = |place: &Place| line.addresses.0.iter().any(|one| one.is_at(place));
        if !self.place.as_ref().is_some_and(stays) {
            let ways = hands.places.all_ways(now, line, &mut hands.chance);
            let fresh = |place: &Place| !self.tried.iter().any(|one| one.is_at(place));
            self.place = ways.into_iter().find(fresh);
        }
        self.place.as_ref().map(Place::hop)
    }

    /// The place that is asked failed: whether the REGISTER that is out goes to another one now (RFC 3263 4.3).
    fn go_elsewhere(&mut self, now: Moment, hands: &mut Hands, retry_after_s: Option<u32>) -> bool {
        if let Some(place) = self.place.take() {
            hands.places.failed(now, &place, retry_after_s);
            self.tried.push(place);
        }
        let goes_on = self.tried.len() < TRIED_MAX && self.hop(now, hands).is_some();
        match &mut self.stage {
            Stage::Kept(machine) if goes_on => machine.handle_elsewhere(),
            Stage::Kept(_) | Stage::Due(_) | Stage::Gone => {
                self.tried.clear();
                self.place = None;
                return false;
            }
        }
        true
    }

    /// A place that said nothing for too long has failed.
    fn lose_patience(&mut self, now: Moment, hands: &mut Hands) {
        let Some((client, _)) = self.asked.filter(|(_, until)| *until <= now) else {
            return;
        };
        self.asked = None;
        hands.disown(client);
        hands.sip.abandon(client);
        if !self.go_elsewhere(now, hands, None)
            && let Stage::Kept(machine) = &mut self.stage
        {
            machine.handle_failed(now);
        }
    }

    /// Whether another place could be asked if the one that is asked now says nothing.
    fn has_spare(&self, hands: &Hands) -> bool {
        let line = hands.trunks.by_id(&self.trunk.id);
        let places = line.map_or(0, |line| line.addresses.0.len());
        self.tried.len() + 1 < places.min(TRIED_MAX)
    }

    /// Whether this answers the REGISTER that is out.
    fn awaits(&self, response: &Response) -> bool {
        match &self.stage {
            Stage::Kept(machine) => machine.awaits(response),
            Stage::Due(_) | Stage::Gone => false,
        }
    }

    fn start(&mut self, now: Moment, hands: &mut Hands) {
        let hop = self.hop(now, hands);
        let account = hop.and_then(|hop| self.account(hands, &hop));
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
        let transport = hop.transport.uri_param();
        let contact = format!("sip:{}{sent_by}{transport}", at.unwrap_or_default());
        let credentials = user.zip(trunk.password.as_deref());
        Some(Account {
            registrar: Uri::sip(None, &trunk.host, trunk.port).ok()?,
            address: Uri::sip(user, &trunk.host, None).ok()?,
            contact: Uri::parse(&contact).ok()?,
            route: of_register(trunk),
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
        let hop = self.hop(now, hands);
        let spare = self.has_spare(hands);
        let Stage::Kept(machine) = &mut self.stage else {
            return;
        };
        while let Some(action) = machine.poll() {
            match (action, hop) {
                (Action::Register(request), Some(hop)) => {
                    let client = hands.send(now, hop, request, Owner::Registration(at));
                    self.asked = spare.then_some((client, now + PATIENCE));
                }
                (Action::Register(_), None) => machine.handle_failed(now),
                (Action::Routes(routes), _) => hands.routes.learn(&self.trunk.id, routes),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::call::desk::{Note, Told};
    use crate::call::rig::*;
    use crate::call::trunk::HostPort;

    /// The PBX wants a registration and lives at two addresses.
    fn registering() -> Rig {
        let mut lines = trunks();
        lines[1].0.register = true;
        lines[1].0.username = Some("7495".into());
        lines[1].0.password = Some("secret".into());
        lines[1].0.outbound_proxy = Some(HostPort {
            host: "proxy.example".into(),
            port: None,
        });
        lines[1].1 = at(&[PBX, SPARE]);
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        rig.pass(Duration::from_millis(1));
        rig
    }

    const GRANTED: &str = "Expires: 3600\r\nService-Route: <sip:core.example;lr>\r\n";

    #[test]
    fn a_place_that_answers_503_or_nothing_is_followed_by_the_next_at_once() {
        let mut rig = registering();
        let first = rig.to(PBX, "REGISTER sip:127.0.0.1:5070 SIP/2.0");
        assert_eq!(header(&first, "Route"), "<sip:proxy.example;lr>");
        rig.from(PBX, &reply(&first, 503, "edge", ""));
        let second = rig.to(SPARE, "REGISTER");
        rig.from(SPARE, &reply_with(&second, 200, "reg", GRANTED, ""));
        assert!(matches!(rig.notes[0], Note::Registration { up: true, .. }));
        // It is refreshed where it was taken, and elsewhere when that place has gone silent.
        let refresh = loop {
            rig.seconds(1);
            if let Some(refresh) = rig.all_to(SPARE).pop() {
                break refresh;
            }
        };
        assert!(rig.all_to(PBX).is_empty());
        assert!(refresh.starts_with("REGISTER "), "{refresh}");
        rig.seconds(8);
        let elsewhere = rig.to(PBX, "REGISTER");
        rig.from(PBX, &reply_with(&elsewhere, 200, "reg", GRANTED, ""));
        rig.all_to(SPARE);
        rig.seconds(40);
        assert!(rig.all_to(SPARE).is_empty(), "nobody waits for it any more");
        assert!(rig.all_to(PBX).is_empty());
    }

    #[test]
    fn when_every_place_failed_the_registration_has_failed_and_is_tried_again_later() {
        let mut rig = registering();
        for place in [PBX, SPARE] {
            let register = rig.to(place, "REGISTER");
            rig.from(place, &reply(&register, 503, "edge", ""));
        }
        let failed = |note: &Note| {
            matches!(
                note,
                Note::Registration {
                    up: false,
                    status: 503,
                    ..
                }
            )
        };
        assert!(rig.notes.iter().any(failed), "{:?}", rig.notes);
        assert!(rig.all_to(PBX).is_empty() && rig.all_to(SPARE).is_empty());
        rig.seconds(6);
        rig.to(PBX, "REGISTER");
    }

    #[test]
    fn calls_of_a_registered_trunk_go_by_its_proxy_and_its_service_route() {
        let mut rig = registering();
        let register = rig.to(PBX, "REGISTER");
        rig.from(PBX, &reply_with(&register, 200, "reg", GRANTED, ""));
        rig.dial();
        let toward = rig.to(PBX, "INVITE sip:101@127.0.0.1:5070");
        let routes: Vec<&str> = toward
            .lines()
            .filter_map(|line| line.strip_prefix("Route: "))
            .collect();
        assert_eq!(routes, ["<sip:proxy.example;lr>", "<sip:core.example;lr>"]);
        // The ACK of a refusal goes the same way (17.1.1.3).
        rig.from(PBX, &reply(&toward, 486, "callee", ""));
        let ack = rig.to(PBX, "ACK");
        assert_eq!(ack.matches("\nRoute: ").count(), 2, "{ack}");
        rig.tell(Told::EndAll);
        let last = rig.to(PBX, "REGISTER");
        rig.from(PBX, &reply(&last, 200, "reg", ""));
        rig.seconds(64);
        rig.assert_clean();
    }
}
