//! Whether trunks are there: each place of a `[[trunk]]` with `health_s` is asked by OPTIONS (RFC 3261 11), and one that
//! stays silent is left out until it answers.
//!
//! Any answer says that somebody is there, a refusal too; 408 and 503 say that the server behind it is not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::base::chance::Token;
use crate::base::time::Moment;
use crate::call::desk::{Note, Wish};
use crate::call::hands::{Hands, Owner};
use crate::call::headers::SDP;
use crate::call::speak::way_to;
use crate::call::trunk::Trunk;
use crate::call::trunks::Trunks;
use crate::sip::endpoint::ClientKey;
use crate::sip::header::Name;
use crate::sip::message::{Method, Response};
use crate::sip::place::Place;
use crate::sip::uri::Uri;
use crate::sip::write::{Outgoing, RequestWriter};

/// How long an answer is waited for: as long as an INVITE's first word, four repetitions.
const ANSWER: Duration = Duration::from_secs(4);

/// Misses in a row after which a place is left out: a lost packet or a restart is none of them.
const MISSES_MAX: u32 = 3;

/// Every place that is asked.
#[derive(Debug, Default)]
pub(in crate::call) struct Health {
    watches: Vec<Watch>,
    /// Which trunks had a place that answers when it was last told.
    up: BTreeMap<Arc<str>, bool>,
    /// ringtag is being stopped: nobody is asked any more.
    stopped: bool,
}

/// One place of one trunk.
#[derive(Debug)]
struct Watch {
    trunk: Arc<Trunk>,
    place: Place,
    /// Between two questions.
    every: Duration,
    state: State,
    misses: u32,
    out: bool,
    call_id: Box<str>,
    tag: Token,
    cseq: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// It is asked next at this time.
    Resting(Moment),
    /// It was asked, and has until then.
    Asked(ClientKey, Moment),
}

impl Health {
    /// When [`Self::handle_timeout`] is next wanted.
    pub(in crate::call) fn next(&self) -> Option<Moment> {
        let at = |watch: &Watch| match watch.state {
            State::Resting(at) | State::Asked(_, at) => at,
        };
        self.watches.iter().map(at).min()
    }

    /// Asks whoever is due, and counts those who said nothing.
    pub(in crate::call) fn handle_timeout(&mut self, now: Moment, hands: &mut Hands) {
        for index in 0..self.watches.len() {
            let Some(watch) = self.watches.get_mut(index) else {
                return;
            };
            match watch.state {
                State::Resting(at) if at <= now => watch.ask(now, hands),
                State::Asked(client, until) if until <= now => {
                    hands.disown(client);
                    hands.sip.abandon(client);
                    self.heard(now, index, false, hands);
                }
                State::Resting(_) | State::Asked(..) => {}
            }
        }
    }

    /// Takes the final answer to an OPTIONS.
    pub(in crate::call) fn response(
        &mut self,
        now: Moment,
        client: ClientKey,
        response: &Response,
        hands: &mut Hands,
    ) {
        let status = response.status();
        if status >= 200
            && let Some(index) = self.asked_by(client)
        {
            let good = !matches!(status, 408 | 503);
            self.heard(now, index, good, hands);
        }
    }

    /// An OPTIONS could not be sent, or was not answered.
    pub(in crate::call) fn failed(&mut self, now: Moment, client: ClientKey, hands: &mut Hands) {
        if let Some(index) = self.asked_by(client) {
            self.heard(now, index, false, hands);
        }
    }

