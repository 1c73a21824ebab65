//! Facts about calls on their way to the call log: counted, and logged for the operator with numbers masked.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::{info, info_span, warn};

use crate::base::number::Caller;
use crate::call::desk::Note;
use crate::call::story::{Ended, Fact, What};
use crate::engine::gauges::{Gauges, add, set};

/// Counts a fact and writes the operator's line.
pub(in crate::engine) fn tell(gauges: &Gauges, fact: &Fact) {
    let _call = info_span!("call", id = %fact.call).entered();
    match &fact.what {
        What::Began(began) => {
            add(&gauges.calls_began, 1);
            add(&gauges.calls_live, 1);
            info!(
                source = %began.source.tag,
                number = %began.virtual_number,
                caller = masked(&began.caller),
                trunk = %began.trunk,
                "a call began"
            );
        }
        What::Ringing => info!("it rings"),
        What::Answered(answered) => {
            add(&gauges.calls_answered, 1);
            add(&gauges.calls_talking, 1);
            info!(
                rule = %answered.rule,
                manager = answered.manager.as_deref().unwrap_or("-"),
                recorded = answered.recorded,
                "answered"
            );
        }
        What::Ended(ended) => count_end(gauges, ended),
    }
}

fn count_end(gauges: &Gauges, ended: &Ended) {
    gauges.count_end(ended.finish_reason);
    gauges
        .calls_live
        .fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    if ended.answered {
        gauges
            .calls_talking
            .fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
    info!(
        reason = ended.finish_reason.word(),
        by = ?ended.hung_up_by,
        status = ended.sip_status,
        wait_ms = ended.wait_ms,
        talk_ms = ended.talk_ms,
        targets = ended.targets_tried.len(),
        "ended"
    );
}

/// Counts and logs what operators read beside calls. `registered` holds the trunks whose registration stands.
pub(in crate::engine) fn note(gauges: &Gauges, registered: &mut BTreeSet<Arc<str>>, note: &Note) {
    match note {
        Note::Refused { peer, status, why } => {
            add(&gauges.refused, 1);
            // One shape for every refusal, the source address first: fail2ban reads it.
            warn!(%peer, status, why, "refused");
        }
        Note::Ghost { trunk, status } => {
            info!(%trunk, status, "a call that a crash left behind was ended at its peer");
        }
        Note::Registration { trunk, up, status } => {
            if *up {
                registered.insert(Arc::clone(trunk));
                info!(%trunk, "registered");
            } else {
                registered.remove(trunk);
                warn!(%trunk, status, "not registered: calls from this trunk may not arrive");
            }
            set(&gauges.registrations, registered.len() as u64);
        }
    }
}

fn masked(caller: &Caller) -> String {
    match caller {
        Caller::Number(number) => number.masked(),
        Caller::Other(text) => text
            .chars()
            .enumerate()
            .map(|(place, c)| if place == 0 { c } else { '*' })
            .take(16)
            .collect(),
        Caller::Anonymous => "anonymous".to_owned(),
    }
}
