//! One configured module and its helper process: not started, on its way, running, or failed.

use super::Look;
use crate::factor::pkcs11::error::TokenError;
use crate::factor::pkcs11::helper::{Helper, HelperCommand, Reply, Spare, Starting};
use crate::factor::pkcs11::info::{BrokenToken, ModuleInfo, TokenInfo};
use crate::factor::pkcs11::module::Module;
use crate::factor::pkcs11::protocol::{Failure, Response};
use std::time::{Duration, Instant};

pub(super) struct Entry {
    pub module: Module,
    pub state: State,
    /// Whether it has come up in this command.
    pub answered: bool,
}

pub(super) enum State {
    Idle,
    /// Begun by [`super::Tokens::begin`].
    Starting(Starting),
    Running {
        helper: Helper,
        info: ModuleInfo,
        logged_in: Vec<u64>,
        /// The last look at its tokens, unless something was done since.
        last: Option<(Instant, Vec<TokenInfo>, Vec<BrokenToken>)>,
    },
    /// Tried once in this command; not again.
    Failed(TokenError),
}

impl Entry {
    pub fn new(module: Module) -> Self {
        Self { module, state: State::Idle, answered: false }
    }

    /// Has the module load in a helper process, if it was not begun before.
    pub fn begin(&mut self, command: &HelperCommand, spare: &mut Option<Spare>) {
        if matches!(self.state, State::Idle) {
            self.state = match Helper::begin(command, spare.take(), &self.module) {
                Ok(starting) => State::Starting(starting),
                Err(error) => State::Failed(error),
            };
        }
    }

    /// The helper, started if it was not yet.
    pub fn running(&mut self, command: &HelperCommand, spare: &mut Option<Spare>) -> Result<&mut Helper, TokenError> {
        self.begin(command, spare);
        self.state = match std::mem::replace(&mut self.state, State::Idle) {
            State::Starting(starting) => match starting.finish() {
                Ok((helper, info, at, tokens)) => {
                    let last = match tokens {
                        Ok((Response::Tokens(tokens, broken), _)) => Some((at, tokens, broken)),
                        // Asked again, it says why.
                        _ => None,
                    };
                    State::Running { helper, info, logged_in: Vec::new(), last }
                }
                Err(error) => State::Failed(error),
            },
            other => other,
        };
        match &mut self.state {
            State::Idle | State::Starting(_) => unreachable!("begun and finished above"),
            State::Failed(error) => Err(error.clone()),
            State::Running { helper, .. } => {
                self.answered = true;
                Ok(helper)
            }
        }
    }

    /// Keeps what a module that failed has failed with.
    pub fn noted(&mut self, reply: Result<Reply, TokenError>) -> Result<Reply, TokenError> {
        match (&reply, &mut self.state) {
            (Err(error), state) => *state = State::Failed(error.clone()),
            (Ok(_), State::Running { last, .. }) => *last = None,
            (Ok(_), _) => {}
        }
        reply
    }

    /// The tokens as they were told in answer to a request.
    pub fn told(&mut self, at: Instant, reply: Reply) -> Result<Look, TokenError> {
        let State::Running { info, last, .. } = &mut self.state else { unreachable!("it has just answered") };
        match reply {
            Ok((Response::Tokens(tokens, broken), _)) => {
                *last = Some((at, tokens.clone(), broken.clone()));
                Ok((info.clone(), tokens, broken))
            }
            Ok(_) => Err(self.confused()),
            Err(failure) => Err(self.unusable(failure)),
        }
    }

    /// The last look, if it is no older than that and nothing was done since.
    pub fn recent(&self, age: Duration) -> Option<Look> {
        match &self.state {
            State::Running { info, last: Some((at, tokens, broken)), .. } if at.elapsed() < age => {
                Some((info.clone(), tokens.clone(), broken.clone()))
            }
            _ => None,
        }
    }

    /// Lets the helper go; the module is started again if it is needed after all.
    pub fn dismiss(&mut self) -> Option<Helper> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Running { helper, .. } => Some(helper.dismiss()),
            State::Starting(starting) => Some(starting.dismiss()),
            kept @ (State::Idle | State::Failed(_)) => {
                self.state = kept;
                None
            }
        }
    }

    pub fn confused(&self) -> TokenError {
        let why = "its helper gave another answer than was asked for".to_owned();
        TokenError::ModuleUnusable { path: self.module.shown(), why }
    }

    fn unusable(&self, failure: Failure) -> TokenError {
        let path = self.module.shown();
        TokenError::ModuleUnusable { path, why: failure.in_words() }
    }

    /// Whether it has logged in to the token in a slot; in any, without one.
    pub fn logged_in(&self, slot: Option<u64>) -> bool {
        match &self.state {
            State::Running { logged_in, .. } => slot.map_or(!logged_in.is_empty(), |slot| logged_in.contains(&slot)),
            _ => false,
        }
    }
}
