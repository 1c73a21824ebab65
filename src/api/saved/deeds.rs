//! What is done with saved reports, by the API and by the page alike: who may, and what follows.

use axum::extract::Path;
use axum::http::StatusCode;

use crate::api::calls::off_the_loop;
use crate::api::error::ApiError;
use crate::api::saved::GivenId;
use crate::api::state::State;
use crate::people::{Right, Who};
use crate::store::Store;
use crate::store::saved::shelf::Saved;
use crate::store::saved::{Asked, SavedError, SavedReport};

/// Whom a letter goes to that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Whom {
    /// All who have it every week.
    Recipients,
    /// Who asks.
    Me,
    /// Those whose letters wait or were given up.
    Again,
}

impl Whom {
    /// All of them.
    pub(in crate::api) const ALL: [Self; 3] = [Self::Recipients, Self::Me, Self::Again];

    /// The word in a request.
    pub(in crate::api) const fn word(self) -> &'static str {
        match self {
            Self::Recipients => "recipients",
            Self::Me => "me",
            Self::Again => "again",
        }
    }
}

/// There is none, or it is of a project that is not theirs.
pub(in crate::api) fn unknown() -> ApiError {
    ApiError::missing("unknown-report", "there is no saved report of this id")
}

/// The saved report of an id, where its project is theirs to see.
pub(in crate::api) fn own(state: &State, who: &Who, id: GivenId) -> Result<SavedReport, ApiError> {
    let Path(id) = id.map_err(|_| unknown())?;
    let shelf = state.store.saved();
    let saved = shelf.find(&id);
    let saved = saved.filter(|saved| who.sees(&saved.report.project));
    saved.map(|saved| saved.report.clone()).ok_or_else(unknown)
}

/// Whoever may have reports sent may change any; others what is theirs and is not sent.
pub(in crate::api) fn may_change(who: &Who, report: &SavedReport) -> Result<(), ApiError> {
    let is_own = *who.name == *report.saved_by && report.sending.is_none();
    if who.may(Right::Mail) || is_own {
        return Ok(());
    }
    Err(forbidden(
        "somebody else saved this report, or it is sent; ask a manager",
    ))
}

fn forbidden(message: &'static str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "forbidden", message).with("right", Right::Mail.word())
}

/// Changes what is saved, and has the post look. Both go on to their end when who asks hangs up meanwhile: nothing that the
/// log took waits for the post's next round.
async fn deed(
    state: &State,
    change: impl FnOnce(&Store) -> Result<(), SavedError> + Send + 'static,
) -> Result<(), ApiError> {
    let (store, post) = (state.store.clone(), state.post.clone());
    off_the_loop(move || {
        let done = change(&store);
        // Also where it was not all done: of several letters some may have been taken.
        post.wake();
        done
    })
    .await??;
    Ok(())
}

/// Saves it.
pub(in crate::api) async fn put(
    state: &State,
    who: &Who,
    report: SavedReport,
) -> Result<(), ApiError> {
    let by = who.name.clone();
    deed(state, move |store| store.save_report(report, &by)).await
}

/// Removes it.
pub(in crate::api) async fn remove(state: &State, who: &Who, id: String) -> Result<(), ApiError> {
    let by = who.name.clone();
    deed(state, move |store| store.remove_saved(&id, &by)).await
}

/// Has letters sent.
pub(in crate::api) async fn ask(
    state: &State,
    who: &Who,
    report: SavedReport,
    whom: Whom,
) -> Result<(), ApiError> {
    let conflict =
        |code, message: &'static str| Err(ApiError::new(StatusCode::CONFLICT, code, message));
    if !state.post.is_set_up() {
        return conflict(
            "no-mail",
            "no mail is set up; write smtp and from into [mail]",
        );
    }
    let now = state.clock.wall();
    let asked = |recipients: Vec<String>| Asked {
        report: report.id.clone(),
        period: now.to_string(),
        due: now,
        recipients,
        by: who.name.to_string(),
    };
    let letters = match whom {
        Whom::Me => match own_address(state, who) {
            Some(address) => vec![asked(vec![address])],
            None => {
                return conflict(
                    "no-address",
                    "there is no address of yours: an admin writes email into your [[user]]",
                );
            }
        },
        Whom::Recipients | Whom::Again if !who.may(Right::Mail) => {
            return Err(forbidden(
                "having reports sent outside is not yours to do; ask a manager",
            ));
        }
        Whom::Recipients => match &report.sending {
            Some(sending) => vec![asked(sending.recipients.clone())],
            None => {
                return conflict(
                    "no-recipients",
                    "the report is sent to nobody; say to whom first",
                );
            }
        },
        Whom::Again => {
            let shelf = state.store.saved();
            shelf
                .find(&report.id)
                .map(|saved| dead(saved, who))
                .unwrap_or_default()
        }
    };
    let post = state.post.clone();
    deed(state, move |store| {
        let mut letters = letters.into_iter();
        letters.try_for_each(|asked| store.ask_letter(asked))?;
        if whom == Whom::Again {
            post.hurry();
        }
        Ok(())
    })
    .await
}

/// Letters that were given up, asked for again: the same ones, so that whoever has one after all knows it.
fn dead(saved: &Saved, who: &Who) -> Vec<Asked> {
    let mut letters: Vec<Asked> = Vec::new();
    for ended in &saved.dead {
        let mailed = &ended.mailed;
        let of_letter = letters
            .iter_mut()
            .find(|asked| asked.period == mailed.period);
        match of_letter {
            Some(asked) => asked.recipients.push(mailed.recipient.clone()),
            None => letters.push(Asked {
                report: mailed.report.clone(),
                period: mailed.period.clone(),
                due: mailed.due,
                recipients: vec![mailed.recipient.clone()],
                by: who.name.to_string(),
            }),
        }
    }
    letters
}

/// Where letters reach who asks.
pub(in crate::api) fn own_address(state: &State, who: &Who) -> Option<String> {
    let manned = state.gate.manned();
    let user = manned.users.find(&who.name)?;
    user.email.as_deref().map(str::to_owned)
}
