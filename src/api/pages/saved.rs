//! `/saved`: saved reports, what was sent of them, and the forms in which they are saved and changed.

use axum::extract::{Query as Pairs, Request, State as Shared};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::api::body::Members;
use crate::api::door::Asker;
use crate::api::error::ApiError;
use crate::api::form::{arrive, field};
use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::pages::show::Shower;
use crate::api::query::Given;
use crate::api::reports;
use crate::api::saved::deeds::{self, Whom};
use crate::api::saved::members::{self, PERIOD};
use crate::api::saved::{GivenId, read, shown};
use crate::api::state::State;
use crate::notify::post::Waits;
use crate::people::{Right, Who};
use crate::report::relative::Relative;
use crate::store::saved::shelf::{Ended, Saved};
use crate::store::saved::{MEMBERS_MAX, SavedReport};
use crate::web::frame::{Here, form_urlencoded};
use crate::web::saved::{LetterLine, NewSavedPage, Pick, SavedItem, SavedPage, Schedule};

/// Twenty addresses and a filter.
const FORM_BYTES_MAX: usize = 32 * 1_024;

/// The page of a report has its own words for these, or a saved report none.
const NOT_A_CONDITION: [&str; 5] = ["report", "project", "figure", "cursor", PERIOD];

/// `GET /saved`.
pub(in crate::api) async fn saved(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
) -> Result<Response, ApiError> {
    let shower = Shower::new(&state, look.words(), look.now());
    let shelf = state.store.saved();
    let waiting = state.post.waiting();
    let own = shelf.list().iter();
    let own = own.filter(|saved| who.sees(&saved.report.project));
    html(&SavedPage {
        frame: look.frame(Here::Saved),
        items: own
            .map(|saved| item(&state, &shower, &who, saved, &waiting))
            .collect(),
        is_set_up: state.post.is_set_up(),
    })
}

