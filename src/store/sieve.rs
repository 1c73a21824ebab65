//! The conditions of [`Narrow`] as rows answer them. Pure.

use crate::base::time::WallTime;
use crate::base::zone::{Offsets, WEEK_HOURS};
use crate::store::filter::ID_SLACK_MS;
use crate::store::names::{Name, Source, Which};
use crate::store::narrow::{Back, Narrow, Part, Taken};
use crate::store::row::Row;
use crate::store::rows::Rows;
use crate::track::Sales;

/// What rows are asked beside the conditions of a list; `None`: nothing.
#[derive(Debug)]
pub(crate) struct Sieve(Option<Box<Asked>>);

#[derive(Debug)]
struct Asked {
    narrow: Narrow,
    offered: Option<Offered>,
    /// Stages that will do.
    stages: Vec<Name>,
    /// Sources with this number and rule, and without what is to be missing.
    sources: Option<Which>,
    hours: Option<Hours>,
    customers: Option<Customers>,
    /// As [`Narrow::leads`] has it.
    leads: Option<Customers>,
}

/// Whom calls were offered to.
#[derive(Debug)]
struct Offered {
    manager: Name,
    /// Sets that have them.
    sets: Which,
}

impl Offered {
    fn has(&self, row: &Row) -> bool {
        self.sets.may_have(row.offered) || row.manager == self.manager
    }
}

/// Hours of the week that let calls through.
#[derive(Debug)]
struct Hours {
    clocks: Offsets,
    passes: [bool; WEEK_HOURS],
}

impl Sieve {
    /// Looks up what `narrow` names, for calls that began between `since` and `until`.
    pub(crate) fn new(narrow: &Narrow, since: WallTime, until: WallTime, rows: &Rows) -> Self {
        if narrow.is_open() {
            return Self(None);
        }
        let find = |name: &Option<String>| {
            let name = name.as_ref()?;
            Some(rows.names().words.find(name).unwrap_or(Name::MANY))
        };
        let sold = |sales: &Option<Sales>| {
            let sales = sales.as_ref()?;
            Some(Customers::new(sales, rows))
        };
        let asked = Asked {
            offered: find(&narrow.offered).map(|manager| {
                let is_in = |name: &Name| *name == manager || *name == Name::MANY;
                let sets = rows.names().sets.which(|set| set.iter().any(is_in));
                Offered { manager, sets }
            }),
            stages: {
                let find = |stage: &String| rows.names().words.find(stage).unwrap_or(Name::MANY);
                narrow.stages.iter().map(find).collect()
            },
            sources: sources(narrow, find(&narrow.number), find(&narrow.rule), rows),
            hours: Hours::new(narrow, since, until, rows),
            customers: sold(&narrow.customers),
            leads: sold(&narrow.leads),
            narrow: narrow.clone(),
        };
        Self(Some(Box::new(asked)))
    }

    /// Whether a call with this row may be one of those asked for.
    #[inline]
    pub(crate) fn passes(&self, row: &Row) -> bool {
        self.0.as_ref().is_none_or(|asked| asked.passes(row))
    }
}

impl Asked {
    fn passes(&self, row: &Row) -> bool {
        let narrow = &self.narrow;
        self.offered.as_ref().is_none_or(|offered| offered.has(row))
            && narrow.taken.is_none_or(|taken| self.is_taken(row, taken))
            && self.stage_passes(row)
            && (narrow.reason.is_none() || narrow.reason == row.finish_reason())
            && narrow.valued.is_none_or(|valued| row.is_valued() == valued)
            && narrow
                .ended
                .is_none_or(|ended| row.is_in_progress() != ended)
            && (!narrow.hidden || row.is_repeated().is_none())
            && self
                .sources
                .as_ref()
                .is_none_or(|sources| sources.may_have(row.source))
            && narrow.without.iter().all(|part| lacks(row, *part))
            && self.hours.as_ref().is_none_or(|hours| hours.pass(row))
            && self.waited(row)
            && narrow.called_back.is_none_or(|back| match back {
                Back::Done => row.is_called_back(),
                Back::Spoken => row.back_s().is_some(),
            })
            && self
                .customers
                .as_ref()
                .is_none_or(|customers| customers.has(row))
            && self
                .leads
                .as_ref()
                .is_none_or(|customers| row.is_target() == Some(true) || customers.has(row))
    }

    fn is_taken(&self, row: &Row, taken: Taken) -> bool {
        let manager = self.offered.as_ref().map(|offered| offered.manager);
        match taken {
            Taken::Own => row.manager != Name::default() && Some(row.manager) == manager,
            Taken::Other => row.is_answered() && Some(row.manager) != manager,
        }
    }

    fn stage_passes(&self, row: &Row) -> bool {
        if self.narrow.first_stage {
            return row.stage == self.stages.first().copied().unwrap_or_default();
        }
        self.stages.is_empty() || self.stages.contains(&row.stage)
    }

    fn waited(&self, row: &Row) -> bool {
        let (least, most) = (self.narrow.min_wait_ms, self.narrow.max_wait_ms);
        if least.is_none() && most.is_none() {
            return true;
        }
        row.wait().is_some_and(|wait| {
            let wait = u64::from(wait);
            least.is_none_or(|least| least <= wait) && most.is_none_or(|most| wait <= most)
        })
    }
}

