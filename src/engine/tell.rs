//! Facts about calls on their way to the call log: counted, and logged for the operator with numbers masked.

use std::collections::BTreeSet;
use std::sync::Arc;

use tracing::{info, warn};

use crate::base::id::CallId;
use crate::base::number::{Caller, Number};
use crate::base::time::Moment;
use crate::call::desk::Note;
use crate::call::guard::News;
use crate::call::story::{Answered, Ended, Fact, Tried, What};
use crate::engine::gauges::{Gauges, add, set};
use crate::engine::strangers::{Strangers, What as Line};
use crate::recording::command::{Outcome, State};
use crate::store::Store;

/// Writes the operator's lines, and keeps what some of them depend on.
#[derive(Debug)]
pub(in crate::engine) struct Teller {
    /// The trunks whose registration stands.
    registered: BTreeSet<Arc<str>>,
    strangers: Strangers,
}

/// Tells the call log what became of a recording; operators read of one that lacks something.
pub(in crate::engine) fn tell_recording(store: &Store, gauges: &Gauges, outcome: Outcome) {
    match outcome.state {
        State::Complete => add(&gauges.recordings_complete, 1),
        State::Partial | State::Truncated | State::Repaired => {
            add(&gauges.recordings_damaged, 1);
            warn!(
                call = %outcome.call,
                state = ?outcome.state,
                gaps = outcome.gaps.len(),
                why = outcome.gaps.first().map_or("", |gap| &gap.why),
                "a recording lacks something"
            );
        }
    }
    store.recorded(outcome);
}

impl Teller {
    /// Starts with nothing said.
    pub(in crate::engine) fn new(key: u64) -> Self {
        Self {
            registered: BTreeSet::new(),
            strangers: Strangers::new(key),
        }
    }

    /// Counts a fact and writes its line.
    pub(in crate::engine) fn tell(gauges: &Gauges, fact: &Fact) {
        // A field of each line: a span, made for the one line in it, costs as much as the line.
        let call = fact.call;
        match &fact.what {
            What::Began(began) => {
                add(&gauges.calls_began, 1);
                add(&gauges.calls_live, 1);
                info!(
                    %call,
                    source = %began.source.tag,
                    number = ?began.virtual_number,
                    caller = masked(&began.caller),
                    trunk = %began.trunk,
                    "a call began"
                );
            }
            What::Ringing => info!(%call, "it rings"),
            What::Answered(answered) => {
                add(&gauges.calls_answered, 1);
                add(&gauges.calls_talking, 1);
                log_answer(call, answered);
            }
            What::Transferred(transferred) => {
                let transfer = &transferred.transfer;
                info!(
                    %call,
                    by = masked_text(&transfer.by),
                    to = masked_text(&transfer.to),
                    result = transfer.result.word(),
                    status = transfer.sip_status,
                    "a transfer"
                );
            }
            What::Ended(ended) => count_end(gauges, call, ended),
        }
    }

    /// Counts and logs what operators read beside calls.
    pub(in crate::engine) fn note(&mut self, now: Moment, gauges: &Gauges, note: &Note) {
        match note {
            Note::Refused { peer, status, why } => {
                add(&gauges.refused, 1);
                let (peer, status, why) = (*peer, *status, *why);
                self.strangers
                    .tell(now, Line::Refused { peer, status, why });
            }
            Note::Guard(news) => self.guard(now, gauges, news),
            Note::Ghost { trunk, status } => {
                info!(%trunk, status, "a call that a crash left behind was ended at its peer");
            }
            Note::Trunk { trunk, up } => {
                gauges.set_trunk_up(trunk, *up);
                if *up {
                    info!(%trunk, "the trunk answers again");
                } else {
                    warn!(%trunk, "the trunk is out: none of its addresses answers, and calls go to other targets");
                }
            }
            Note::Place {
                trunk,
                address,
                up: true,
            } => info!(%trunk, %address, "an address of the trunk answers again"),
            Note::Place {
                trunk,
                address,
                up: false,
            } => {
                warn!(%trunk, %address, "an address of the trunk does not answer: calls go to its others");
            }
            Note::Registration {
                trunk,
                up: true,
                status: _,
            } => {
                self.registered.insert(Arc::clone(trunk));
                info!(%trunk, "registered");
            }
            Note::Registration {
                trunk,
                up: false,
                status,
            } => {
                self.registered.remove(trunk);
                if (200..300).contains(status) {
                    info!(%trunk, "the registration was taken back, as asked");
                } else {
                    warn!(%trunk, status, "not registered: calls from this trunk may not arrive");
                }
            }
        }
        set(&gauges.registrations, self.registered.len() as u64);
    }

