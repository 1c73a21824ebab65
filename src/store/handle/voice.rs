//! What people say and do, as other rooms hand it to the store: tags and notes of calls, plays, exports, tokens, and the
//! news for those who look on.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use crossbeam_channel::Receiver;

use crate::base::id::CallId;
use crate::store::credit::Seat;
use crate::store::error::StoreError;
use crate::store::event::house::House;
use crate::store::event::{Event, Parts};
use crate::store::export::Export;
use crate::store::feed::Feed;
use crate::store::handle::Store;
use crate::store::job::{Job, Refusal, Speech, Verdict};
use crate::store::looked::OpenCalls;
use crate::store::query::Query;
use crate::store::record::CallRecord;
use crate::store::remark::{Field, Kind, UseKind};
use crate::store::say::{Fault, PIN_MAX, PINS_MAX, Say, SayError, clean_by, clean_text};
use crate::store::spoken::{Exported, PinnedLine, PinnedPersonal, SaidLine, Unpinned, Used};
use crate::store::token::{NAME_MAX, NewToken, Token, TokenError, TokenRevoked};

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

    /// Says that somebody uses a call's recording, and waits until that is on the disk: before the first byte of it leaves.
    /// Not for an async thread.
    ///
    /// # Errors
    /// Too much is said at once, or the disk refuses: the recording is not to be used now.
    pub fn used(&self, call: CallId, what: UseKind, by: &str) -> Result<(), SayError> {
        let seat = self.seat().ok_or(SayError::Busy)?;
        let used = Used { by: clean_by(by) };
        let event = match what {
            UseKind::Played => Event::Played(used),
            UseKind::Downloaded => Event::Downloaded(used),
        };
        let (answer, said) = crossbeam_channel::bounded(1);
        let speech = self.speech(Some(call), event);
        self.hand(
            seat,
            Speech {
                answer: Some(answer),
                ..speech
            },
        )?;
        // Only what is said of a call can be refused, never that it was used.
        self.wait(&said).map(drop).map_err(SayError::from)
    }

    /// As [`Self::used`], of somebody who listened, without waiting.
    #[cfg(test)]
    pub(crate) fn played(&self, call: CallId, by: &str) {
        let seat = self.seat().expect("there is room for a play");
        let speech = self.speech(Some(call), Event::Played(Used { by: clean_by(by) }));
        self.hand(seat, speech).expect("the store runs");
    }

    /// Holds room for one event of somebody; `None`: too much is being said at once, and what the event would tell of is not
    /// to be done now.
    pub fn seat(&self) -> Option<Seat> {
        Seat::take(&self.0.shared.purse)
    }

    /// Says that somebody took the calls that `query` asks for as a table, in a seat that was held since before the first of
    /// them left. Of the texts in the query those in `listed` are told, of the others only that they were asked for: people
    /// look for people. Never blocks.
    pub fn exported(
        &self,
        seat: Seat,
        query: &Query,
        listed: &BTreeSet<String>,
        calls: u64,
        by: &str,
    ) {
        let exported = Exported {
            by: clean_by(by),
            calls,
            filter: query.told(listed),
        };
        let event = Event::House(House::Exported(Box::new(exported)));
        // A store that has stopped takes nothing more from anybody.
        drop(self.hand(seat, self.speech(None, event)));
    }

    /// Tags that the newest calls of projects that `sees` have: also those that are in no list of the configuration. From
    /// memory.
    pub fn tags_lately(&self, sees: impl Fn(&str) -> bool) -> Vec<Arc<str>> {
        self.0.shared.tags_lately(sees)
    }

    /// The tables of calls that were taken lately, the oldest first. From memory.
    pub fn exports(&self) -> Vec<Export> {
        self.0.shared.view().exports.list().to_vec()
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
        match self.speak(Event::House(House::TokenMade(Box::new(token.clone()))))? {
            Ok(()) => Ok(token),
            Err(Refusal::Taken) => Err(TokenError::Taken),
            Err(
                Refusal::Many
                | Refusal::NoCall
                | Refusal::NoEntry
                | Refusal::Changed
                | Refusal::Erased
                | Refusal::Full
                | Refusal::Unread,
            ) => Err(TokenError::Many),
        }
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
        // Only new tokens are refused.
        if let Err(refusal) = self.speak(Event::House(House::TokenRevoked(revoked)))? {
            tracing::error!(?refusal, "a token is still good");
            return Ok(false);
        }
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

    /// The tracked calls that have begun and not ended, the oldest first: one list for all who look on, made again where a line
    /// was synced since, of those calls that changed. Reads files: not for an async thread.
    ///
    /// # Errors
    /// The index cannot be read. A call whose lines are damaged is left out and said.
    pub fn open_calls(&self) -> Result<OpenCalls, StoreError> {
        self.0.shared.open_calls()
    }

    /// As [`Self::call`], for what many look at in the same moment: the record is read once and shared.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn look_at(&self, call: CallId) -> Result<Option<Arc<CallRecord>>, StoreError> {
        self.0.shared.look_at(call)
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
        self.0.shared.lines(call)?.ok_or(SayError::NoCall)?;
        let (answer, said) = crossbeam_channel::bounded(1);
        let speech = self.speech(Some(call), event);
        let is_heard = self.send(Speech {
            if_version,
            answer: Some(answer),
            ..speech
        })?;
        is_heard.then_some(Some(said)).ok_or(SayError::Busy)
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
            Err(Refusal::NoCall | Refusal::NoEntry) => Err(SayError::NoCall),
            Err(Refusal::Erased) => Err(SayError::Erased),
            Err(Refusal::Full) => Err(SayError::Full),
            Err(Refusal::Unread | Refusal::Taken | Refusal::Many) => Err(SayError::Busy),
            Err(Refusal::Changed) => Err(SayError::Changed(Box::new(record))),
        }
    }

    /// Says something of the house and waits.
    fn speak(&self, event: Event) -> Result<Verdict, StoreError> {
        let verdict = self.enter(event)?;
        verdict.ok_or_else(|| StoreError::Refused("too much is being said at once".into()))
    }

    pub(super) fn speech(&self, call: Option<CallId>, event: Event) -> Speech {
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
    pub(super) fn send(&self, speech: Speech) -> Result<bool, StoreError> {
        let Some(seat) = self.seat() else {
            return Ok(false);
        };
        self.hand(seat, speech)?;
        Ok(true)
    }

    /// Hands it to the store's thread in a seat that is held.
    fn hand(&self, seat: Seat, speech: Speech) -> Result<(), StoreError> {
        let sent = self.0.jobs.send(Job::Speak(speech));
        sent.map_err(|_| StoreError::Stopped)?;
        seat.give();
        Ok(())
    }
}
