//! What advertising costs: who sees it, and what can be added up.

use axum::http::StatusCode;

use crate::api::error::ApiError;
use crate::api::state::Rules;
use crate::people::{Right, Who};
use crate::store::query::Query;

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
