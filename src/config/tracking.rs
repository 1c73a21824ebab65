//! `[[project]]` and `[[source]]`: what the business advertises.

use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::base::country::Country;
use crate::base::number::Number;
use crate::config::book::{Book, Word};
use crate::config::known::{self, Known};
use crate::config::labels::labels;
use crate::config::walk::Section;
use crate::track::{CURRENCY, DateRange, Project, Source};

/// What a deal may leave, in whole units of the currency: a machine tool in the smallest one.
const DEAL_PROFIT: RangeInclusive<u32> = 1..=1_000_000_000;

/// Reads every `[[project]]`.
pub(in crate::config) fn projects(sections: Vec<Section<'_, '_>>) -> Known<Project> {
    let mut projects = Known::new("[[project]]");
    for mut section in sections {
        let id = known::id(&mut section, "id", "\"shop\"");
        let label = section.word("label", "\"Garden shop\"");
        let time_zone = time_zone(&mut section);
        let currency = currency(&mut section);
        let deal_profit = section.number("deal_profit", DEAL_PROFIT, "3000");
        let holidays = ranges(&mut section, "holidays", "2027-01-01..2027-01-08");
        let labels = labels(&mut section);
        let tracking = section.flag("tracking").unwrap_or(true);
        let off_season = off_season(&mut section, tracking);
        if let Some(id) = id {
            let project = time_zone.map(|time_zone| Project {
                id: id.text.into(),
                label: label.map_or(id.text, |label| label.text).into(),
                time_zone,
                currency: currency.into(),
                deal_profit: deal_profit.map(|whole| i64::from(whole) * 100),
                holidays,
                tracking,
                off_season,
                labels,
            });
            projects.add(section.book, id, project);
        }
        section.finish();
    }
    projects
}

fn time_zone(section: &mut Section<'_, '_>) -> Option<TimeZone> {
    let Some(name) = section.word("time_zone", "\"Europe/Moscow\"") else {
        let is_left_out = !section.has("time_zone");
        return is_left_out.then_some(TimeZone::UTC);
    };
    let zone = TimeZone::get(name.text).ok();
    if zone.is_none() {
        section.book.error(
            name.at,
            format!(
                "`time_zone` is \"{}\", which is no IANA time zone",
                name.text
            ),
            "write continent and city, such as \"Europe/Moscow\"",
        );
    }
    zone
}

fn currency<'t>(section: &mut Section<'_, 't>) -> &'t str {
    let Some(word) = section.word("currency", "\"RUB\"") else {
        return CURRENCY;
    };
    if word.text.len() != 3 || !word.text.chars().all(|c| c.is_ascii_uppercase()) {
        section.book.error(
            word.at,
            format!("`currency` is \"{}\", which is no currency code", word.text),
            "write its three capital letters of ISO 4217, such as \"RUB\" or \"EUR\"",
        );
    }
    word.text
}

/// Reads `off_season`, and notes what is said in vain.
fn off_season(section: &mut Section<'_, '_>, tracking: bool) -> Vec<DateRange> {
    let at = section.place("off_season");
    let is_zoned = section.has("time_zone");
    let ranges = ranges(section, "off_season", "2026-12-01..2027-02-28");
    if !ranges.is_empty() && !tracking {
        section.book.warn(
            at,
            "`off_season` means nothing while tracking = false",
            "leave one of them out",
        );
    } else if !ranges.is_empty() && !is_zoned {
        section.book.warn(
            at,
            "`off_season` goes by the days of this project, which has no `time_zone` and so lives by UTC",
            "add time_zone = \"Europe/Moscow\", or whichever is its own",
        );
    }
    ranges
}

/// Reads days and runs of days; `sample` is one such run.
fn ranges(section: &mut Section<'_, '_>, key: &'static str, sample: &str) -> Vec<DateRange> {
    let mut ranges = Vec::new();
    for (text, at) in section.dates(key, &format!("[\"{sample}\"]")) {
        match read_range(&text) {
            Ok(range) => ranges.push(range),
            Err(why) => section.book.error(
                at,
                format!("`{key}` has \"{text}\": {why}"),
                format!("write a day or the first and the last of several, such as \"{sample}\""),
            ),
        }
    }
    ranges
}

fn read_range(text: &str) -> Result<DateRange, String> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let date = |text: &str| {
        let text = text.trim();
        // Only the written-out form: jiff would take a time or a zone behind the date as well.
        let plain = text.len() == "2027-01-01".len();
        let date = text.parse::<Date>().ok().filter(|_| plain);
        date.ok_or_else(|| format!("{text} is no date"))
    };
    let (first, last) = (date(first)?, date(last)?);
    DateRange::new(first, last).ok_or_else(|| "it ends before it begins".to_owned())
}

