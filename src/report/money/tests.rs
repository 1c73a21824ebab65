//! Calls of a November and what they cost.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::date;
use jiff::tz::TimeZone;

use super::*;
use crate::base::chance::Chance;
use crate::base::id::EntryId;
use crate::base::time::WallTime;
use crate::call::story::SourceTag;
use crate::call::story::What;
use crate::report::ask::Kind;
use crate::report::period::Span;
use crate::report::run;
use crate::route::Routing;
use crate::store::event::Event;
use crate::store::ledger::{Change, Cost, Entry, Purpose, SpentLine, Way};
use crate::store::query::Query;
use crate::store::remark::Kind as Speaker;
use crate::store::rows::Rows;
use crate::store::say::Say;
use crate::store::spoken::SaidLine;
use crate::store::trial::{Script, began};
use crate::track::{Project, Source, Tracking};

const ZONE: &str = "Europe/Moscow";

/// A call: its source with campaign and channel, the caller's number, and what people say of it.
#[derive(Clone, Copy)]
struct Call {
    source: (&'static str, Option<&'static str>, &'static str),
    caller: u64,
    day: u64,
    target: bool,
    sold: Option<f64>,
}

const SPRING: (&str, Option<&str>, &str) = ("mowers", Some("spring"), "direct");
const SPADES: (&str, Option<&str>, &str) = ("spades", Some("spring"), "direct");
const BOARD: (&str, Option<&str>, &str) = ("billboard", None, "outdoor");

fn at(text: &str) -> WallTime {
    text.parse().unwrap()
}

fn rows(calls: &[Call]) -> Rows {
    let mut rows = Rows::default();
    let start = at("2026-11-01T09:00:00Z");
    for (number, call) in (0u64..).zip(calls) {
        let begins = start + Duration::from_secs(call.day * 86_400 + number);
        let caller = match call.caller {
            0 => "anonymous".to_owned(),
            caller => format!("+7999{caller:07}"),
        };
        let script = Script::new(number, begins, &caller);
        let mut first = began(script.caller.clone());
        let (tag, campaign, channel) = call.source;
        first.source = SourceTag {
            project: "shop".into(),
            tag: tag.into(),
            channel: Some(channel.into()),
            campaign: campaign.map(Into::into),
            category: None,
        };
        let n = number * 4 + 1;
        let mut tell = |n, event: &Event| rows.apply(script.id, n, begins, event);
        tell(n, &Event::from(What::Began(Box::new(first))));
        tell(n + 1, &Event::from(script.ended().what));
        let say = Say {
            target: Some(Some(call.target)),
            outcome: call.sold.map(|_| Some("sold".into())),
            value: call.sold.map(Some),
            ..Say::default()
        };
        let said = SaidLine::split(say, "anna".into(), Speaker::Person);
        tell(n + 2, &Event::Said(Box::new(said)));
    }
    rows
}

fn entry(purpose: Purpose, cost: Cost, hundredths: i64) -> Entry {
    Entry {
        project: "shop".into(),
        purpose,
        cost,
        from: date(2026, 11, 1),
        until: date(2026, 11, 30),
        hundredths,
        currency: "RUB".into(),
        note: String::new(),
    }
}

fn ledger(entries: Vec<Entry>) -> Ledger {
    let mut ledger = Ledger::default();
    let change = |(number, entry)| Change {
        id: EntryId::new(at("2026-11-01T00:00:00Z"), &mut Chance::from_number(number)),
        replaces: None,
        now: Some(entry),
    };
    let line = SpentLine {
        by: "anna".into(),
        way: Way::Hand,
        changes: (0..).zip(entries).map(change).collect(),
    };
    ledger.apply(1, at("2026-11-01T00:00:00Z"), &line);
    ledger
}

fn tracking(deal_profit: Option<i64>) -> Tracking {
    let project = Arc::new(Project {
        time_zone: TimeZone::get(ZONE).unwrap(),
        deal_profit,
        ..Project::new("shop")
    });
    let source = |(tag, campaign, channel): (&str, Option<&str>, &str)| {
        Arc::new(Source {
            tag: tag.into(),
            project: Arc::clone(&project),
            channel: Some(channel.into()),
            campaign: campaign.map(Into::into),
            category: None,
            numbers: Vec::new(),
        })
    };
    let sources = [SPRING, SPADES, BOARD, ("radio", Some("autumn"), "air")];
    Tracking::new(vec![Arc::clone(&project)], sources.map(source).to_vec())
}

struct Trial {
    rows: Rows,
    ledger: Ledger,
    tracking: Tracking,
    query: Query,
    period: (&'static str, &'static str),
}

impl Trial {
    fn new(calls: &[Call], entries: Vec<Entry>) -> Self {
        Self {
            rows: rows(calls),
            ledger: ledger(entries),
            tracking: tracking(Some(300_000)),
            query: Query::default(),
            period: ("2026-10-31T21:00:00Z", "2026-11-30T21:00:00Z"),
        }
    }

