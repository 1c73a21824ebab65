//! Who asks: a person at a page, a program with a token, or this machine while there are no users.

use std::sync::Arc;

use crate::people::role::{Right, Role};

/// Whose calls somebody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Projects {
    /// Every project, those of tomorrow included.
    All,
    /// These, by `[[project]] id`.
    These(Arc<[Arc<str>]>),
}

/// Who made a request, as it was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// As the call log names them: a user's name, `token NAME`, or `this machine`.
    pub name: Arc<str>,
    /// What they are here for.
    pub role: Role,
    /// Whose calls they see.
    pub projects: Projects,
}

impl Who {
    /// Whoever sits at this machine while no user is configured.
    pub fn this_machine() -> Self {
        Self {
            name: "this machine".into(),
            role: Role::Admin,
            projects: Projects::All,
        }
    }

    /// Whether they have this right.
    pub const fn may(&self, right: Right) -> bool {
        self.role.brings(right)
    }

    /// Whether the calls of `project` are theirs to see.
    pub fn sees(&self, project: &str) -> bool {
        match &self.projects {
            Projects::All => true,
            Projects::These(own) => own.iter().any(|own| **own == *project),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_with_own_projects_sees_no_other() {
        let who = Who {
            name: "anna".into(),
            role: Role::Manager,
            projects: Projects::These(["shop".into()].into()),
        };
        assert!(who.sees("shop") && !who.sees("clinic") && !who.sees("sho"));
        assert!(who.may(Right::Tag) && !who.may(Right::Administer));
        assert!(Who::this_machine().sees("clinic"));
    }
}
