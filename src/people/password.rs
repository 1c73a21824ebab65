//! Passwords: which are too weak to take, how one is kept, whether another is the same. argon2id (RFC 9106), in PHC strings.

use std::fmt;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Argon2, Params};

use crate::base::chance::Chance;

/// Characters that a password has at least: it stands alone, without a second proof.
pub const LENGTH_MIN: usize = 12;

/// Bytes that a password has at most; what is longer is a file that was pasted, and is refused before it is hashed.
pub const BYTES_MAX: usize = 1_024;

/// Different characters that a password has at least: `aaaaaaaaaaaa` is long and is no password.
const DIFFERENT_MIN: usize = 5;

/// The salt that RFC 9106 3.1 recommends.
const SALT_BYTES: usize = 16;

/// Most memory that one hash may ask for, in KiB: a hash pasted from elsewhere must not take what calls need.
const MEMORY_KIB_MAX: u32 = 256 * 1_024;

/// Most passes over that memory; with all of it some seconds.
const PASSES_MAX: u32 = 16;

/// Lanes that are worked through one after the other here, so that many of them only cost.
const LANES_MAX: u32 = 16;

/// What everybody who guesses tries first, and is long enough to be taken otherwise. Compared without case, digits and signs
/// at its ends.
const GUESSED: &[&str] = &[
    "password",
    "passwordpassword",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "qwerty",
    "qwertyuiop",
    "qwertyuiopasdf",
    "qwertyqwerty",
    "asdfghjkl",
    "asdfghjklzxc",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "qazwsxedcrfv",
    "letmein",
    "letmeinplease",
    "welcome",
    "administrator",
    "admin",
    "ringtag",
    "changeme",
    "changemeplease",
    "iloveyou",
    "secret",
    "пароль",
    "йцукен",
    "йцукенгшщзхъ",
    "администратор",
];

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Weak {
    /// Nothing was typed.
    #[error("it is empty")]
    Empty,
    /// Too few characters.
    #[error("it has fewer than {LENGTH_MIN} characters; three or four words make a good one")]
    Short,
    /// Too many bytes.
    #[error("it is longer than {BYTES_MAX} bytes")]
    Long,
    /// Hardly any different characters.
    #[error("it has fewer than {DIFFERENT_MIN} different characters")]
    Monotonous,
    /// Each character follows the one before.
    #[error("its characters only count up or down")]
    Counted,
    /// One of those that are tried first.
    #[error("it is among the first that anybody would guess")]
    Guessed,
    /// It is the user's name, with something around it.
    #[error("it is hardly more than the user's name")]
    Name,
    /// It cannot be typed on one line.
    #[error("it has a character that cannot be typed into a page")]
    Control,
}

/// Says why `password` is not to be taken for the user `name`; `None`: it is.
pub fn weakness(password: &str, name: Option<&str>) -> Option<Weak> {
    let characters: Vec<char> = password.chars().collect();
    let mut different = characters.clone();
    different.sort_unstable();
    different.dedup();
    let steps = |by: i64| {
        let pairs = characters.iter().zip(characters.iter().skip(1));
        let regular = pairs.filter(|(a, b)| {
            i64::from(u32::from(**b)) - i64::from(u32::from(**a)) == by
                // 9 is followed by 0 where people count.
                || (by == 1 && **a == '9' && **b == '0')
                || (by == -1 && **a == '0' && **b == '9')
        });
        regular.count() + 2 >= characters.len()
    };
    let low = password.to_lowercase();
    let core = low.trim_matches(|c: char| !c.is_alphabetic() && c != '@');
    let name = name.map(str::to_lowercase).filter(|name| !name.is_empty());
    match () {
        () if password.is_empty() => Some(Weak::Empty),
        () if password.len() > BYTES_MAX => Some(Weak::Long),
        () if characters.iter().any(|c| c.is_control()) => Some(Weak::Control),
        () if characters.len() < LENGTH_MIN => Some(Weak::Short),
        () if different.len() < DIFFERENT_MIN => Some(Weak::Monotonous),
        () if steps(1) || steps(-1) => Some(Weak::Counted),
        () if GUESSED.contains(&core) || GUESSED.contains(&&*low) => Some(Weak::Guessed),
        () if name.is_some_and(|name| low.replace(&*name, "").chars().count() < LENGTH_MIN / 2) => {
            Some(Weak::Name)
        }
        () => None,
    }
}

/// A password as it is kept: what it was hashed to, and how.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept(PasswordHash);

/// Why a text is no hash that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// No PHC string, or one without salt or hash.
    #[error("is no hash of a password")]
    NoHash,
    /// Of another kind.
    #[error("is a hash of another kind than argon2id")]
    OtherKind,
    /// It would take too much at each login.
    #[error("asks for more memory or passes than a login may take")]
    Costly,
}

