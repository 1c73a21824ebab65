//! How somebody wants to see the pages: language and theme by cookie, else by what the browser says.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;
use cookie::Cookie;

use crate::api::csrf::Csrf;
use crate::api::state::State;
use crate::base::time::WallTime;
use crate::people::{Right, Who};
use crate::web::frame::{Frame, Here, Person, Theme};
use crate::web::words::{Language, Words};

/// The cookie of the language.
pub(super) const LANGUAGE: &str = "lang";

/// The cookie of the theme.
pub(super) const THEME: &str = "theme";

/// Language, theme and the page's own address.
#[derive(Clone, Debug)]
pub(in crate::api) struct Look {
    language: Language,
    theme: Theme,
    path: String,
    who: Option<Who>,
    csrf: Arc<str>,
    now: WallTime,
    /// The last line of the log before anything was read for the page.
    told: u64,
}

impl Look {
    /// Reads it from a request.
    pub(in crate::api) fn of(parts: &Parts, state: &State) -> Self {
        let headers = &parts.headers;
        let accepted = || {
            let header = headers.get(ACCEPT_LANGUAGE);
            header
                .and_then(|value| value.to_str().ok())
                .map_or_else(Language::default, Language::accepted)
        };
        let language = cookie(headers, LANGUAGE).and_then(|code| code.parse().ok());
        let theme = cookie(headers, THEME).and_then(|word| word.parse().ok());
        let path = parts.uri.path_and_query();
        Self {
            language: language.unwrap_or_else(accepted),
            theme: theme.unwrap_or_default(),
            path: path.map_or_else(|| "/".to_owned(), ToString::to_string),
            who: parts.extensions.get::<Who>().cloned(),
            csrf: parts
                .extensions
                .get::<Csrf>()
                .map(|Csrf(token)| Arc::clone(token))
                .unwrap_or_default(),
            now: state.clock.wall(),
            told: state.store.feed().last(),
        }
    }

    /// The words.
    pub(in crate::api) fn words(&self) -> &'static Words {
        Words::of(self.language)
    }

    /// When the request came.
    pub(in crate::api) const fn now(&self) -> WallTime {
        self.now
    }

    /// What stands around a page.
    pub(in crate::api) fn frame(&self, here: Here) -> Frame {
        Frame {
            language: self.language,
            theme: self.theme,
            words: self.words(),
            here,
            path: self.path.clone(),
            person: self.who.as_ref().map(|who| self.person(who)),
            csrf: self.csrf.to_string(),
            now_ms: self.now.as_millis(),
            // Strangers learn nothing of how much happens here.
            told: self.who.as_ref().map_or(0, |_| self.told),
        }
    }

    fn person(&self, who: &Who) -> Person {
        let is_machine = *who == Who::this_machine();
        Person {
            name: if is_machine {
                String::new()
            } else {
                who.name.to_string()
            },
            role: who.role.word(),
            tags: who.may(Right::Tag),
            exports: who.may(Right::Export),
            counts: who.may(Right::Figures),
            money: who.may(Right::Money),
            administers: who.may(Right::Administer),
            signed_in: !self.csrf.is_empty(),
        }
    }
}

impl FromRequestParts<State> for Look {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Self::Rejection> {
        Ok(Self::of(parts, state))
    }
}

/// Finds a cookie's value.
fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(Cookie::split_parse)
        .filter_map(Result::ok)
        .find(|cookie| cookie.name() == name)
        .map(|cookie| cookie.value().to_owned())
}
