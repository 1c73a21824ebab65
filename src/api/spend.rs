//! What advertising costs: who sees it, what can be added up, and how it is entered: one by one (`entry`) or as a table
//! (`table`). The page does the same through the same.

pub(in crate::api) mod entry;
pub(in crate::api) mod table;

use axum::http::StatusCode;

use crate::api::calls::off_the_loop;
use crate::api::error::ApiError;
use crate::api::state::{Rules, State};
use crate::base::chance::Chance;
use crate::base::entropy;
use crate::base::id::EntryId;
use crate::people::{Right, Who};
use crate::store::ledger::check::{Known, WHOLE, Written, Wrong};
use crate::store::ledger::{Change, Entry, Item, LedgerError, Purpose, Way};
use crate::store::query::Query;
use crate::web::words::{Language, Words};

/// Refuses figures about money to who may not see them, and those of projects whose currencies cannot be added.
///
/// # Errors
/// The role does not see money, or projects of several currencies are asked for at once.
pub(in crate::api) fn may_see(query: &Query, rules: &Rules, who: &Who) -> Result<(), ApiError> {
    if !who.may(Right::Money) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "your role does not see what advertising costs; an admin or a manager of the project does",
        ));
    }
    let is_asked = |id: &str| {
        let is_it = query.project.as_deref().is_none_or(|own| own == id);
        let list = query.projects.as_ref();
        is_it && list.is_none_or(|own| own.iter().any(|own| own == id)) && who.sees(id)
    };
    let projects = rules.tracking.projects().iter();
    let mut asked = projects.filter(|project| is_asked(&project.id));
    let first = asked.next();
    let other = asked.find(|project| first.is_some_and(|first| first.currency != project.currency));
    match (first, other) {
        (Some(first), Some(other)) => Err(ApiError::bad(
            "several-currencies",
            format!(
                "{} counts in {} and {} in {}, which cannot be added; ask for one of them with `project`",
                first.id, first.currency, other.id, other.currency
            ),
        )),
        (_, _) => Ok(()),
    }
}

/// The names that amounts may be for, as far as they are theirs.
pub(in crate::api) fn known(state: &State, who: &Who) -> Known {
    let rules = state.rules();
    Known::new(&rules.tracking, state.store.origins(), |id| who.sees(id))
}

/// What is wrong, as a sentence.
pub(in crate::api) fn sentence(words: &Words, wrong: &Wrong) -> String {
    words.with_both(&format!("spend-wrong-{}", wrong.word), &wrong.a, &wrong.b)
}

/// The same for programs.
fn message(wrong: &Wrong) -> String {
    sentence(Words::of(Language::English), wrong)
}

/// Whether somebody sees an entry, also one that was taken out.
pub(in crate::api) fn is_theirs(item: &Item, who: &Who) -> bool {
    item.last().is_some_and(|entry| who.sees(&entry.project))
}

/// Ids for new entries.
pub(in crate::api) fn ids(state: &State) -> Result<impl FnMut() -> EntryId + use<>, ApiError> {
    let seed = entropy::seed().map_err(|error| ApiError::ours("making an id", &error))?;
    let (mut chance, at) = (Chance::from_seed(seed), state.clock.wall());
    Ok(move || EntryId::new(at, &mut chance))
}

/// Makes changes, all of them or none, and waits until they are on the disk.
pub(in crate::api) async fn change(
    state: &State,
    who: &Who,
    changes: Vec<Change>,
    way: Way,
) -> Result<(), ApiError> {
    let (store, by) = (state.store.clone(), who.name.to_string());
    let done = off_the_loop(move || store.spend(changes, way, &by)).await?;
    done.map_err(refused)
}

/// Why nothing was changed.
fn refused(error: LedgerError) -> ApiError {
    let message = error.to_string();
    match error {
        LedgerError::Wrong(_) => ApiError::bad("bad-member", message),
        LedgerError::NoEntry => unknown(),
        LedgerError::Changed => ApiError::new(StatusCode::CONFLICT, "changed", message),
        LedgerError::Full => ApiError::new(StatusCode::CONFLICT, "full", message),
        LedgerError::Busy => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message),
        LedgerError::Store(error) => error.into(),
    }
}

/// There is no such entry, or none of theirs.
pub(in crate::api) fn unknown() -> ApiError {
    ApiError::missing("unknown-entry", "there is no amount of this id")
}

/// An entry as it would be written down.
pub(in crate::api) fn written(entry: &Entry) -> Written {
    let name = |word: &str| match &entry.purpose {
        Purpose::Project if word == "source" => WHOLE.to_owned(),
        purpose if purpose.word() == word => purpose.name().unwrap_or_default().to_owned(),
        Purpose::Project | Purpose::Channel(_) | Purpose::Campaign(_) | Purpose::Source(_) => {
            String::new()
        }
    };
    Written {
        project: entry.project.clone(),
        source: name("source"),
        campaign: name("campaign"),
        channel: name("channel"),
        cost: entry.cost.word().to_owned(),
        from: entry.from.to_string(),
        until: entry.until.to_string(),
        amount: decimal(entry.hundredths),
        currency: entry.currency.clone(),
        note: entry.note.clone(),
    }
}

/// An amount as programs write it: `50000.00`.
pub(in crate::api) fn decimal(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ledger::check::WORDS;

    #[test]
    fn everything_that_can_be_wrong_is_said_in_both_languages() {
        for language in Language::ALL {
            for word in WORDS {
                let name = format!("spend-wrong-{word}");
                assert!(Words::of(language).has(&name), "{language:?}: {name}");
            }
        }
    }
}
