//! What people say and do, as other rooms hand it to the store: tags and notes of calls, plays, exports, tokens, and the
//! news for those who look on.

use std::sync::PoisonError;

use crossbeam_channel::Receiver;

use crate::base::id::CallId;
use crate::store::error::StoreError;
use crate::store::event::{Event, Parts};
use crate::store::feed::Feed;
use crate::store::handle::Store;
use crate::store::job::{Job, Refusal, Speech, Verdict};
use crate::store::place::Place;
use crate::store::query::Query;
use crate::store::record::CallRecord;
use crate::store::remark::{Field, Kind, UseKind};
use crate::store::say::{
    Fault, LINES_MAX, PIN_MAX, PINS_MAX, SAID_MAX, Say, SayError, clean_by, clean_text,
};
use crate::store::scan::Reader;
use crate::store::spoken::{Exported, PinnedLine, PinnedPersonal, SaidLine, Unpinned, Used};
use crate::store::token::{NAME_MAX, NewToken, TOKENS_MAX, Token, TokenError, TokenRevoked};

/// A change on its way into the log.
type Waiting = Result<Option<Receiver<Verdict>>, SayError>;

impl Store {
    /// Says something of a call, waits until it is on the disk, and returns the record as it is then. Reads files: not for
    /// an async thread.
    ///
    /// `if_version` is the [`CallRecord::version`] that the speaker saw: what somebody else said since makes it
    /// [`SayError::Changed`]. What the call did by itself, and who played it, does not.
    ///
    /// # Errors
    /// There is no such call, it may not be said, somebody was quicker, too much is said at once, or the disk refuses.
    pub fn say(
        &self,
        call: CallId,
        say: Say,
        by: &str,
        if_version: Option<u64>,
    ) -> Result<CallRecord, SayError> {
        let waiting = self.begin_saying(call, say, by, if_version);
        self.end_saying(call, waiting)
    }

    /// Says something of several calls as [`Self::say`] does of each, with few syncs for all of them. One that fails keeps
    /// no other from being said.
    ///
    /// # Errors
    /// Those of [`Self::say`], each with its call.
    pub fn say_all(
        &self,
        changes: Vec<(CallId, Say, Option<u64>)>,
        by: &str,
    ) -> Vec<(CallId, Result<CallRecord, SayError>)> {
        let begun: Vec<_> = changes
            .into_iter()
            .map(|(call, say, if_version)| (call, self.begin_saying(call, say, by, if_version)))
            .collect();
        begun
            .into_iter()
            .map(|(call, waiting)| (call, self.end_saying(call, waiting)))
            .collect()
    }

    /// Pins a note to a moment of a call's recording; otherwise as [`Self::say`].
    ///
    /// # Errors
    /// As [`Self::say`], and the call has [`PINS_MAX`] notes already.
    pub fn pin(
        &self,
        call: CallId,
        at_ms: u64,
        text: &str,
        by: &str,
    ) -> Result<CallRecord, SayError> {
        let field = Field::Pinned;
        let Some(text) = clean_text(field, text, PIN_MAX)? else {
            let why = "write what there is to say of this moment".into();
            return Err(Fault { field, why }.into());
        };
        let record = self.call(call)?.ok_or(SayError::NoCall)?;
        if record.notes.len() >= PINS_MAX {
            return Err(SayError::Full);
        }
        let pinned = Parts {
            public: PinnedLine {
                by: clean_by(by),
                at_ms,
            },
            pii: Some(PinnedPersonal { text }),
        };
        let waiting = self.begin(call, Event::Pinned(Box::new(pinned)), None);
        self.end_saying(call, waiting)
    }

    /// Takes a pinned note off; otherwise as [`Self::say`].
    ///
    /// # Errors
    /// As [`Self::say`], and the call has no such note.
    pub fn unpin(&self, call: CallId, id: u64, by: &str) -> Result<CallRecord, SayError> {
        let record = self.call(call)?.ok_or(SayError::NoCall)?;
        if record.notes.iter().all(|note| note.id != id) {
            return Err(SayError::NoNote(id));
        }
        let unpinned = Unpinned {
            by: clean_by(by),
            id,
        };
        let waiting = self.begin(call, Event::Unpinned(unpinned), None);
        self.end_saying(call, waiting)
    }

