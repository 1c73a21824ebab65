//! What somebody wants to say of a call, within limits, and why it may be refused. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};

use crate::store::error::StoreError;
use crate::store::record::CallRecord;
use crate::store::remark::Field;

/// Most tags of one call: a row of them that people still read is a dozen.
pub const TAGS_MAX: usize = 32;

/// Longest tag, goal, stage or outcome, in characters: they are labels on a page.
pub const LABEL_MAX: usize = 64;

/// Longest note, in characters: two pages of text.
pub const NOTE_MAX: usize = 4_000;

/// Longest note that is pinned to a moment, in characters.
pub const PIN_MAX: usize = 1_000;

/// Most notes pinned to one recording: more are no longer found among each other.
pub const PINS_MAX: usize = 200;

/// Longest name of who says something, in characters; what is longer is cut off.
pub(crate) const BY_MAX: usize = 128;

/// Most lines of one call in the log. Somebody who changes a call once a minute needs a day and a half for so many.
pub(crate) const LINES_MAX: usize = 2_000;

/// Most bytes of a call's lines in which people said something: sixty pages of text. A record has the words of most changes
/// twice, as what was and as what is, and everybody who looks on is sent it.
pub(crate) const SAID_MAX: u64 = 256 * 1_024;

/// What somebody says of a call. What is `None` stays as it is; the inner `None` takes away what was said before.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Say {
    /// All tags; none takes them away.
    #[serde(deserialize_with = "given_or_empty")]
    pub tags: Option<Vec<String>>,
    /// Whether it was one of those that the advertising is for.
    #[serde(deserialize_with = "given")]
    pub target: Option<Option<bool>>,
    /// What the caller wanted.
    #[serde(deserialize_with = "given")]
    pub goal: Option<Option<String>>,
    /// The funnel's stage.
    #[serde(deserialize_with = "given")]
    pub stage: Option<Option<String>>,
    /// How it came out.
    #[serde(deserialize_with = "given")]
    pub outcome: Option<Option<String>>,
    /// What it was worth, in the project's currency.
    #[serde(deserialize_with = "given")]
    pub value: Option<Option<f64>>,
    /// In somebody's own words.
    #[serde(deserialize_with = "given")]
    pub note: Option<Option<String>>,
    /// A missed caller was called back. `false` takes that away.
    #[serde(deserialize_with = "given_or_empty")]
    pub called_back: Option<bool>,
    /// Which of the words above (tags, goal, stage, outcome) stand in a list of the configuration. They are labels, and
    /// stay when the person who called is erased; every other word may be about the person, and goes with them.
    #[serde(skip)]
    pub listed: BTreeSet<String>,
}

/// A member that is there says something, also with `null`.
fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

/// The same where `null` is an empty value.
fn given_or_empty<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    let value = Option::<T>::deserialize(deserializer)?;
    Ok(Some(value.unwrap_or_default()))
}

/// What cannot be said, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}`: {why}", field.word())]
pub struct Fault {
    /// Of which field.
    pub field: Field,
    /// What is wrong with it and what would be right.
    pub why: String,
}

/// Why something was not said.
#[derive(Debug, thiserror::Error)]
pub enum SayError {
    /// Nobody has such a call, or it is not tracked.
    #[error("there is no such call")]
    NoCall,
    /// The call has no note of this id.
    #[error("the call has no pinned note {0}")]
    NoNote(u64),
    /// Somebody said something since the version that was named: how the call is now.
    #[error("somebody else has changed this call meanwhile; look at it again")]
    Changed(Box<CallRecord>),
    /// It is not within the limits.
    #[error(transparent)]
    Wrong(#[from] Fault),
    /// The person who called was erased: nobody's words are kept of the call any more.
    #[error(
        "the person who called was erased; the call takes no notes and no words but those of its project's lists"
    )]
    Erased,
    /// As much was said of the call as may be.
    #[error(
        "as much has been said of this call as it takes ({LINES_MAX} lines or {} KB of text); it takes no more",
        SAID_MAX / 1_024
    )]
    Full,
    /// What others say waits for the disk; again in a moment.
    #[error("too much is being said at once; try again in a moment")]
    Busy,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Say {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        let listed = self.listed.clone();
        *self
            == Self {
                listed,
                ..Self::default()
            }
    }

    /// Returns it with what is only white space taken away, or what is wrong with it.
    ///
    /// # Errors
    /// A text is too long or holds control characters, there are too many tags, or the value is no amount.
    pub fn clean(self) -> Result<Self, Fault> {
        let label = |field, text: Option<Option<String>>| match text {
            Some(Some(text)) => clean_label(field, &text).map(Some),
            other @ (Some(None) | None) => Ok(other),
        };
        let tags = self.tags.map(clean_tags).transpose()?;
        if let Some(Some(value)) = self.value
            && !(value.is_finite() && value.abs() <= 1e15)
        {
            return Err(Fault {
                field: Field::Value,
                why: "write an amount of at most fifteen digits".into(),
            });
        }
        let note = match self.note {
            Some(Some(text)) => Some(clean_text(Field::Note, &text, NOTE_MAX)?),
            other @ (Some(None) | None) => other,
        };
        Ok(Self {
            tags,
            target: self.target,
            goal: label(Field::Goal, self.goal)?,
            stage: label(Field::Stage, self.stage)?,
            outcome: label(Field::Outcome, self.outcome)?,
            value: self.value,
            note,
            called_back: self.called_back,
            listed: self.listed,
        })
    }
}

