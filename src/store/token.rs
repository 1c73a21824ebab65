//! Tokens of the HTTP interface. Each is an event of the log, and each checkpoint lists them, so that they outlive index
//! and rows. Pure.
//!
//! The store keeps the SHA-256 of a secret, never the secret: who reads the log cannot use it.

use serde::{Deserialize, Serialize};

use crate::base::time::WallTime;
use crate::store::error::StoreError;
use crate::store::event::house::House;

/// Most tokens at a time. Each checkpoint of the log lists them all.
pub const TOKENS_MAX: usize = 256;

/// Longest name of a token, in characters; what is longer is cut off.
pub(crate) const NAME_MAX: usize = 64;

/// A token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Names it; no secret.
    pub id: String,
    /// For people.
    pub name: String,
    /// SHA-256 of the secret in lower-case hexadecimal.
    pub hash: String,
    /// What it may do: the word of a role.
    pub role: String,
    /// Whose calls it sees; `None`: all.
    pub projects: Option<Vec<String>>,
    /// When it was made.
    pub made_at: WallTime,
    /// By whom.
    pub made_by: String,
    /// When it was shown last since this process began. Not in the log.
    #[serde(skip)]
    pub last_used: Option<WallTime>,
}

/// A token that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// For people; cut off after 64 characters.
    pub name: String,
    /// SHA-256 of the secret in lower-case hexadecimal.
    pub hash: String,
    /// The word of a role.
    pub role: String,
    /// Whose calls it sees; `None`: all.
    pub projects: Option<Vec<String>>,
}

/// Why a token was not made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There are as many as there may be.
    #[error("there are {TOKENS_MAX} tokens; revoke one that nobody needs")]
    Many,
    /// Another one has this name: what the two do could not be told apart.
    #[error("there is a token of this name; revoke it, or give this one another")]
    Taken,
    /// Its secret has been used before, or its hash is no SHA-256.
    #[error("the secret of a token is used once; make another")]
    Used,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// `token_revoked`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenRevoked {
    pub(crate) id: String,
    pub(crate) by: String,
}

/// The tokens that are good.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tokens(Vec<Token>);

impl Tokens {
    /// Takes in what a line says of tokens.
    pub(crate) fn apply(&mut self, house: &House) {
        match house {
            House::TokenMade(token) => self.made(token),
            House::TokenRevoked(revoked) => self.revoked(&revoked.id),
            House::Exported(_) | House::Spent(_) | House::SavedReport(_) | House::Mailed(_) => {}
        }
    }

    /// Takes one in. Taking it in twice changes nothing.
    pub(crate) fn made(&mut self, token: &Token) {
        if self.0.iter().all(|other| other.id != token.id) {
            self.0.push(token.clone());
        }
    }

    /// Takes one out.
    fn revoked(&mut self, id: &str) {
        self.0.retain(|token| token.id != id);
    }

    /// All, the oldest first.
    pub(crate) fn list(&self) -> &[Token] {
        &self.0
    }

    /// Whether one has this id.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.iter().any(|token| token.id == id)
    }

    /// The one whose secret has this hash.
    pub(crate) fn find(&self, hash: &str) -> Option<&Token> {
        self.0.iter().find(|token| token.hash == hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_by_its_hash_until_it_is_revoked() {
        let token = Token {
            id: "1".into(),
            name: "crm".into(),
            hash: "ab".repeat(32),
            role: "manager".into(),
            projects: None,
            made_at: WallTime::from_millis(1),
            made_by: "anna".into(),
            last_used: None,
        };
        let mut tokens = Tokens::default();
        tokens.made(&token);
        tokens.made(&token);
        assert_eq!(tokens.list(), std::slice::from_ref(&token));
        assert_eq!(tokens.find(&token.hash), Some(&token));
        assert_eq!(tokens.find(""), None);
        tokens.revoked("1");
        assert!(!tokens.has("1"));
        assert_eq!(tokens.find(&token.hash), None);
    }
}