/// `GET /saved/{id}`: leads to the report as it is now.
pub(in crate::api) async fn open(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
) -> Result<Response, ApiError> {
    let report = deeds::own(&state, &who, id)?;
    let rules = state.rules();
    let project = rules.tracking.project(&report.project);
    let zone = project.map_or(jiff::tz::TimeZone::UTC, |project| project.time_zone.clone());
    let pairs = members::on_page(&report, state.clock.wall(), &zone);
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", form_urlencoded(value)))
        .collect();
    let name = form_urlencoded(&report.report);
    let to = format!("/reports/{name}?{}", pairs.join("&"));
    Ok((StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response())
}

/// `GET /saved/new?report=…`: the form, with the conditions that the report's address has.
pub(in crate::api) async fn new(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
    given: Given,
) -> Result<Response, ApiError> {
    let Pairs(pairs) =
        given.map_err(|_| ApiError::bad("bad-query", "the address cannot be read"))?;
    let of = |name: &str| {
        let mut pairs = pairs.iter();
        pairs
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    };
    let report = of("report").unwrap_or_default();
    let kind = reports::kind(&report)?;
    let title = look
        .words()
        .say_or(&format!("report-{}", kind.word()), kind.word());
    let filter: Vec<(String, String)> = pairs
        .iter()
        .filter(|(name, value)| !value.is_empty() && !NOT_A_CONDITION.contains(&name.as_str()))
        .take(MEMBERS_MAX)
        .map(|(name, value)| match name.as_str() {
            // The page shows its last day, an address ends where it begins.
            "until" => (name.clone(), members::beside(value, 1)),
            _ => (name.clone(), value.clone()),
        })
        .collect();
    form(
        &state,
        &who,
        &look,
        &Draft {
            name: title,
            report,
            project: of("project").unwrap_or_default(),
            period: moving(of(PERIOD), has_ends(&filter)),
            filter,
            sending: None,
            trouble: None,
        },
    )
}

/// `POST /saved`: saves a report, or shows the form again with what is wrong.
pub(in crate::api) async fn save(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    look: Look,
    request: Request,
) -> Result<Response, ApiError> {
    let form_bytes = arrive(request.into_body(), FORM_BYTES_MAX).await?;
    let of = |name: &str| field(&form_bytes, name).unwrap_or_default();
    let filter = conditions(&of("filter"));
    let period = of(PERIOD);
    let mut members = Map::new();
    for (name, value) in &filter {
        let is_end = name == PERIOD || name == "since" || name == "until";
        if !is_end || period.is_empty() && name != PERIOD {
            members.insert(name.clone(), value.clone().into());
        }
    }
    if !period.is_empty() {
        members.insert(PERIOD.to_owned(), period.clone().into());
    }
    let sending = schedule_of(&form_bytes);
    let mut body = json!({
        "name": of("name"),
        "report": of("report"),
        "project": of("project"),
        "filter": members,
        "language": look.words().language().code(),
    });
    if let (Some(body), Some(sending)) = (body.as_object_mut(), &sending) {
        body.insert("sending".to_owned(), sending.clone());
    }
    let read = Members::of("", body).and_then(|members| read::new(members, &state, &who));
    let trouble = match read {
        Ok(report) => match deeds::put(&state, &who, report).await {
            Ok(()) => return Ok(back()),
            Err(error) => error,
        },
        Err(error) => error,
    };
    if trouble.status().is_server_error() || trouble.status() == StatusCode::FORBIDDEN {
        return Err(trouble);
    }
    let page = form(
        &state,
        &who,
        &look,
        &Draft {
            name: of("name"),
            report: of("report"),
            project: of("project"),
            period,
            filter,
            sending,
            trouble: Some(trouble.message().to_owned()),
        },
    )?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// `POST /saved/{id}`: `do` says what: `change`, `remove`, or whom to send a letter to.
pub(in crate::api) async fn act(
    Shared(state): Shared<State>,
    Asker(who): Asker,
    id: GivenId,
    request: Request,
) -> Result<Response, ApiError> {
    let report = deeds::own(&state, &who, id)?;
    let form_bytes = arrive(request.into_body(), FORM_BYTES_MAX).await?;
    let deed = field(&form_bytes, "do").unwrap_or_default();
    let mut letters = Whom::ALL.into_iter();
    if let Some(whom) = letters.find(|whom| whom.word() == deed) {
        deeds::ask(&state, &who, report, whom).await?;
        return Ok(back());
    }
    deeds::may_change(&who, &report)?;
    match deed.as_str() {
        "remove" => deeds::remove(&state, &who, report.id).await?,
        "change" => {
            let mut body = json!({ "name": field(&form_bytes, "name").unwrap_or_default() });
            let is_asked = field(&form_bytes, "weekday").is_some();
            if let (Some(body), true) = (body.as_object_mut(), is_asked) {
                let sending = schedule_of(&form_bytes).unwrap_or_default();
                body.insert("sending".to_owned(), sending);
            }
            let members = Members::of("", body)?;
            let report = read::changed(members, &state, &who, report)?;
            deeds::put(&state, &who, report).await?;
        }
        _ => {
            return Err(ApiError::bad(
                "bad-form",
                "say what to `do` with the report",
            ));
        }
    }
    Ok(back())
}

fn back() -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, "/saved")]).into_response()
}

/// The period that is proposed: the page's own, the days that were chosen by hand, or the week that is over.
fn moving(asked: Option<String>, has_ends: bool) -> String {
    let period = match asked.as_deref() {
        Some("week") => Relative::Last7Days,
        Some("month") => Relative::Last30Days,
        Some("quarter") => Relative::Last90Days,
        Some(word) => word.parse().unwrap_or(Relative::LastWeek),
        None if has_ends => return String::new(),
        None => Relative::LastWeek,
    };
    period.word().to_owned()
}

fn has_ends(filter: &[(String, String)]) -> bool {
    filter
        .iter()
        .any(|(name, _)| name == "since" || name == "until")
}

