//! The pages of those who come and go: where one signs in, and who is in.

use axum::response::Response;

use crate::api::error::ApiError;
use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::pages::show::Shower;
use crate::api::state::State;
use crate::people::session::{Holder, Session};
use crate::web::frame::Here;
use crate::web::sessions::{SessionRow, SessionsPage};
use crate::web::small::LoginPage;

/// Where one signs in; `trouble` is the message about the try before.
pub(in crate::api) fn login(
    look: &Look,
    trouble: Option<&'static str>,
    name: &str,
    back: &str,
) -> Result<Response, ApiError> {
    html(&LoginPage {
        frame: look.frame(Here::Elsewhere),
        trouble,
        name: name.to_owned(),
        back: back.to_owned(),
    })
}

/// Who is in; `own` is the session that looks.
pub(in crate::api) fn sessions(
    state: &State,
    look: &Look,
    list: Vec<Session>,
    own: Option<u64>,
) -> Result<Response, ApiError> {
    let shower = Shower::new(state, look.words(), look.now());
    let row = |session: Session| SessionRow {
        number: session.number,
        name: match &session.holder {
            Holder::User(name) => name.to_string(),
            Holder::ThisMachine => String::new(),
        },
        from: session.from.to_string(),
        agent: session.agent.to_string(),
        began: shower.dates.full(session.began_at),
        began_machine: session.began_at.to_string(),
        seen: shower.dates.full(session.seen_at),
        seen_machine: session.seen_at.to_string(),
        is_own: own == Some(session.number),
    };
    html(&SessionsPage {
        frame: look.frame(Here::Sessions),
        sessions: list.into_iter().map(row).collect(),
    })
}
