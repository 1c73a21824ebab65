//! The link that `serve` prints while there are no users: whoever has it is let in once.

use crate::base::chance::Chance;
use crate::people::secret::{self, Print};

/// The link that waits to be used; at most one.
#[derive(Debug, Default)]
pub struct Link(Option<Print>);

impl Link {
    /// Makes a new token; the one before is void.
    pub fn renew(&mut self, chance: &mut Chance) -> String {
        let token = secret::fresh(chance);
        self.0 = Some(Print::of(&token));
        token
    }

    /// Uses the token up; says whether it was the one that waited.
    pub fn use_up(&mut self, token: &str) -> bool {
        let is_it = self.0.is_some_and(|print| print.is_of(token));
        if is_it {
            self.0 = None;
        }
        is_it
    }

    /// Nobody is let in by a link any more.
    pub const fn close(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_lets_in_once_and_a_newer_one_replaces_it() {
        let mut chance = Chance::from_number(1);
        let mut link = Link::default();
        assert!(!link.use_up(""));
        let first = link.renew(&mut chance);
        let second = link.renew(&mut chance);
        assert!(!link.use_up(&first) && !link.use_up(""));
        assert!(link.use_up(&second) && !link.use_up(&second));
        let third = link.renew(&mut chance);
        link.close();
        assert!(!link.use_up(&third));
    }
}
