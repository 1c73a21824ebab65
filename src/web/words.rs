//! The words of the pages in each language: Fluent messages from `words/*.ftl`, built into the binary.
//!
//! A message that is missing shows its own name; the tests hold both languages to the same names, and the pages to these.

use std::str::FromStr;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

use crate::web::figures::grouped;

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English, as it is written outside of America: 24 hours, the day before the month.
    #[default]
    English,
    /// Russian.
    Russian,
}

impl Language {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::English, Self::Russian];

    /// Its BCP 47 code, as `lang` of the page and value of the cookie.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
        }
    }

    /// Its name, in itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Russian => "Русский",
        }
    }

    /// Chooses by `Accept-Language` (RFC 9110 12.5.4): the language of ours with the highest weight, of equals the first.
    pub fn accepted(header: &str) -> Self {
        let mut best = (0u32, Self::default());
        for part in header.split(',').take(32) {
            let mut fields = part.split(';');
            let tag = fields.next().unwrap_or_default().trim();
            let weight = fields
                .find_map(|field| field.trim().strip_prefix("q="))
                .map_or(1_000, weight);
            let primary = tag.split('-').next().unwrap_or_default();
            if let Ok(language) = primary.to_ascii_lowercase().parse()
                && weight > best.0
            {
                best = (weight, language);
            }
        }
        best.1
    }
}

/// Thousandths of a qvalue; what cannot be read is the least.
fn weight(text: &str) -> u32 {
    let (whole, part) = text
        .trim()
        .split_once('.')
        .unwrap_or_else(|| (text.trim(), ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    let whole: u32 = whole.parse().unwrap_or(0);
    (whole.min(1) * 1_000 + part.parse().unwrap_or(0)).min(1_000)
}

/// Not a language of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoLanguage;

impl FromStr for Language {
    type Err = NoLanguage;

    fn from_str(code: &str) -> Result<Self, NoLanguage> {
        Self::ALL
            .into_iter()
            .find(|language| language.code() == code)
            .ok_or(NoLanguage)
    }
}

/// All messages of one language.
pub struct Words {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

static ENGLISH: LazyLock<Words> = LazyLock::new(|| Words::read(Language::English));
static RUSSIAN: LazyLock<Words> = LazyLock::new(|| Words::read(Language::Russian));

impl Words {
    /// Those of `language`.
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::Russian => &RUSSIAN,
        }
    }

    fn read(language: Language) -> Self {
        let code: LanguageIdentifier = language.code().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![code]);
        // Marks of direction around each value would be copied along with telephone numbers; both languages run one way.
        bundle.set_use_isolating(false);
        // A message with a mistake is left out, and the tests see that it is not there.
        let resource = FluentResource::try_new(source(language).to_owned())
            .unwrap_or_else(|(good, _mistakes)| good);
        bundle.add_resource_overriding(resource);
        Self { language, bundle }
    }

    /// The language.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// Whether there is such a message.
    pub fn has(&self, name: &str) -> bool {
        self.bundle.has_message(name)
    }

    /// The message `name`.
    pub fn say(&self, name: &str) -> String {
        self.format(name, None)
    }

    /// The message `name` where there is one, else `other`: for words that the configuration may add to ours.
    pub fn say_or(&self, name: &str, other: &str) -> String {
        if self.has(name) {
            self.say(name)
        } else {
            other.to_owned()
        }
    }

    /// The message `name` about `n` things: `$n` chooses the plural form, `$shown` is the number as it is written.
    pub fn count(&self, name: &str, n: u64) -> String {
        let mut args = FluentArgs::with_capacity(2);
        // Beyond 2^53 the last digits would change a plural form that nobody reads.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        args.set("n", n as f64);
        args.set("shown", grouped(n, self.language));
        self.format(name, Some(&args))
    }

    /// The message `name` with `$a` in it.
    pub fn with(&self, name: &str, a: &str) -> String {
        self.format_texts(name, &[("a", a)])
    }

    /// The message `name` with `$a` and `$b` in it.
    pub fn with_both(&self, name: &str, a: &str, b: &str) -> String {
        self.format_texts(name, &[("a", a), ("b", b)])
    }

    fn format_texts(&self, name: &str, texts: &[(&str, &str)]) -> String {
        let mut args = FluentArgs::with_capacity(texts.len());
        for (name, text) in texts {
            args.set(*name, FluentValue::from(*text));
        }
        self.format(name, Some(&args))
    }

    fn format(&self, name: &str, args: Option<&FluentArgs<'_>>) -> String {
        let message = self.bundle.get_message(name);
        let Some(pattern) = message.and_then(|message| message.value()) else {
            return name.to_owned();
        };
        let mut mistakes = Vec::new();
        self.bundle
            .format_pattern(pattern, args, &mut mistakes)
            .into_owned()
    }
}

