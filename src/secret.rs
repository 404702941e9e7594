//! One type per secret role. None can be printed, cloned, compared or serialised; all are erased when dropped.
//!
//! A key role is 32 bytes on the heap, so that moving the value does not leave copies on the stack. A text role holds
//! what a person typed or a file gave. Taking the bytes out is always the word `expose`, which is easy to search for.

use zeroize::Zeroizing;

/// 32 secret bytes on the heap, erased on drop.
pub type Bytes32 = Box<Zeroizing<[u8; 32]>>;

/// Empty `Bytes32`, to be filled in place.
pub fn zeros32() -> Bytes32 {
    Box::new(Zeroizing::new([0; 32]))
}

macro_rules! key_role {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        pub struct $name(Bytes32);

        impl $name {
            /// Takes 32 secret bytes into this role.
            pub fn new(bytes: Bytes32) -> Self {
                Self(bytes)
            }

            /// The 32 bytes, for the one computation that needs them.
            pub fn expose(&self) -> &[u8; 32] {
                &self.0
            }
        }
    )*};
}

key_role! {
    /// `AK` (spec 1): 32 random bytes; every other key of a vault is derived from it.
    AccountKey;
    /// `F` (spec 3): the 32 bytes that a factor reproduces.
    FactorSecret;
    /// `S` (spec 3): 32 random bytes, shared among the factors of a keyslot.
    KeyslotSecret;
    /// One Shamir share of `S` (spec 3), 32 bytes.
    Share;
    /// `mask_i` (spec 3): hides the share of one factor in one wrap of a keyslot.
    Mask;
    /// What an answer to a request is sealed under (spec 9.3).
    AnswerKey;
    /// The X25519 private key (RFC 7748) of a request to a custodian (spec 9.2).
    RequestKey;
    /// `KEK` (spec 3): wraps the account key in one keyslot.
    KeyslotKek;
    /// `IK` (spec 6.6): seals the secret part of one item that wants a confirmation.
    ItemKey;
    /// `KEK_i` (spec 6.6): wraps the key of such an item under one factor.
    ItemKek;
    /// Header key (spec 2): the HMAC over the header text.
    HeaderKey;
    /// Record key (spec 2): seals items.
    RecordKey;
    /// Index key (spec 2): blind index of item names.
    IndexKey;
    /// Entry key (spec 2): seals the index entries.
    EntryKey;
    /// Set key (spec 2): leaves of the record set.
    SetKey;
    /// Manifest key (spec 2): seals the manifest.
    ManifestKey;
}

macro_rules! text_role {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// Takes what was typed or read into this role.
            pub fn new(text: Zeroizing<String>) -> Self {
                Self(text)
            }

            /// The text, for the one computation that needs it.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }
    )*};
}

text_role! {
    /// What a person typed at a prompt, or the first line of a file, before its role is known.
    SecretText;
    /// A password, as typed (before NFKC).
    Password;
    /// A token's PIN, as typed.
    Pin;
    /// A token's PUK, as typed: it sets a blocked PIN anew.
    Puk;
    /// A recovery code or an account key in its text form.
    CodeText;
}

/// A PIV token's management key: 16 to 32 bytes. Whoever has it can make and overwrite keys, not use or read them.
pub struct ManagementKey(Zeroizing<Vec<u8>>);

impl ManagementKey {
    /// Takes the bytes into this role.
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The bytes, for the one computation that needs them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl SecretText {
    /// The same text in another role; nothing is copied.
    pub fn into_password(self) -> Password {
        Password(self.0)
    }

    /// The same text in another role; nothing is copied.
    pub fn into_pin(self) -> Pin {
        Pin(self.0)
    }

    /// The same text in another role; nothing is copied.
    pub fn into_puk(self) -> Puk {
        Puk(self.0)
    }

    /// The same text in another role; nothing is copied.
    pub fn into_code(self) -> CodeText {
        CodeText(self.0)
    }

    /// The same text as a value of an item, which has a text type of its own.
    pub fn into_inner(self) -> Zeroizing<String> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use static_assertions::assert_not_impl_any;
    use std::fmt::{Debug, Display};

    assert_not_impl_any!(AccountKey: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(FactorSecret: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(KeyslotSecret: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(Share: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(Mask: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(RequestKey: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(KeyslotKek: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(ItemKey: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(ItemKek: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(HeaderKey: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(RecordKey: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(Password: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(Pin: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(Puk: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(ManagementKey: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
    assert_not_impl_any!(SecretText: Debug, Display, Clone, Copy, PartialEq, serde::Serialize);
}