    fn report(&self, by: By) -> Report {
        let (since, until) = self.period;
        let zone = TimeZone::get(ZONE).unwrap();
        let now = at("2026-12-01T12:00:00Z");
        let ask = Ask {
            kind: Kind::Money,
            by: Some(by),
            query: self.query.clone(),
            span: Span::new(Some(at(since)), Some(at(until)), now, zone).unwrap(),
            now,
            tracking: &self.tracking,
            routing: &Routing::default(),
        };
        run::of(&ask, &self.rows, &self.ledger)
    }
}

fn figure(report: &Report, line: &Line, key: &str) -> Figure {
    line.cells[place_of(&report.columns, key).unwrap()]
}

fn of(report: &Report, key: &str) -> Figure {
    figure(report, report.total.as_ref().unwrap(), key)
}

/// What each line has in a column, in the report's order.
fn column(report: &Report, key: &str) -> Vec<(String, i64)> {
    let lines = report.lines.iter();
    lines
        .map(|line| match figure(report, line, key) {
            Figure::Money(amount) => (line.key.clone(), amount),
            Figure::Count(count) => (line.key.clone(), i64::try_from(count).unwrap()),
            other @ (Figure::Nothing
            | Figure::Share(_)
            | Figure::Millis { .. }
            | Figure::Number(_)
            | Figure::Verdict(_)) => panic!("{key} of {} is {other:?}", line.key),
        })
        .collect()
}

fn has(key: &str, amount: i64) -> (String, i64) {
    (key.to_owned(), amount)
}

fn calls(source: (&'static str, Option<&'static str>, &'static str), count: u64) -> Vec<Call> {
    let call = |caller| Call {
        source,
        caller,
        day: 1,
        target: false,
        sold: None,
    };
    (1..=count).map(call).collect()
}

/// The numbers of the field: 120 calls, 30 target calls of 25 people, 20 customers.
fn field() -> Vec<Call> {
    let mut all = calls(SPRING, 120);
    for (number, call) in all.iter_mut().enumerate().take(30) {
        call.target = true;
        call.sold = (number < 20).then_some(9_000.0);
        call.caller = u64::try_from(number % 25 + 1).unwrap();
    }
    all
}

#[test]
fn the_example_of_the_field_reads_as_people_work_it_out() {
    let advertising = entry(
        Purpose::Source("mowers".into()),
        Cost::Advertising,
        5_000_000,
    );
    let trial = Trial::new(&field(), vec![advertising]);
    let report = trial.report(By::Source);
    assert_eq!(of(&report, "spent"), Figure::Money(5_000_000));
    assert_eq!(of(&report, "cost_of_call"), Figure::Money(41_667));
    assert_eq!(of(&report, "cac"), Figure::Money(250_000));
    assert_eq!(
        of(&report, "conversion"),
        Figure::Share(Share {
            part: 20,
            whole: 120
        })
    );
    assert_eq!(of(&report, "verdict"), Figure::Verdict(Verdict::Pays));
    assert_eq!(of(&report, "cost_of_target"), Figure::Money(166_667));
    assert_eq!(of(&report, "leads"), Figure::Count(25));
    assert_eq!(of(&report, "cpl"), Figure::Money(200_000));
    assert_eq!(of(&report, "revenue"), Figure::Money(18_000_000));
    assert_eq!(of(&report, "profit"), Figure::Money(1_000_000));
    assert_eq!(of(&report, "roi"), Figure::Number(0.2));
    assert_eq!(of(&report, "roas"), Figure::Number(3.6));
    assert_eq!(report.lines.len(), 1);
    let total = report.total.clone().unwrap();
    assert_eq!(report.lines[0].cells, total.cells);
    assert_eq!(report.columns.len(), total.cells.len());
}

#[test]
fn salaries_and_services_are_part_of_what_a_customer_costs_and_stand_apart() {
    let entries = vec![
        entry(
            Purpose::Source("mowers".into()),
            Cost::Advertising,
            5_000_000,
        ),
        entry(Purpose::Project, Cost::Salary, 1_500_000),
        entry(Purpose::Project, Cost::Service, 500_000),
    ];
    let report = Trial::new(&field(), entries).report(By::Source);
    assert_eq!(of(&report, "advertising"), Figure::Money(5_000_000));
    assert_eq!(of(&report, "other_costs"), Figure::Money(2_000_000));
    assert_eq!(of(&report, "cac"), Figure::Money(350_000));
    assert_eq!(of(&report, "verdict"), Figure::Verdict(Verdict::DoesNotPay));
    assert_eq!(of(&report, "roas"), Figure::Number(3.6));
}

#[test]
fn what_is_for_several_lines_is_carried_by_their_calls_and_every_hundredth_is_somewhere() {
    let mut all = calls(SPRING, 6);
    all.extend(calls(SPADES, 3));
    all.extend(calls(BOARD, 1));
    let campaign = |name: &str, amount| {
        let purpose = Purpose::Campaign(name.into());
        entry(purpose, Cost::Advertising, amount)
    };
    let entries = vec![
        campaign("spring", 100_000),
        entry(Purpose::Project, Cost::Service, 1_001),
        entry(Purpose::Source("radio".into()), Cost::Advertising, 70_000),
        campaign("winter", 5_000),
    ];
    let trial = Trial::new(&all, entries);
    let sources = trial.report(By::Source);
    // Nobody has bought: what cost most is at the top, what nobody called for is there.
    assert_eq!(
        column(&sources, "spent"),
        [
            has("radio", 70_000),
            has("mowers", 66_666 + 600),
            has("spades", 33_334 + 300),
            has("", 5_000),
            has("billboard", 101),
        ]
    );
    assert_eq!(of(&sources, "spent"), Figure::Money(176_001));
    let campaigns = trial.report(By::Campaign);
    assert_eq!(
        column(&campaigns, "advertising"),
        [
            has("spring", 100_000),
            has("autumn", 70_000),
            has("winter", 5_000),
            has("", 0),
        ]
    );
    let channels = trial.report(By::Channel);
    assert_eq!(
        column(&channels, "advertising"),
        [
            has("direct", 100_000),
            has("air", 70_000),
            has("", 5_000),
            has("outdoor", 0),
        ]
    );
    for report in [&sources, &campaigns, &channels] {
        let sum: i64 = column(report, "spent").iter().map(|(_, sum)| sum).sum();
        assert_eq!(of(report, "spent"), Figure::Money(sum));
    }
}

#[test]
fn calls_under_a_condition_have_what_they_carry_and_no_more() {
    let mut all = calls(SPRING, 8);
    all.extend(calls(BOARD, 2));
    for call in all.iter_mut().take(2) {
        call.target = true;
    }
    let entries = vec![
        entry(Purpose::Source("mowers".into()), Cost::Advertising, 80_000),
        entry(Purpose::Project, Cost::Salary, 10_000),
        entry(Purpose::Source("radio".into()), Cost::Advertising, 70_000),
    ];
    let mut trial = Trial::new(&all, entries);
    trial.query.target = Some(true);
    let report = trial.report(By::Source);
    assert_eq!(column(&report, "spent"), [has("mowers", 20_000 + 2_000)]);
    assert_eq!(column(&report, "calls"), [has("mowers", 2)]);
    trial.query.target = None;
    trial.query.source = Some("radio".into());
    assert_eq!(
        column(&trial.report(By::Source), "spent"),
        [has("radio", 70_000)]
    );
    trial.query.source = Some("billboard".into());
    assert_eq!(
        column(&trial.report(By::Source), "spent"),
        [has("billboard", 2_000)]
    );
    trial.query.project = Some("clinic".into());
    assert_eq!(trial.report(By::Source).lines, []);
}

#[test]
fn a_period_has_its_days_of_an_amount_and_stands_beside_the_one_before() {
    let source = Purpose::Source("mowers".into());
    let mut trial = Trial::new(
        &calls(SPRING, 2),
        vec![entry(source, Cost::Advertising, 30_000)],
    );
    // Calls are on the 2nd.
    trial.period = ("2026-11-01T21:00:00Z", "2026-11-04T21:00:00Z");
    let report = trial.report(By::Source);
    assert_eq!(column(&report, "spent"), [has("mowers", 3_000)]);
    let spent = place_of(&report.columns, "spent").unwrap();
    assert_eq!(report.lines[0].before[spent], Figure::Money(1_000));
    assert_eq!(of(&report, "cost_of_call"), Figure::Money(1_500));
}

#[test]
fn a_verdict_waits_for_customers_unless_it_is_plain_before() {
    let verdict = |sold: usize, whole: u64, spent: i64, deal: Option<i64>| {
        let mut all = calls(SPRING, whole);
        for call in all.iter_mut().take(sold) {
            call.sold = Some(1.0);
        }
        let source = Purpose::Source("mowers".into());
        let entries = match spent {
            0 => Vec::new(),
            spent => vec![entry(source, Cost::Advertising, spent)],
        };
        let mut trial = Trial::new(&all, entries);
        trial.tracking = tracking(deal);
        match of(&trial.report(By::Source), "verdict") {
            Figure::Verdict(verdict) => verdict,
            other @ (Figure::Nothing
            | Figure::Count(_)
            | Figure::Share(_)
            | Figure::Millis { .. }
            | Figure::Money(_)
            | Figure::Number(_)) => panic!("{other:?}"),
        }
    };
    let deal = Some(300_000);
    assert_eq!(verdict(10, 100, 2_999_999, deal), Verdict::Pays);
    assert_eq!(verdict(10, 100, 3_000_000, deal), Verdict::DoesNotPay);
    // Four customers could as well have been two or nine.
    assert_eq!(verdict(4, 100, 1_000_000, deal), Verdict::Untold);
    assert_eq!(verdict(4, 100, 100_000, deal), Verdict::Pays);
    assert_eq!(verdict(4, 100, 9_000_000, deal), Verdict::DoesNotPay);
    // Of a hundred calls without a customer four could have been expected.
    assert_eq!(verdict(0, 100, 1_000_000, deal), Verdict::Untold);
    assert_eq!(verdict(0, 100, 1_200_000, deal), Verdict::DoesNotPay);
    assert_eq!(verdict(0, 0, 9_000_000, deal), Verdict::Untold);
    assert_eq!(verdict(50, 100, 0, deal), Verdict::Untold);
    assert_eq!(verdict(50, 100, 100, None), Verdict::Untold);
}

#[test]
fn somebody_who_calls_twice_is_one_lead_and_two_who_hide_are_two() {
    let mut all = calls(SPRING, 2);
    all.extend(calls(BOARD, 1));
    for call in &mut all {
        call.caller = 1;
        call.target = true;
    }
    let mut hidden = calls(SPRING, 2);
    for call in &mut hidden {
        call.caller = 0;
        call.target = true;
    }
    all.extend(hidden);
    let report = Trial::new(&all, Vec::new()).report(By::Source);
    assert_eq!(
        column(&report, "leads"),
        [has("mowers", 3), has("billboard", 1)]
    );
    assert_eq!(of(&report, "leads"), Figure::Count(3));
    assert_eq!(of(&report, "cpl"), Figure::Nothing);
}

#[test]
fn the_cheapest_and_the_dearest_are_those_whose_customers_cost_least_and_most() {
    let sold = |source, count| {
        let mut calls = calls(source, count);
        calls.iter_mut().for_each(|call| call.sold = Some(1.0));
        calls
    };
    let mut all = sold(SPRING, 4);
    all.extend(sold(SPADES, 1));
    all.extend(sold(BOARD, 2));
    let source = |tag: &str, amount| {
        let purpose = Purpose::Source(tag.into());
        entry(purpose, Cost::Advertising, amount)
    };
    let entries = vec![
        source("mowers", 1_000),
        source("spades", 900),
        source("billboard", 1_000),
        source("radio", 5_000),
    ];
    let report = Trial::new(&all, entries).report(By::Source);
    let keys = |line: Option<&Line>| line.map(|line| line.key.clone());
    let ends = ends(&report);
    assert_eq!(keys(ends.cheapest).as_deref(), Some("mowers"));
    assert_eq!(keys(ends.dearest).as_deref(), Some("spades"));
    let one = Trial::new(&sold(SPRING, 4), vec![source("mowers", 1)]).report(By::Source);
    assert_eq!(super::ends(&one), Ends::default());
}

#[test]
fn an_amount_in_a_currency_that_the_project_no_longer_has_is_not_added() {
    let mut old = entry(Purpose::Project, Cost::Advertising, 500);
    old.currency = "EUR".into();
    let report = Trial::new(&calls(SPRING, 1), vec![old]).report(By::Source);
    assert_eq!(of(&report, "spent"), Figure::Money(0));
}
