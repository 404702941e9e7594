//! The readers of the system, by PC/SC itself: which are there, whether they hold a card, waiting for one. The `yubikey` crate knows only
//! how to open what is in one; and what it cannot open is looked at here, to say what it is.

use super::super::error::PivError;
use super::super::info::Occupant;
use super::line::Line;
use super::trouble::call;
use pcsc::{Context, Disposition, Protocols, ReaderState, Scope, ShareMode, State};
use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use yubikey::YubiKey;

/// How long one wait for a change lasts at most, before it is looked whether anybody still wants to know.
const SLICE: Duration = Duration::from_millis(500);

/// SELECT of the PIV application (SP 800-73-4 part 2, 3.1.1).
const SELECT_PIV: [u8; 11] = [0x00, 0xa4, 0x04, 0x00, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08, 0x00];

/// Our connections to the service, made when first needed.
#[derive(Default)]
pub(super) struct Readers {
    context: Option<Context>,
    opener: Option<yubikey::reader::Context>,
}

/// What the service says, where no card is meant.
pub(super) fn service(error: pcsc::Error) -> PivError {
    if matches!(error, pcsc::Error::CommError | pcsc::Error::InvalidHandle) {
        // No card is meant by these here: the service has ended.
        return PivError::NoService;
    }
    match call::<()>("smart-card service", "list its readers", || Err(error.into())) {
        Err(trouble) => trouble.into_error(),
        Ok(_) => PivError::NoService,
    }
}

impl Readers {
    /// The connection to the service.
    pub(super) fn context(&mut self) -> Result<&Context, PivError> {
        // A service that was started again does not know its old clients.
        if self.context.as_ref().is_some_and(|context| context.is_valid().is_err()) {
            self.context = None;
        }
        match &mut self.context {
            Some(context) => Ok(context),
            none => Ok(none.insert(Context::establish(Scope::System).map_err(service)?)),
        }
    }

    /// The state of each reader.
    fn states(&mut self) -> Result<Vec<ReaderState>, PivError> {
        let context = self.context()?;
        let names = context.list_readers_owned().map_err(service)?;
        let mut states: Vec<_> = names.into_iter().map(|name| ReaderState::new(name, State::UNAWARE)).collect();
        if !states.is_empty() {
            match context.get_status_change(Duration::ZERO, &mut states) {
                Ok(()) | Err(pcsc::Error::Timeout) => {}
                Err(error) => return Err(service(error)),
            }
        }
        Ok(states)
    }

    /// The readers by name, and whether each holds a card.
    pub(super) fn present(&mut self) -> Result<Vec<(String, bool)>, PivError> {
        let states = self.states()?;
        let one = |state: &ReaderState| {
            (state.name().to_string_lossy().into_owned(), state.event_state().contains(State::PRESENT))
        };
        Ok(states.iter().map(one).collect())
    }

    /// The readers by name, and how often a card came or went in each since the service started.
    pub(super) fn counts(&mut self) -> Result<Vec<(String, u32)>, PivError> {
        let one = |state: &ReaderState| (state.name().to_string_lossy().into_owned(), state.event_count());
        Ok(self.states()?.iter().map(one).collect())
    }

    /// Whether a reader holds a card, as far as the service knows: it looks now and then.
    pub(super) fn has_card(&mut self, reader: &str) -> Result<bool, PivError> {
        Ok(self.present()?.iter().any(|(name, has_card)| name == reader && *has_card))
    }

    /// Opens the YubiKey in a reader, and before it a line of our own.
    pub(super) fn open(&mut self, reader: &str) -> Result<(YubiKey, Line), yubikey::Error> {
        let unknown = || yubikey::Error::PcscError { inner: Some(pcsc::Error::UnknownReader) };
        let name = CString::new(reader).map_err(|_| unknown())?;
        // What is wrong with the service was said by who looked for readers.
        let context = self.context().map_err(|_| yubikey::Error::PcscError { inner: Some(pcsc::Error::NoService) })?;
        let line = Line::open(context, &name)?;
        self.open_by_crate(reader).map(|yubikey| (yubikey, line))
    }

    fn open_by_crate(&mut self, reader: &str) -> Result<YubiKey, yubikey::Error> {
        // Its list of readers has the length that it had when made: a reader plugged in since does not fit.
        if let Some(opener) = &mut self.opener
            && let Ok(mut readers) = opener.iter()
            && let Some(reader) = readers.find(|one| one.name() == reader)
        {
            return reader.open();
        }
        let opener = self.opener.insert(yubikey::reader::Context::open()?);
        let found = opener.iter()?.find(|one| one.name() == reader);
        found.ok_or(yubikey::Error::PcscError { inner: Some(pcsc::Error::UnknownReader) })?.open()
    }

    /// Waits until a reader or card comes or goes, until one of `held` (readers whose card another program has for itself) is let go, or
    /// `stop`.
    pub(super) fn wait(&mut self, held: &[String], stop: &AtomicBool) -> Result<(), PivError> {
        let mut states = self.states()?;
        // Let go since it was looked at: nothing would tell of that any more.
        let is_held = |state: &ReaderState| held.iter().any(|name| name.as_bytes() == state.name().to_bytes());
        if states.iter().any(|state| is_held(state) && !state.event_state().contains(State::EXCLUSIVE)) {
            return Ok(());
        }
        states.push(ReaderState::new(pcsc::PNP_NOTIFICATION().to_owned(), State::UNAWARE));
        for state in &mut states {
            state.sync_current_state();
        }
        let context = self.context()?;
        while !stop.load(Ordering::Relaxed) {
            match context.get_status_change(SLICE, &mut states) {
                Ok(()) => return Ok(()),
                Err(pcsc::Error::Timeout) => {}
                Err(error) => return Err(service(error)),
            }
        }
        Ok(())
    }
}

/// What is in a reader that the `yubikey` crate made nothing of. Nothing is reset by looking.
pub(super) fn probe(context: &Context, reader: &str) -> Occupant {
    let Ok(name) = CString::new(reader) else { return Occupant::Mute };
    let card = match context.connect(&name, ShareMode::Shared, Protocols::ANY) {
        Ok(card) => card,
        Err(pcsc::Error::SharingViolation) => return Occupant::Held(super::holder::find()),
        Err(pcsc::Error::NoSmartcard | pcsc::Error::RemovedCard) => return Occupant::Empty,
        Err(pcsc::Error::SecurityViolation | pcsc::Error::NoAccess) => return Occupant::Denied,
        Err(_) => return Occupant::Mute,
    };
    let mut answer = [0; 258];
    let occupant = match card.transmit(&SELECT_PIV, &mut answer) {
        // 61xx: there is more to fetch, as cards with T=0 say it.
        Ok([.., 0x90, 0x00] | [.., 0x61, _]) => Occupant::OtherPiv,
        Ok([.., _, _]) => Occupant::NotPiv,
        _ => Occupant::Mute,
    };
    drop(card.disconnect(Disposition::LeaveCard));
    occupant
}