/// Whether a row lacks something that is its own; of what its source has the sources tell.
fn lacks(row: &Row, part: Part) -> bool {
    let none = Name::default();
    match part {
        Part::Channel | Part::Campaign | Part::Category | Part::Rule => true,
        Part::Manager => row.manager == none,
        Part::Goal => row.goal == none,
        Part::Stage => row.stage == none,
        Part::Outcome => row.outcome == none,
    }
}

/// Sources with this number and rule and without these parts; `None`: every source will do.
fn sources(
    narrow: &Narrow,
    number: Option<Name>,
    rule: Option<Name>,
    rows: &Rows,
) -> Option<Which> {
    let of_sources = [Part::Channel, Part::Campaign, Part::Category, Part::Rule];
    let lacks = narrow.without.iter().any(|part| of_sources.contains(part));
    if number.is_none() && rule.is_none() && !lacks {
        return None;
    }
    let is = |wanted: Option<Name>, has: Name| {
        wanted.is_none_or(|wanted| has == wanted || has == Name::MANY)
    };
    Some(rows.names().sources.which(|source| {
        is(number, source.virtual_number)
            && is(rule, source.rule)
            && narrow.without.iter().all(|part| match part {
                Part::Channel => source.channel == Name::default(),
                Part::Campaign => source.campaign == Name::default(),
                Part::Category => source.category == Name::default(),
                Part::Rule => source.rule == Name::default(),
                Part::Manager | Part::Goal | Part::Stage | Part::Outcome => true,
            })
    }))
}

impl Hours {
    fn new(narrow: &Narrow, since: WallTime, until: WallTime, rows: &Rows) -> Option<Self> {
        if narrow.hour.is_none() && narrow.weekday.is_none() {
            return None;
        }
        // Clocks are followed as far as there are calls.
        let list = rows.list();
        let about = |row: &Row, slack: i64| {
            WallTime::from_millis(row.id.began().as_millis().saturating_add(slack))
        };
        let first = list
            .first()
            .map_or(since, |row| since.max(about(row, -ID_SLACK_MS)));
        let last = list
            .last()
            .map_or(until, |row| until.min(about(row, ID_SLACK_MS)));
        let mut passes = [false; WEEK_HOURS];
        for (place, passes) in (0u8..).zip(&mut passes) {
            let (weekday, hour) = (place / 24 + 1, place % 24);
            *passes = narrow.hour.is_none_or(|wanted| wanted == hour)
                && narrow.weekday.is_none_or(|wanted| wanted == weekday);
        }
        Some(Self {
            clocks: Offsets::new(&narrow.time_zone(), first, last),
            passes,
        })
    }

    fn pass(&self, row: &Row) -> bool {
        let hour = self.clocks.hour_of_week(row.started_at);
        self.passes.get(hour).copied().unwrap_or_default()
    }
}

/// Which rows are those of customers: a table, since nobody can foresee which calls were sold, and a processor that tries to
/// spends more time on it than on all else that is counted.
#[derive(Clone, Debug)]
pub(crate) struct Customers {
    /// By project and sale, whether it is one there; the first line and the first column are of none.
    table: Vec<bool>,
    /// Where the line of each source's project begins.
    lines: Vec<usize>,
    /// The column of each outcome.
    columns: Vec<usize>,
}

impl Customers {
    /// Looks up what `sales` names.
    pub(crate) fn new(sales: &Sales, rows: &Rows) -> Self {
        let names = rows.names();
        let sources = names.sources.list();
        let mut projects: Vec<Name> = sources.iter().map(|source| source.project).collect();
        projects.sort_unstable();
        projects.dedup();
        let sold: Vec<Vec<Name>> = projects
            .iter()
            .map(|project| {
                let id = names.words.get(*project).map_or("", |id| id);
                let words = sales.of(id).filter_map(|sale| names.words.find(sale));
                words.collect()
            })
            .collect();
        let mut words: Vec<Name> = sold.iter().flatten().copied().collect();
        words.sort_unstable();
        words.dedup();
        let width = words.len() + 1;
        let mut table = vec![false; width];
        for sold in &sold {
            table.push(false);
            table.extend(words.iter().map(|word| sold.contains(word)));
        }
        let line = |source: &Source| {
            let place = projects.binary_search(&source.project);
            place.map_or(0, |place| (place + 1) * width)
        };
        let last = words.last().map_or(0, |word| usize::from(word.0) + 1);
        let mut columns = vec![0; last];
        for (place, word) in (1..).zip(&words) {
            if let Some(column) = columns.get_mut(usize::from(word.0)) {
                *column = place;
            }
        }
        Self {
            table,
            // Numbers of sources begin with 1.
            lines: [0].into_iter().chain(sources.iter().map(line)).collect(),
            columns,
        }
    }

    /// Whether people say that the call of this row was sold.
    #[inline]
    pub(crate) fn has(&self, row: &Row) -> bool {
        let of = |list: &[usize], name: Name| {
            let place = list.get(usize::from(name.0));
            place.copied().unwrap_or_default()
        };
        let place = of(&self.lines, row.source) + of(&self.columns, row.outcome);
        self.table.get(place).copied().unwrap_or_default()
    }
}
