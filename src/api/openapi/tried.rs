//! What a replay says, described. Never built: the documentation is made from it, and tests hold answers against it.
#![expect(
    dead_code,
    reason = "these shapes are read by the derive and never made"
)]

use utoipa::ToSchema;

/// What would be otherwise.
#[derive(ToSchema)]
pub(in crate::api) struct ReplayShown {
    /// Calls that began then or later.
    #[schema(format = DateTime)]
    since: String,
    /// And before this.
    #[schema(format = DateTime)]
    until: String,
    /// How many there were.
    calls: u64,
    /// How many of them would be treated otherwise.
    differ: u64,
    /// Calls of which nobody can tell: their number is of no source under either rules.
    unknown: u64,
    /// Calls of people who were erased, taken for calls of somebody who hides.
    erased: u64,
    /// Trunks that rules ask for. Which one a past call came from is not kept: each that fits was tried.
    trunks: Vec<String>,
    /// How many calls each kind of change meets, the gravest first.
    changes: Vec<ReplayChanged>,
    /// From which rule to which, what most calls do first.
    rules: Vec<ReplayMoved>,
    /// The calls that differ: the gravest change first, then in the order of time; at most 10,000.
    differences: Vec<ReplayDifference>,
    /// How many more differ than are listed.
    more: u64,
    /// What of the configuration can be used but is hardly meant.
    warnings: Vec<ConfigurationFault>,
}

/// How many calls a kind of change meets.
#[derive(ToSchema)]
struct ReplayChanged {
    /// What changes.
    change: ReplayChange,
    /// So many calls.
    calls: u64,
}

/// What would be otherwise.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
enum ReplayChange {
    /// The number would be nobody's.
    NoSource,
    /// No rule would hold.
    NoRule,
    /// It would be rejected, or no longer, or with another status.
    Reject,
    /// Others would ring, or otherwise.
    Targets,
    /// It would be tracked, or no longer.
    Tracking,
    /// It would be recorded, or no longer.
    Recording,
    /// It would count for another source.
    Source,
    /// A number that is nobody's now would have a source.
    Found,
    /// Another rule would do the same.
    Rule,
}

/// Calls that one rule decides now and another would.
#[derive(ToSchema)]
struct ReplayMoved {
    /// `[[rule]] id` in force; null: none.
    from: Option<String>,
    /// `[[rule]] id` of the edited configuration; null: none.
    to: Option<String>,
    /// So many calls.
    calls: u64,
    /// So many of them differ.
    differ: u64,
}

/// A call that would be treated otherwise.
#[derive(ToSchema)]
struct ReplayDifference {
    /// The call.
    #[schema(format = "uuid")]
    id: String,
    /// When it began.
    #[schema(format = DateTime)]
    at: String,
    /// Who called; null: somebody who was erased.
    caller: Option<String>,
    /// The virtual number.
    number: String,
    /// The trunk that it may have come from, where that decides.
    trunk: Option<String>,
    /// What would be otherwise, the gravest first.
    changes: Vec<ReplayChange>,
    /// Under the rules in force.
    old: ReplayFate,
    /// Under the edited ones.
    new: ReplayFate,
}

/// What becomes of a call.
#[derive(ToSchema)]
struct ReplayFate {
    /// `[[source]] tag`; null: the number is nobody's.
    source: Option<String>,
    /// The rule that decides.
    rule: Option<String>,
    /// The status that the caller is given, where the rule rejects.
    reject: Option<u16>,
    /// Who rings, in order.
    steps: Vec<ReplayStep>,
    /// Whether it counts.
    tracked: bool,
    /// Whether it is recorded once it is answered.
    recorded: bool,
}

/// Who rings together, or in the order of a group.
#[derive(ToSchema)]
struct ReplayStep {
    /// The group, where it is one.
    group: Option<String>,
    /// The group's strategy.
    strategy: Option<String>,
    /// As records name them.
    targets: Vec<String>,
    /// What is dialled for each: `101@pbx`.
    dials: Vec<String>,
    /// For so long each.
    ring_s: u32,
}

/// A mistake in a configuration.
#[derive(ToSchema)]
struct ConfigurationFault {
    /// It can be used all the same.
    warning: bool,
    /// Counted from 1.
    line: u64,
    /// In characters, counted from 1.
    column: u64,
    /// What is wrong.
    message: String,
    /// What to do.
    remedy: String,
}