    /// Notes that somebody used a call's recording. Never blocks; where it finds no room it is counted as lost.
    pub fn used(&self, call: CallId, what: UseKind, by: &str) {
        let used = Used { by: clean_by(by) };
        let event = match what {
            UseKind::Played => Event::Played(used),
            UseKind::Downloaded => Event::Downloaded(used),
        };
        self.note(Some(call), event);
    }

    /// As [`Self::used`], of somebody who listened.
    pub fn played(&self, call: CallId, by: &str) {
        self.used(call, UseKind::Played, by);
    }

    /// Notes that somebody took the calls that `query` asks for as a table. Never blocks, as [`Self::used`].
    pub fn exported(&self, query: &Query, calls: u64, by: &str) {
        let exported = Exported {
            by: clean_by(by),
            calls,
            filter: query.told(),
        };
        self.note(None, Event::Exported(Box::new(exported)));
    }

    /// The tokens that are good, the oldest first. From memory.
    pub fn tokens(&self) -> Vec<Token> {
        let shared = &self.0.shared;
        let mut tokens = shared.view().tokens.list().to_vec();
        let shown = shared.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for token in &mut tokens {
            token.last_used = shown.get(&token.id).copied();
        }
        tokens
    }

    /// The token whose secret has this SHA-256, lower-case hexadecimal; it counts as used now. From memory.
    pub fn token(&self, hash: &str) -> Option<Token> {
        let shared = &self.0.shared;
        let mut token = shared.view().tokens.find(hash).cloned()?;
        let now = shared.clock.wall();
        let mut shown = shared.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.insert(token.id.clone(), now);
        token.last_used = Some(now);
        Some(token)
    }

    /// Makes a token and waits until it is on the disk.
    ///
    /// # Errors
    /// There are too many, its secret is not new, or the disk refuses.
    pub fn make_token(&self, new: NewToken, by: &str) -> Result<Token, TokenError> {
        let is_hash = new.hash.len() == 64
            && new
                .hash
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let id = new
            .hash
            .get(..16)
            .filter(|_| is_hash)
            .unwrap_or_default()
            .to_owned();
        {
            let view = self.0.shared.view();
            if !is_hash || view.tokens.has(&id) {
                return Err(TokenError::Used);
            }
            if view.tokens.list().len() >= TOKENS_MAX {
                return Err(TokenError::Many);
            }
        }
        let token = Token {
            id,
            name: clean_by(&new.name).chars().take(NAME_MAX).collect(),
            hash: new.hash,
            role: new.role,
            projects: new.projects,
            made_at: self.0.shared.clock.wall(),
            made_by: clean_by(by),
            last_used: None,
        };
        self.speak(Event::TokenMade(Box::new(token.clone())))?;
        Ok(token)
    }

