//! What advertising costs, as the API's document describes it.
#![expect(
    dead_code,
    reason = "these shapes are read by the derive and never made"
)]

use utoipa::{IntoParams, ToSchema};

/// An amount that is to be entered. One of `source`, `campaign` and `channel` says what for, or is `*` for the whole project;
/// services and salaries may leave them out.
#[derive(ToSchema)]
pub(in crate::api) struct NewSpend {
    /// `[[project]] id`; may be left out while there is only one.
    project: Option<String>,
    /// `[[source]] tag`.
    source: Option<String>,
    /// `[[source]] campaign`.
    campaign: Option<String>,
    /// `[[source]] channel`.
    channel: Option<String>,
    /// `advertising`, `service` or `salary`; left out: advertising.
    cost: Option<String>,
    /// The first day, where the project is.
    #[schema(example = "2026-11-01")]
    from: String,
    /// The last day.
    #[schema(example = "2026-11-30")]
    until: String,
    /// In whole units of the currency with at most two decimals; a number will do.
    #[schema(example = "50000.00")]
    amount: String,
    /// The project's, ISO 4217; may be left out.
    currency: Option<String>,
    /// In somebody's own words, at most 300 characters.
    note: Option<String>,
}

/// A correction of an amount; members that are left out stay.
#[derive(ToSchema)]
pub(in crate::api) struct SpendChange {
    /// The version that was seen: where somebody else changed it since, it is refused.
    version: Option<u64>,
    /// As in a new one, and so are the others.
    project: Option<String>,
    source: Option<String>,
    campaign: Option<String>,
    channel: Option<String>,
    cost: Option<String>,
    from: Option<String>,
    until: Option<String>,
    amount: Option<String>,
    currency: Option<String>,
    note: Option<String>,
}

/// An amount with all that it ever was.
#[derive(ToSchema)]
pub(in crate::api) struct SpendShown {
    id: String,
    /// The number of the log's line that it is as it is by.
    version: u64,
    /// It was taken out; the members tell what it was.
    removed: bool,
    project: String,
    /// What it is for; all three `null`: the whole project.
    source: Option<String>,
    campaign: Option<String>,
    channel: Option<String>,
    /// `advertising`, `service`, `salary`.
    cost: String,
    /// The first day, where the project is.
    from: String,
    /// The last day.
    until: String,
    /// In whole units of the currency.
    amount: String,
    /// The same in hundredths.
    hundredths: i64,
    currency: String,
    note: String,
    /// What it was from when on, and who said so; the oldest first. A version that was taken out has no amount.
    #[schema(value_type = Vec<Object>)]
    history: (),
}

/// One page of amounts.
#[derive(ToSchema)]
pub(in crate::api) struct SpendList {
    entries: Vec<SpendShown>,
    /// The `cursor` of the page that follows; `null` on the last.
    next: Option<String>,
}

/// What a table brought.
#[derive(ToSchema)]
pub(in crate::api) struct SpendEntered {
    /// How many amounts were entered; 0 where it was only tried.
    entered: u64,
    /// Each row with its `line`, the members of the amount, and `doubts`: what to look at, each with `code` and `message`.
    #[schema(value_type = Vec<Object>)]
    rows: (),
}

/// Which amount.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(in crate::api) struct OneSpend {
    /// The amount's id.
    id: String,
}

/// Which amounts.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct SpendAsked {
    /// `[[project]] id`.
    #[param(max_length = 256, nullable = false)]
    project: Option<String>,
    /// With a day in it that is this one or later, such as 2026-11-01.
    #[param(format = Date, nullable = false)]
    since: Option<String>,
    /// With a day in it before this one.
    #[param(format = Date, nullable = false)]
    until: Option<String>,
    /// Those that were taken out as well.
    #[param(nullable = false)]
    removed: Option<bool>,
    /// Most on a page; 200 when left out.
    #[param(minimum = 1, maximum = 1000, nullable = false)]
    limit: Option<u32>,
    /// Where the page before ended: its `next`.
    #[param(format = "uuid", nullable = false)]
    cursor: Option<String>,
}

/// Which version was seen.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct VersionAsked {
    /// The version that was seen: where somebody else changed it since, it is refused.
    #[param(nullable = false)]
    version: Option<u64>,
}

/// How a table is read.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct SheetAsked {
    /// The project of rows that name none.
    #[param(max_length = 256, nullable = false)]
    project: Option<String>,
    /// Nothing is entered.
    #[param(nullable = false)]
    dry: Option<bool>,
}
