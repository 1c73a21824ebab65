//! A row: what lists and reports know of one call, in 64 bytes. Pure.

use crate::base::id::CallId;
use crate::base::time::WallTime;
use crate::call::story::FinishReason;
use crate::store::caller::NOBODY;
use crate::store::names::Name;
use crate::store::remark::Kind;

/// One call. 64 bytes in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: CallId,
    pub(crate) caller: u64,
    pub(crate) started_at: WallTime,
    pub(crate) wait_ms: u32,
    /// Milliseconds of talk where somebody answered. Where it was missed: in how many seconds after its end the caller
    /// was spoken to after all, plus 1; 0: not yet.
    pub(crate) span: u32,
    /// The number of the last line in which somebody said something of it; 0: nobody did.
    pub(crate) said: u32,
    pub(crate) source: Name,
    pub(crate) manager: Name,
    pub(crate) destination: Name,
    pub(crate) goal: Name,
    pub(crate) stage: Name,
    pub(crate) outcome: Name,
    pub(crate) tags: Name,
    /// The managers it was offered to, whether one of them took it or not: the number of their set.
    pub(crate) offered: Name,
    pub(crate) marks: Marks,
    /// What a person has said something of, so that no machine changes it.
    pub(crate) held: Held,
    /// Place in [`FinishReason::ALL`] plus 1; 0: in progress.
    pub(crate) reason: u8,
}

const _: () = assert!(size_of::<Row>() == 64, "a million calls are to be 64 MB");

/// What is true of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(pub(crate) u16);

impl Marks {
    pub(crate) const TRACKED: u16 = 1;
    pub(crate) const ANSWERED: u16 = 1 << 1;
    pub(crate) const MISSED: u16 = 1 << 2;
    pub(crate) const ERASED: u16 = 1 << 3;
    pub(crate) const RECORDED: u16 = 1 << 4;
    pub(crate) const FIRST: u16 = 1 << 5;
    pub(crate) const REPEATED: u16 = 1 << 6;
    pub(crate) const TARGET: u16 = 1 << 7;
    pub(crate) const NO_TARGET: u16 = 1 << 8;
    pub(crate) const CALLED_BACK: u16 = 1 << 9;
    pub(crate) const WORTH: u16 = 1 << 10;

    /// Says whether it is so.
    pub(crate) fn set(&mut self, bit: u16, on: bool) {
        self.0 = if on { self.0 | bit } else { self.0 & !bit };
    }

    /// Whether it is so.
    pub(crate) const fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }
}

/// Fields that a person has spoken of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held(pub(crate) u8);

impl Held {
    pub(crate) const TAGS: u8 = 1;
    pub(crate) const TARGET: u8 = 1 << 1;
    pub(crate) const GOAL: u8 = 1 << 2;
    pub(crate) const STAGE: u8 = 1 << 3;
    pub(crate) const OUTCOME: u8 = 1 << 4;
    pub(crate) const NOTE: u8 = 1 << 5;
    pub(crate) const CALLED_BACK: u8 = 1 << 6;
    pub(crate) const VALUE: u8 = 1 << 7;

    /// Whether somebody of this kind may change the field; a person holds it from then on.
    pub(crate) fn take(&mut self, field: u8, kind: Kind) -> bool {
        match kind {
            Kind::Person => self.0 |= field,
            Kind::Machine => return self.0 & field == 0,
        }
        true
    }
}

impl Row {
    /// Whether lists show it.
    pub(crate) const fn is_tracked(&self) -> bool {
        self.marks.has(Marks::TRACKED)
    }

    /// Whether somebody answered.
    pub(crate) const fn is_answered(&self) -> bool {
        self.marks.has(Marks::ANSWERED)
    }

    /// Whether nobody did, though it was not rejected.
    pub(crate) const fn is_missed(&self) -> bool {
        self.marks.has(Marks::MISSED)
    }

    /// Whether the person who called was erased.
    pub(crate) const fn is_erased(&self) -> bool {
        self.marks.has(Marks::ERASED)
    }

    /// Whether it has a recording.
    pub(crate) const fn is_recorded(&self) -> bool {
        self.marks.has(Marks::RECORDED)
    }

    /// Whether it has not ended.
    pub(crate) const fn is_in_progress(&self) -> bool {
        self.reason == 0
    }

    /// Whether it was missed and nobody has spoken to the caller since.
    pub(crate) const fn awaits_callback(&self) -> bool {
        self.is_missed()
            && self.span == 0
            && !self.marks.has(Marks::CALLED_BACK)
            && !self.is_erased()
    }

    /// Whether it was missed and somebody has spoken to the caller since, or says so. Which calls were those of somebody who
    /// was erased nobody knows.
    pub(crate) const fn is_called_back(&self) -> bool {
        let is_spoken = self.span != 0 && !self.is_erased();
        self.is_missed() && (is_spoken || self.marks.has(Marks::CALLED_BACK))
    }

    /// In how many seconds after its end the caller of a missed call was spoken to in a call of theirs, where nobody says
    /// that it was called back before.
    pub(crate) fn back_s(&self) -> Option<u32> {
        let is_told = self.marks.has(Marks::CALLED_BACK);
        self.span
            .checked_sub(1)
            .filter(|_| self.is_missed() && !is_told && !self.is_erased())
    }

    /// How long the caller waited, once that is known.
    pub(crate) fn wait(&self) -> Option<u32> {
        (self.is_answered() || !self.is_in_progress()).then_some(self.wait_ms)
    }

    /// How long they talked, once that is known.
    pub(crate) fn talk(&self) -> Option<u32> {
        (self.is_answered() && !self.is_in_progress()).then_some(self.span)
    }

    /// Whether people say what it was worth.
    pub(crate) const fn is_valued(&self) -> bool {
        self.marks.has(Marks::WORTH)
    }

    /// Whether the caller had called before; `None`: nobody knows, it hides.
    pub(crate) const fn is_repeated(&self) -> Option<bool> {
        match (
            self.marks.has(Marks::REPEATED),
            self.marks.has(Marks::FIRST),
        ) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }

    /// Whether people say it was one of those that the advertising is for.
    pub(crate) const fn is_target(&self) -> Option<bool> {
        match (
            self.marks.has(Marks::TARGET),
            self.marks.has(Marks::NO_TARGET),
        ) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }

    /// Why it ended.
    pub(crate) fn finish_reason(&self) -> Option<FinishReason> {
        FinishReason::ALL
            .get(usize::from(self.reason).checked_sub(1)?)
            .copied()
    }

    /// Its names, in the order of the rows' files; the first is a source, the last two are sets.
    pub(crate) const fn names(&self) -> [Name; 8] {
        [
            self.source,
            self.manager,
            self.destination,
            self.goal,
            self.stage,
            self.outcome,
            self.tags,
            self.offered,
        ]
    }

    /// The caller, where it is somebody.
    pub(crate) fn caller(&self) -> Option<u64> {
        (self.caller != NOBODY).then_some(self.caller)
    }

    /// When somebody answered or the call ended.
    pub(crate) fn waited_until(&self) -> WallTime {
        WallTime::from_millis(self.started_at.as_millis() + i64::from(self.wait_ms))
    }
}
