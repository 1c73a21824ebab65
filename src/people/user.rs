//! Users, as `[[user]]` names them.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::people::password::Kept;
use crate::people::role::Role;
use crate::people::who::{Projects, Who};

/// Characters that a name has at most: it stands in records, tables and cookies' sessions.
pub const NAME_MAX: usize = 64;

/// Whether somebody can be called `name`: one line without quotes, and none of the names by which the call log knows tokens,
/// whoever sits at this machine, and the caller who got through in the end.
pub fn is_name(name: &str) -> bool {
    let ill = |c: char| c.is_control() || c == '"';
    !name.is_empty()
        && name.chars().count() <= NAME_MAX
        && name.trim() == name
        && !name.contains(ill)
        && !name.starts_with("token ")
        && name != "this machine"
        && name != "caller"
}

/// One `[[user]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What they log in with, and what the call log calls them.
    pub name: Arc<str>,
    /// What they are here for.
    pub role: Role,
    /// Whose calls they see.
    pub projects: Projects,
    /// What proves that they are they.
    pub password: Kept,
    /// Where letters reach them.
    pub email: Option<Arc<str>>,
}

/// Every user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users(BTreeMap<Arc<str>, Arc<User>>);

impl User {
    /// They, as whoever makes a request.
    pub fn who(&self) -> Who {
        Who {
            name: Arc::clone(&self.name),
            role: self.role,
            projects: self.projects.clone(),
        }
    }
}

impl Users {
    /// Whether there is none: then only this machine is answered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The user of this name.
    pub fn find(&self, name: &str) -> Option<&Arc<User>> {
        self.0.get(name)
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<User>> {
        self.0.values()
    }

    /// Whose password is checked in the place of somebody who does not exist, so that both take as long. One name always
    /// meets the same user; `key` keeps others from working out which.
    pub fn stand_in(&self, name: &str, key: u64) -> Option<&Arc<User>> {
        let mut hash = Sha256::new();
        hash.update(key.to_be_bytes());
        hash.update(name);
        let number = hash
            .finalize()
            .iter()
            .take(8)
            .fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        let place = usize::try_from(number)
            .unwrap_or(0)
            .checked_rem(self.len())?;
        self.0.values().nth(place)
    }
}

impl FromIterator<User> for Users {
    fn from_iter<T: IntoIterator<Item = User>>(users: T) -> Self {
        let named = |user: User| (Arc::clone(&user.name), Arc::new(user));
        Self(users.into_iter().map(named).collect())
    }
}

#[cfg(test)]
pub(crate) mod trial {
    use std::sync::LazyLock;

    use super::*;
    use crate::base::chance::Chance;

    /// Somebody whose password is `the usual words`.
    pub(crate) fn user(name: &str, role: Role) -> User {
        static KEPT: LazyLock<Kept> =
            LazyLock::new(|| Kept::make("the usual words", &mut Chance::from_number(5)).unwrap());
        User {
            name: name.into(),
            role,
            projects: Projects::All,
            password: KEPT.clone(),
            email: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::trial::user;
    use super::*;

    #[test]
    fn names_that_mean_somebody_else_or_break_a_line_are_none() {
        for good in ["anna", "Ольга О", "anna@example.com", "token"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", " anna", "a\nb", "a\"b", "token crm", "this machine"] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(!is_name(&"x".repeat(NAME_MAX + 1)));
    }

    #[test]
    fn somebody_who_does_not_exist_always_meets_the_same_stand_in() {
        let users: Users = ["anna", "boris", "vera"]
            .map(|name| user(name, Role::Manager))
            .into_iter()
            .collect();
        let met = |name, key| users.stand_in(name, key).unwrap().name.clone();
        for name in ["eve", "mallory", "", "anna "] {
            assert_eq!(met(name, 7), met(name, 7));
        }
        let spread: std::collections::BTreeSet<_> = (0..64).map(|key| met("eve", key)).collect();
        assert_eq!(spread.len(), 3);
        assert!(Users::default().stand_in("eve", 1).is_none());
    }
}
