//! The rules as they are in force, why a call goes where it goes, and past calls against edited rules.

use askama::Template;

use crate::web::frame::Frame;
use crate::web::list::Choice;
use crate::web::row::Link;

/// The rules in force.
#[derive(Template)]
#[template(path = "rules.html")]
pub struct RulesPage {
    /// What stands around it.
    pub frame: Frame,
    /// Projects whose calls go through untracked now, in words.
    pub rests: Vec<String>,
    /// A call to imagine.
    pub form: ExplainForm,
    /// Where it would go.
    pub explained: Option<Explained>,
    /// In order.
    pub rules: Vec<RuleRow>,
    /// Calls that no rule was for.
    pub undecided: Option<Counted>,
    /// What the business advertises.
    pub projects: Vec<ProjectPart>,
    /// Who shares calls.
    pub groups: Vec<GroupRow>,
    /// Who answers.
    pub managers: Vec<ManagerRow>,
}

/// A call to imagine.
#[derive(Clone, Debug, Default)]
pub struct ExplainForm {
    /// The virtual numbers.
    pub to: Vec<Choice>,
    /// Who calls.
    pub from: String,
    /// When: `2026-11-20T12:00`.
    pub at: String,
    /// Whose clock that is.
    pub zone: String,
    /// Whether they called before.
    pub before: Vec<Choice>,
    /// What was not understood.
    pub trouble: Option<String>,
}

/// Where a call would go.
#[derive(Clone, Debug)]
pub struct Explained {
    /// `+7 916 … calls +7 495 …`.
    pub call: String,
    /// Source, category and project.
    pub of: String,
    /// When, on the project's clock.
    pub at: String,
    /// What each rule says, in order.
    pub verdicts: Vec<Verdict>,
    /// What becomes of the call.
    pub outcome: String,
    /// Who rings, in order.
    pub steps: Vec<String>,
    /// What else there is to say.
    pub notes: Vec<String>,
}

/// What a rule says of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The rule.
    pub rule: String,
    /// `decides`, `passed`, `unasked`: how it is drawn.
    pub kind: &'static str,
    /// In words.
    pub text: String,
}

/// So many calls, and the list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// `1,204 calls`.
    pub text: String,
    /// The list; `None` where there are none.
    pub href: Option<String>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct RuleRow {
    /// Its name.
    pub id: String,
    /// Label and values of each condition.
    pub conditions: Vec<(String, String)>,
    /// Who rings, in order, or the rejection.
    pub acts: Vec<String>,
    /// For how long, and whether it is recorded, where the rule says.
    pub manner: String,
    /// What it decided lately.
    pub calls: Counted,
    /// That it can never win, or decided nothing.
    pub note: Option<String>,
}

/// A project with its sources.
#[derive(Clone, Debug)]
pub struct ProjectPart {
    /// What people read.
    pub label: String,
    /// Zone, holidays, off-season.
    pub facts: Vec<String>,
    /// Its sources.
    pub sources: Vec<SourceRow>,
}

/// A source.
#[derive(Clone, Debug)]
pub struct SourceRow {
    /// Its tag, and the calls of it.
    pub tag: Link,
    /// Channel, campaign, category.
    pub more: String,
    /// Its numbers with their calls.
    pub numbers: Vec<(String, Counted)>,
}

/// A group.
#[derive(Clone, Debug)]
pub struct GroupRow {
    /// Its name.
    pub id: String,
    /// In which order its members ring.
    pub strategy: String,
    /// Its members, as people read them.
    pub members: String,
    /// For how long each rings.
    pub ring: String,
}

/// A manager.
#[derive(Clone, Debug)]
pub struct ManagerRow {
    /// What people read.
    pub label: String,
    /// The name in the configuration.
    pub id: String,
    /// What rings.
    pub dials: String,
    /// On which trunks.
    pub trunk: String,
    /// Groups that they are in.
    pub groups: String,
}

/// Where an edited configuration is tried.
#[derive(Template)]
#[template(path = "replay.html")]
pub struct ReplayPage {
    /// What stands around it.
    pub frame: Frame,
    /// The first day, `2026-11-16`.
    pub since: String,
    /// The last day.
    pub until: String,
    /// The text that was tried.
    pub toml: String,
    /// What came of it.
    pub tried: Option<Tried>,
}

/// What came of it alone, for a page that is there already.
#[derive(Template)]
#[template(path = "tried.html")]
pub struct TriedPart {
    /// For the words.
    pub frame: Frame,
    /// What came of it.
    pub tried: Option<Tried>,
}

/// What came of a trial.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// It could not be tried: why.
    pub trouble: Option<String>,
    /// Mistakes of the text, with their places.
    pub mistakes: Vec<Mistake>,
    /// What can be used but is hardly meant.
    pub warnings: Vec<Mistake>,
    /// `1,204 calls, of which 12 would be treated otherwise`; `None` where nothing was tried.
    pub sum: Option<String>,
    /// Nothing would be otherwise.
    pub same: bool,
    /// How many calls each kind of change meets.
    pub changes: Vec<(String, String)>,
    /// From which rule to which: the two, calls, differing calls.
    pub moved: Vec<[String; 4]>,
    /// What is to be known of it.
    pub notes: Vec<String>,
    /// The calls.
    pub rows: Vec<TriedRow>,
    /// How many more there are.
    pub more: Option<String>,
}

/// A mistake of the text.
#[derive(Clone, Debug)]
pub struct Mistake {
    /// `line 12, column 5`.
    pub place: String,
    /// What is wrong and what to do, in the configuration's own words.
    pub text: String,
}

/// A call that would be treated otherwise.
#[derive(Clone, Debug)]
pub struct TriedRow {
    /// Its id.
    pub id: String,
    /// When, as people read it.
    pub when: String,
    /// The same for machines.
    pub machine: String,
    /// Who called.
    pub caller: String,
    /// The number.
    pub number: String,
    /// What would be otherwise.
    pub changes: Vec<String>,
    /// Under the rules in force.
    pub old: Treated,
    /// Under the edited ones.
    pub new: Treated,
}

/// What becomes of a call.
#[derive(Clone, Debug, Default)]
pub struct Treated {
    /// The rule, or that there is none.
    pub rule: String,
    /// Who rings, in order, or the rejection.
    pub acts: Vec<String>,
    /// Whether it is recorded, and for which source it counts.
    pub more: String,
}
