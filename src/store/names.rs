//! Names as small numbers, so that a row of a call is narrow and a condition is looked up once and not once a call. Pure.

use std::hash::Hash;
use std::sync::Arc;

use crate::base::map::Map;
use crate::base::number::Number;
use crate::call::story::SourceTag;
use crate::store::texts::{Haystack, Texts};

/// A name as a small number. 0: no name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name(pub(crate) u16);

impl Name {
    /// There were too many names: the record has to be read to know which it is.
    pub(crate) const MANY: Self = Self(u16::MAX);
}

/// Things that many calls have in common, each with a number.
#[derive(Debug)]
pub(crate) struct Table<T> {
    list: Vec<T>,
    numbers: Map<T, Name>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            numbers: Map::default(),
        }
    }
}

impl<T: Clone + Eq + Hash> Table<T> {
    /// Returns the number of `thing`, given now where it has none.
    pub(crate) fn number(&mut self, thing: &T) -> Name {
        if let Some(&number) = self.numbers.get(thing) {
            return number;
        }
        match u16::try_from(self.list.len() + 1) {
            Ok(number) if number < Name::MANY.0 => {
                self.list.push(thing.clone());
                self.numbers.insert(thing.clone(), Name(number));
                Name(number)
            }
            Ok(_) | Err(_) => Name::MANY,
        }
    }

    /// What has this number, where it stands for something.
    pub(crate) fn get(&self, number: Name) -> Option<&T> {
        self.list.get(usize::from(number.0).checked_sub(1)?)
    }

    /// Everything in the order of the numbers, from 1.
    pub(crate) fn list(&self) -> &[T] {
        &self.list
    }

    /// Which numbers stand for something of which `is_so` holds.
    pub(crate) fn which(&self, is_so: impl Fn(&T) -> bool) -> Which {
        Which::new(self.list.iter().map(is_so).collect())
    }
}

/// Single names, with what a text is looked for in.
#[derive(Debug, Default)]
pub(crate) struct Words {
    table: Table<Arc<str>>,
    lower: Texts<Name>,
}

impl Words {
    /// Returns the number of `word`, given now where it has none.
    pub(crate) fn number(&mut self, word: &Arc<str>) -> Name {
        if let Some(known) = self.find(word) {
            return known;
        }
        let number = self.table.number(word);
        if number != Name::MANY {
            self.lower.insert(number, &word.to_lowercase());
        }
        number
    }

    /// The same for a word that nobody shares yet.
    pub(crate) fn text(&mut self, word: &str) -> Name {
        let known = self.find(word);
        known.unwrap_or_else(|| self.number(&word.into()))
    }

    /// The number of what may be there.
    pub(crate) fn optional(&mut self, word: Option<&Arc<str>>) -> Name {
        word.map_or_else(Name::default, |word| self.number(word))
    }

    /// The word of a number, where it stands for one.
    pub(crate) fn get(&self, number: Name) -> Option<&Arc<str>> {
        self.table.get(number)
    }

    /// Every word in the order of the numbers, from 1.
    pub(crate) fn list(&self) -> &[Arc<str>] {
        self.table.list()
    }

    /// The number of a word that is only looked for.
    pub(crate) fn find(&self, word: &str) -> Option<Name> {
        self.table.numbers.get(word).copied()
    }

    /// The words, for who looks for a text in them.
    pub(crate) fn haystack(&self) -> Haystack<Name> {
        self.lower.haystack()
    }
}

/// A set of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Which {
    list: Vec<bool>,
    is_empty: bool,
}

impl Which {
    fn new(list: Vec<bool>) -> Self {
        Self {
            is_empty: !list.contains(&true),
            list,
        }
    }

    /// These of the first `count` numbers.
    pub(crate) fn these(count: usize, numbers: impl IntoIterator<Item = Name>) -> Self {
        let mut list = vec![false; count];
        for number in numbers {
            let place = usize::from(number.0).checked_sub(1);
            if let Some(is_in) = place.and_then(|place| list.get_mut(place)) {
                *is_in = true;
            }
        }
        Self::new(list)
    }

    /// Whether the number is in it, or may be: it came after the set was made, or stands for one of too many.
    #[inline]
    pub(crate) fn may_have(&self, number: Name) -> bool {
        let number = usize::from(number.0);
        // Most sets that a text makes are empty, and are asked a million times.
        if self.is_empty {
            return number > self.list.len();
        }
        match number.checked_sub(1) {
            Some(place) => self.list.get(place).copied().unwrap_or(true),
            None => false,
        }
    }
}

/// What caused a call and what decided it: its source's words at the time, the number that was dialled, and the rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    pub(crate) project: Name,
    pub(crate) tag: Name,
    pub(crate) channel: Name,
    pub(crate) campaign: Name,
    pub(crate) category: Name,
    pub(crate) virtual_number: Name,
    /// None where no rule held, and in calls of which that is not known yet.
    pub(crate) rule: Name,
}