    /// Follows a reload and names that have moved. Who is new is asked first at a random moment of the first round, so that
    /// the questions to many trunks do not leave together.
    pub(in crate::call) fn set_trunks(&mut self, now: Moment, trunks: &Trunks, hands: &mut Hands) {
        if self.stopped {
            return;
        }
        let mut before = std::mem::take(&mut self.watches);
        for line in trunks.iter() {
            let Some(health_s) = line.trunk.health_s else {
                continue;
            };
            let every = Duration::from_secs(health_s.into());
            for place in &line.addresses.0 {
                let same = |watch: &Watch| {
                    watch.trunk.id == line.trunk.id
                        && watch.every == every
                        && watch.place.is_at(place)
                };
                let watch = match before.iter().position(same) {
                    Some(at) => Watch {
                        trunk: Arc::clone(&line.trunk),
                        ..before.swap_remove(at)
                    },
                    None => Watch::new(now, &line.trunk, *place, every, hands),
                };
                self.watches.push(watch);
            }
        }
        for watch in before {
            watch.leave(hands);
        }
        let watched = |id: &str| {
            let line = trunks.by_id(id);
            line.is_some_and(|line| line.trunk.health_s.is_some())
        };
        self.up.retain(|id, _| watched(id));
        for line in trunks.iter().filter(|line| line.trunk.health_s.is_some()) {
            self.tell(&line.trunk.id, hands);
        }
    }

    /// Asks nobody any more.
    pub(in crate::call) fn stop(&mut self, hands: &mut Hands) {
        self.stopped = true;
        for watch in std::mem::take(&mut self.watches) {
            watch.leave(hands);
        }
    }

    fn asked_by(&self, client: ClientKey) -> Option<usize> {
        self.watches.iter().position(|watch| match watch.state {
            State::Asked(asked, _) => asked == client,
            State::Resting(_) => false,
        })
    }

    /// A place answered, or it did not.
    fn heard(&mut self, now: Moment, index: usize, good: bool, hands: &mut Hands) {
        let Some(watch) = self.watches.get_mut(index) else {
            return;
        };
        // Up to a tenth off, so that what a restart brought together drifts apart.
        let tenth = u64::try_from(watch.every.as_millis() / 10).unwrap_or(0);
        let off = Duration::from_millis(hands.chance.below(tenth.saturating_add(1)));
        watch.state = State::Resting(now + (watch.every - off));
        watch.misses = if good {
            0
        } else {
            watch.misses.saturating_add(1)
        };
        let out = match good {
            true => false,
            false => watch.out || watch.misses >= MISSES_MAX,
        };
        if out == watch.out {
            return;
        }
        watch.out = out;
        let (trunk, place) = (Arc::clone(&watch.trunk.id), watch.place);
        hands.places.set_out(&trunk, &place, out);
        if !self.tell(&trunk, hands) {
            let address = place.address;
            hands.wish(Wish::Note(Note::Place {
                trunk,
                address,
                up: !out,
            }));
        }
    }

    /// Tells when a trunk went out or came back as a whole, and whether it did.
    fn tell(&mut self, trunk: &Arc<str>, hands: &mut Hands) -> bool {
        let mut places = self.watches.iter().filter(|one| one.trunk.id == *trunk);
        let up = places.any(|watch| !watch.out);
        let before = self.up.insert(Arc::clone(trunk), up);
        // One that was never looked at is taken to be there.
        let changed = before.unwrap_or(true) != up;
        if changed {
            let trunk = Arc::clone(trunk);
            hands.wish(Wish::Note(Note::Trunk { trunk, up }));
        }
        changed
    }
}

impl Watch {
    fn new(
        now: Moment,
        trunk: &Arc<Trunk>,
        place: Place,
        every: Duration,
        hands: &mut Hands,
    ) -> Self {
        let whole = u64::try_from(every.as_millis()).unwrap_or(u64::MAX);
        let first = Duration::from_millis(hands.chance.below(whole));
        Self {
            trunk: Arc::clone(trunk),
            place,
            every,
            state: State::Resting(now + first),
            misses: 0,
            out: false,
            call_id: hands.new_call_id().into(),
            tag: hands.chance.token(),
            cseq: 0,
        }
    }

    fn ask(&mut self, now: Moment, hands: &mut Hands) {
        self.cseq = self.cseq.saturating_add(1);
        let asked = self.options(hands).map(|options| {
            let hop = self.place.hop();
            hands.send(now, hop, options, Owner::Health)
        });
        self.state = match asked {
            Some(client) => State::Asked(client, now + ANSWER),
            None => State::Resting(now + self.every),
        };
    }