fn clean_tags(tags: Vec<String>) -> Result<Vec<String>, Fault> {
    let mut clean = Vec::with_capacity(tags.len().min(TAGS_MAX));
    for tag in tags {
        match clean_label(Field::Tags, &tag)? {
            Some(tag) if !clean.contains(&tag) => clean.push(tag),
            Some(_) | None => {}
        }
        if clean.len() > TAGS_MAX {
            return Err(Fault {
                field: Field::Tags,
                why: format!("a call has at most {TAGS_MAX} tags"),
            });
        }
    }
    Ok(clean)
}

/// One line of text; `None`: there is nothing in it.
fn clean_label(field: Field, text: &str) -> Result<Option<String>, Fault> {
    let text = text.trim();
    let fault = |why| Err(Fault { field, why });
    if text.chars().count() > LABEL_MAX {
        return fault(format!("at most {LABEL_MAX} characters"));
    }
    if text.chars().any(char::is_control) {
        return fault("one line without control characters".into());
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Text in lines; `None`: there is nothing in it.
pub(crate) fn clean_text(field: Field, text: &str, max: usize) -> Result<Option<String>, Fault> {
    let text = text.trim().replace("\r\n", "\n");
    let fault = |why| Err(Fault { field, why });
    if text.chars().count() > max {
        return fault(format!("at most {max} characters"));
    }
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
    {
        return fault("no control characters but line ends and tabs".into());
    }
    Ok((!text.is_empty()).then_some(text))
}

/// Who says it, as it is kept.
pub(crate) fn clean_by(by: &str) -> String {
    by.chars()
        .filter(|c| !c.is_control())
        .take(BY_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_with_null_takes_away_and_one_that_is_missing_leaves() {
        let said: Say =
            serde_json::from_str(r#"{"goal":null,"tags":["a"],"target":true}"#).unwrap();
        assert_eq!(said.goal, Some(None));
        assert_eq!(said.stage, None);
        assert_eq!(said.target, Some(Some(true)));
        assert_eq!(said.tags, Some(vec!["a".to_owned()]));
        let said: Say = serde_json::from_str(r#"{"tags":null}"#).unwrap();
        assert_eq!(said.tags, Some(Vec::new()));
        assert!(serde_json::from_str::<Say>(r#"{"gaol":null}"#).is_err());
        assert!(serde_json::from_str::<Say>("{}").unwrap().is_empty());
    }

    #[test]
    fn what_is_said_is_trimmed_and_limited_and_the_fault_names_its_field() {
        let tags = |tags: &[&str]| Say {
            tags: Some(tags.iter().map(|&tag| tag.to_owned()).collect()),
            ..Say::default()
        };
        let clean = tags(&[" hot ", "hot", "", "b"]).clean().unwrap();
        assert_eq!(clean.tags, Some(vec!["hot".to_owned(), "b".to_owned()]));
        let many: Vec<String> = (0..=TAGS_MAX).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(tags(&many).clean().unwrap_err().field, Field::Tags);
        assert_eq!(tags(&["a\nb"]).clean().unwrap_err().field, Field::Tags);
        let note = |text: String| Say {
            note: Some(Some(text)),
            ..Say::default()
        };
        assert_eq!(note("  \n ".into()).clean().unwrap().note, Some(None));
        let two = note("a\r\nb\t".into()).clean().unwrap().note;
        assert_eq!(two, Some(Some("a\nb".to_owned())));
        assert!(note("ж".repeat(NOTE_MAX)).clean().is_ok());
        assert!(note("ж".repeat(NOTE_MAX + 1)).clean().is_err());
        for value in [f64::NAN, f64::INFINITY, 1e16] {
            let say = Say {
                value: Some(Some(value)),
                ..Say::default()
            };
            assert_eq!(say.clean().unwrap_err().field, Field::Value);
        }
    }
}
