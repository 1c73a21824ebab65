//! The table of routes: none can be added without saying who may use it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodRouter, delete, get, patch, post};

use crate::api::state::State;
use crate::people::Right;

/// What a route asks of whoever uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::api) enum Needs {
    /// Nothing: health, the login page and what it is drawn with.
    Nothing,
    /// To be somebody.
    Somebody,
    /// This right.
    This(Right),
}

/// What each route needs, by path as it was written and method.
pub(in crate::api) type Table = Arc<BTreeMap<(&'static str, String), Needs>>;

/// Routes in the making.
#[derive(Debug, Default)]
pub(in crate::api) struct Paths {
    router: Router<State>,
    needs: BTreeMap<(&'static str, String), Needs>,
}

impl Paths {
    /// Adds `GET path`, and with it HEAD.
    pub(in crate::api) fn get<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Self
    where
        H: Handler<T, State>,
        T: 'static,
    {
        self.add(path, needs, &[Method::GET, Method::HEAD], get(handler))
    }

    /// Adds `POST path`.
    pub(in crate::api) fn post<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Self
    where
        H: Handler<T, State>,
        T: 'static,
    {
        self.add(path, needs, &[Method::POST], post(handler))
    }

    /// Adds `PATCH path`.
    pub(in crate::api) fn patch<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Self
    where
        H: Handler<T, State>,
        T: 'static,
    {
        self.add(path, needs, &[Method::PATCH], patch(handler))
    }

    /// Adds `DELETE path`.
    pub(in crate::api) fn delete<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Self
    where
        H: Handler<T, State>,
        T: 'static,
    {
        self.add(path, needs, &[Method::DELETE], delete(handler))
    }

    fn add(
        mut self,
        path: &'static str,
        needs: Needs,
        methods: &[Method],
        handler: MethodRouter<State>,
    ) -> Self {
        for method in methods {
            self.needs.insert((path, method.to_string()), needs);
        }
        self.router = self.router.route(path, handler);
        self
    }

    /// Ends the table.
    pub(in crate::api) fn finish(self) -> (Router<State>, Table) {
        (self.router, Arc::new(self.needs))
    }
}
