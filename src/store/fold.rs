//! From a call's events to its record. Pure; the order of the events does not matter.

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::base::time::{Moment, WallTime};
use crate::call::story;
use crate::call::story::{FinishReason, HungUpBy, Leg, Role};
use crate::recording::plan;
use crate::store::event::{
    Answered, AnsweredPersonal, Began, BeganPersonal, Ended, EndedPersonal, Event, Hashed,
    LegPersonal, LegSaid, Parts, Recorded, TransferredPersonal, as_text,
};
use crate::store::heard;
use crate::store::record::{CallRecord, Direction};
use crate::store::remark::UseKind;
use crate::store::spoken::{Line, Spoken};

/// What the events of one call have said so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    began: Option<(Stamp, Parts<Began, BeganPersonal>)>,
    ringing: Option<Stamp>,
    answered: Option<(Stamp, Parts<Answered, AnsweredPersonal>)>,
    /// In the order of the monotonic clock.
    transferred: Vec<(Stamp, Parts<story::Transfer, TransferredPersonal>)>,
    ended: Option<(Stamp, Parts<Ended, EndedPersonal>)>,
    recorded: Option<Recorded>,
    /// By the number of the file.
    hashed: BTreeMap<u32, Hashed>,
    is_pruned: bool,
    spoken: Spoken,
    /// The number of the last of the lines.
    version: u64,
}

/// What a recording lacks in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// The line that says what became of it.
    Recorded,
    /// The hashes of these files.
    Hash(Vec<String>),
}

/// When an event happened, on both clocks, and its place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The number of its line.
    pub(crate) n: u64,
    pub(crate) at: WallTime,
    pub(crate) mono: Moment,
}

impl Draft {
    /// Takes in one event.
    pub(crate) fn apply(&mut self, stamp: Stamp, event: Event) {
        self.version = self.version.max(stamp.n);
        match event {
            Event::Began(parts) => self.began = Some((stamp, *parts)),
            Event::Ringing => self.ringing = Some(stamp),
            Event::Answered(parts) => self.answered = Some((stamp, *parts)),
            Event::Transferred(parts) => {
                let before = |(other, _): &(Stamp, _)| other.mono <= stamp.mono;
                let at = self.transferred.partition_point(before);
                self.transferred.insert(at, (stamp, *parts));
            }
            Event::Ended(parts) => self.ended = Some((stamp, *parts)),
            Event::Recorded(recorded) => self.recorded = Some(*recorded),
            Event::Hashed(hashed) => drop(self.hashed.insert(hashed.number(), hashed)),
            Event::Pruned(_) => self.is_pruned = true,
            Event::Said(parts) => self.spoken.apply(stamp, Line::Said(parts)),
            Event::Pinned(parts) => self.spoken.apply(stamp, Line::Pinned(parts)),
            Event::Unpinned(gone) => self.spoken.apply(stamp, Line::Unpinned(gone)),
            Event::Played(used) => self.spoken.apply(stamp, Line::Used(UseKind::Played, used)),
            Event::Downloaded(used) => self
                .spoken
                .apply(stamp, Line::Used(UseKind::Downloaded, used)),
            Event::House(_) | Event::Upkeep(_) | Event::Erased(_) | Event::Unknown => {}
        }
    }

    /// Returns the record; `None` without a `began`: that line was lost while the disk was full.
    pub(crate) fn record(self, id: CallId) -> Option<CallRecord> {
        let (start, began) = self.began?;
        let is_erased = began.pii.is_none();
        let (caller, sip_call_id) = match began.pii {
            Some(pii) => (Some(pii.caller), pii.sip_call_id),
            None => (None, String::new()),
        };
        let is_hidden = caller == Some(Caller::Anonymous);
        let recording = match self.recorded {
            Some(recorded) if !is_erased && !self.is_pruned => {
                Some(heard::shown(recorded, self.hashed))
            }
            Some(_) | None => None,
        };
        let mut record = CallRecord {
            id,
            project: began.public.source.project,
            source: began.public.source.tag,
            channel: began.public.source.channel,
            campaign: began.public.source.campaign,
            category: began.public.source.category,
            tracked: began.public.tracked,
            caller,
            caller_from: began.public.caller_from,
            virtual_number: began.public.virtual_number,
            direction: Direction::Inbound,
            rule: began.public.rule,
            targets_tried: Vec::new(),
            manager: None,
            destination: None,
            started_at: start.at,
            ringing_at: self.ringing.map(|ringing| ringing.at),
            answered_at: None,
            ended_at: None,
            wait_ms: None,
            talk_ms: None,
            total_ms: None,
            answered: false,
            missed: false,
            finish_reason: None,
            hung_up_by: None,
            sip_status: None,
            q850_cause: None,
            first_call: began.public.prior_calls == 0 && !is_hidden,
            prior_calls: began.public.prior_calls,
            tags: Vec::new(),
            target: None,
            goal: None,
            stage: None,
            outcome: None,
            value: None,
            note: None,
            notes: Vec::new(),
            callback: None,
            said: Vec::new(),
            uses: Vec::new(),
            // Erasing a person changes the record and adds no line to it; no later line of the call has this number.
            version: self.version + u64::from(is_erased),
            legs: vec![Leg {
                trunk: began.public.trunk,
                sip_call_id,
                role: Some(Role::Caller),
                ..Leg::default()
            }],
            transfers: self
                .transferred
                .into_iter()
                .map(|(_, parts)| parts.public)
                .collect(),
            recording,
        };
        if let Some((stamp, answered)) = self.answered {
            record.answered_at = Some(stamp.at);
            record.wait_ms = Some(millis(stamp.mono - start.mono));
            record.answered = true;
            record.rule = Some(answered.public.rule);
            record.manager = answered.public.manager;
            record.destination = Some(answered.public.destination);
        }
        if let Some((stamp, ended)) = self.ended {
            end(&mut record, stamp, ended);
        }
        self.spoken.show(&mut record);
        Some(record)
    }