impl Source {
    /// Numbers its words, and those of the number and the rule, where one is known.
    pub(crate) fn new(
        said: &SourceTag,
        number: Number,
        rule: Option<&Arc<str>>,
        names: &mut Words,
    ) -> Self {
        Self {
            project: names.number(&said.project),
            tag: names.number(&said.tag),
            channel: names.optional(said.channel.as_ref()),
            campaign: names.optional(said.campaign.as_ref()),
            category: names.optional(said.category.as_ref()),
            virtual_number: names.text(&number.to_string()),
            rule: names.optional(rule),
        }
    }

    /// Its words, in the order of the rows' files.
    pub(crate) const fn words(self) -> [Name; 7] {
        [
            self.project,
            self.tag,
            self.channel,
            self.campaign,
            self.category,
            self.virtual_number,
            self.rule,
        ]
    }

    /// Takes back what [`Self::words`] gave.
    pub(crate) const fn from_words(
        [
            project,
            tag,
            channel,
            campaign,
            category,
            virtual_number,
            rule,
        ]: [Name; 7],
    ) -> Self {
        Self {
            project,
            tag,
            channel,
            campaign,
            category,
            virtual_number,
            rule,
        }
    }
}

/// All tables.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Single names.
    pub(crate) words: Words,
    /// What caused calls.
    pub(crate) sources: Table<Source>,
    /// Words that stand together on calls (tags, those who were called), each set in the order of its numbers.
    pub(crate) sets: Table<Box<[Name]>>,
}

impl Names {
    /// The number of a call's source.
    pub(crate) fn source(
        &mut self,
        said: &SourceTag,
        number: Number,
        rule: Option<&Arc<str>>,
    ) -> Name {
        let source = Source::new(said, number, rule, &mut self.words);
        self.sources.number(&source)
    }

    /// The number of the same source, decided by `rule`.
    pub(crate) fn ruled(&mut self, source: Name, rule: &Arc<str>) -> Name {
        let rule = self.words.number(rule);
        match self.sources.get(source) {
            Some(known) if known.rule == rule => source,
            Some(&known) => self.sources.number(&Source { rule, ..known }),
            None => source,
        }
    }

    /// The number of words that stand together; 0: there are none.
    pub(crate) fn set<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) -> Name {
        let words = words.into_iter();
        let mut set: Vec<Name> = words.map(|word| self.words.text(word)).collect();
        set.sort_unstable();
        set.dedup();
        if set.is_empty() {
            return Name::default();
        }
        self.sets.number(&set.into_boxed_slice())
    }

    /// The number of a word that may be there.
    pub(crate) fn word(&mut self, word: Option<&str>) -> Name {
        word.map_or_else(Name::default, |word| self.words.text(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_past_the_table_may_be_anything() {
        let mut names = Table::<Arc<str>>::default();
        let (a, b) = (names.number(&"a".into()), names.number(&"b".into()));
        assert_eq!((a, b), (Name(1), Name(2)));
        let which = names.which(|name| &**name == "a");
        assert!(which.may_have(a) && !which.may_have(b));
        assert!(!which.may_have(Name::default()));
        assert!(which.may_have(Name(3)) && which.may_have(Name::MANY));
        let none = names.which(|_| false);
        assert!(!none.may_have(a) && !none.may_have(b) && !none.may_have(Name::default()));
        assert!(none.may_have(Name(3)) && none.may_have(Name::MANY));
        let these = Which::these(2, [b, Name(9), Name::default()]);
        assert!(!these.may_have(a) && these.may_have(b));
    }

    #[test]
    fn a_word_is_found_by_a_part_of_it_in_lower_case() {
        let mut words = Words::default();
        let anna: Arc<str> = "Anna Ёлкина".into();
        let number = words.number(&anna);
        assert_eq!(words.number(&anna), number);
        let mut found = Vec::new();
        words.haystack().find("а ёл", |name| found.push(name));
        assert_eq!(found.len(), 0);
        words.haystack().find("a ёл", |name| found.push(name));
        assert_eq!(found, [number]);
    }

    #[test]
    fn words_in_any_order_are_one_set() {
        let mut names = Names::default();
        let of = |names: &mut Names, words: &[&str]| names.set(words.iter().copied());
        let one = of(&mut names, &["hot", "red"]);
        assert_eq!(of(&mut names, &["red", "hot", "red"]), one);
        assert_ne!(of(&mut names, &["red"]), one);
        assert_eq!(of(&mut names, &[]), Name::default());
    }

    #[test]
    fn names_past_the_last_number_are_many() {
        let mut names = Table::<u32>::default();
        for thing in 0..u32::from(u16::MAX) - 1 {
            assert_ne!(names.number(&thing), Name::MANY);
        }
        assert_eq!(names.number(&u32::MAX), Name::MANY);
        assert_eq!(names.number(&7), Name(8));
    }
}
