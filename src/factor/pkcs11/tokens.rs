//! The modules of one command: each started once, when first needed, and kept with its logins until the command ends. So a PIN is asked
//! for once a token, and a hanging module costs its deadline once; twice where a session was lost (`again`).

use super::error::TokenError;
use super::helper::{Helper, HelperCommand, Reply, Spare};
use super::info::{BrokenToken, Class, KeyInfo, ModuleInfo, PublicKey, TokenInfo};
use super::mode::Mode;
use super::module::Module;
use super::protocol::{HexBytes, KeyRef, Operation, Request, Response};
use super::uri::Uri;
use crate::factor::FactorError;
use crate::prompt::{Event, Prompt};
use crate::secret::Pin;
use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// A PIN pad waits for a person.
const PIN_PAD: Duration = Duration::from_secs(120);
/// A YubiKey waits 15 seconds for a touch, and OpenSC asks it twice before it gives up.
const TOUCH: Duration = Duration::from_secs(60);
/// A smart card looks for primes a long time.
const GENERATE: Duration = Duration::from_secs(180);

/// So long is a look at the tokens as good as a new one for finding one of them, if nothing was done in between;
const RECENT: Duration = Duration::from_secs(1);
/// and so long for the flags that decide whether a PIN is sent: no person acts within it.
const JUST_NOW: Duration = Duration::from_millis(10);

/// How often SoftHSM is asked again for a token that it does not show, and how long apart.
const SOFTHSM_LOOKS: u32 = 3;
const SOFTHSM_LOOKS_NONE: u32 = 20;
const SOFTHSM_PAUSE: Duration = Duration::from_millis(15);

/// `Tokens`, shared by all factors of a command.
pub type SharedTokens = Rc<RefCell<Tokens>>;

mod again;
mod entry;
mod failure;
mod watchable;

use again::Again;
use entry::{Entry, State};

/// All configured modules.
pub struct Tokens {
    command: HelperCommand,
    /// A process for the first module that is needed.
    spare: Option<Spare>,
    modules: Vec<Entry>,
    /// Tokens that a login has failed on.
    refused: Vec<(Found, TokenError)>,
    again: Again,
    /// Helpers that were let go.
    leaving: Vec<Helper>,
    /// Tokens whose keys were used.
    used: Vec<Found>,
}

/// A token that is there, behind one of the modules.
#[derive(Clone, Debug)]
pub struct Found {
    module: usize,
    /// As it was when last looked at.
    pub info: TokenInfo,
}

impl Found {
    /// Whether both are one token: it may be seen through two modules, and in another slot than before.
    fn is_same(&self, other: &Self) -> bool {
        let (one, two) = (&self.info, &other.info);
        let place = !one.serial.is_empty() || (self.module, one.slot) == (other.module, two.slot);
        place && (&one.label, &one.serial) == (&two.label, &two.serial)
    }
}

/// What one module has.
#[derive(Debug)]
pub struct ModuleReport {
    /// Its path, as configured.
    pub path: PathBuf,
    /// Itself, its tokens, and the slots that do not answer as they should.
    pub outcome: Result<Look, TokenError>,
}

/// A module, its tokens, and the slots that do not answer as they should.
pub type Look = (ModuleInfo, Vec<TokenInfo>, Vec<BrokenToken>);

