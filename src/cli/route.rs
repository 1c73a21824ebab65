//! `ringtag route`: which rule would decide a call, why each earlier one did not, and the targets in order.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::base::clock::Clock;
use crate::base::number::{Caller, Number};
use crate::base::time::WallTime;
use crate::cli::replay::replay;
use crate::cli::store::Access;
use crate::cli::{DONE, WRONG_INPUT, complain};
use crate::config::{self, Config};
use crate::route::Explanation;
use crate::route::question::{Earlier, House, Question, Wrong};
use crate::store::query::Query;
use clap::Args;

/// Earlier calls that are counted; rules ask only whether there were any.
const EARLIER_MAX: usize = 1_000;

/// So many virtual numbers are named to somebody who asks for another.
const NUMBERS_SHOWN: usize = 5;

/// A call to imagine.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// The virtual number that is called.
    #[arg(long, value_name = "NUMBER", required_unless_present = "replay")]
    to: Option<String>,
    /// Who calls: a number, an extension, or "anonymous".
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "anonymous",
        allow_hyphen_values = true
    )]
    from: String,
    /// When: 2026-11-21T12:30 in the project's time zone, or with an offset; now when left out.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The trunk that the call comes from.
    #[arg(long, value_name = "ID", default_value = "")]
    trunk: String,
    /// How often the caller called before; the call log knows when left out.
    #[arg(long, value_name = "COUNT")]
    prior_calls: Option<u32>,
    /// The manager who answered this caller last; the call log knows when left out.
    #[arg(long, value_name = "ID")]
    last_manager: Option<String>,
    /// Hold past calls against this edited configuration, and list those that it would treat otherwise. It is only read.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "at", "prior_calls", "last_manager"])]
    replay: Option<PathBuf>,
    /// Replay calls that began then or later: 2026-11-21, 2026-11-21T09:30, RFC 3339, today, yesterday, 90m, 2h, 7d; seven days
    /// ago when left out.
    #[arg(long, value_name = "TIME", requires = "replay")]
    since: Option<String>,
    /// Replay calls that began before this; now when left out.
    #[arg(long, value_name = "TIME", requires = "replay")]
    until: Option<String>,
}

/// Reads `file` and explains where the call would go.
///
/// # Errors
/// The output cannot be written.
pub(in crate::cli) fn route(
    file: &Path,
    options: &Options,
    json: bool,
    out: &mut dyn Write,
) -> io::Result<u8> {
    if let Some(edited) = &options.replay {
        let times = [options.since.as_deref(), options.until.as_deref()];
        return replay(file, edited, times, json, out);
    }
    let config = match config::load(file) {
        Ok(loaded) => loaded.config,
        Err(mistakes) => {
            for mistake in mistakes {
                complain(&mistake.to_string());
            }
            return Ok(WRONG_INPUT);
        }
    };
    let explanation = match explain(&config, options, Clock::start().wall()) {
        Ok(explanation) => explanation,
        Err(why) => {
            complain(&why);
            return Ok(WRONG_INPUT);
        }
    };
    if json {
        serde_json::to_writer_pretty(&mut *out, &explanation)?;
        writeln!(out)?;
    } else {
        write!(out, "{explanation}")?;
    }
    Ok(DONE)
}

fn explain(config: &Config, options: &Options, now: WallTime) -> Result<Explanation, String> {
    let shown = config.shown();
    let to = options.to.as_deref().unwrap_or_default();
    let asked = Question {
        to,
        from: &options.from,
        at: options.at.as_deref(),
        trunk: &options.trunk,
        prior_calls: options.prior_calls,
        last_manager: options.last_manager.as_deref(),
    };
    let house = House {
        country: &config.country,
        tracking: &config.tracking,
        routing: &config.routing,
        has_trunk: &|id| config.trunks.iter().any(|trunk| &*trunk.id == id),
        earlier: &|project, caller| earlier(config, &project.id, caller),
        last_taken: &|_| None,
        records: &|tracked, wish| shown.records(tracked, wish),
    };
    house.explain(&asked, now).map_err(|why| match why {
        Wrong::NoNumber => {
            format!("--to {to} is no telephone number; write it with plus and country code")
        }
        Wrong::NotOurs(number) => not_ours(config, number),
        Wrong::NoTime => {
            let text = options.at.as_deref().unwrap_or_default();
            format!("--at {text} is no time; write it as 2026-11-21T12:30 or with an offset")
        }
        Wrong::NoTrunk => format!("there is no [[trunk]] \"{}\"", options.trunk),
        Wrong::NoManager => {
            let id = options.last_manager.as_deref().unwrap_or_default();
            format!("there is no [[manager]] \"{id}\"")
        }
    })
}