impl Kept {
    /// Hashes `password` with a salt from `chance`; 19 MiB and two passes, as OWASP recommends.
    ///
    /// # Errors
    /// The password is longer than [`BYTES_MAX`].
    pub fn make(password: &str, chance: &mut Chance) -> Result<Self, Weak> {
        if password.len() > BYTES_MAX {
            return Err(Weak::Long);
        }
        let mut salt = [0; SALT_BYTES];
        chance.fill(&mut salt);
        Argon2::default()
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map(Self)
            .map_err(|_| Weak::Long)
    }

    /// Reads a PHC string.
    ///
    /// # Errors
    /// It is none, or none that a login may cost.
    pub fn read(text: &str) -> Result<Self, Unfit> {
        let hash = PasswordHash::new(text).map_err(|_| Unfit::NoHash)?;
        if hash.algorithm.as_str() != "argon2id" {
            return Err(Unfit::OtherKind);
        }
        let params = Params::try_from(&hash).map_err(|_| Unfit::NoHash)?;
        if hash.salt.is_none() || hash.hash.is_none() {
            return Err(Unfit::NoHash);
        }
        if params.m_cost() > MEMORY_KIB_MAX
            || params.t_cost() > PASSES_MAX
            || params.p_cost() > LANES_MAX
        {
            return Err(Unfit::Costly);
        }
        Ok(Self(hash))
    }

    /// Whether it costs a guesser less than what [`Self::make`] makes: less memory, or fewer passes over no more of it.
    pub fn is_cheap(&self) -> bool {
        let Ok(params) = Params::try_from(&self.0) else {
            return true;
        };
        let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
        let usual = u64::from(Params::DEFAULT_M_COST) * u64::from(Params::DEFAULT_T_COST);
        work < usual
    }

    /// Whether `password` is the one that was hashed. Takes tens of milliseconds and megabytes: never on a loop.
    pub fn is(&self, password: &str) -> bool {
        password.len() <= BYTES_MAX
            && Argon2::default()
                .verify_password(password.as_bytes(), &self.0)
                .is_ok()
    }
}

/// The PHC string, for the configuration.
impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let mut chance = Chance::from_number(1);
        let kept = Kept::make("корректная лошадь", &mut chance).unwrap();
        let read = Kept::read(&kept.to_string()).unwrap();
        assert_eq!(read, kept);
        assert!(read.is("корректная лошадь"));
        assert!(!read.is("корректная лошадъ") && !read.is(""));
        let again = Kept::make("корректная лошадь", &mut chance).unwrap();
        assert_ne!(again, kept);
        assert!(!kept.is_cheap());
        assert_eq!(format!("{kept:?}"), "Kept(..)");
        assert!(
            kept.to_string()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
    }

    #[test]
    fn what_is_no_hash_of_ours_is_told_apart() {
        let salted = "c29tZXNhbHRzb21lc2FsdA";
        let hash = "0000000000000000000000000000000000000000000";
        let read = |text: String| Kept::read(&text).map(|kept| kept.is_cheap());
        assert_eq!(read("hunter2".to_owned()), Err(Unfit::NoHash));
        assert_eq!(
            read("$argon2id$v=19$m=19456,t=2,p=1".to_owned()),
            Err(Unfit::NoHash)
        );
        assert_eq!(
            read(format!("$argon2i$v=19$m=19456,t=2,p=1${salted}${hash}")),
            Err(Unfit::OtherKind)
        );
        assert_eq!(
            read(format!("$argon2id$v=19$m=4194304,t=2,p=1${salted}${hash}")),
            Err(Unfit::Costly)
        );
        assert_eq!(
            read(format!("$argon2id$v=19$m=8,t=1,p=1${salted}${hash}")),
            Ok(true)
        );
        assert_eq!(
            read(format!("$argon2id$v=19$m=65536,t=3,p=4${salted}${hash}")),
            Ok(false)
        );
    }

    #[test]
    fn weak_passwords_are_refused_with_their_reason() {
        for (password, why) in [
            ("", Weak::Empty),
            ("short", Weak::Short),
            ("пароль", Weak::Short),
            ("aaaaaaaaaaaaaaa", Weak::Monotonous),
            ("abababababababab", Weak::Monotonous),
            ("abcdefghijklmnop", Weak::Counted),
            ("123456789012", Weak::Counted),
            ("098765432109", Weak::Counted),
            ("Password123456", Weak::Guessed),
            ("йцукен2026!!", Weak::Guessed),
            ("qwertyuiop12", Weak::Guessed),
            ("1q2w3e4r5t6y", Weak::Guessed),
            ("annaannaanna99", Weak::Monotonous),
            ("Anna-Petrova2026", Weak::Name),
            ("with\u{7}a bell in it", Weak::Control),
        ] {
            assert_eq!(
                weakness(password, Some("anna-petrova"))
                    .or_else(|| weakness(password, Some("anna"))),
                Some(why),
                "{password}"
            );
        }
        assert_eq!(weakness(&"long ".repeat(300), None), Some(Weak::Long));
        for good in ["correct horse battery", "Жёлтый-трамвай-7", "x7#kQ!mw0Zpl"] {
            assert_eq!(weakness(good, Some("anna")), None, "{good}");
        }
    }
}
