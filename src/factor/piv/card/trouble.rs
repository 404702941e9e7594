//! Every way in which the service, the `yubikey` crate or a card may fail, told apart.
//!
//! The crate panics on some short answers of a card (`get_version`, metadata without a value), and `pcsc` on a connection whose protocol
//! was taken away while it was made: each call is guarded.

use super::super::error::PivError;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A failure, and whether a new connection may help.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The card was reset, pulled, or has another application selected: worth one more connection.
    Again(PivError),
    /// It stays so.
    Final(PivError),
}

impl Trouble {
    pub(super) fn into_error(self) -> PivError {
        match self {
            Self::Again(error) | Self::Final(error) => error,
        }
    }
}

/// Runs a call of a crate; `None`: it panicked.
pub(super) fn guarded<T, E>(call: impl FnOnce() -> Result<T, E>) -> Option<Result<T, E>> {
    catch_unwind(AssertUnwindSafe(call)).ok()
}

/// Runs a call on an open card.
pub(super) fn call<T>(
    token: &str,
    doing: &'static str,
    call: impl FnOnce() -> Result<T, yubikey::Error>,
) -> Result<Result<T, yubikey::Error>, Trouble> {
    let Some(result) = guarded(call) else {
        return Err(Trouble::Final(PivError::BadAnswer {
            token: token.to_owned(),
            why: "it is shorter than it should be",
        }));
    };
    match result {
        Err(yubikey::Error::PcscError { inner }) => Err(service(token, doing, inner)),
        other => Ok(other),
    }
}

/// Who asked has been told that nothing happened. Nobody hears this.
pub(super) fn nobody_waits(token: String) -> Trouble {
    Trouble::Final(PivError::Busy { token, seconds: 0, holder: None })
}

/// What the service says.
pub(super) fn service(token: &str, doing: &'static str, error: Option<pcsc::Error>) -> Trouble {
    use pcsc::Error as E;
    let token = token.to_owned();
    match error {
        // While another program's reset is under way, the service takes the protocol away from connections that it does not tell of the
        // reset (pcsc-lite 1.9: `SCardDisconnect`): only a new one helps. So does the end of a program that was in a transaction.
        Some(E::ResetCard | E::ProtoMismatch | E::UnresponsiveCard) => Trouble::Again(PivError::Reset { token }),
        Some(
            E::RemovedCard
            | E::NoSmartcard
            | E::UnpoweredCard
            | E::NotTransacted
            | E::CommError
            | E::ReaderUnavailable
            | E::UnknownReader
            | E::InvalidHandle,
        ) => Trouble::Again(PivError::Gone { token }),
        Some(E::NoService | E::ServiceStopped | E::Shutdown) => Trouble::Final(PivError::NoService),
        Some(E::SecurityViolation | E::NoAccess) => Trouble::Final(PivError::Denied),
        Some(E::SharingViolation) => Trouble::Final(PivError::Held { reader: token, holder: super::holder::find() }),
        Some(E::InsufficientBuffer) => {
            Trouble::Final(PivError::BadAnswer { token, why: "it is longer than it should be" })
        }
        Some(other) => Trouble::Final(PivError::Refused { token, doing, why: lower(&other.to_string()) }),
        None => Trouble::Final(PivError::Refused { token, doing, why: "the service failed".to_owned() }),
    }
}

/// The service's own sentences, as ours are.
fn lower(text: &str) -> String {
    let mut rest = text.trim_end_matches('.').chars();
    rest.next().map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}

/// What the crate says of an answer.
pub(super) fn answer(token: &str, doing: &'static str, error: yubikey::Error) -> Trouble {
    use yubikey::Error as E;
    let token = token.to_owned();
    match error {
        E::SizeError | E::ParseError | E::InvalidObject | E::AlgorithmError => {
            Trouble::Final(PivError::BadAnswer { token, why: "it is not what was asked for" })
        }
        // Another program selected another application, which does not know the command, or the card was pulled in the middle.
        E::GenericError | E::NotSupported => {
            Trouble::Again(PivError::Refused { token, doing, why: "the token answers with an error".to_owned() })
        }
        other => Trouble::Final(PivError::Refused { token, doing, why: other.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_worth_a_new_connection() {
        use pcsc::Error as E;
        let said = |error| service("t", "d", Some(error));
        for error in [E::ResetCard, E::ProtoMismatch, E::UnresponsiveCard] {
            assert!(matches!(said(error), Trouble::Again(PivError::Reset { .. })), "{error}");
        }
        for error in [E::RemovedCard, E::NoSmartcard, E::UnpoweredCard, E::NotTransacted, E::InvalidHandle] {
            assert!(matches!(said(error), Trouble::Again(PivError::Gone { .. })), "{error}");
        }
        for error in [E::NoService, E::SecurityViolation, E::SharingViolation, E::InsufficientBuffer, E::NoMemory] {
            assert!(matches!(said(error), Trouble::Final(_)), "{error}");
        }
    }
}