/// The conditions that a form carries as an address has them.
fn conditions(text: &str) -> Vec<(String, String)> {
    let uri = format!("/?{text}").parse();
    let pairs = uri
        .ok()
        .and_then(|uri| Pairs::<Vec<(String, String)>>::try_from_uri(&uri).ok());
    pairs.map(|Pairs(pairs)| pairs).unwrap_or_default()
}

/// When and to whom, as a form says it; `None`: no day is chosen, or it does not ask.
fn schedule_of(form_bytes: &Bytes) -> Option<Value> {
    let weekday: u8 = field(form_bytes, "weekday")?.parse().ok()?;
    let hour: u8 = field(form_bytes, "hour")?.parse().ok()?;
    let recipients = field(form_bytes, "recipients").unwrap_or_default();
    let recipients = recipients.split([',', ';', '\n', '\r']).map(str::trim);
    let recipients: Vec<&str> = recipients.filter(|to| !to.is_empty()).collect();
    Some(json!({ "weekday": weekday, "hour": hour, "recipients": recipients }))
}

/// A report that is being saved.
struct Draft {
    name: String,
    report: String,
    project: String,
    period: String,
    filter: Vec<(String, String)>,
    sending: Option<Value>,
    trouble: Option<String>,
}

fn form(state: &State, who: &Who, look: &Look, draft: &Draft) -> Result<Response, ApiError> {
    let words = look.words();
    let shower = Shower::new(state, words, look.now());
    let rules = state.rules();
    let own = rules.tracking.projects().iter();
    let own = own.filter(|project| who.sees(&project.id));
    let projects = own.map(|project| Pick {
        value: project.id.to_string(),
        text: project.label.to_string(),
        chosen: *project.id == *draft.project,
    });
    let fixed = has_ends(&draft.filter).then(|| Pick {
        value: String::new(),
        text: words.say("saved-period-fixed"),
        chosen: draft.period.is_empty(),
    });
    let moving = Relative::ALL.map(|period| Pick {
        value: period.word().to_owned(),
        text: words.say(&format!("relative-{}", period.word())),
        chosen: draft.period == period.word(),
    });
    let shown = draft.filter.iter();
    let shown = shown.filter(|(name, _)| name != PERIOD && name != "since" && name != "until");
    let filter: Vec<String> = draft
        .filter
        .iter()
        .map(|(name, value)| format!("{}={}", form_urlencoded(name), form_urlencoded(value)))
        .collect();
    let schedule = who.may(Right::Mail).then(|| match &draft.sending {
        Some(sending) => {
            let number = |name: &str| sending.get(name).and_then(Value::as_u64).unwrap_or(0);
            let recipients = sending.get("recipients").and_then(Value::as_array);
            let recipients = recipients.into_iter().flatten().filter_map(Value::as_str);
            let recipients: Vec<&str> = recipients.collect();
            shower.schedule(
                Some((number("weekday"), number("hour"))),
                &recipients.join("\n"),
            )
        }
        None => {
            let own = deeds::own_address(state, who).unwrap_or_default();
            shower.schedule(None, &own)
        }
    });
    html(&NewSavedPage {
        frame: look.frame(Here::Saved),
        trouble: draft.trouble.clone(),
        report: draft.report.clone(),
        title: words.say_or(&format!("report-{}", draft.report), &draft.report),
        facts: shown
            .map(|(name, value)| shower.fact_of(name, value))
            .collect(),
        filter: filter.join("&"),
        name: draft.name.clone(),
        projects: projects.collect(),
        periods: fixed.into_iter().chain(moving).collect(),
        schedule,
        is_set_up: state.post.is_set_up(),
    })
}