    /// Makes a token no good, and waits until that is on the disk; `false`: there is none of this id.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn revoke_token(&self, id: &str, by: &str) -> Result<bool, StoreError> {
        if !self.0.shared.view().tokens.has(id) {
            return Ok(false);
        }
        let revoked = TokenRevoked {
            id: id.to_owned(),
            by: clean_by(by),
        };
        self.speak(Event::TokenRevoked(revoked))?;
        self.0
            .shared
            .shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
        Ok(true)
    }

    /// Live news from now on.
    pub fn feed(&self) -> Feed {
        self.0.shared.ring.listen()
    }

    /// The tracked calls that have begun and not ended, the oldest first. Reads files: not for an async thread, and once
    /// for all who look on.
    ///
    /// # Errors
    /// The index cannot be read. A call whose lines are damaged is left out and said.
    pub fn open_calls(&self) -> Result<Vec<CallRecord>, StoreError> {
        let calls = {
            let view = self.0.shared.view();
            let mut calls = view.in_progress();
            calls.retain(|&call| view.rows.project(call).is_some());
            calls
        };
        let mut records = Vec::with_capacity(calls.len());
        for call in calls {
            match self.0.shared.call(call) {
                Ok(record) => records.extend(record),
                Err(error @ StoreError::Damaged { .. }) => {
                    tracing::error!(%call, %error, "a call in progress is left out of a list");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(records)
    }

    fn begin_saying(&self, call: CallId, say: Say, by: &str, if_version: Option<u64>) -> Waiting {
        let say = say.clean()?;
        if say.is_empty() {
            return Ok(None);
        }
        let said = SaidLine::split(say, clean_by(by), Kind::Person);
        self.begin(call, Event::Said(Box::new(said)), if_version)
    }

    fn begin(&self, call: CallId, event: Event, if_version: Option<u64>) -> Waiting {
        let lines = self.0.shared.lines(call)?.ok_or(SayError::NoCall)?;
        if lines.len() >= LINES_MAX || self.is_talked_out(call, &lines)? {
            return Err(SayError::Full);
        }
        let (answer, said) = crossbeam_channel::bounded(1);
        let speech = self.speech(Some(call), event);
        let is_heard = self.send(Speech {
            if_version,
            answer: Some(answer),
            ..speech
        })?;
        is_heard.then_some(Some(said)).ok_or(SayError::Busy)
    }

    /// Whether people said as much of a call as may be said. What the call did by itself and who played it counts for
    /// nothing; those lines are read only where all of them together are that long.
    fn is_talked_out(&self, call: CallId, lines: &[Place]) -> Result<bool, StoreError> {
        let all: u64 = lines.iter().map(|place| u64::from(place.length)).sum();
        if all < SAID_MAX {
            return Ok(false);
        }
        let mut reader = Reader::new(&self.0.shared.log);
        let mut said = 0;
        for &place in lines {
            let (_, event) = reader.event(call, place)?;
            if matches!(
                event,
                Event::Said(_) | Event::Pinned(_) | Event::Unpinned(_)
            ) {
                said += u64::from(place.length);
            }
        }
        Ok(said >= SAID_MAX)
    }

    fn end_saying(&self, call: CallId, waiting: Waiting) -> Result<CallRecord, SayError> {
        let verdict = match waiting? {
            Some(said) => self.wait(&said)?,
            None => Ok(()),
        };
        let record = self.call(call)?.filter(|record| record.tracked);
        let record = record.ok_or(SayError::NoCall)?;
        match verdict {
            Ok(()) => Ok(record),
            Err(Refusal::NoCall) => Err(SayError::NoCall),
            Err(Refusal::Erased) => Err(SayError::Erased),
            Err(Refusal::Changed) => Err(SayError::Changed(Box::new(record))),
        }
    }

    /// Says something of the house and waits.
    fn speak(&self, event: Event) -> Result<(), StoreError> {
        let (answer, said) = crossbeam_channel::bounded(1);
        let speech = Speech {
            answer: Some(answer),
            ..self.speech(None, event)
        };
        if !self.send(speech)? {
            return Err(StoreError::Refused("too much is being said at once".into()));
        }
        // Only what is said of a call can be refused.
        self.wait(&said).map(drop)
    }

    /// Says something and waits for nothing.
    fn note(&self, call: Option<CallId>, event: Event) {
        let speech = self.speech(call, event);
        let at = speech.at;
        if !self.send(speech).unwrap_or_default() {
            self.0.shared.lose(at);
        }
    }

    fn speech(&self, call: Option<CallId>, event: Event) -> Speech {
        let clock = self.0.shared.clock;
        Speech {
            call,
            at: clock.wall(),
            mono: clock.now(),
            event,
            if_version: None,
            answer: None,
        }
    }

    /// Hands it to the store's thread; `false`: there is no room.
    fn send(&self, speech: Speech) -> Result<bool, StoreError> {
        let purse = &self.0.shared.purse;
        if !purse.take_for_people() {
            return Ok(false);
        }
        if self.0.jobs.send(Job::Speak(speech)).is_err() {
            purse.heard(1);
            return Err(StoreError::Stopped);
        }
        Ok(true)
    }
}
