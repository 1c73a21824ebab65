//! The pages of those who come and go: where one signs in, and who is in.

use axum::response::Response;
use serde_json::Value;

use crate::api::error::ApiError;
use crate::api::pages::html;
use crate::api::pages::look::Look;
use crate::api::pages::show::Shower;
use crate::api::state::State;
use crate::people::session::{Holder, Session};
use crate::store::export::Export;
use crate::web::frame::Here;
use crate::web::sessions::{ExportRow, SessionRow, SessionsPage};
use crate::web::small::LoginPage;

/// Most tables on the page, the newest.
const EXPORTS_MAX: usize = 50;

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
    let exports = state.store.exports();
    let exports = exports.iter().rev().take(EXPORTS_MAX);
    html(&SessionsPage {
        frame: look.frame(Here::Sessions),
        sessions: list.into_iter().map(row).collect(),
        exports: exports.map(|export| shower.export(export)).collect(),
    })
}

impl Shower {
    /// A table that somebody took.
    fn export(&self, export: &Export) -> ExportRow {
        let conditions = export.filter.iter();
        let conditions = conditions.map(|(name, value)| {
            // The page's own field for it has the word.
            let field = match name.as_str() {
                "projects" => "project",
                "callback_open" => "callback-open",
                other => other,
            };
            let label = self.words.say_or(&format!("filter-{field}"), name);
            let value = self.condition(name, value);
            if value.is_empty() {
                return label;
            }
            self.words.with_both("filter-chip", &label, &value)
        });
        ExportRow {
            when: self.dates.full(export.at),
            machine: export.at.to_string(),
            who: self.who(&export.by),
            calls: self.words.count("calls-total", export.calls),
            conditions: conditions.collect(),
        }
    }

    /// What a condition of a table asked for; empty: its name says it all.
    fn condition(&self, name: &str, value: &Value) -> String {
        match value {
            Value::Bool(flag) if name == "target" || name == "repeat" => {
                self.words.say(&format!("{name}-{flag}"))
            }
            Value::Bool(_) if name == "callback_open" => String::new(),
            Value::String(text) if name == "since" || name == "until" => text
                .parse()
                .map_or_else(|_| text.clone(), |at| self.dates.short(at)),
            Value::String(text) if name == "status" => self.words.say_or(
                &format!("status-{text}"),
                &self.words.say_or(&format!("why-{text}"), text),
            ),
            Value::String(text) => self.label(name, text),
            Value::Array(texts) => {
                let texts: Vec<String> = texts
                    .iter()
                    .map(|text| self.condition(name, text))
                    .collect();
                texts.join(", ")
            }
            Value::Number(number) => number.to_string(),
            // A text that the log does not tell.
            Value::Bool(_) | Value::Null | Value::Object(_) => self.words.say("exports-hidden"),
        }
    }
}
