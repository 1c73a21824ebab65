//! A saved report as the API shows it.

use serde_json::{Map, Value, json};

use crate::api::state::State;
use crate::base::time::WallTime;
use crate::notify::schedule::Weekly;
use crate::store::saved::SavedReport;
use crate::store::saved::shelf::{Ended, Saved};

/// All of it.
pub(super) fn saved(state: &State, saved: &Saved) -> Value {
    let report = &saved.report;
    let filter: Map<String, Value> = report
        .filter
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    let sending = report.sending.as_ref().map(|sending| {
        json!({
            "weekday": sending.weekday,
            "hour": sending.hour,
            "recipients": sending.recipients,
            "next": next(state, report),
        })
    });
    let waiting: Vec<Value> = state
        .post
        .waiting()
        .into_iter()
        .filter(|waits| waits.letter.report == report.id)
        .map(|waits| {
            json!({
                "period": waits.letter.period,
                "recipient": waits.letter.recipient,
                "tries": waits.tries,
                "next": waits.next,
                "why": waits.why,
            })
        })
        .collect();
    let withheld = state.post.withheld(&report.id);
    json!({
        "id": report.id,
        "project": report.project,
        "name": report.name,
        "report": report.report,
        "filter": filter,
        "href": format!("/saved/{}", report.id),
        "language": report.language,
        "saved_by": report.saved_by,
        "saved_at": report.saved_at,
        "sending": sending,
        "delivered": saved.delivered().map(ended),
        "waiting": waiting,
        "dead": saved.dead.iter().map(ended).collect::<Vec<_>>(),
        "withheld": withheld.map(|why| json!({ "code": why.word(), "about": why.about() })),
    })
}

/// When a report is sent next; `None`: it is not, or its project is gone.
pub(in crate::api) fn next(state: &State, report: &SavedReport) -> Option<WallTime> {
    let sending = report.sending.as_ref()?;
    let rules = state.rules();
    let zone = rules.tracking.project(&report.project)?.time_zone.clone();
    let weekly = Weekly {
        weekday: sending.weekday,
        hour: sending.hour,
        zone,
    };
    weekly.next(state.clock.wall()).map(|turn| turn.at)
}

fn ended(ended: &Ended) -> Value {
    let mailed = &ended.mailed;
    json!({
        "at": ended.at,
        "period": mailed.period,
        "recipient": mailed.recipient,
        "message_id": mailed.message_id,
        "why": mailed.dead,
    })
}
