//! Amounts as the page shows them.

use jiff::civil::Date;

use crate::api::pages::reports;
use crate::api::pages::show::Shower;
use crate::api::spend::entry::Asked;
use crate::api::spend::sentence;
use crate::people::Who;
use crate::report::money::{CAC, ends, place_of};
use crate::report::table::{Figure, Line, Report, Verdict};
use crate::store::ledger::check::{Known, WHOLE, Written};
use crate::store::ledger::sheet::{Sheet, SheetRow};
use crate::store::ledger::{Cost, Entry, Item, Ledger, Purpose, Version, Way};
use crate::store::query::Query;
use crate::web::figures;
use crate::web::spend::{Form, Group, Import, ImportRow, Pick, Results, SpendRow};

/// Most amounts on the page; the table for download has all.
const ROWS_MAX: usize = 300;

/// The figures that the last days come to.
const RESULTS: [&str; 6] = [
    "spent",
    "calls",
    "cost_of_call",
    "customers",
    CAC,
    "conversion",
];

/// What is needed to show amounts.
pub(super) struct Shown<'s> {
    pub(super) shower: &'s Shower,
    pub(super) known: &'s Known,
    pub(super) who: &'s Who,
}

impl Shown<'_> {
    fn say(&self, name: &str) -> String {
        self.shower.words.say(name)
    }

    /// Today, where a project is.
    pub(super) fn today(&self, project: Option<&str>) -> Date {
        let first = || self.known.projects().next();
        let project = project.or_else(first).unwrap_or_default();
        self.shower.dates(project).today()
    }

    /// What the last days came to.
    pub(super) fn results(&self, report: &Report, query: &Query) -> Results {
        let currency = reports::currency(self.shower, query, self.who);
        let figure = |key: &str, line: Option<&Line>| {
            let place = place_of(&report.columns, key)?;
            line?.cells.get(place).copied()
        };
        let text = |key: &str, line: Option<&Line>| {
            figure(key, line).map_or_else(|| "–".to_owned(), |it| self.figure(it, currency))
        };
        let total = report.total.as_ref();
        let verdict = match figure("verdict", total) {
            Some(Figure::Verdict(verdict)) => verdict,
            Some(
                Figure::Nothing
                | Figure::Count(_)
                | Figure::Share(_)
                | Figure::Millis { .. }
                | Figure::Money(_)
                | Figure::Number(_),
            )
            | None => Verdict::Untold,
        };
        let ends = ends(report);
        let end = |name: &str, line: Option<&Line>| {
            let line = line?;
            let cost = text(CAC, Some(line));
            Some(self.shower.words.with_both(name, &line.key, &cost))
        };
        let sentences = [
            end("spend-cheapest", ends.cheapest),
            end("spend-dearest", ends.dearest),
        ];
        let named = RESULTS.map(|key| (self.say(&format!("figure-{key}")), text(key, total)));
        Results {
            figures: named.to_vec(),
            verdict: self.say(&format!("verdict-{}", verdict.word())),
            verdict_word: verdict.word(),
            ends: sentences.into_iter().flatten().collect(),
        }
    }

    fn figure(&self, figure: Figure, currency: &str) -> String {
        let language = self.shower.words.language();
        match figure {
            Figure::Count(count) => figures::grouped(count, language),
            Figure::Money(hundredths) => self.money(hundredths, currency),
            Figure::Share(share) => {
                let value = share.value();
                value.map_or_else(|| "–".to_owned(), |value| figures::percent(value, language))
            }
            Figure::Nothing | Figure::Millis { .. } | Figure::Number(_) | Figure::Verdict(_) => {
                "–".to_owned()
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "nobody spends 2^53 hundredths")]
    fn money(&self, hundredths: i64, currency: &str) -> String {
        let language = self.shower.words.language();
        figures::money(hundredths as f64 / 100.0, currency, language)
    }

    /// The projects to choose from.
    pub(super) fn projects(&self, chosen: Option<&str>) -> Vec<Pick> {
        let pick = |id: &str| Pick {
            value: id.to_owned(),
            text: self.project(id),
            chosen: chosen == Some(id),
        };
        self.known.projects().map(pick).collect()
    }

    fn project(&self, id: &str) -> String {
        let project = self.shower.rules.tracking.project(id);
        project.map_or_else(|| id.to_owned(), |project| project.label.to_string())
    }

    /// The form of an amount.
    pub(super) fn form(&self, written: &Written) -> Form {
        let cost = |cost: Cost| Pick {
            value: cost.word().to_owned(),
            text: self.say(&format!("cost-{cost}")),
            chosen: written.cost == cost.word(),
        };
        let mut projects = self.known.projects();
        let only = projects.next().filter(|_| projects.next().is_none());
        let currency = only.map_or("", |id| self.shower.currency(id));
        let mut amount = written.amount.clone();
        if let Some(whole) = amount.strip_suffix(".00") {
            amount = whole.to_owned();
        }
        Form {
            purposes: self.purposes(written),
            costs: Cost::ALL.map(cost).to_vec(),
            from: written.from.clone(),
            until: written.until.clone(),
            amount,
            currency: currency.to_owned(),
            note: written.note.clone(),
            ..Form::default()
        }
    }

    /// What an amount may be for, under headings.
    fn purposes(&self, written: &Written) -> Vec<Group> {
        let is_one = self.known.projects().count() == 1;
        let mut groups = Vec::new();
        for project in self.known.projects() {
            let heading = |word: &str| {
                let of = self.say(&format!("spend-of-{word}"));
                if is_one {
                    return of;
                }
                let words = self.shower.words;
                words.with_both("spend-group", &self.project(project), &of)
            };
            let is_own = written.project == project;
            let pick = |word: &str, name: &str, has: &str| Pick {
                value: format!("{project}|{word}|{name}"),
                text: name.to_owned(),
                chosen: is_own && has == name,
            };
            let [sources, campaigns, channels] = self.known.names(project);
            let named = [
                ("source", sources, &written.source),
                ("campaign", campaigns, &written.campaign),
                ("channel", channels, &written.channel),
            ];
            for (word, names, has) in named {
                let options = names.into_iter().map(|name| pick(word, name, has));
                groups.push(Group {
                    label: heading(word),
                    options: options.collect(),
                });
            }
            groups.push(Group {
                label: heading("project"),
                options: vec![Pick {
                    value: format!("{project}|project|"),
                    text: self.say("spend-whole"),
                    chosen: is_own && written.source == WHOLE,
                }],
            });
        }
        groups.retain(|group| !group.options.is_empty());
        groups
    }

    /// A table that was looked at.
    pub(super) fn import(&self, text: String, project: Option<&str>, sheet: &Sheet) -> Import {
        let words = self.shower.words;
        let row = |row: &SheetRow| {
            let entry = &row.entry;
            let note = [
                self.say(&format!("cost-{}", entry.cost)),
                entry.note.clone(),
            ];
            let note = note.into_iter().filter(|text| !text.is_empty());
            ImportRow {
                line: row.line,
                purpose: self.purpose(entry),
                days: self.days(entry),
                amount: self.money(entry.hundredths, &entry.currency),
                note: note.collect::<Vec<_>>().join(" · "),
                doubts: row
                    .doubts
                    .iter()
                    .map(|doubt| sentence(words, doubt))
                    .collect(),
            }
        };
        let faults = sheet.faults.iter().map(|fault| {
            let line = figures::grouped(fault.line, words.language());
            (line, sentence(words, &fault.wrong))
        });
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let mut currencies: Vec<&str> = sheet.rows.iter().map(|row| &*row.entry.currency).collect();
        currencies.sort_unstable();
        currencies.dedup();
        let sums = currencies.into_iter().map(|currency| {
            let own = sheet
                .rows
                .iter()
                .filter(|row| row.entry.currency == currency);
            self.money(own.map(|row| row.entry.hundredths).sum(), currency)
        });
        let sums: Vec<String> = sums.collect();
        let rows = words.count("spend-rows", count(sheet.rows.len()));
        Import {
            text,
            projects: self.projects(project),
            faults: faults.collect(),
            more: (sheet.more > 0).then(|| words.count("spend-faults-more", count(sheet.more))),
            sum: words.with_both("spend-group", &rows, &sums.join(", ")),
            rows: if sheet.faults.is_empty() {
                sheet.rows.iter().map(row).collect()
            } else {
                Vec::new()
            },
        }
    }

    /// The amounts that are asked for, those that begin last first, and what the page leaves out.
    pub(super) fn rows(&self, ledger: &Ledger, asked: &Asked) -> (Vec<SpendRow>, Option<String>) {
        let mut items: Vec<&Item> = ledger
            .items()
            .filter(|item| asked.has(item, self.who))
            .collect();
        items.sort_by_key(|item| item.last().map(|entry| (entry.from, item.id)));
        let more = items.len().saturating_sub(ROWS_MAX);
        let more = (more > 0).then(|| {
            let more = u64::try_from(more).unwrap_or(u64::MAX);
            self.shower.words.count("spend-rows-more", more)
        });
        let rows = items.into_iter().rev().take(ROWS_MAX);
        (rows.filter_map(|item| self.row(item)).collect(), more)
    }

    fn row(&self, item: &Item) -> Option<SpendRow> {
        let entry = item.last()?;
        let each = entry.hundredths / i64::from(entry.days()).max(1);
        let each = self.money(each, &entry.currency);
        let history = item.versions.iter().enumerate().rev();
        Some(SpendRow {
            id: item.id.to_string(),
            version: item.version(),
            purpose: self.purpose(entry),
            of: self.say(&format!("spend-of-{}", entry.purpose.word())),
            cost: self.say(&format!("cost-{}", entry.cost)),
            days: self.days(entry),
            amount: self.money(entry.hundredths, &entry.currency),
            each: self.shower.words.with("spend-each", &each),
            note: entry.note.clone(),
            removed: item.now().is_none(),
            history: history
                .map(|(place, version)| self.version(place, version, entry))
                .collect(),
        })
    }

    fn version(&self, place: usize, version: &Version, entry: &Entry) -> String {
        let words = self.shower.words;
        let at = self.shower.dates(&entry.project).short(version.at);
        let by = words.with_both("spend-group", &at, &self.shower.who(&version.by));
        let Some(now) = &version.now else {
            return words.with("spend-did-removed", &by);
        };
        let amount = self.money(now.hundredths, &now.currency);
        let what =
            if now.purpose == entry.purpose && (now.from, now.until) == (entry.from, entry.until) {
                amount
            } else {
                let days = words.with_both("spend-group", &self.purpose(now), &self.days(now));
                words.with_both("spend-group", &amount, &days)
            };
        let did = match (place, version.way) {
            (0, Way::Hand) => "spend-did-entered",
            (0, Way::Import) => "spend-did-imported",
            (_, Way::Hand | Way::Import) => "spend-did-corrected",
        };
        words.with_both(did, &by, &what)
    }

    fn purpose(&self, entry: &Entry) -> String {
        match &entry.purpose {
            Purpose::Project => self.project(&entry.project),
            Purpose::Channel(name) | Purpose::Campaign(name) | Purpose::Source(name) => {
                name.clone()
            }
        }
    }

    fn days(&self, entry: &Entry) -> String {
        let dates = self.shower.dates(&entry.project);
        let day = |day| dates.day_and_month(day);
        if entry.from == entry.until {
            day(entry.from)
        } else {
            format!("{} – {}", day(entry.from), day(entry.until))
        }
    }
}
