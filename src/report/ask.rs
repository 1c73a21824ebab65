//! What a report is asked for: which one, cut by what, of which calls and which time. Pure.

use std::str::FromStr;

use crate::base::time::WallTime;
use crate::report::period::{Grain, Span};
use crate::route::Routing;
use crate::store::query::Query;
use crate::track::Tracking;

/// The reports, by their words in addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Calls by source, campaign, channel, category or number.
    Sources,
    /// Calls by whom they were offered to.
    Managers,
    /// Calls by hour and weekday.
    Hours,
    /// Calls by day, week or month.
    Days,
    /// What was spent, and what it brought.
    Money,
    /// First calls beside those of who had called before.
    Repeat,
    /// Why calls ended.
    Reasons,
    /// What callers wanted, week by week.
    Goals,
    /// Missed calls, and how fast their callers were spoken to.
    Missed,
    /// How far sales got.
    Funnel,
    /// How many lines were busy at once.
    Lines,
    /// How long callers waited.
    AnswerTime,
    /// Calls by the rule that decided them.
    Rules,
}

/// By what caused the calls.
const CAUSES: &[By] = &[
    By::Source,
    By::Campaign,
    By::Channel,
    By::Category,
    By::Number,
];

impl Kind {
    /// Every report.
    pub const ALL: [Self; 13] = [
        Self::Sources,
        Self::Managers,
        Self::Hours,
        Self::Days,
        Self::Repeat,
        Self::Reasons,
        Self::Goals,
        Self::Missed,
        Self::Funnel,
        Self::Lines,
        Self::AnswerTime,
        Self::Money,
        Self::Rules,
    ];

    /// Its word in addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sources => "sources",
            Self::Managers => "managers",
            Self::Hours => "hours",
            Self::Days => "days",
            Self::Money => "money",
            Self::Repeat => "repeat",
            Self::Reasons => "reasons",
            Self::Goals => "goals",
            Self::Missed => "missed",
            Self::Funnel => "funnel",
            Self::Lines => "lines",
            Self::AnswerTime => "answer-time",
            Self::Rules => "rules",
        }
    }

    /// By what its lines can be cut; the first is meant where nothing else is asked for. Empty: its lines are what they are.
    pub const fn cuts(self) -> &'static [By] {
        match self {
            Self::Sources => CAUSES,
            Self::Days => &[By::Day, By::Week, By::Month],
            Self::Missed => &[
                By::Source,
                By::Campaign,
                By::Channel,
                By::Category,
                By::Number,
                By::Rule,
                By::Day,
                By::Week,
                By::Month,
            ],
            Self::Rules => &[By::Rule],
            Self::Money => &[By::Source, By::Campaign, By::Channel, By::Category],
            Self::Managers
            | Self::Hours
            | Self::Repeat
            | Self::Reasons
            | Self::Goals
            | Self::Funnel
            | Self::Lines
            | Self::AnswerTime => &[],
        }
    }
}

/// By what lines are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// `[[source]] tag`
    Source,
    /// `[[source]] campaign`
    Campaign,
    /// `[[source]] channel`
    Channel,
    /// `[[source]] category`
    Category,
    /// The virtual number.
    Number,
    /// `[[rule]] id` of the one that decided.
    Rule,
    /// The day, as the project has it.
    Day,
    /// The week, from Monday on.
    Week,
    /// The month.
    Month,
}

impl By {
    /// Its word in addresses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Campaign => "campaign",
            Self::Channel => "channel",
            Self::Category => "category",
            Self::Number => "number",
            Self::Rule => "rule",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl By {
    /// How time is cut.
    pub(crate) const fn grain(self) -> Option<Grain> {
        match self {
            Self::Day => Some(Grain::Day),
            Self::Week => Some(Grain::Week),
            Self::Month => Some(Grain::Month),
            Self::Source
            | Self::Campaign
            | Self::Channel
            | Self::Category
            | Self::Number
            | Self::Rule => None,
        }
    }
}

/// A word that names no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such report")]
pub struct NoReport;

impl FromStr for Kind {
    type Err = NoReport;

    fn from_str(word: &str) -> Result<Self, NoReport> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.word() == word).ok_or(NoReport)
    }
}

/// A report that is asked for.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Which one.
    pub kind: Kind,
    /// By what its lines are cut; what it does not know is taken for its first.
    pub by: Option<By>,
    /// Of which calls; its times are not looked at.
    pub query: Query,
    /// Of which time, and beside which.
    pub span: Span,
    /// When it is asked for: until when calls in progress have lasted.
    pub now: WallTime,
    /// The projects with their words.
    pub tracking: &'a Tracking,
    /// The managers with their names.
    pub routing: &'a Routing,
}

impl Ask<'_> {
    /// By what lines are cut.
    pub(crate) fn by(&self) -> Option<By> {
        let cuts = self.kind.cuts();
        let asked = self.by.filter(|by| cuts.contains(by));
        asked.or_else(|| cuts.first().copied())
    }

    /// The calls of the period.
    pub(crate) fn inside(&self) -> Query {
        Query {
            since: Some(self.span.since()),
            until: Some(self.span.until()),
            limit: None,
            cursor: None,
            ..self.query.clone()
        }
    }

    /// The calls of the period and of the one before it, in one go.
    pub(crate) fn both(&self) -> Query {
        Query {
            since: Some(self.span.before_since()),
            ..self.inside()
        }
    }
}
