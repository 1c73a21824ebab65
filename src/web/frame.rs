//! What every page has around it: who is signed in, where one may go, language and theme.

use std::str::FromStr;

use crate::web::assets;
use crate::web::words::{Language, Words};

/// Dark or light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// Not a theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTheme;

impl Theme {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The word of the cookie and of the style.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// `color-scheme` for the browser's own parts.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Auto => "light dark",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

impl FromStr for Theme {
    type Err = NoTheme;

    fn from_str(word: &str) -> Result<Self, NoTheme> {
        Self::ALL
            .into_iter()
            .find(|theme| theme.word() == word)
            .ok_or(NoTheme)
    }
}

/// Which place of the header a page belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Here {
    /// What a manager reads in ten seconds.
    Dashboard,
    /// The list of calls, and a call.
    Calls,
    /// Missed calls that nobody has called back.
    Missed,
    /// What goes on now.
    Board,
    /// Figures over many calls.
    Reports,
    /// Saved reports.
    Saved,
    /// What advertising costs.
    Spend,
    /// The rules in force.
    Rules,
    /// Who is signed in.
    Sessions,
    /// None of them.
    Elsewhere,
}

/// Who looks at a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name they signed in with; empty for whoever sits at this machine.
    pub name: String,
    /// `admin`, `manager`, …: the tail of a message's name.
    pub role: &'static str,
    /// They may say what a call was.
    pub tags: bool,
    /// They may take tables away.
    pub exports: bool,
    /// They see figures over many calls.
    pub counts: bool,
    /// They see what advertising costs.
    pub money: bool,
    /// They administer.
    pub administers: bool,
    /// There is a session that can be ended.
    pub signed_in: bool,
}

/// What stands around a page.
#[derive(Clone)]
pub struct Frame {
    /// The language.
    pub language: Language,
    /// The theme.
    pub theme: Theme,
    /// The words of that language.
    pub words: &'static Words,
    /// The place in the header.
    pub here: Here,
    /// This page's path and query, to come back to after a choice.
    pub path: String,
    /// Who looks; `None` before they are known.
    pub person: Option<Person>,
    /// What a form must send along to be believed.
    pub csrf: String,
    /// When the page was made, in milliseconds since 1970: a browser's clock may be off.
    pub now_ms: i64,
    /// The last line of the call log that the page knows of: what came since is told as live events.
    pub told: u64,
}

impl Frame {
    /// The message `name`.
    pub fn say(&self, name: &str) -> String {
        self.words.say(name)
    }

    /// The message of `word` among those that begin with `kind`; the word itself where there is none.
    pub fn word(&self, kind: &str, word: &str) -> String {
        self.words.say_or(&format!("{kind}-{word}"), word)
    }

    /// The message `name` with `$a` in it.
    pub fn with(&self, name: &str, a: &str) -> String {
        self.words.with(name, a)
    }

    /// The path of an asset.
    pub fn asset(&self, name: &str) -> String {
        assets::path(name)
    }

    /// `page` where `here` is shown: the attribute's value for screen readers.
    pub fn current(&self, here: &str) -> bool {
        let own = match self.here {
            Here::Dashboard => "dashboard",
            Here::Calls => "calls",
            Here::Missed => "missed",
            Here::Board => "board",
            Here::Reports => "reports",
            Here::Saved => "saved",
            Here::Spend => "spend",
            Here::Rules => "rules",
            Here::Sessions => "sessions",
            Here::Elsewhere => "",
        };
        own == here
    }

    /// Whether who looks may say what a call was.
    pub fn tags(&self) -> bool {
        self.person.as_ref().is_some_and(|person| person.tags)
    }

    /// The languages to choose from.
    pub const fn languages(&self) -> [Language; 2] {
        Language::ALL
    }

    /// The themes to choose from.
    pub const fn themes(&self) -> [Theme; 3] {
        Theme::ALL
    }

    /// Where a choice of language or theme is made.
    pub fn look(&self, what: &str, value: &str) -> String {
        let back: String = form_urlencoded(&self.path);
        format!("/ui/look?{what}={value}&back={back}")
    }
}

/// Escapes a value for a query (URL standard, application/x-www-form-urlencoded).
pub fn form_urlencoded(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                written.push(char::from(byte));
            }
            b' ' => written.push('+'),
            _ => {
                let digit = |half: u8| {
                    char::from_digit(u32::from(half), 16)
                        .unwrap_or('0')
                        .to_ascii_uppercase()
                };
                written.push('%');
                written.push(digit(byte >> 4));
                written.push(digit(byte & 15));
            }
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_escaped() {
        assert_eq!(form_urlencoded("a b&c=+7я"), "a+b%26c%3D%2B7%D1%8F");
    }

    #[test]
    fn themes_read_back() {
        for theme in Theme::ALL {
            assert_eq!(theme.word().parse(), Ok(theme));
        }
        assert_eq!("black".parse::<Theme>(), Err(NoTheme));
    }
}
