//! A person who confirms that an item is opened: whatever is asked says for which item, and who wants it.

use super::{Ask, Event, Prompt, PromptError, Purpose, Question, Waited};
use crate::secret::SecretText;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// A person who is asked for an item.
pub struct Confirming<'a> {
    /// The person.
    person: &'a mut dyn Prompt,
    /// The item's name.
    item: &'a str,
    /// Who has asked for it.
    asker: &'a str,
    /// They were told.
    told: bool,
}

impl<'a> Confirming<'a> {
    /// Nothing is told yet.
    pub fn new(person: &'a mut dyn Prompt, item: &'a str, asker: &'a str) -> Self {
        Self { person, item, asker, told: false }
    }

    /// For an item that is sealed: there is nothing to tell.
    pub fn sealing(person: &'a mut dyn Prompt, item: &'a str) -> Self {
        Self { person, item, asker: "you", told: true }
    }

    /// Before the first thing that a person is to do.
    fn tell(&mut self) {
        if !self.told {
            self.told = true;
            self.person.show(&Event::Item { item: self.item, asker: self.asker });
        }
    }

    /// The same event, with the purpose that it has here.
    fn meant<'e>(&mut self, event: &Event<'e>) -> Event<'e>
    where
        'a: 'e,
    {
        match *event {
            Event::Touch { token, purpose: Purpose::Unlock(_), maybe } => {
                self.told = true;
                Event::Touch { token, purpose: Purpose::Item { item: self.item, asker: self.asker }, maybe }
            }
            // What these say does not tell what for.
            Event::Slow { .. } | Event::PinPad { .. } => {
                self.tell();
                *event
            }
            Event::Insert { tokens, .. } => {
                self.tell();
                Event::InsertForItem { tokens, item: self.item }
            }
            other => other,
        }
    }
}

impl Prompt for Confirming<'_> {
    fn secret(&mut self, ask: &Ask<'_>) -> Result<SecretText, PromptError> {
        self.tell();
        let item = self.item;
        match *ask {
            Ask::Password { vault, .. } => self.person.secret(&Ask::ItemPassword { vault, item }),
            Ask::NewPassword { .. } => self.person.secret(&Ask::NewItemPassword { item }),
            _ => self.person.secret(ask),
        }
    }

    fn confirm(&mut self, question: &Question<'_>) -> Result<bool, PromptError> {
        self.tell();
        self.person.confirm(question)
    }

    fn line(&mut self, label: &str) -> Result<String, PromptError> {
        self.tell();
        self.person.line(label)
    }

    fn show(&mut self, event: &Event<'_>) {
        let event = self.meant(event);
        self.person.show(&event);
    }

    fn wait(&mut self, event: &Event<'_>, ready: BorrowedFd<'_>, patience: Duration) -> Result<Waited, PromptError> {
        let event = self.meant(event);
        self.person.wait(&event, ready, patience)
    }

    fn is_person(&mut self) -> bool {
        self.person.is_person()
    }

    fn can_retry(&self, ask: &Ask<'_>) -> bool {
        self.person.can_retry(ask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{ScriptedPrompt, Tries};

    #[test]
    fn whatever_is_asked_says_for_which_item_and_who_wants_it() {
        let mut person = ScriptedPrompt::new().types("123456").types("secret");
        let mut confirming = Confirming::new(&mut person, "bank", "bash (pid 812) in /home/ada\u{1b}[2J");
        confirming.secret(&Ask::Pin { token: "YubiKey 1", tries: Tries::Full, vouched: true }).unwrap();
        confirming.secret(&Ask::Password { vault: "v", keyslot: "k" }).unwrap();
        confirming.show(&Event::Touch { token: "YubiKey 1", purpose: Purpose::Unlock("v"), maybe: false });
        confirming.show(&Event::Touch { token: "YubiKey 1", purpose: Purpose::Test, maybe: false });
        assert_eq!(
            person.transcript(),
            "The item 'bank' is to be opened, asked for by bash (pid 812) in /home/ada\u{fffd}[2J.\n\
             PIN of token 'YubiKey 1':\n\
             Password of vault 'v', for the item 'bank':\n\
             Touch YubiKey 1 to open the item 'bank', asked for by bash (pid 812) in\n/home/ada\u{fffd}[2J\n\
             Touch YubiKey 1 to test its key\n"
        );
    }

    #[test]
    fn a_token_that_does_not_say_what_for_is_told_of_first() {
        let mut person = ScriptedPrompt::new();
        let mut confirming = Confirming::new(&mut person, "bank", "bash (pid 812)");
        confirming.show(&Event::Insert { tokens: &["YubiKey 1".into()], vault: "v" });
        confirming.show(&Event::Slow { token: "lab" });
        confirming.show(&Event::Slow { token: "lab" });
        assert_eq!(
            person.transcript(),
            "The item 'bank' is to be opened, asked for by bash (pid 812).\n\
             Insert YubiKey 1 for the item 'bank'; Ctrl-C stops\n\
             Waiting for token 'lab': touch it if it blinks\nWaiting for token 'lab': touch it if it blinks\n"
        );
    }
}
