//! The items of the vault, wherever it is open: in the agent, or in this process. Every command that reads or writes items goes through
//! here, so that none of them knows which.

use super::held::Holding;
use super::report::CliError;
use super::session::Session;
use crate::agent::client::{AgentError, Remote};
use crate::item::{Item, normalised};
use crate::vault::{Found, Vault};

/// An open vault, as far as items go.
pub enum Items {
    /// In this process.
    Here(Box<Vault>),
    /// In the agent.
    Held(Remote),
}

impl Session {
    /// The items, for reading.
    pub fn items(&mut self) -> Result<Items, CliError> {
        self.items_for(false)
    }

    /// The items, for changing them.
    pub fn items_to_write(&mut self) -> Result<Items, CliError> {
        self.items_for(true)
    }

    /// One item alone: an agent that holds the vault is asked for it at once.
    pub fn item(&mut self, name: &str) -> Result<Found, CliError> {
        if let Some(mut remote) = self.remote()? {
            match remote.get(name) {
                Err(error) if error.is_of_this_item() => return Err(error.into()),
                Err(error) => self.do_without(&error),
                Ok(found) => return Ok(found),
            }
        }
        Ok(self.unlock()?.get(name)?)
    }

    /// The vault, opened here because the agent does not hold it any more.
    fn instead_of(&mut self, locked: &AgentError) -> Result<Vault, CliError> {
        self.do_without(locked);
        self.unlock_to_write()
    }

    fn items_for(&mut self, writes: bool) -> Result<Items, CliError> {
        if let Holding::Held(remote) = self.holding()? {
            self.dismiss_spare();
            return Ok(Items::Held(remote));
        }
        let vault = if writes { self.unlock_to_write() } else { self.unlock() };
        vault.map(|vault| Items::Here(Box::new(vault)))
    }
}

impl Items {
    /// The item of that name.
    pub fn get(&mut self, name: &str) -> Result<Found, CliError> {
        match self {
            Self::Here(vault) => Ok(vault.get(name)?),
            Self::Held(remote) => Ok(remote.get(name)?),
        }
    }

    /// Refuses a name that an item has, before a person types its secret.
    pub fn refuse_taken(&mut self, name: &str) -> Result<(), CliError> {
        match self {
            Self::Here(vault) => Ok(vault.refuse_taken(name)?),
            Self::Held(remote) => Ok(remote.refuse_taken(name)?),
        }
    }

    /// Adds a new item. If the agent has locked the vault meanwhile it is opened here: what a person has typed is not lost.
    pub fn add(&mut self, item: &Item, session: &mut Session) -> Result<(), CliError> {
        match self {
            Self::Here(vault) => Ok(vault.add(item)?),
            Self::Held(remote) => match remote.add(item.to_json()?) {
                Err(locked @ AgentError::NotHeld(_)) => Ok(session.instead_of(&locked)?.add(item)?),
                done => Ok(done?),
            },
        }
    }

    /// Replaces an item, which may have got another name. The same.
    pub fn replace(&mut self, found: &Found, item: &Item, session: &mut Session) -> Result<(), CliError> {
        match self {
            Self::Here(vault) => Ok(vault.replace(found, item)?),
            Self::Held(remote) => match remote.replace(found, item.to_json()?) {
                Err(locked @ AgentError::NotHeld(_)) => Ok(session.instead_of(&locked)?.replace(found, item)?),
                done => Ok(done?),
            },
        }
    }

    /// Removes an item, as the person saw it. The same.
    pub fn remove(&mut self, found: &Found, session: &mut Session) -> Result<(), CliError> {
        match self {
            Self::Here(vault) => Ok(vault.remove(found)?),
            Self::Held(remote) => match remote.remove(found) {
                Err(locked @ AgentError::NotHeld(_)) => Ok(session.instead_of(&locked)?.remove(found)?),
                done => Ok(done?),
            },
        }
    }

    /// Every item in no order, without keeping them.
    pub fn each(&mut self, visit: &mut dyn FnMut(Found)) -> Result<(), CliError> {
        match self {
            Self::Here(vault) => Ok(vault.each(visit)?),
            Self::Held(remote) => Ok(remote.each(visit)?),
        }
    }

    /// Every item, ordered by name.
    pub fn all(&mut self) -> Result<Vec<Found>, CliError> {
        let mut all = Vec::new();
        self.each(&mut |found| all.push(found))?;
        all.sort_by_cached_key(|found| (normalised(&found.item.name), found.id));
        Ok(all)
    }
}

impl From<AgentError> for CliError {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::Failed(failure) => Self::Agent(failure),
            error if error.is_silence() => Self::Plain {
                message: error.to_string(),
                hint: "end it, and with it what it holds: 'pkill -KILL -f \"twinlock agent\"'".into(),
                code: super::report::BUSY,
            },
            error => Self::Plain {
                message: error.to_string(),
                hint: "run the command again; with --no-agent it opens the vault by itself".into(),
                code: super::report::BUSY,
            },
        }
    }
}
