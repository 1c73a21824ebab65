//! Letters of saved reports: who may have one sent, and what stands in it. The room of letters asks; this one knows reports and
//! people.

use std::sync::Arc;

use axum::extract::Query as Pairs;
use jiff::tz::TimeZone;

use crate::api::error::ApiError;
use crate::api::pages::reports::letter;
use crate::api::reports;
use crate::api::saved::members;
use crate::api::state::State;
use crate::base::time::WallTime;
use crate::notify::letter::Content;
use crate::notify::outbox::Withheld;
use crate::notify::post::{House, Post, Waits};
use crate::people::{Projects, Right, Role, Who};
use crate::report::sheet;
use crate::store::saved::SavedReport;

/// What the thread of letters asks of this room.
#[derive(Clone, Debug)]
pub struct Letters(State);

/// The thread of letters, where there is one: tests of the pages have none.
#[derive(Clone, Debug, Default)]
pub(in crate::api) struct Outlet(Option<Post>);

impl Outlet {
    /// Through this thread.
    pub(in crate::api) const fn of(post: Post) -> Self {
        Self(Some(post))
    }

    /// Whether there is a `[mail]`.
    pub(in crate::api) fn is_set_up(&self) -> bool {
        self.0.as_ref().is_some_and(Post::is_set_up)
    }

    /// Something was saved, removed or asked for.
    pub(in crate::api) fn wake(&self) {
        if let Some(post) = &self.0 {
            post.wake();
        }
    }

    /// What waits is tried now.
    pub(in crate::api) fn hurry(&self) {
        if let Some(post) = &self.0 {
            post.hurry();
        }
    }

    /// The letters that wait.
    pub(in crate::api) fn waiting(&self) -> Vec<Waits> {
        self.0.as_ref().map(Post::waiting).unwrap_or_default()
    }

    /// Why a report is not sent now.
    pub(in crate::api) fn withheld(&self, report: &str) -> Option<Withheld> {
        self.0.as_ref()?.withheld(report)
    }

    /// How many letters wait, and how many servers took since the start.
    pub(in crate::api) fn counts(&self) -> (u64, u64) {
        self.0.as_ref().map(Post::counts).unwrap_or_default()
    }
}

impl Letters {
    /// Of this house.
    pub const fn new(state: State) -> Self {
        Self(state)
    }

    /// Who saved a report, with what they may do now.
    fn saver(&self, report: &SavedReport) -> Option<Who> {
        let name = report.saved_by.as_str();
        let manned = self.0.gate.manned();
        let machine = Who::this_machine();
        if *name == *machine.name {
            return manned.users.is_empty().then_some(machine);
        }
        let Some(token) = name.strip_prefix("token ") else {
            return manned.users.find(name).map(|user| user.who());
        };
        let tokens = self.0.store.tokens();
        let token = tokens.into_iter().find(|known| known.name == token)?;
        let mut roles = Role::ALL.into_iter();
        let projects = token
            .projects
            .map(|own| own.into_iter().map(Arc::from).collect());
        Some(Who {
            name: name.into(),
            role: roles.find(|role| role.word() == token.role)?,
            projects: projects.map_or(Projects::All, Projects::These),
        })
    }

    fn make(&self, report: &SavedReport, due: WallTime) -> Result<Content, ApiError> {
        let rules = self.0.rules();
        let gone = || ApiError::missing("unknown-project", "its project is gone");
        let who = self.saver(report).ok_or_else(gone)?;
        let project = rules.tracking.project(&report.project).ok_or_else(gone)?;
        let kind = reports::kind(&report.report)?;
        let pairs = members::at(report, due, &project.time_zone);
        let given = Ok(Pairs(pairs));
        let on_page = members::on_page(report, due, &project.time_zone);
        let asked = reports::Asked::read(given, kind, &rules, &who)?;
        // As its page cuts it.
        let by = asked.by.or_else(|| kind.cuts().first().copied());
        let figures = asked.make_here(&self.0, &who, due)?;
        let manned = self.0.gate.manned();
        let public = manned.web.public_urls.first().map(ToString::to_string);
        let csv = sheet::write(&figures)
            .map_err(|error| ApiError::ours("writing a report as a table", &error))?;
        let given = letter::Given {
            saved: report,
            report: &figures,
            kind,
            by,
            csv: String::from_utf8_lossy(&csv).into_owned(),
            project,
            pairs: &on_page,
            public: public.as_deref(),
            now: due,
        };
        letter::letter(&self.0, given)
    }
}

impl House for Letters {
    fn zone(&self, report: &SavedReport) -> Result<TimeZone, Withheld> {
        let rules = self.0.rules();
        let project = rules.tracking.project(&report.project);
        let project = project.ok_or_else(|| Withheld::NoProject(report.project.clone()))?;
        let name = &report.saved_by;
        let who = self
            .saver(report)
            .ok_or_else(|| Withheld::NoUser(name.clone()))?;
        // A trial goes to whoever asks for it; every week it leaves the house.
        let may_send = report.sending.is_none() || who.may(Right::Mail);
        if !who.may(Right::Figures) || !who.sees(&project.id) || !may_send {
            return Err(Withheld::NoRight(name.clone()));
        }
        Ok(project.time_zone.clone())
    }

    fn content(&self, report: &SavedReport, due: WallTime) -> Result<Content, String> {
        let made = self.make(report, due);
        made.map_err(|error| format!("the report cannot be made: {}", error.message()))
    }
}
