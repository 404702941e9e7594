//! What becomes of a piece of work when nobody waits for it any more: a PIN that nobody waits for is not sent.

use super::super::error::PivError;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Between who waits for a piece of work and the thread that does it: whoever comes first decides.
#[derive(Default)]
pub(super) struct Fate(Mutex<Stage>);

#[derive(Default)]
enum Stage {
    /// Nothing that counts was sent.
    #[default]
    Open,
    /// It was. What is to be said if no answer comes: whether the card has done it is not known then.
    Sent(Option<PivError>),
    /// Who waited has told the person that nothing happened.
    GivenUp,
}

impl Fate {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        // Each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Right before something is sent that cannot be taken back. False: it must not be sent any more.
    pub(super) fn send(&self, unsure: Option<PivError>) -> bool {
        let mut stage = self.stage();
        if matches!(*stage, Stage::GivenUp) {
            return false;
        }
        *stage = Stage::Sent(unsure);
        true
    }

    /// From now on nothing is sent. An error: something was sent already, and what is to be said of it.
    pub(super) fn give_up(&self) -> Result<(), Option<PivError>> {
        let mut stage = self.stage();
        if let Stage::Sent(unsure) = &*stage {
            return Err(unsure.clone());
        }
        *stage = Stage::GivenUp;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_first_decides() {
        let fate = Fate::default();
        assert!(fate.give_up().is_ok());
        assert!(!fate.send(None), "nobody waits");
        assert!(fate.give_up().is_ok());
        let fate = Fate::default();
        assert!(fate.send(None));
        assert!(fate.send(Some(PivError::NoService)), "more of the same work");
        assert_eq!(fate.give_up(), Err(Some(PivError::NoService)));
        assert!(fate.send(None), "what was begun is ended");
    }
}