fn item(state: &State, shower: &Shower, who: &Who, saved: &Saved, waiting: &[Waits]) -> SavedItem {
    let report = &saved.report;
    let words = shower.words;
    let dates = shower.dates(&report.project);
    let sending = report.sending.as_ref();
    let weekday = |day: u8| words.say(&format!("saved-on-{day}"));
    let when = sending.map(|sending| {
        words.with_both(
            "saved-when",
            &weekday(sending.weekday),
            &format!("{:02}:00", sending.hour),
        )
    });
    let next = shown::next(state, report).map(|at| dates.short(at));
    let withheld = state.post.withheld(&report.id);
    let withheld = withheld.map(|why| words.with(&format!("withheld-{}", why.word()), why.about()));
    let own = waiting
        .iter()
        .filter(|waits| waits.letter.report == report.id);
    let on_their_way = own.map(|waits| LetterLine {
        to: waits.letter.recipient.clone(),
        when: words.with("saved-tried-next", &dates.short(waits.next)),
        why: waits.why.clone().unwrap_or_default(),
    });
    let given_up = |ended: &Ended| LetterLine {
        to: ended.mailed.recipient.clone(),
        when: words.with("saved-given-up", &dates.short(ended.at)),
        why: ended.mailed.dead.clone().unwrap_or_default(),
    };
    let delivered = saved.delivered().map(|ended| {
        words.with_both(
            "saved-delivered",
            &dates.short(ended.at),
            &ended.mailed.recipient,
        )
    });
    let may_send = who.may(Right::Mail);
    SavedItem {
        id: report.id.clone(),
        name: report.name.clone(),
        facts: facts(shower, report),
        by: shower.who(&report.saved_by),
        when: when.unwrap_or_default(),
        next: next.unwrap_or_default(),
        recipients: sending
            .map(|sending| sending.recipients.clone())
            .unwrap_or_default(),
        withheld,
        delivered,
        waiting: on_their_way.collect(),
        dead: saved.dead.iter().map(given_up).collect(),
        may_change: deeds::may_change(who, report).is_ok(),
        may_send,
        may_try: deeds::own_address(state, who).is_some(),
        schedule: may_send.then(|| match sending {
            Some(sending) => shower.schedule(
                Some((sending.weekday.into(), sending.hour.into())),
                &sending.recipients.join("\n"),
            ),
            None => shower.schedule(None, ""),
        }),
    }
}

/// Project, report, period and conditions, each in a few words.
fn facts(shower: &Shower, report: &SavedReport) -> Vec<String> {
    let words = shower.words;
    let project = shower.rules.tracking.project(&report.project);
    let project = project.map_or_else(
        || report.project.clone(),
        |project| project.label.to_string(),
    );
    let title = words.say_or(&format!("report-{}", report.report), &report.report);
    let mut facts = vec![project, title];
    if let Some(period) = members::period(report) {
        facts.push(words.say(&format!("relative-{}", period.word())));
    }
    let others = report.filter.iter().filter(|(name, _)| name != PERIOD);
    facts.extend(others.map(|(name, value)| shower.fact_of(name, value)));
    facts
}

impl Shower {
    /// A condition: `Source: billboard`.
    fn fact_of(&self, name: &str, value: &str) -> String {
        let label = self.words.say_or(&format!("filter-{name}"), name);
        self.words.with_both("filter-chip", &label, value)
    }

    /// The fields of a weekly turn.
    fn schedule(&self, chosen: Option<(u64, u64)>, recipients: &str) -> Schedule {
        let words = self.words;
        let (weekday, hour) = chosen.unwrap_or((0, 9));
        let never = Pick {
            value: String::new(),
            text: words.say("saved-never"),
            chosen: weekday == 0,
        };
        let days = (1..=7u64).map(|day| Pick {
            value: day.to_string(),
            text: words.say(&format!("weekday-{day}")),
            chosen: day == weekday,
        });
        let hours = (0..24u64).map(|at| Pick {
            value: at.to_string(),
            text: format!("{at:02}:00"),
            chosen: at == hour,
        });
        Schedule {
            weekdays: std::iter::once(never).chain(days).collect(),
            hours: hours.collect(),
            recipients: recipients.to_owned(),
        }
    }
}
