//! `GET /rules`: the rules in force with what they decided lately, and why a call would go where it goes.
//!
//! For who administers alone, like why a call goes where it goes everywhere else: the page names every manager's telephone
//! number and every trunk. How many calls each rule decided is a report, for whoever sees figures.

mod explained;
mod shown;
pub(in crate::api) mod tried;

use axum::extract::Query as Pairs;
use axum::extract::State as Shared;
use axum::response::Response;
use jiff::civil::DateTime;

use crate::api::calls::off_the_loop;
use crate::api::error::ApiError;
use crate::api::explain::explain;
use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::pages::rules::explained::explained;
use crate::api::pages::rules::shown::{Counts, Shown};
use crate::api::pages::show::Shower;
use crate::api::query::{Given, plus};
use crate::api::state::State;
use crate::base::country;
use crate::route::question::{Question, Wrong};
use crate::web::dates::Dates;
use crate::web::frame::Here;
use crate::web::list::Choice;
use crate::web::rules::{ExplainForm, RulesPage};

/// The longest value of the form that is looked at.
const VALUE_MAX: usize = 64;

/// What the form says.
#[derive(Default)]
struct Form {
    to: String,
    from: String,
    at: String,
    before: String,
}

impl Form {
    /// Reads the address. What is too long or not ours is left out.
    fn read(given: Given) -> Self {
        let mut form = Self::default();
        let Ok(Pairs(pairs)) = given else {
            return form;
        };
        for (name, value) in pairs {
            let value = plus(&value);
            if value.len() > VALUE_MAX {
                continue;
            }
            match name.as_str() {
                "to" => form.to = value,
                "from" => form.from = value,
                "at" => form.at = value,
                "before" => form.before = value,
                _ => {}
            }
        }
        form
    }

    /// How often the caller called before, where the form says.
    fn prior_calls(&self) -> Option<u32> {
        match self.before.as_str() {
            "yes" => Some(1),
            "no" => Some(0),
            _ => None,
        }
    }
}

/// The page.
pub(in crate::api) async fn rules(
    Shared(state): Shared<State>,
    look: Look,
    given: Given,
) -> Result<Response, ApiError> {
    let shower = Shower::new(&state, look.words(), look.now());
    let form = Form::read(given);
    let words = look.words();
    let asked = Question {
        to: &form.to,
        from: &form.from,
        at: (!form.at.is_empty()).then_some(form.at.as_str()),
        trunk: "",
        prior_calls: form.prior_calls(),
        last_manager: None,
    };
    let answer = (!form.to.is_empty()).then(|| explain(&state, &shower.rules, &asked, look.now()));
    let (told, trouble) = match answer {
        None => (None, None),
        Some(Ok(explanation)) => (Some(explained(&shower, &explanation)), None),
        Some(Err(why)) => (
            None,
            Some(words.say(&format!("explain-wrong-{}", word(&why)))),
        ),
    };
    let store = state.store.clone();
    let (in_force, now) = (state.rules(), look.now());
    let zone = shower.dates.clone();
    let counts = off_the_loop(move || Counts::of(&store, &in_force, &zone, now)).await?;
    let shown = Shown {
        shower: &shower,
        counts: &counts,
    };
    html(&RulesPage {
        rests: shower.rests(look.now(), |_| true),
        form: shown_form(&shower, &form, trouble),
        explained: told,
        rules: shown.rules(),
        undecided: shown.undecided(),
        projects: shown.projects(),
        groups: shown.groups(),
        managers: shown.managers(),
        frame: look.frame(Here::Rules),
    })
}

/// Why there is no answer: the tail of a message's name.
const fn word(why: &Wrong) -> &'static str {
    match why {
        Wrong::NoNumber | Wrong::NotOurs(_) => "number",
        Wrong::NoTime => "time",
        Wrong::NoTrunk | Wrong::NoManager => "name",
    }
}

fn shown_form(shower: &Shower, form: &Form, trouble: Option<String>) -> ExplainForm {
    let sources = shower.rules.tracking.sources().iter();
    let numbers = sources.flat_map(|source| source.numbers.iter().map(move |it| (it, source)));
    let to = numbers.map(|(number, source)| {
        let value = number.to_string();
        Choice {
            chosen: value == form.to,
            text: format!("{} · {}", country::written(*number), source.tag),
            value,
        }
    });
    let before = ["known", "no", "yes"].map(|value| Choice {
        value: value.to_owned(),
        text: shower.words.say(&format!("before-{value}")),
        chosen: value == form.before,
    });
    let dates = &shower.dates;
    ExplainForm {
        to: to.collect(),
        from: form.from.clone(),
        // A browser complains of a field that holds no time.
        at: match form.at.parse::<DateTime>() {
            Ok(_) => form.at.clone(),
            Err(_) => minute(dates),
        },
        zone: dates.zone_name(),
        before: before.into(),
        trouble,
    }
}

/// Now, as a field for a time has it.
fn minute(dates: &Dates) -> String {
    format!("{}T{}", dates.today(), dates.time(dates.now()))
}