    /// Whether the call began and has not ended.
    pub(crate) fn is_in_progress(&self) -> bool {
        self.began.is_some() && self.ended.is_none()
    }

    /// Whether lists show the call.
    pub(crate) fn is_tracked(&self) -> bool {
        self.began
            .as_ref()
            .is_some_and(|(_, began)| began.public.tracked)
    }

    /// What a BYE to each side needs, where it was answered: to the caller and to whom it talked last.
    pub(crate) fn dialogs(&self) -> Option<[story::KeptDialog; 2]> {
        let (_, answered) = self.answered.as_ref()?;
        let [caller, callee] = answered.pii.as_ref()?.dialogs.clone();
        let last = self.transferred.iter().rev().find_map(|(_, parts)| {
            let dialog = parts.pii.as_ref()?.dialog.as_ref()?;
            Some(dialog.clone())
        });
        Some([caller, last.unwrap_or(callee)])
    }

    /// Whether a recording had begun.
    pub(crate) fn is_recorded(&self) -> bool {
        self.answered
            .as_ref()
            .is_some_and(|(_, answered)| answered.public.recorded)
    }

    /// What a recording still lacks in the log; `None`: nothing, or it is gone.
    pub(crate) fn lacks(&self) -> Option<Lack> {
        let is_erased = self
            .began
            .as_ref()
            .is_none_or(|(_, parts)| parts.pii.is_none());
        if !self.is_recorded() || is_erased || self.is_pruned {
            return None;
        }
        let Some(recorded) = &self.recorded else {
            return Some(Lack::Recorded);
        };
        let files = iter::once(recorded.file.clone())
            .chain(recorded.parts.iter().map(|part| as_text(&part.file)));
        let unhashed =
            files.filter(|file| !self.hashed.contains_key(&plan::number_of(file.as_ref())));
        let unhashed: Vec<_> = unhashed.collect();
        (!unhashed.is_empty()).then_some(Lack::Hash(unhashed))
    }

    /// How a call that a crash left behind ended. It ran at least until `known`, the last the log knows of that
    /// process; where its recording turns out to be longer, the record goes by the recording.
    pub(crate) fn crashed(&self, known: Moment) -> Option<story::Ended> {
        let (start, began) = self.began.as_ref()?;
        let total = known - start.mono;
        let wait = self
            .answered
            .as_ref()
            .map_or(total, |(answer, _)| answer.mono - start.mono);
        let answered = self.answered.as_ref().map(|(_, answered)| &answered.public);
        let leg = |role, trunk: &Arc<str>, call_id: &str, uri: &str| Leg {
            trunk: Arc::clone(trunk),
            remote_uri: uri.to_owned(),
            sip_call_id: call_id.to_owned(),
            role: Some(role),
            ..Leg::default()
        };
        let last = match self.transferred.iter().any(|(_, parts)| {
            let pii = parts.pii.as_ref();
            pii.is_some_and(|pii| pii.dialog.is_some())
        }) {
            true => Role::Transfer,
            false => Role::Callee,
        };
        let legs = self.dialogs().map_or_else(
            || {
                let call_id = began
                    .pii
                    .as_ref()
                    .map_or("", |pii| pii.sip_call_id.as_str());
                vec![leg(Role::Caller, &began.public.trunk, call_id, "")]
            },
            |dialogs| {
                [Role::Caller, last]
                    .into_iter()
                    .zip(&dialogs)
                    .map(|(role, kept)| leg(role, &kept.trunk, &kept.call_id, &kept.target))
                    .collect()
            },
        );
        Some(story::Ended {
            rule: answered
                .map(|answered| Arc::clone(&answered.rule))
                .or_else(|| began.public.rule.clone()),
            targets_tried: self.tried().into_iter().collect(),
            manager: answered.and_then(|answered| answered.manager.clone()),
            destination: answered.map(|answered| answered.destination.clone()),
            ringing_at: self.ringing.map(|ringing| ringing.at),
            answered_at: self.answered.as_ref().map(|(answer, _)| answer.at),
            wait_ms: millis(wait),
            talk_ms: millis(total.saturating_sub(wait)),
            total_ms: millis(total.max(wait)),
            answered: answered.is_some(),
            missed: answered.is_none() && began.public.tracked,
            finish_reason: FinishReason::Crashed,
            hung_up_by: HungUpBy::System,
            sip_status: answered.map(|_| 200),
            q850_cause: None,
            legs,
            transfers: self
                .transferred
                .iter()
                .map(|(_, parts)| parts.public.clone())
                .collect(),
        })
    }
}

