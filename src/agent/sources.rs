//! What watchers tell, as the agent's own thread hears it.

use super::House;
use super::events::{Event, Teller};
use super::protocol::Token;
use super::watch::{Bus, Guard, Notice, Tell, WatchedToken, logind, token};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::sync::Arc;

/// Watches the machine and the person's sessions. On a thread, as a bus that does not answer takes seconds to give up.
pub fn watch_machine(teller: &Teller) {
    let (teller, listener) = (teller.clone(), tell(teller));
    let address = std::env::var_os("DBUS_SYSTEM_BUS_ADDRESS");
    let bus = address.and_then(|address| Bus::of_address(&address)).unwrap_or(Bus::System);
    let begin = move || match logind(bus, listener) {
        Ok(guard) => teller.tell(Event::Watching(guard)),
        Err(why) => {
            teller.tell(Event::Unwatched(format!("sleep, screen lock and logout are not noticed here ({why})")));
        }
    };
    // Without a thread nothing is watched, and little else works.
    let _ = std::thread::Builder::new().name("watch".into()).stack_size(256 << 10).spawn(begin);
}

/// Watches the tokens that have opened a vault, as far as they can be.
pub fn watch_tokens(tokens: Vec<Token>, vault: u64, house: &dyn House, teller: &Teller) -> Vec<Guard> {
    let begin = |one: Token| {
        let watched = match one {
            Token::Piv(sighting) => WatchedToken::Piv(sighting),
            Token::Pkcs11 { sighting, environment } => {
                let pair = |(name, value)| (OsString::from_vec(name), OsString::from_vec(value));
                let environment = Some(environment.into_iter().map(pair).collect());
                WatchedToken::Pkcs11 { sighting, command: house.helper()?, environment }
            }
        };
        match token(watched, vault, tell(teller)) {
            Ok(guard) => Some(guard),
            Err(why) => {
                house.log(&format!("a token is not watched: {why}"));
                None
            }
        }
    };
    tokens.into_iter().filter_map(begin).collect()
}

/// Ends watchers. A smart-card service that does not answer may take its time, and nobody waits for that.
pub fn end(guards: Vec<Guard>) {
    if !guards.is_empty() {
        // Without a thread it is done here.
        let _ = std::thread::Builder::new().name("watch-end".into()).stack_size(64 << 10).spawn(move || drop(guards));
    }
}

fn tell(teller: &Teller) -> Tell {
    let teller = teller.clone();
    Arc::new(move |notice| teller.tell(event(notice)))
}

fn event(notice: Notice) -> Event {
    let all = |why: &str, then| Event::Drop { vault: None, why: why.to_owned(), then };
    match notice {
        Notice::Suspend(release) => all("the machine went to sleep", Some(Box::new(release))),
        Notice::ScreenLocked => all("the screen was locked", None),
        Notice::LoggedOut => all("you logged out", None),
        Notice::TokenGone { id, what } => {
            Event::Drop { vault: Some(id), why: format!("{what} was pulled"), then: None }
        }
        Notice::WatchEnded { id: Some(id), what, why } => {
            Event::Drop { vault: Some(id), why: format!("{what} cannot be watched any more ({why})"), then: None }
        }
        Notice::WatchEnded { id: None, what, why } => {
            Event::Unwatched(format!("{what} is not watched any more ({why})"))
        }
        Notice::SleepNotDelayed { why } => {
            Event::Unwatched(format!("the machine does not wait for keys to be erased before it sleeps ({why})"))
        }
    }
}
