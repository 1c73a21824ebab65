//! What people do that is no call's: tables taken, tokens, amounts, saved reports and their letters. Pure.

use crate::store::event::{Parts, read_parts, write_some};
use crate::store::ledger::SpentLine;
use crate::store::saved::{MailedLine, MailedPersonal, SavedLine, SavedPersonal};
use crate::store::spoken::Exported;
use crate::store::token::{Token, TokenRevoked};

/// A line about the house.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum House {
    /// Somebody took a table of calls.
    Exported(Box<Exported>),
    /// A token of the HTTP interface is good from now on.
    TokenMade(Box<Token>),
    /// A token is no longer good.
    TokenRevoked(TokenRevoked),
    /// Somebody entered what something cost, corrected it or took it out.
    Spent(Box<SpentLine>),
    /// Somebody saved a report, removed one, or asked for a letter of it.
    SavedReport(Box<Parts<SavedLine, SavedPersonal>>),
    /// A letter was delivered, or given up.
    Mailed(Box<Parts<MailedLine, MailedPersonal>>),
}

impl House {
    /// The word in the line.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Exported(_) => "exported",
            Self::TokenMade(_) => "token_made",
            Self::TokenRevoked(_) => "token_revoked",
            Self::Spent(_) => "spent",
            Self::SavedReport(_) => "saved_report",
            Self::Mailed(_) => "mailed",
        }
    }

    /// Appends the public part as JSON.
    pub(crate) fn write_public(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        match self {
            Self::Exported(exported) => serde_json::to_writer(out, exported),
            Self::TokenMade(token) => serde_json::to_writer(out, token),
            Self::TokenRevoked(revoked) => serde_json::to_writer(out, revoked),
            Self::Spent(spent) => serde_json::to_writer(out, spent),
            Self::SavedReport(parts) => serde_json::to_writer(out, &parts.public),
            Self::Mailed(parts) => serde_json::to_writer(out, &parts.public),
        }
    }

    /// Appends the personal part as JSON, where there is one.
    pub(crate) fn write_pii(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        match self {
            Self::SavedReport(parts) => write_some(out, parts.pii.as_ref()),
            Self::Mailed(parts) => write_some(out, parts.pii.as_ref()),
            Self::Exported(_) | Self::TokenMade(_) | Self::TokenRevoked(_) | Self::Spent(_) => {
                Ok(())
            }
        }
    }

    /// Reads one from its word and its parts; `None`: the word is none of these.
    pub(crate) fn read(
        name: &str,
        public: &str,
        pii: Option<&str>,
    ) -> serde_json::Result<Option<Self>> {
        Ok(Some(match name {
            "exported" => Self::Exported(serde_json::from_str(public)?),
            "token_made" => Self::TokenMade(serde_json::from_str(public)?),
            "token_revoked" => Self::TokenRevoked(serde_json::from_str(public)?),
            "spent" => Self::Spent(serde_json::from_str(public)?),
            "saved_report" => Self::SavedReport(read_parts(public, pii)?),
            "mailed" => Self::Mailed(read_parts(public, pii)?),
            _ => return Ok(None),
        }))
    }
}