/// All sources, and what rules may name of them.
pub(in crate::config) struct Sources {
    /// By tag.
    pub(in crate::config) known: Known<Source>,
    /// Every virtual number, also of sources with a mistake elsewhere.
    pub(in crate::config) numbers: Vec<Number>,
    /// Every category, once.
    pub(in crate::config) categories: Vec<Arc<str>>,
}

/// Reads every `[[source]]`.
pub(in crate::config) fn sources(
    sections: Vec<Section<'_, '_>>,
    projects: &Known<Project>,
    country: Option<Country>,
) -> Sources {
    let mut sources = Sources {
        known: Known::new("[[source]]"),
        numbers: Vec::new(),
        categories: Vec::new(),
    };
    let mut taken: Vec<(Number, Word<'_>, usize)> = Vec::new();
    for mut section in sections {
        let tag = known::id(&mut section, "tag", "\"billboard\"");
        let project = project(&mut section, projects);
        let channel = section.word("channel", "\"outdoor\"");
        let campaign = section.word("campaign", "\"spring\"");
        let category = section.word("category", "\"general\"");
        let numbers = numbers(&mut section, country, tag, &mut taken);
        sources.numbers.extend(&numbers);
        let category: Option<Arc<str>> = category.map(|word| word.text.into());
        if let Some(category) = &category
            && !sources.categories.contains(category)
        {
            sources.categories.push(Arc::clone(category));
        }
        if let Some(tag) = tag {
            let source = project.map(|project| Source {
                tag: tag.text.into(),
                project,
                channel: channel.map(|word| word.text.into()),
                campaign: campaign.map(|word| word.text.into()),
                category,
                numbers,
            });
            sources.known.add(section.book, tag, source);
        }
        section.finish();
    }
    sources
}

/// A source that names no project belongs to the only one.
fn project(section: &mut Section<'_, '_>, projects: &Known<Project>) -> Option<Arc<Project>> {
    match section.word("project", "\"shop\"") {
        Some(id) => projects.find(section.book, id).cloned(),
        None if section.has("project") => None,
        None => {
            if projects.len() != 1 {
                section.missing("project", "\"shop\"");
            }
            projects.only().cloned()
        }
    }
}

fn numbers<'t>(
    section: &mut Section<'_, 't>,
    country: Option<Country>,
    tag: Option<Word<'t>>,
    taken: &mut Vec<(Number, Word<'t>, usize)>,
) -> Vec<Number> {
    let sample = "[\"+74950000001\"]";
    if !section.has("numbers") {
        section.missing("numbers", sample);
    }
    let book = section.book;
    let mut numbers = Vec::new();
    for word in section.words("numbers", sample) {
        let Some(number) = number(book, "numbers", word, country) else {
            continue;
        };
        if let Some((_, first, at)) = taken.iter().find(|(earlier, ..)| *earlier == number) {
            book.error(
                word.at,
                format!(
                    "{number} belongs to \"{}\" already, in line {}",
                    first.text,
                    book.line(*at)
                ),
                "a number leads to one source: leave it out of the other",
            );
            continue;
        }
        let owner = tag.unwrap_or(Word {
            text: "a source without a tag",
            at: section.at,
        });
        taken.push((number, owner, word.at));
        numbers.push(number);
    }
    numbers
}

/// Reads a telephone number. Without a country nothing is read or blamed: the country is the mistake.
pub(in crate::config) fn number(
    book: &Book<'_>,
    key: &str,
    word: Word<'_>,
    country: Option<Country>,
) -> Option<Number> {
    let country = country?;
    let number = Number::read(word.text, &country);
    if number.is_none() {
        book.error(
            word.at,
            format!(
                "`{key}` has \"{}\", which is no telephone number",
                word.text
            ),
            "write it with plus and country code, such as \"+74950000001\"",
        );
    }
    number
}

#[cfg(test)]
mod tests {
    use crate::config::trial::{good, mistakes, notes};

    const SHOP: &str = "[[project]]\nid = \"shop\"\n";

    #[test]
    fn a_project_has_a_label_a_zone_and_a_currency_by_default() {
        let config = good(SHOP);
        let shop = config.tracking.project("shop").unwrap();
        assert_eq!((&*shop.label, &*shop.currency), ("shop", "RUB"));
        assert_eq!(shop.time_zone, jiff::tz::TimeZone::UTC);
        assert!(shop.tracking);
    }

    #[test]
    fn a_zone_a_currency_and_holidays_that_do_not_exist_are_told() {
        let text = "[[project]]\nid = \"shop\"\ntime_zone = \"Moscow\"\ncurrency = \"roubles\"\nholidays = [\"2027-02-30\", \"2027-01-08..2027-01-01\", 2027-05-09, \"May 1\", 5]\n";
        let remedy =
            "write a day or the first and the last of several, such as \"2027-01-01..2027-01-08\"";
        assert_eq!(
            mistakes(text),
            [
                "3:13: `time_zone` is \"Moscow\", which is no IANA time zone; write continent and city, such as \"Europe/Moscow\"".to_owned(),
                "4:12: `currency` is \"roubles\", which is no currency code; write its three capital letters of ISO 4217, such as \"RUB\" or \"EUR\"".to_owned(),
                format!("5:13: `holidays` has \"2027-02-30\": 2027-02-30 is no date; {remedy}"),
                format!("5:27: `holidays` has \"2027-01-08..2027-01-01\": it ends before it begins; {remedy}"),
                format!("5:65: `holidays` has \"May 1\": May 1 is no date; {remedy}"),
                "5:74: `holidays` is a whole number, not a date or a list of dates; write holidays = [\"2027-01-01..2027-01-08\"]".to_owned(),
            ]
        );
    }

    #[test]
    fn an_off_season_is_written_as_holidays_are() {
        let config = good(&format!(
            "{SHOP}time_zone = \"Europe/Moscow\"\noff_season = [\"2026-12-01..2027-02-28\", 2027-05-09]\n"
        ));
        let shop = config.tracking.project("shop").unwrap();
        let written: Vec<_> = shop.off_season.iter().map(ToString::to_string).collect();
        assert_eq!(written, ["2026-12-01..2027-02-28", "2027-05-09"]);
        assert_eq!(
            mistakes(&format!("{SHOP}off_season = \"2027-02-28..2026-12-01\"\n")),
            [
                "3:14: `off_season` has \"2027-02-28..2026-12-01\": it ends before it begins; write a day or the first and the last of several, such as \"2026-12-01..2027-02-28\""
            ]
        );
        let told = |more: &str| notes(&format!("{SHOP}{more}off_season = 2027-05-09\n")).join("\n");
        assert!(
            told("tracking = false\n").contains("4:14: warning: `off_season` means nothing while")
        );
        assert!(told("").contains("3:14: warning: `off_season` goes by the days"));
    }

    #[test]
    fn a_source_belongs_to_the_only_project_unless_it_says() {
        let source = "[[source]]\ntag = \"x\"\nnumbers = \"8 495 000-00-01\"\n";
        let config = good(&format!("{SHOP}{source}"));
        assert_eq!(&*config.tracking.sources()[0].project.id, "shop");
        assert_eq!(
            config.tracking.sources()[0].numbers[0].to_string(),
            "+74950000001"
        );
        assert_eq!(
            mistakes(&format!("{SHOP}[[project]]\nid = \"lab\"\n{source}")),
            ["5:1: [[source]] has no `project`; add project = \"shop\""]
        );
        assert_eq!(
            mistakes(&format!("{SHOP}{source}project = \"shpo\"\n")),
            ["6:11: there is no [[project]] \"shpo\"; did you mean `shop`?"]
        );
    }

    #[test]
    fn a_number_leads_to_one_source() {
        let text = format!(
            "{SHOP}[[source]]\ntag = \"a\"\nnumbers = [\"+74950000001\", \"101\"]\n[[source]]\ntag = \"b\"\nnumbers = [\"+74950000002\", \"8 (495) 000-00-01\"]\n[[source]]\ntag = \"c\"\n"
        );
        assert_eq!(
            mistakes(&text),
            [
                "5:28: `numbers` has \"101\", which is no telephone number; write it with plus and country code, such as \"+74950000001\"",
                "8:28: +74950000001 belongs to \"a\" already, in line 5; a number leads to one source: leave it out of the other",
                "9:1: [[source]] has no `numbers`; add numbers = [\"+74950000001\"]",
            ]
        );
    }

    #[test]
    fn names_are_short_and_on_one_line() {
        let found = mistakes("[[project]]\nid = \"a\\nb\"\n[[project]]\nid = \"  \"\n");
        assert_eq!(
            found,
            [
                "2:6: `id` is no name; write at most 64 characters on one line, without quotes and spaces around it, such as \"shop\"",
                "4:6: `id` is empty; write \"shop\", or leave the key out",
            ]
        );
    }

    #[test]
    fn hours_without_a_zone_are_a_warning() {
        let text = format!(
            "{SHOP}[[source]]\ntag = \"a\"\nnumbers = \"+74950000001\"\n[[rule]]\nid = \"night\"\nhours = \"22:00-06:00\"\nreject = 480\n"
        );
        assert_eq!(
            notes(&text)[0],
            "1:1: warning: rules go by the hours of this project, which has no `time_zone` and so lives by UTC; add time_zone = \"Europe/Moscow\", or whichever is its own"
        );
    }
}
