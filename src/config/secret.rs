//! A trunk's password: from a file or an environment variable, so that the configuration can be shown around.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::config::book::Word;
use crate::config::outside::Outside;
use crate::config::settings::resolve;
use crate::config::walk::Section;

/// The three keys under which a password may stand.
#[derive(Clone, Copy)]
pub(in crate::config) struct Keys {
    /// A file that holds it.
    pub(in crate::config) file: &'static str,
    /// An environment variable that holds it.
    pub(in crate::config) variable: &'static str,
    /// The password itself.
    pub(in crate::config) literal: &'static str,
}

/// What we prove to a trunk.
pub(in crate::config) const OUR_PASSWORD: Keys = Keys {
    file: "password_file",
    variable: "password_env",
    literal: "password",
};

/// What a trunk proves to us.
pub(in crate::config) const ITS_PASSWORD: Keys = Keys {
    file: "inbound_password_file",
    variable: "inbound_password_env",
    literal: "inbound_password",
};

/// What came of reading a password.
pub(in crate::config) enum Secret {
    /// It is this.
    Is(Arc<str>),
    /// None is configured.
    Absent,
    /// One is configured and cannot be read; that is noted already.
    Unreadable,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Is(_) => "Is(..)",
            Self::Absent => "Absent",
            Self::Unreadable => "Unreadable",
        })
    }
}

/// Reads a password from whichever of `keys` is written; `base` is the folder of the configuration.
pub(in crate::config) fn read(
    section: &mut Section<'_, '_>,
    keys: Keys,
    base: &Path,
    outside: &dyn Outside,
) -> Secret {
    let book = section.book;
    let file = section.word(keys.file, "\"carrier.secret\"");
    let variable = section.word(keys.variable, "\"CARRIER_PASSWORD\"");
    let literal = section.word(keys.literal, "\"…\"");
    let all = [keys.file, keys.variable, keys.literal];
    let written: Vec<_> = all.iter().filter(|key| section.has(key)).collect();
    if let [_, second, ..] = written.as_slice() {
        book.error(
            section.place(second),
            "the password is given more than once",
            format!(
                "keep one of {}, {} and {}",
                keys.file, keys.variable, keys.literal
            ),
        );
        return Secret::Unreadable;
    }
    match (file, variable, literal) {
        (Some(name), _, _) => from_file(section, &resolve(base, name.text), name, outside),
        (_, Some(name), _) => from_variable(section, keys, name, outside),
        (_, _, Some(password)) => {
            book.warn(
                password.at,
                "the password stands in the configuration, for everybody who reads it",
                format!(
                    "put it into a file of mode 0600 and write {} = \"carrier.secret\"",
                    keys.file
                ),
            );
            Secret::Is(password.text.into())
        }
        (None, None, None) if written.is_empty() => Secret::Absent,
        (None, None, None) => Secret::Unreadable,
    }
}

fn from_file(
    section: &Section<'_, '_>,
    path: &Path,
    name: Word<'_>,
    outside: &dyn Outside,
) -> Secret {
    let book = section.book;
    let shown = path.display();
    match outside.secret(path) {
        Ok(file) => {
            let password = file.text.trim_end_matches(['\r', '\n']);
            if password.is_empty() || password.contains(['\r', '\n', '\0']) {
                let message = format!("{shown} does not hold one line with a password");
                book.error(
                    name.at,
                    message,
                    "write the password into it, and nothing else",
                );
                return Secret::Unreadable;
            }
            if file.readable_by_others {
                book.warn(
                    name.at,
                    format!("{shown} can be read by other users of this machine"),
                    format!("run chmod 600 {shown}"),
                );
            }
            Secret::Is(password.into())
        }
        Err(error) => {
            book.error(
                name.at,
                format!("{shown} cannot be read: {error}"),
                "write the password into it; the path counts from the folder of this configuration",
            );
            Secret::Unreadable
        }
    }
}

fn from_variable(
    section: &Section<'_, '_>,
    keys: Keys,
    name: Word<'_>,
    outside: &dyn Outside,
) -> Secret {
    match outside
        .variable(name.text)
        .filter(|value| !value.is_empty())
    {
        Some(password) => Secret::Is(password.into()),
        None => {
            section.book.error(
                name.at,
                format!("the environment variable {} is not set", name.text),
                format!("set it where ringtag is started, or use {}", keys.file),
            );
            Secret::Unreadable
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::trial::{good, mistakes, notes};

    fn trunk(text: &str) -> String {
        format!("[[trunk]]\nid = \"a\"\nhost = \"b\"\nusername = \"u\"\n{text}\n")
    }

    fn password(text: &str) -> Option<String> {
        let config = good(&trunk(text));
        config.trunks[0].password.as_deref().map(str::to_owned)
    }

    #[test]
    fn a_password_comes_from_a_file_beside_the_configuration_or_from_the_environment() {
        let from_file = password("password_file = \"carrier.secret\"");
        assert_eq!(from_file.as_deref(), Some("from the file"));
        let from_variable = password("password_env = \"CARRIER_PASSWORD\"");
        assert_eq!(from_variable.as_deref(), Some("from the environment"));
    }

    #[test]
    fn a_literal_password_works_with_a_warning() {
        assert_eq!(password("password = \"secret\"").as_deref(), Some("secret"));
        let notes = notes(&trunk("password = \"secret\"")).join("\n");
        assert!(
            notes.contains("5:12: warning: the password stands in the configuration"),
            "{notes}"
        );
        assert!(!notes.contains("secret\", "), "{notes}");
    }

    #[test]
    fn a_file_that_others_can_read_is_a_warning() {
        let notes = notes(&trunk("password_file = \"open.secret\"")).join("\n");
        assert!(
            notes.contains("5:17: warning: /etc/ringtag/open.secret can be read by other users of this machine; run chmod 600 /etc/ringtag/open.secret"),
            "{notes}"
        );
    }

    #[test]
    fn a_password_that_cannot_be_read_is_a_mistake() {
        let found = |text: &str| mistakes(&trunk(text)).concat();
        assert!(
            found("password_file = \"no.secret\"")
                .starts_with("5:17: /etc/ringtag/no.secret cannot be read: ")
        );
        assert_eq!(
            found("password_file = \"empty.secret\""),
            "5:17: /etc/ringtag/empty.secret does not hold one line with a password; write the password into it, and nothing else"
        );
        assert_eq!(
            found("password_env = \"OTHER\""),
            "5:16: the environment variable OTHER is not set; set it where ringtag is started, or use password_file"
        );
        assert_eq!(
            found("password_env = \"CARRIER_PASSWORD\"\npassword = \"x\""),
            "6:12: the password is given more than once; keep one of password_file, password_env and password"
        );
    }

    #[test]
    fn no_debug_output_shows_a_password() {
        let shown = format!("{:?}", good(&trunk("password = \"hunter2\"")));
        assert!(!shown.contains("hunter2"));
    }
}
