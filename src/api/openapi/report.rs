//! Reports as the API's document describes them.
#![expect(
    dead_code,
    reason = "these shapes are read by the derive and never made"
)]

use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};

/// A report: figures over many calls.
#[derive(ToSchema)]
pub(in crate::api) struct ReportShown {
    /// Its name.
    name: String,
    period: PeriodShown,
    before: PeriodShown,
    /// Conditions of a list that hold for all of its calls, each a name and a value.
    calls: Vec<Vec<String>>,
    /// What each figure of a line is, in their order.
    columns: Vec<ColumnShown>,
    /// The lines, as they are to be shown.
    lines: Vec<LineShown>,
    /// All calls together, where a sum says something.
    #[schema(schema_with = total)]
    total: (),
    /// The column that a chart draws, by its place.
    drawn: u64,
    /// How a chart draws it: `bars`, `columns`, `heat`, `funnel`, `stacked`.
    chart: String,
}

/// From when until when, and whose days.
#[derive(ToSchema)]
struct PeriodShown {
    /// Calls that began then or later.
    #[schema(format = DateTime)]
    since: String,
    /// And before this.
    #[schema(format = DateTime)]
    until: String,
    /// IANA name of the zone in which its days begin.
    time_zone: String,
}

/// A column.
#[derive(ToSchema)]
struct ColumnShown {
    /// Its word.
    key: String,
    /// What its figures are: `count`, `share`, `millis`, `money` (hundredths of the currency), `number`, `verdict`.
    unit: String,
    /// How each figure is worked out.
    formula: String,
    /// What narrows a line's calls to those that this figure counts; `null`: it opens no list.
    calls: Option<Vec<Vec<String>>>,
}

/// A line.
#[derive(ToSchema)]
struct LineShown {
    /// What it is of: a source's tag, a manager's id, a day.
    key: String,
    /// What people call it, where that is not the key.
    label: Option<String>,
    /// What narrows the report's calls to this line's.
    calls: Vec<Vec<String>>,
    /// Its figures, one a column: `"nothing"`, or an object with one member: `count`, `share` (`part`, `whole`, `value`, `low`,
    /// `high`), `millis` (`millis`, `of`), `money`, `number`, `verdict` (`pays`, `does-not-pay`, `untold`).
    #[schema(schema_with = figures)]
    cells: (),
    /// Those of the period before.
    #[schema(schema_with = figures)]
    before: (),
}

/// The last seven days in one answer.
#[derive(ToSchema)]
pub(in crate::api) struct DashboardShown {
    /// The last seven days, to this moment.
    period: PeriodShown,
    /// The seven before.
    before: PeriodShown,
    /// Conditions of a list that hold for all of its calls, each a name and a value.
    calls: Vec<Vec<String>>,
    /// What each figure of `total`, `sources` and `best_hour` is, in their order.
    columns: Vec<ColumnShown>,
    /// All calls together.
    total: LineShown,
    /// By source, the one with most calls first.
    sources: Vec<LineShown>,
    /// What a customer of each of them cost; empty where that is not known, or not yours to see.
    #[schema(schema_with = figures)]
    costs: (),
    /// The hour of the day in which most calls were answered.
    #[schema(schema_with = total)]
    best_hour: (),
    /// What changed by more than chance explains, the surest first.
    movers: Vec<MoverShown>,
    /// Missed calls of the last thirty days after which nobody has spoken to the caller.
    open: OpenShown,
}

/// A count that changed.
#[derive(ToSchema)]
struct MoverShown {
    /// The report in which it stands.
    report: String,
    /// Its line there.
    key: String,
    /// What people call that.
    label: Option<String>,
    /// Its column there.
    column: String,
    /// How many.
    now: u64,
    /// How many there were.
    before: u64,
    /// The conditions under which a list shows the calls behind it.
    calls: Vec<Vec<String>>,
}

/// Calls that somebody should answer for.
#[derive(ToSchema)]
struct OpenShown {
    /// How many.
    count: u64,
    /// The conditions under which a list shows them.
    calls: Vec<Vec<String>>,
}

fn total() -> RefOr<Schema> {
    OneOfBuilder::new()
        .item(of(Type::Null))
        .item(Ref::from_schema_name("LineShown"))
        .into()
}

fn figures() -> RefOr<Schema> {
    let members = ["count", "share", "millis", "money", "number", "verdict"];
    let object = members
        .into_iter()
        .fold(ObjectBuilder::new(), |object, member| {
            let schema = match member {
                "share" => share(),
                "millis" => millis(),
                "number" => of(Type::Number),
                "verdict" => of(Type::String).enum_values(Some(["pays", "does-not-pay", "untold"])),
                _ => of(Type::Integer),
            };
            object.property(member, schema)
        });
    let figure = OneOfBuilder::new()
        .item(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some(["nothing"])),
        )
        .item(object);
    ArrayBuilder::new().items(figure).into()
}

fn share() -> ObjectBuilder {
    let parts = ["part", "whole"];
    let object = parts
        .into_iter()
        .fold(ObjectBuilder::new(), |object, part| {
            object.property(part, of(Type::Integer))
        });
    ["value", "low", "high"]
        .into_iter()
        .fold(object, |object, part| {
            let kinds = SchemaType::from_iter([Type::Number, Type::Null]);
            object.property(part, ObjectBuilder::new().schema_type(kinds))
        })
}

fn millis() -> ObjectBuilder {
    ObjectBuilder::new()
        .property("millis", of(Type::Integer))
        .property("of", of(Type::Integer))
}

fn of(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}