impl Tokens {
    /// Starts nothing yet. A module that is named twice counts once.
    pub fn new(command: HelperCommand, modules: Vec<Module>) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for module in modules {
            if !entries.iter().any(|entry| entry.module.path == module.path) {
                entries.push(Entry::new(module));
            }
        }
        Self {
            command,
            spare: None,
            modules: entries,
            refused: Vec::new(),
            again: Again::default(),
            leaving: Vec::new(),
            used: Vec::new(),
        }
    }

    /// The same, ready to be shared by the factors of a command.
    pub fn shared(command: HelperCommand, modules: Vec<Module>) -> SharedTokens {
        Rc::new(RefCell::new(Self::new(command, modules)))
    }

    /// The same with a process that was started before.
    #[must_use]
    pub fn with_spare(mut self, spare: Option<Spare>) -> Self {
        self.spare = spare;
        self
    }

    /// Has the first module load while this program does something else; true if it is on its way. Others are left alone, as it may be
    /// enough.
    pub fn begin(&mut self) -> bool {
        let Some(first) = self.modules.first_mut() else { return false };
        first.begin(&self.command, &mut self.spare);
        matches!(first.state, State::Starting(_))
    }

    /// Lets the helpers go, once a command needs no token any more; one that is needed after all is started again.
    pub fn dismiss(&mut self) {
        self.spare = None;
        self.again.forget();
        self.leaving.extend(self.modules.iter_mut().filter_map(Entry::dismiss));
    }

    /// Whether any module is configured.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    /// Everything that is there. A module that fails does not hide the others.
    pub fn list(&mut self) -> Vec<ModuleReport> {
        (0..self.modules.len())
            .map(|module| ModuleReport { path: self.modules[module].module.path.clone(), outcome: self.look(module) })
            .collect()
    }

    /// The tokens that a URI means, over all modules, and the modules that failed.
    pub fn find_all(&mut self, uri: &Uri) -> (Vec<Found>, Vec<TokenError>) {
        let (mut found, mut failed) = (Vec::new(), Vec::new());
        for module in 0..self.modules.len() {
            match self.matching(module, uri, false) {
                Ok(tokens) => found.extend(tokens),
                Err(error) => failed.push(error),
            }
        }
        (found, failed)
    }

    /// The first token that a URI means. Modules after it are not touched: each costs time, and may hang. If there is none and a module
    /// failed, that is the error, since the token may be behind it.
    pub fn find_first(&mut self, uri: &Uri) -> Result<Option<Found>, TokenError> {
        let mut failed = None;
        for module in 0..self.modules.len() {
            match self.matching(module, uri, true) {
                Ok(tokens) => {
                    if let Some(first) = tokens.into_iter().next() {
                        return Ok(Some(first));
                    }
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// The first PIV card that shows this public key, and where on it. OpenSC names a card after the person in its first certificate and
    /// numbers it by an object that some tools write anew with each certificate, so a card may have another name than at enrolment;
    /// two blank ones have the same. Nothing is asked for, and no PIN is sent.
    pub fn find_piv(&mut self, public: &PublicKey) -> Option<(Found, Uri)> {
        let (cards, _) = self.find_all(&Uri::default());
        cards.into_iter().filter(|card| card.info.is_piv()).find_map(|card| {
            let keys = self.keys(&card, &[Class::Public], &Uri::default()).ok()?;
            let key = keys.into_iter().find(|key| key.public.as_ref() == Some(public) && !key.id.is_empty())?;
            // The label is that of the public half.
            Some((card, Uri { id: Some(key.id), ..Uri::default() }))
        })
    }

    /// `recent`: a look of a moment ago will do if it shows one. That there is none, or how many, it does not tell.
    fn matching(&mut self, module: usize, uri: &Uri, recent: bool) -> Result<Vec<Found>, TokenError> {
        self.running(module)?;
        let seen = if recent { self.modules[module].recent(RECENT) } else { None };
        let seen = seen.filter(|(info, tokens, _)| tokens.iter().any(|one| one.initialized && uri.matches(info, one)));
        let (info, mut tokens, _) = seen.map_or_else(|| self.look(module), Ok)?;
        let meant = |token: &TokenInfo| token.initialized && uri.matches(&info, token);
        // SoftHSM misses a token that another process is logging in to.
        let mut looks = 0;
        while info.manufacturer == "SoftHSM" && !self.modules[module].logged_in(None) && !tokens.iter().any(meant) {
            // Where no token at all is shown, one is more likely hidden than absent.
            let none = !tokens.iter().any(|token| token.initialized && !token.label.is_empty());
            if looks >= if none { SOFTHSM_LOOKS_NONE } else { SOFTHSM_LOOKS } {
                break;
            }
            std::thread::sleep(SOFTHSM_PAUSE);
            (_, tokens, _) = self.look_by(module, &Request::TokensAgain)?;
            looks += 1;
        }
        Ok(tokens.into_iter().filter(meant).map(|info| Found { module, info }).collect())
    }

    fn look(&mut self, module: usize) -> Result<Look, TokenError> {
        self.look_by(module, &Request::Tokens)
    }

    fn look_by(&mut self, module: usize, request: &Request) -> Result<Look, TokenError> {
        let (at, deadline) = (Instant::now(), self.modules[module].module.deadline);
        let reply = self.ask(module, request, b"", deadline)?;
        self.modules[module].told(at, reply)
    }

    /// Whether a URI means this token.
    pub fn is_meant(&self, found: &Found, uri: &Uri) -> bool {
        match &self.modules[found.module].state {
            State::Running { info, .. } => uri.matches(info, &found.info),
            _ => false,
        }
    }

    /// Whether no other token is here that a PIN could be meant for, behind any module. One that cannot be asked could have one.
    pub fn is_alone(&mut self, found: &Found) -> bool {
        (0..self.modules.len()).all(|module| {
            let Ok((_, tokens, _)) = self.look(module) else { return false };
            let mut others =
                tokens.into_iter().filter(|one| one.initialized && one.login_required && !one.label.is_empty());
            match others.next() {
                None => true,
                // Behind another module it may be the same token again, but one module shows each only once.
                Some(first) => Found { module, info: first }.is_same(found) && others.next().is_none(),
            }
        })
    }

    /// The token and its flags as they are right before a PIN is sent: while it was typed, another card may have come into the reader, which
    /// this PIN is not for, or another program have spent tries.
    pub fn look_before_pin(&mut self, found: &mut Found) -> Result<(), TokenError> {
        let softhsm = matches!(&self.modules[found.module].state,
            State::Running { info, .. } if info.manufacturer == "SoftHSM");
        match self.refresh_by(found, JUST_NOW) {
            // It hides a token that another process is logging in to. `login` looks for it again, and it has no tries that could be lost.
            Err(TokenError::TokenGone { .. }) if softhsm => Ok(()),
            other => other,
        }
    }

    fn refresh(&mut self, found: &mut Found) -> Result<(), TokenError> {
        self.refresh_by(found, Duration::ZERO)
    }

    /// Looks at the token's flags again: after a wrong PIN they tell how many tries are left.
    fn refresh_by(&mut self, found: &mut Found, age: Duration) -> Result<(), TokenError> {
        let recent = self.modules[found.module].recent(age);
        let (_, tokens, _) = recent.map_or_else(|| self.look(found.module), Ok)?;
        let before = &found.info;
        let same = tokens.into_iter().find(|now| {
            now.slot == before.slot && now.serial == before.serial && (!now.is_piv() || now.label == before.label)
        });
        found.info = same.ok_or_else(|| TokenError::TokenGone { token: found.info.name() })?;
        Ok(())
    }

    /// Whether this command has logged in already.
    pub fn is_logged_in(&self, found: &Found) -> bool {
        self.modules[found.module].logged_in(Some(found.info.slot))
    }

    /// How the last login to this token failed in this command, if it did. Whatever code it failed with, the token may have judged the
    /// PIN: for the next keyslot on it none is sent again, least of all the same.
    pub fn refused(&self, found: &Found) -> Option<&TokenError> {
        self.refused.iter().find(|(token, _)| token.is_same(found)).map(|(_, error)| error)
    }

    /// Sends a PIN; `None` where it is typed on the token. Its form, the tries left and what failed before are the caller's to check.
    pub fn login(&mut self, found: &mut Found, pin: Option<&Pin>) -> Result<(), TokenError> {
        let mut done = self.login_followed(found, pin);
        if let Err(TokenError::PinWrong { token, .. }) = done {
            done = Err(self.after_wrong_pin(found, token));
        }
        self.keep(found, pin, &done);
        self.refused.retain(|(token, _)| !token.is_same(found));
        if let Err(error) = &done {
            self.refused.push((found.clone(), error.clone()));
        }
        done
    }

    /// openCryptoki says "wrong" also when it means "locked": the flags tell.
    fn after_wrong_pin(&mut self, found: &mut Found, token: String) -> TokenError {
        match self.refresh(found) {
            Ok(()) if found.info.pin_locked => TokenError::PinLocked { token },
            // The wrong PIN is the news, also where the token cannot be looked at again.
            _ => TokenError::PinWrong { token, tries: found.info.tries() },
        }
    }

    fn login_followed(&mut self, found: &mut Found, pin: Option<&Pin>) -> Result<(), TokenError> {
        let mut moves = 0;
        loop {
            match self.login_once(found, pin) {
                // No PIN was looked at: SoftHSM had numbered the slot of a half-written token otherwise than now.
                Err(TokenError::TokenGone { .. }) if moves < SOFTHSM_LOOKS && self.follow(found) => moves += 1,
                other => return other,
            }
        }
    }

    /// Whether the token is now in another slot; `found` follows it there.
    fn follow(&mut self, found: &mut Found) -> bool {
        let Ok((module, tokens, _)) = self.look(found.module) else { return false };
        if module.manufacturer != "SoftHSM" {
            return false;
        }
        let same = |now: &TokenInfo| !now.serial.is_empty() && now.serial == found.info.serial;
        match tokens.into_iter().find(same) {
            Some(now) if now.slot != found.info.slot => {
                found.info = now;
                true
            }
            _ => false,
        }
    }

    fn login_once(&mut self, found: &Found, pin: Option<&Pin>) -> Result<(), TokenError> {
        let slot = found.info.slot;
        let request = Request::Login { slot, pin_pad: pin.is_none() };
        let secret = pin.map_or(&b""[..], |pin| pin.expose().as_bytes());
        let deadline = if pin.is_none() { Some(PIN_PAD) } else { None };
        match self.ask_token(found, &request, secret, deadline)? {
            (Response::LoggedIn, _) => {
                if let State::Running { logged_in, .. } = &mut self.modules[found.module].state {
                    logged_in.push(slot);
                }
                Ok(())
            }
            _ => Err(self.confused(found.module)),
        }
    }

    /// Keys of these classes that can be seen now, with that id and label if given.
    pub fn keys(&mut self, found: &Found, classes: &[Class], uri: &Uri) -> Result<Vec<KeyInfo>, TokenError> {
        let request = Request::Keys {
            slot: found.info.slot,
            classes: classes.to_vec(),
            id: uri.id.clone().map(HexBytes),
            label: uri.object.clone().map(HexBytes),
        };
        match self.ask_token(found, &request, b"", None)? {
            (Response::Keys(keys), _) => Ok(keys),
            _ => Err(self.confused(found.module)),
        }
    }

    /// The modes that the token promises.
    pub fn modes(&mut self, found: &Found) -> Result<Vec<Mode>, TokenError> {
        match self.ask_token(found, &Request::Modes { slot: found.info.slot }, b"", None)? {
            (Response::Modes(modes), _) => Ok(modes),
            _ => Err(self.confused(found.module)),
        }
    }

    /// Seals 32 bytes under an AES key. The IV is as it reads afterwards.
    pub fn seal(
        &mut self,
        found: &Found,
        key: KeyRef,
        aad: &[u8],
        iv: [u8; 12],
        secret: &[u8; 32],
    ) -> Result<([u8; 12], [u8; 48]), TokenError> {
        let request =
            Request::Seal { slot: found.info.slot, key, aad: HexBytes(aad.to_vec()), iv: HexBytes(iv.to_vec()) };
        if let (Response::Sealed { iv, sealed }, _) = self.ask_token(found, &request, secret, None)?
            && let (Ok(iv), Ok(sealed)) = (iv.0.try_into(), sealed.0.try_into())
        {
            return Ok((iv, sealed));
        }
        Err(self.confused(found.module))
    }

    /// `Z`, from a new session of the token. No PKCS#11 module tells that a key wants a touch, so a person is told when it takes long.
    pub fn reproduce(
        &mut self,
        found: &Found,
        key: KeyRef,
        operation: Operation,
        prompt: &mut dyn Prompt,
    ) -> Result<Zeroizing<Vec<u8>>, FactorError> {
        let request = Request::Reproduce { slot: found.info.slot, key, operation };
        let deadline = self.deadline(found, if found.info.is_piv() { Some(TOUCH) } else { None });
        let event = Event::Slow { token: &found.info.name() };
        let (reply, told) = self.running(found.module)?.call_patiently(&request, deadline, &event, prompt)?;
        match self.modules[found.module].noted(reply)? {
            Ok((Response::Reproduced, z)) => {
                self.note_use(found);
                Ok(z)
            }
            Ok(_) => Err(self.confused(found.module).into()),
            Err(failure) => Err(self.use_error(found, &request, failure, told).into()),
        }
    }

    /// Makes a key fit for a mode.
    pub fn generate(&mut self, found: &Found, mode: Mode, label: &str, id: &[u8]) -> Result<(), TokenError> {
        let request =
            Request::Generate { slot: found.info.slot, mode, label: label.to_owned(), id: HexBytes(id.to_vec()) };
        match self.ask_token(found, &request, b"", Some(GENERATE))? {
            (Response::Generated, _) => Ok(()),
            _ => Err(self.confused(found.module)),
        }
    }

    fn ask_token(
        &mut self,
        found: &Found,
        request: &Request,
        secret: &[u8],
        deadline: Option<Duration>,
    ) -> Result<(Response, Zeroizing<Vec<u8>>), TokenError> {
        let deadline = self.deadline(found, deadline);
        let reply = self.ask(found.module, request, secret, deadline)?;
        reply.map_err(|failure| {
            let error = self.token_error(found, request, failure);
            self.second_look(found, error)
        })
    }

    /// Not below what the person set: slow modules are slow in everything.
    fn deadline(&self, found: &Found, longer: Option<Duration>) -> Duration {
        let usual = self.modules[found.module].module.deadline;
        longer.map_or(usual, |longer| longer.max(usual))
    }

    fn ask(
        &mut self,
        module: usize,
        request: &Request,
        secret: &[u8],
        deadline: Duration,
    ) -> Result<Reply, TokenError> {
        let reply = self.running(module)?.call(request, secret, deadline);
        self.modules[module].noted(reply)
    }

    /// The helper of a module, started if it was not yet.
    fn running(&mut self, module: usize) -> Result<&mut Helper, TokenError> {
        self.modules[module].running(&self.command, &mut self.spare)
    }

    fn confused(&self, module: usize) -> TokenError {
        self.modules[module].confused()
    }
}