/// The file of `language`.
const fn source(language: Language) -> &'static str {
    match language {
        Language::English => include_str!("words/en.ftl"),
        Language::Russian => include_str!("words/ru.ftl"),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names of a language's messages, as its file has them.
    pub(crate) fn names(language: Language) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for line in source(language).lines() {
            if let Some((name, _)) = line.split_once(" =")
                && line.starts_with(|c: char| c.is_ascii_lowercase())
            {
                assert!(names.insert(name.to_owned()), "{name} is there twice");
            }
        }
        names
    }

    #[test]
    fn both_languages_have_the_same_messages_without_a_mistake() {
        for language in Language::ALL {
            assert!(
                FluentResource::try_new(source(language).to_owned()).is_ok(),
                "{language:?}"
            );
            for name in names(language) {
                assert!(Words::of(language).has(&name), "{name}");
            }
        }
        let (english, russian) = (names(Language::English), names(Language::Russian));
        let only: Vec<_> = english.symmetric_difference(&russian).collect();
        assert!(only.is_empty(), "in one language only: {only:?}");
    }

    #[test]
    fn both_languages_put_the_same_values_into_a_message() {
        let values = |language| {
            let mut found = Vec::new();
            let mut name = String::new();
            for line in source(language).lines() {
                if let Some((start, _)) = line.split_once(" =")
                    && line.starts_with(|c: char| c.is_ascii_lowercase())
                {
                    name = start.to_owned();
                }
                for part in line.split('$').skip(1) {
                    let value = part.split(|c: char| !c.is_alphanumeric()).next();
                    found.push((name.clone(), value.unwrap().to_owned()));
                }
            }
            found.into_iter().collect::<BTreeSet<_>>()
        };
        let (english, russian) = (values(Language::English), values(Language::Russian));
        let only: Vec<_> = english.symmetric_difference(&russian).collect();
        assert!(only.is_empty(), "{only:?}");
    }

    /// The text of every file under `folder` that ends with one of `ends`.
    fn texts(folder: &str, ends: &[&str]) -> String {
        let mut all = String::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_str().unwrap().to_owned();
            if path.is_dir() {
                all += &texts(&name, ends);
            } else if ends.iter().any(|end| name.ends_with(end)) {
                all += &std::fs::read_to_string(&path).unwrap();
            }
        }
        all
    }

    /// Literals in `text` that stand where the name of a message does, after one of these.
    fn named<'t>(text: &'t str, calls: &[&str]) -> BTreeSet<&'t str> {
        let after = |call: &&str| {
            let parts: Vec<&str> = text.split(*call).skip(1).collect();
            parts
                .into_iter()
                .map(|rest| rest.split('"').next().unwrap())
        };
        calls.iter().flat_map(after).collect()
    }

    #[test]
    fn every_message_that_a_page_asks_for_is_there_and_no_other() {
        let all = names(Language::English);
        let pages = texts("src/web", &[".html", ".rs"]) + &texts("src/api", &[".rs"]);
        let calls = [
            ".say(\"",
            ".with(\"",
            ".with_both(\"",
            ".count(\"",
            "words.say_or(\"",
        ];
        let spaced = pages
            .replace("(\n", "(")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let spaced = spaced.replace("( \"", "(\"");
        for name in named(&spaced, &calls) {
            let is_name = name.contains('-') || all.contains(name);
            assert!(!is_name || all.contains(name), "{name} is asked for");
        }
        // Names that are put together: `format!("why-{word}")` and `word("role", …)` use all that begin so.
        let mut kinds: BTreeSet<String> = named(&spaced, &["format!(\""])
            .into_iter()
            .filter_map(|text| text.split_once("-{").map(|(kind, _)| format!("{kind}-")))
            .collect();
        kinds.extend(
            named(
                &spaced,
                &[".word(\"", ".label(\"", "label(\"", "either(\"", "one(\""],
            )
            .into_iter()
            .map(|kind| format!("{kind}-")),
        );
        // What is wrong with a login is handed to its page by name.
        kinds.insert("login-".to_owned());
        let is_used = |name: &&String| {
            pages.contains(&format!("\"{name}\""))
                || kinds
                    .iter()
                    .any(|kind| kind.len() > 1 && name.starts_with(kind.as_str()))
        };
        let unused: Vec<_> = all.iter().filter(|name| !is_used(name)).collect();
        assert!(unused.is_empty(), "nobody asks for {unused:?}");
    }

    #[test]
    fn plural_forms_are_those_of_the_language() {
        let said = |language, n| Words::of(language).count("calls-new", n);
        assert_eq!(said(Language::English, 1), "1 new call");
        assert_eq!(said(Language::English, 1_021), "1,021 new calls");
        assert_eq!(said(Language::Russian, 1), "1 новый звонок");
        assert_eq!(said(Language::Russian, 2), "2 новых звонка");
        assert_eq!(said(Language::Russian, 5), "5 новых звонков");
        assert_eq!(said(Language::Russian, 11), "11 новых звонков");
        assert_eq!(said(Language::Russian, 1_021), "1\u{a0}021 новый звонок");
    }

    #[test]
    fn the_browsers_languages_are_weighed() {
        for (header, language) in [
            ("", Language::English),
            ("de,fr;q=0.8", Language::English),
            ("ru", Language::Russian),
            ("ru-RU,ru;q=0.9,en-US;q=0.8,en;q=0.7", Language::Russian),
            ("en-US,en;q=0.9,ru;q=0.8", Language::English),
            ("de, RU;q=0.5, en;q=0.4", Language::Russian),
            ("ru;q=0, en;q=0.1", Language::English),
            ("ru;q=0.001", Language::Russian),
            ("ru;q=soon", Language::English),
        ] {
            assert_eq!(Language::accepted(header), language, "{header}");
        }
    }
}