    /// When [`Self::handle_timeout`] is wanted next.
    pub(in crate::engine) fn poll_timeout(&self) -> Option<Moment> {
        self.strangers.poll_timeout()
    }

    /// Writes the lines that have waited for their second.
    pub(in crate::engine) fn handle_timeout(&mut self, now: Moment) {
        self.strangers.handle_timeout(now);
    }

    fn guard(&mut self, now: Moment, gauges: &Gauges, news: &News) {
        match *news {
            News::Banned { peer, time, why } => {
                add(&gauges.bans, 1);
                let ban_s = time.as_secs();
                let why = why.word();
                self.strangers.tell(now, Line::Banned { peer, ban_s, why });
            }
            News::Ended { source, dropped } => {
                self.strangers.tell(now, Line::Heard { source, dropped });
            }
        }
    }
}

fn log_answer(call: CallId, answered: &Answered) {
    info!(
        %call,
        rule = %answered.rule,
        manager = answered.manager.as_deref().unwrap_or("-"),
        destination = masked_text(&answered.destination),
        recorded = answered.recorded,
        "answered"
    );
}

fn count_end(gauges: &Gauges, call: CallId, ended: &Ended) {
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
        %call,
        reason = ended.finish_reason.word(),
        by = ended.hung_up_by.word(),
        status = ended.sip_status,
        rule = ended.rule.as_deref().unwrap_or("-"),
        tried = tried(&ended.targets_tried),
        wait_ms = ended.wait_ms,
        talk_ms = ended.talk_ms,
        "ended"
    );
}

/// `manager:desk no-answer, manager:second answered`
fn tried(targets: &[Tried]) -> String {
    let each = targets
        .iter()
        .map(|tried| format!("{} {}", masked_text(&tried.target), tried.result.word()));
    each.collect::<Vec<_>>().join(", ")
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

/// A target's or destination's words, with a telephone number in them masked; extensions and names stay readable.
fn masked_text(text: &str) -> String {
    let Some(plus) = text.find('+') else {
        return text.to_owned();
    };
    let (before, from_plus) = text.split_at(plus);
    let end = from_plus.find('@').unwrap_or(from_plus.len());
    let (number, after) = from_plus.split_at(end);
    let number = Number::e164(number).map_or_else(|| "+*".to_owned(), Number::masked);
    format!("{before}{number}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_masked_wherever_they_stand() {
        assert_eq!(
            masked_text("number:+79160000000@carrier"),
            "number:+7916*****00@carrier"
        );
        assert_eq!(masked_text("manager:desk"), "manager:desk");
        assert_eq!(masked_text("+79160000000"), "+7916*****00");
        assert_eq!(masked_text("+evil"), "+*");
    }

    #[test]
    fn a_planned_end_of_a_registration_leaves_no_registration() {
        let (gauges, mut teller) = (Gauges::default(), Teller::new(1));
        let mut is = |up, status, expected| {
            let trunk = Arc::from("carrier");
            let note = Note::Registration { trunk, up, status };
            teller.note(Moment::START, &gauges, &note);
            assert_eq!(crate::engine::gauges::read(&gauges.registrations), expected);
        };
        is(true, 200, 1);
        is(true, 200, 1);
        is(false, 200, 0);
    }
}