    fn options(&self, hands: &Hands) -> Option<Outgoing> {
        let trunk = &self.trunk;
        let way = way_to(self.place.transport, self.place.address);
        let uri = Uri::sip(None, &trunk.host, trunk.port).ok()?;
        let host = hands.host(&way);
        let mut options = RequestWriter::new(&Method::Options, &uri);
        for route in hands.routes.of(trunk) {
            options = options.header(Name::Route, route);
        }
        let options = options
            .header(Name::MaxForwards, 70)
            .header(Name::From, format_args!("<sip:{host}>;tag={}", self.tag))
            .header(Name::To, format_args!("<{uri}>"))
            .header(Name::CallId, &self.call_id)
            .header(Name::CSeq, format_args!("{} OPTIONS", self.cseq))
            .header(Name::Contact, hands.contact(&way))
            .header(Name::Accept, SDP)
            .header(Name::UserAgent, &hands.user_agent);
        Some(options.outgoing())
    }

    /// Nobody asks there any more, so nothing is known of it.
    fn leave(self, hands: &mut Hands) {
        hands.places.set_out(&self.trunk.id, &self.place, false);
        match self.state {
            State::Asked(client, _) => {
                hands.disown(client);
                hands.sip.abandon(client);
            }
            State::Resting(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::desk::Told;
    use crate::call::rig::*;
    use crate::call::story::TriedResult;

    /// The PBX lives at two addresses and is asked every 20 s.
    fn watching() -> Rig {
        Rig::with(one_by_one(&["101"]), lines())
    }

    fn lines() -> Vec<(Trunk, crate::call::trunk::Addresses)> {
        let mut lines = trunks();
        lines[1].0.health_s = Some(20);
        lines[1].1 = at(&[PBX, SPARE]);
        lines
    }

    /// Passes time; a place that `answers` gives this status to each OPTIONS. Returns how often each was asked.
    fn live(rig: &mut Rig, seconds: u64, answers: [Option<u16>; 2]) -> [usize; 2] {
        let mut asked = [Vec::new(), Vec::new()];
        for _ in 0..seconds {
            rig.seconds(1);
            for (at, place) in [PBX, SPARE].into_iter().enumerate() {
                let sent = rig.all_to(place);
                for options in sent.iter().filter(|text| text.starts_with("OPTIONS ")) {
                    asked[at].push(header(options, "CSeq"));
                    if let Some(status) = answers[at] {
                        rig.from(place, &reply(options, status, "pbx", ""));
                    }
                }
            }
        }
        asked.map(|mut numbers| {
            numbers.dedup();
            numbers.len()
        })
    }

    fn trunk_notes(rig: &Rig) -> Vec<bool> {
        let up = |note: &Note| match note {
            Note::Trunk { up, .. } => Some(*up),
            Note::Refused { .. }
            | Note::Registration { .. }
            | Note::Place { .. }
            | Note::Guard(_)
            | Note::Ghost { .. } => None,
        };
        rig.notes.iter().filter_map(up).collect()
    }

    #[test]
    fn each_place_is_asked_within_the_first_round_and_then_in_its_own_time() {
        let mut rig = watching();
        let asked = live(&mut rig, 20, [Some(200); 2]);
        assert!(
            asked.iter().all(|times| (1..=2).contains(times)),
            "{asked:?}"
        );
        let more = live(&mut rig, 200, [Some(200); 2]);
        assert!(
            more.iter().all(|times| (9..=12).contains(times)),
            "{more:?}"
        );
        assert!(rig.notes.is_empty());
    }

    #[test]
    fn a_refusal_says_that_somebody_is_there() {
        for status in [200, 404, 405, 486, 500] {
            let mut rig = watching();
            live(&mut rig, 120, [Some(status); 2]);
            assert!(rig.notes.is_empty(), "{status}: {:?}", rig.notes);
        }
    }

    #[test]
    fn a_place_that_misses_three_times_is_left_out_until_it_answers() {
        let mut rig = watching();
        live(&mut rig, 100, [None, Some(200)]);
        assert!(
            matches!(&rig.notes[..], [Note::Place { up: false, address, .. }] if address.to_string() == PBX),
            "{:?}",
            rig.notes
        );
        rig.dial();
        let invite = rig.to(SPARE, "INVITE");
        assert!(rig.all_to(PBX).is_empty());
        rig.from(SPARE, &reply(&invite, 486, "callee", ""));
        rig.all_to(SPARE);
        live(&mut rig, 25, [Some(200); 2]);
        assert!(matches!(
            rig.notes.last(),
            Some(Note::Place { up: true, .. })
        ));
        live(&mut rig, 40, [Some(200); 2]);
        rig.dial();
        rig.to(PBX, "INVITE");
    }

    #[test]
    fn a_trunk_of_which_nothing_answers_is_unreachable_at_once_and_comes_back() {
        for answer in [None, Some(503), Some(408)] {
            let mut rig = watching();
            live(&mut rig, 100, [answer; 2]);
            assert_eq!(trunk_notes(&rig), [false], "{answer:?}");
            rig.dial();
            let ended = rig.ended();
            assert_eq!(ended.targets_tried[0].result, TriedResult::Unreachable);
            assert_eq!(ended.wait_ms, 0);
            rig.to(CARRIER, "SIP/2.0 503");
            live(&mut rig, 25, [Some(200), answer]);
            assert_eq!(trunk_notes(&rig), [false, true]);
            rig.seconds(40);
            rig.all_to(PBX);
            rig.dial();
            rig.to(PBX, "INVITE");
        }
    }

    #[test]
    fn an_answer_that_comes_too_late_counts_for_nothing() {
        let mut rig = watching();
        let mut late = Vec::new();
        for _ in 0..100 {
            rig.seconds(1);
            for options in rig.all_to(PBX) {
                late.push((rig.now, options));
            }
            for options in rig.all_to(SPARE) {
                rig.from(SPARE, &reply(&options, 200, "pbx", ""));
            }
        }
        let now = rig.now;
        late.retain(|(at, _)| now - *at > 2 * ANSWER);
        for (_, options) in &late {
            rig.from(PBX, &reply(options, 200, "pbx", ""));
        }
        assert_eq!(rig.notes.len(), 1, "{:?}", rig.notes);
        // Each question was sent four times, and then nobody waited for its answer any more.
        let of_first = header(&late[0].1, "CSeq");
        let sent = late
            .iter()
            .filter(|(_, one)| header(one, "CSeq") == of_first);
        assert_eq!(sent.count(), 4);
    }

    #[test]
    fn a_reload_forgets_what_is_asked_no_more_and_keeps_what_is() {
        let mut rig = watching();
        live(&mut rig, 100, [None, None]);
        let mut moved = lines();
        moved[1].1 = at(&[SPARE]);
        let table = |lines: Vec<_>| Arc::new(Trunks::new(lines));
        rig.board.set_trunks(rig.now, table(moved));
        live(&mut rig, 5, [None, None]);
        assert_eq!(trunk_notes(&rig), [false], "still out");
        rig.board.set_trunks(rig.now, table(lines()));
        live(&mut rig, 20, [None, None]);
        assert_eq!(
            trunk_notes(&rig),
            [false, true],
            "its new place is taken to be there"
        );
        rig.board.set_trunks(rig.now, table(trunks()));
        assert_eq!(live(&mut rig, 60, [None, None]), [0, 0]);
        rig.dial();
        rig.to(PBX, "INVITE");
    }

    #[test]
    fn nobody_is_asked_while_ringtag_is_being_stopped() {
        let mut rig = watching();
        live(&mut rig, 21, [None, None]);
        rig.tell(Told::EndAll);
        assert!(rig.board.is_idle());
        assert_eq!(live(&mut rig, 60, [None, None]), [0, 0]);
        rig.assert_clean();
    }
}
