//! What calls and the recorder tell becomes lines of the log: each fact is split into its public part and its personal one.

use crate::call::story;
use crate::call::story::{Leg, What};
use crate::recording::command::{Kept, Outcome};
use crate::recording::plan;
use crate::store::event::{
    Answered, AnsweredPersonal, Began, BeganPersonal, Ended, EndedPersonal, Event, Hashed,
    LegPersonal, LegSaid, Parts, Recorded, TransferredPersonal, as_text,
};

impl From<What> for Event {
    fn from(what: What) -> Self {
        match what {
            What::Began(began) => Self::Began(Box::new(Parts::from(*began))),
            What::Ringing => Self::Ringing,
            What::Answered(answered) => Self::Answered(Box::new(Parts::from(*answered))),
            What::Transferred(transferred) => Self::Transferred(Box::new(Parts {
                public: transferred.transfer,
                pii: Some(TransferredPersonal {
                    dialog: transferred.dialog,
                }),
            })),
            What::Ended(ended) => Self::Ended(Box::new(Parts::from(*ended))),
        }
    }
}

impl From<story::Began> for Parts<Began, BeganPersonal> {
    fn from(began: story::Began) -> Self {
        Self {
            public: Began {
                source: began.source,
                tracked: began.tracked,
                caller_from: began.caller_from,
                virtual_number: began.virtual_number,
                trunk: began.trunk,
                prior_calls: began.prior_calls,
                rule: began.rule,
            },
            pii: Some(BeganPersonal {
                caller: began.caller,
                sip_call_id: began.sip_call_id,
            }),
        }
    }
}

impl From<story::Answered> for Parts<Answered, AnsweredPersonal> {
    fn from(answered: story::Answered) -> Self {
        Self {
            public: Answered {
                rule: answered.rule,
                manager: answered.manager,
                destination: answered.destination,
                recorded: answered.recorded,
            },
            pii: Some(AnsweredPersonal {
                dialogs: answered.dialogs,
            }),
        }
    }
}

impl From<story::Ended> for Parts<Ended, EndedPersonal> {
    fn from(ended: story::Ended) -> Self {
        let (legs, personal) = ended.legs.into_iter().map(split_leg).unzip();
        Self {
            public: Ended {
                rule: ended.rule,
                targets_tried: ended.targets_tried,
                manager: ended.manager,
                destination: ended.destination,
                ringing_at: ended.ringing_at,
                answered_at: ended.answered_at,
                wait_ms: ended.wait_ms,
                talk_ms: ended.talk_ms,
                total_ms: ended.total_ms,
                answered: ended.answered,
                missed: ended.missed,
                finish_reason: ended.finish_reason,
                hung_up_by: ended.hung_up_by,
                sip_status: ended.sip_status,
                q850_cause: ended.q850_cause,
                legs,
                transfers: ended.transfers,
            },
            pii: Some(EndedPersonal { legs: personal }),
        }
    }
}

fn split_leg(leg: Leg) -> (LegSaid, LegPersonal) {
    let said = LegSaid {
        trunk: leg.trunk,
        codec: leg.codec,
        packets_in: leg.packets_in,
        packets_out: leg.packets_out,
        lost: leg.lost,
        jitter_ms: leg.jitter_ms,
        role: leg.role,
        joined_ms: leg.joined_ms,
        left_ms: leg.left_ms,
        srtp: leg.srtp,
        srtp_failed: leg.srtp_failed,
        rtt_ms: leg.rtt_ms,
        lost_there: leg.lost_there,
        jitter_there_ms: leg.jitter_there_ms,
        mos_estimate: leg.mos_estimate,
    };
    let personal = LegPersonal {
        remote_uri: leg.remote_uri,
        sip_call_id: leg.sip_call_id,
        digits: leg.digits,
        digit_times: leg.digit_times,
    };
    (said, personal)
}

impl From<Outcome> for Recorded {
    fn from(outcome: Outcome) -> Self {
        Self {
            file: as_text(&outcome.file),
            duration_ms: outcome.duration_ms,
            sample_rate_hz: outcome.sample_rate_hz,
            channels: outcome.channels,
            bytes: outcome.bytes,
            state: outcome.state,
            gaps: outcome.gaps,
            pauses: outcome.pauses,
            parts: outcome.parts,
        }
    }
}

impl From<Kept> for Hashed {
    fn from(kept: Kept) -> Self {
        // Most are called as the line before says.
        let ending = kept.file.extension();
        let is_plain =
            ending.is_some_and(|ending| ending == "wav") && plan::number_of(&kept.file) == 1;
        Self {
            sha256: kept.sha256,
            file: (!is_plain).then(|| as_text(&kept.file)),
            bytes: (!is_plain).then_some(kept.bytes),
        }
    }
}
