//! What a person is told while it happens.

use super::{Code, Tries};

/// What a token is touched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// To unlock the vault of this name.
    Unlock(&'a str),
    /// To open an item that wants a touch.
    Item {
        /// Its name.
        item: &'a str,
        /// Who has asked for it.
        asker: &'a str,
    },
    /// To answer somebody's request for the vault of this name.
    Answer {
        /// Who asks, as they say.
        from: &'a str,
        /// What they call the vault.
        vault: &'a str,
    },
    /// To enroll its key for the vault of this name.
    Enroll(&'a str),
    /// To see whether its key works.
    Test,
    /// To sign the certificate of a new key.
    Certificate,
    /// To let its keys be changed.
    Manage,
}

/// Something worth knowing while it happens; shown, never answered.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The next secret is typed on the token's own PIN pad.
    PinPad {
        /// The token.
        token: &'a str,
    },
    /// A PIN was wrong; `tries` as the token tells now.
    WrongPin {
        /// The token.
        token: &'a str,
        /// What the token says of tries left.
        tries: Tries,
    },
    /// A token takes its time over its answer: it may be waiting for a touch, which its module does not tell. Waited for.
    Slow {
        /// The token.
        token: &'a str,
    },
    /// A password or recovery code was wrong, and may be typed again.
    WrongSecret {
        /// What was wrong, or could have been: "password", "recovery code", "password or recovery code".
        what: &'a str,
        /// Whether Enter alone leads to another factor or keyslot.
        others: bool,
    },
    /// What opens the vault now, where there is a choice.
    Ways {
        /// As lists print them: `password`, `piv "ada"`.
        ways: &'a [String],
    },
    /// Something typed is kept until the rest has answered: before that nobody can tell whether it is right.
    Taken {
        /// "password", "recovery code".
        what: &'a str,
        /// What is needed beside it, in words.
        needed: &'a str,
        /// There was a keyslot that it could have opened by itself, and it did not.
        wrong_alone: bool,
    },
    /// A recovery code cannot be right, before anything is computed.
    MistypedCode {
        /// What is wrong, e.g. "group 3 is mistyped".
        why: &'a str,
    },
    /// An item that wants a confirmation is to be opened.
    Item {
        /// Its name.
        item: &'a str,
        /// Who has asked for it.
        asker: &'a str,
    },
    /// A token has to be touched now; it blinks meanwhile.
    Touch {
        /// The token, as a person knows it.
        token: &'a str,
        /// What the touch is for.
        purpose: Purpose<'a>,
        /// Whether a touch a moment ago may be enough.
        maybe: bool,
    },
    /// A card does not answer; another program may be using it.
    CardBusy {
        /// The card.
        token: &'a str,
    },
    /// One of these tokens has to be inserted.
    Insert {
        /// The tokens, as a person knows them.
        tokens: &'a [String],
        /// Name of the vault.
        vault: &'a str,
    },
    /// The same for an item that wants a confirmation.
    InsertForItem {
        /// The tokens, as a person knows them.
        tokens: &'a [String],
        /// Name of the item.
        item: &'a str,
    },
    /// Enter alone, at what is asked next, leads to waiting for one of these tokens.
    EnterWaits {
        /// The tokens, as a person knows them.
        tokens: &'a [String],
        /// Whether other ways in come first.
        others: bool,
    },
    /// Another program has a card for itself.
    Held {
        /// In a sentence.
        why: &'a str,
        /// Its name and process number, where they can be guessed.
        holder: Option<&'a str>,
    },
    /// The two passwords differ; both are asked again.
    Mismatch,
    /// The two new PINs or PUKs differ; both are asked again.
    CodeMismatch(Code),
    /// Something to know that stops nothing.
    Warning(&'a str),
    /// A plain remark.
    Note(&'a str),
}