impl Draft {
    /// The target that answered, the only one that is known before the end. How long it rang is counted from the first
    /// ring of any.
    fn tried(&self) -> Option<story::Tried> {
        let (answer, parts) = self.answered.as_ref()?;
        let said = &parts.public;
        let trunk = parts.pii.as_ref().map_or("", |pii| {
            let [_, callee] = &pii.dialogs;
            &callee.trunk
        });
        let destination = &said.destination;
        let target = match &said.manager {
            Some(manager) => format!("manager:{manager}"),
            None if destination.starts_with('+') => format!("number:{destination}@{trunk}"),
            None => format!("ext:{destination}@{trunk}"),
        };
        let rang = self.ringing.map(|ringing| answer.mono - ringing.mono);
        Some(story::Tried {
            target,
            trunk: (!trunk.is_empty()).then(|| trunk.into()),
            result: story::TriedResult::Answered,
            sip_status: Some(200),
            ring_ms: rang.map_or(0, millis),
        })
    }
}

/// Lays the end over what was known before it.
fn end(record: &mut CallRecord, stamp: Stamp, ended: Parts<Ended, EndedPersonal>) {
    let said = ended.public;
    record.rule = said.rule;
    record.targets_tried = said.targets_tried;
    record.manager = said.manager;
    record.destination = said.destination;
    record.ringing_at = said.ringing_at;
    record.answered_at = said.answered_at;
    record.answered = said.answered;
    record.missed = said.missed;
    record.finish_reason = Some(said.finish_reason);
    record.hung_up_by = Some(said.hung_up_by);
    record.sip_status = said.sip_status;
    record.q850_cause = said.q850_cause;
    record.transfers = said.transfers;
    let mut personal = ended
        .pii
        .map(|pii| pii.legs)
        .unwrap_or_default()
        .into_iter();
    record.legs = said
        .legs
        .into_iter()
        .map(|leg| whole_leg(leg, personal.next().unwrap_or_default()))
        .collect();
    let (mut talk_ms, mut total_ms, mut ended_at) = (said.talk_ms, said.total_ms, stamp.at);
    if said.finish_reason == FinishReason::Crashed {
        let recorded_ms = record
            .recording
            .as_ref()
            .map_or(0, |recording| recording.duration_ms);
        talk_ms = talk_ms.max(if said.answered { recorded_ms } else { 0 });
        total_ms = total_ms.max(said.wait_ms.saturating_add(talk_ms));
        // The line was written by the next start, perhaps days later.
        ended_at = record.started_at + Duration::from_millis(total_ms);
    }
    if let Some(recording) = &mut record.recording {
        recording.off_by_ms = heard::off_by(recording.duration_ms, talk_ms);
    }
    record.wait_ms = Some(said.wait_ms);
    record.talk_ms = Some(talk_ms);
    record.total_ms = Some(total_ms);
    record.ended_at = Some(ended_at);
}

fn whole_leg(said: LegSaid, personal: LegPersonal) -> Leg {
    Leg {
        trunk: said.trunk,
        remote_uri: personal.remote_uri,
        sip_call_id: personal.sip_call_id,
        codec: said.codec,
        packets_in: said.packets_in,
        packets_out: said.packets_out,
        lost: said.lost,
        jitter_ms: said.jitter_ms,
        digits: personal.digits,
        digit_times: personal.digit_times,
        role: said.role,
        joined_ms: said.joined_ms,
        left_ms: said.left_ms,
        srtp: said.srtp,
        srtp_failed: said.srtp_failed,
        rtt_ms: said.rtt_ms,
        lost_there: said.lost_there,
        jitter_there_ms: said.jitter_there_ms,
        mos_estimate: said.mos_estimate,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