/// Asks the call log. Where there is none yet, or it cannot be asked, the caller is a new one.
fn earlier(config: &Config, project: &str, caller: &Caller) -> Earlier {
    if matches!(caller, Caller::Anonymous) {
        return Earlier::default();
    }
    let query = Query {
        project: Some(project.to_owned()),
        caller: Some(caller.to_string()),
        ..Query::default()
    };
    let Ok(access) = Access::of(config.clone()) else {
        return Earlier::default();
    };
    let calls = access.list(&query, EARLIER_MAX).unwrap_or_default();
    let answered = calls.iter().find_map(|call| call.manager.as_deref());
    Earlier {
        prior_calls: u32::try_from(calls.len()).unwrap_or(u32::MAX),
        last_manager: answered.map(str::to_owned),
    }
}

fn not_ours(config: &Config, number: Number) -> String {
    let numbers = config
        .tracking
        .sources()
        .iter()
        .flat_map(|source| &source.numbers);
    let shown: Vec<_> = numbers.take(NUMBERS_SHOWN).map(Number::to_string).collect();
    let known = if shown.is_empty() {
        "no [[source]] has any".to_owned()
    } else {
        format!(
            "there are {} in the configuration: {}",
            config.tracking.numbers(),
            shown.join(", ")
        )
    };
    format!("{number} is no virtual number, so calls to it are refused; {known}")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn office() -> Config {
        let file = Path::new("tests/data/office.toml");
        config::load(file).unwrap().config
    }

    /// A Friday, 12:00 in Moscow.
    fn noon() -> WallTime {
        "2026-11-20T09:00:00Z".parse().unwrap()
    }

    fn asked(arguments: &[&str]) -> Result<Explanation, String> {
        let line = Line::parse_from([&["route"], arguments].concat());
        explain(&office(), &line.options, noon())
    }

    #[test]
    fn the_winning_rule_the_passed_ones_and_the_targets_are_printed() {
        let explanation = asked(&["--to", "8 495 000-00-01", "--from", "+79161234567"]).unwrap();
        assert_eq!(
            explanation.to_string(),
            "+79161234567 calls +74950000001: source direct-mowers, category lawn-mowers, project shop\n\
             at Fri 2026-11-20 12:00 in Europe/Moscow\n\
             \u{20} not \"nuisance\": its caller is +7800*, the call's is +79161234567\n\
             \"mowers in working hours\" decides\n\
             \u{20} 1. manager:desk, 15 s\n\
             \u{20} 2. manager:senior, 15 s\n\
             \u{20} 3. manager:mobile, 20 s\n\
             \u{20} recorded\n"
        );
    }

    #[test]
    fn a_time_without_an_offset_is_the_projects() {
        let explanation = asked(&["--to", "+74950000001", "--at", "2026-11-21T15:00"]).unwrap();
        assert_eq!(explanation.local_time, "Sat 2026-11-21 15:00");
        assert_eq!(explanation.rule.as_deref(), Some("everything else"));
        let why = &explanation.passed[1].why;
        assert_eq!(
            why,
            "its hours are Mon-Fri 09:00-18:00, Sat 10:00-15:00, it is Sat 2026-11-21 15:00"
        );
        let with_offset = asked(&["--to", "+74950000001", "--at", "2026-11-21T12:00:00Z"]);
        assert_eq!(with_offset.unwrap(), explanation);
    }

    #[test]
    fn a_holiday_is_named_as_the_reason() {
        let explanation = asked(&["--to", "+74950000001", "--at", "2027-01-04T12:00"]).unwrap();
        let why = &explanation.passed[1].why;
        assert!(
            why.ends_with("but Mon 2027-01-04 12:00 is a holiday"),
            "{why}"
        );
    }

    #[test]
    fn what_is_no_number_no_time_or_not_ours_is_said() {
        let why = |arguments: &[&str]| asked(arguments).unwrap_err();
        assert!(why(&["--to", "101"]).contains("is no telephone number"));
        assert!(why(&["--to", "+74959999999"]).contains("there are 3 in the configuration"));
        assert!(why(&["--to", "+74950000001", "--at", "noon"]).contains("is no time"));
        let trunk = ["--to", "+74950000001", "--trunk", "isdn"];
        assert_eq!(why(&trunk), "there is no [[trunk]] \"isdn\"");
    }

    #[test]
    fn a_program_reads_the_same_as_json() {
        let mut out = Vec::new();
        let line = Line::parse_from(["route", "--to", "+74950000003", "--from", "+78005553535"]);
        let file = Path::new("tests/data/office.toml");
        assert_eq!(route(file, &line.options, true, &mut out).unwrap(), DONE);
        let explanation: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(explanation["rule"], "nuisance");
        assert_eq!(explanation["reject"], 603);
    }
}
