//! Where a command finds the call log: the running server's socket, or the store itself while none runs.

use std::path::Path;

use crate::api::replay;
use crate::base::chance::Chance;
use crate::base::clock::Clock;
use crate::base::country::Country;
use crate::base::entropy;
use crate::base::id::CallId;
use crate::base::number::Caller;
use crate::cli::serve::node_name;
use crate::cli::{FAILED, WRONG_INPUT, complain};
use crate::config::{self, Config};
use crate::report::replayed::Replayed;
use crate::store::Store;
use crate::store::control::Client;
use crate::store::error::StoreError;
use crate::store::handle::{Erased, Setup, Verdict};
use crate::store::query::{LIMIT_MAX, Page, Query};
use crate::store::record::CallRecord;

/// The call log of a configuration.
pub(in crate::cli) struct Access {
    config: Config,
    way: Way,
}

enum Way {
    Server(Client),
    Store(Box<Store>),
}

/// Why a command cannot look: sentences for the operator, and the exit code.
pub(in crate::cli) struct Refused {
    messages: Vec<String>,
    code: u8,
}

impl Refused {
    /// Says why, and returns the exit code.
    pub(in crate::cli) fn say(self) -> u8 {
        for message in &self.messages {
            complain(message);
        }
        self.code
    }
}

impl Refused {
    /// Why, in sentences.
    pub(in crate::cli) fn messages(self) -> Vec<String> {
        self.messages
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self {
            messages: vec![error.to_string()],
            code: FAILED,
        }
    }
}

impl Access {
    /// Reads the configuration, then asks the server that runs on its store, or opens the store.
    pub(in crate::cli) fn open(file: &Path) -> Result<Self, Refused> {
        Self::of(read(file)?)
    }

    /// As [`Self::open`], of a configuration that was read already.
    pub(in crate::cli) fn of(config: Config) -> Result<Self, Refused> {
        if let Some(server) = Client::find(&config.store.folder)? {
            let way = Way::Server(server);
            return Ok(Self { config, way });
        }
        let log = config.store.folder.join("log");
        // Looking must not make folders: one made as root would keep the server out.
        if !log.is_dir() {
            return Err(Refused {
                messages: vec![format!(
                    "there is no call log in {} yet; `ringtag serve` begins it",
                    log.display()
                )],
                code: FAILED,
            });
        }
        let way = Way::Store(Box::new(Store::look(setup(&config)?)?));
        Ok(Self { config, way })
    }

    /// The country whose national numbers are understood.
    pub(in crate::cli) const fn country(&self) -> &Country {
        &self.config.country
    }

    /// One call.
    pub(in crate::cli) fn call(&self, id: CallId) -> Result<Option<CallRecord>, StoreError> {
        match &self.way {
            Way::Server(server) => server.call(id),
            Way::Store(store) => store.call(id),
        }
    }

    /// Calls, newest first, at most `limit`. Asked for page by page, so that the server holds one page at a time.
    pub(in crate::cli) fn list(
        &self,
        query: &Query,
        limit: usize,
    ) -> Result<Vec<CallRecord>, StoreError> {
        let mut calls = Vec::new();
        let mut query = query.clone();
        loop {
            query.limit = Some(LIMIT_MAX.min(limit - calls.len()));
            let page = self.page(&query)?;
            calls.extend(page.calls);
            query.cursor = page.next;
            if query.cursor.is_none() || calls.len() >= limit {
                calls.truncate(limit);
                return Ok(calls);
            }
        }
    }

    /// Checks the log.
    pub(in crate::cli) fn verify(&self) -> Result<Verdict, StoreError> {
        match &self.way {
            Way::Server(server) => server.verify(),
            Way::Store(store) => store.verify(),
        }
    }

    /// Removes a person.
    pub(in crate::cli) fn erase(&self, caller: Caller) -> Result<Erased, StoreError> {
        match &self.way {
            Way::Server(server) => server.erase(caller),
            Way::Store(store) => store.erase(caller),
        }
    }

    /// Holds past calls against an edited configuration: by the rules that a server has in force, else by those of the file.
    pub(in crate::cli) fn replay(
        &self,
        asked: replay::Asked,
        edited: &Config,
    ) -> Result<Replayed, StoreError> {
        match &self.way {
            Way::Server(server) => server.house(replay::WHAT, serde_json::to_value(asked)?),
            Way::Store(store) => Ok(replay::replay(
                store,
                &self.config.shown(),
                &edited.shown(),
                asked.since,
                asked.until,
            )),
        }
    }

    fn page(&self, query: &Query) -> Result<Page, StoreError> {
        match &self.way {
            Way::Server(server) => server.list(query),
            Way::Store(store) => store.list(query),
        }
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        match &self.way {
            Way::Server(_) => {}
            // What an erasure told is written before the command ends.
            Way::Store(store) => store.shutdown(),
        }
    }
}

/// Makes the index again from the log, and returns how many calls it has.
pub(in crate::cli) fn reindex(file: &Path) -> Result<u64, Refused> {
    let config = read(file)?;
    match Client::find(&config.store.folder)? {
        Some(server) => Ok(server.reindex()?),
        None => Ok(Store::reindex(setup(&config)?)?),
    }
}

fn read(file: &Path) -> Result<Config, Refused> {
    match config::load(file) {
        Ok(loaded) => Ok(loaded.config),
        Err(mistakes) => Err(Refused {
            messages: mistakes.iter().map(ToString::to_string).collect(),
            code: WRONG_INPUT,
        }),
    }
}

fn setup(config: &Config) -> Result<Setup, Refused> {
    let seed = entropy::seed().map_err(|error| Refused {
        messages: vec![format!("the system gives no randomness: {error}")],
        code: FAILED,
    })?;
    Ok(Setup {
        settings: config.store.clone(),
        recordings: config.recordings.folder.clone(),
        node: node_name(),
        clock: Clock::start(),
        chance: Chance::from_seed(seed),
    })
}
