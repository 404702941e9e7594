//! PIV slots and the policies of the keys in them, under the names that the stanza and the command line use. Spec 5.4.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A PIV slot that can hold a key for ECDH: the retired ones (82 to 95), 9a, 9c, 9d and 9e (SP 800-73-4 part 1, table 4b).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PivSlot(u8);

impl PivSlot {
    /// The first of the retired key management slots.
    pub const FIRST_RETIRED: Self = Self(0x82);
    /// Key management: what PIV has for decryption.
    pub const KEY_MANAGEMENT: Self = Self(0x9d);

    /// The PIV slot of that number.
    pub fn new(code: u8) -> Option<Self> {
        matches!(code, 0x82..=0x95 | 0x9a | 0x9c..=0x9e).then_some(Self(code))
    }

    /// All of them: the retired ones first, since that is where this program makes keys.
    pub fn all() -> impl Iterator<Item = Self> {
        (0x82..=0x95).chain([0x9d, 0x9a, 0x9c, 0x9e]).map(Self)
    }

    /// Its number, P2 of the commands.
    pub fn code(self) -> u8 {
        self.0
    }

    /// Whether it is one of the twenty retired ones.
    pub fn is_retired(self) -> bool {
        self.0 <= 0x95
    }

    /// The data object that holds its certificate (SP 800-73-4 part 1, table 3).
    pub fn certificate_object(self) -> u32 {
        match self.0 {
            0x9a => 0x005f_c105,
            0x9c => 0x005f_c10a,
            0x9d => 0x005f_c10b,
            0x9e => 0x005f_c101,
            retired => 0x005f_c10d + u32::from(retired - 0x82),
        }
    }
}

impl fmt::Display for PivSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

impl std::str::FromStr for PivSlot {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let code = (text.len() == 2).then(|| u8::from_str_radix(text, 16).ok()).flatten();
        code.and_then(Self::new).ok_or_else(|| "a PIV slot is 82 to 95, 9a, 9c, 9d or 9e".to_owned())
    }
}

impl TryFrom<String> for PivSlot {
    type Error = String;

    /// As it stands in a stanza: lower case.
    fn try_from(text: String) -> Result<Self, String> {
        let slot: Self = text.parse()?;
        if slot.to_string() == text { Ok(slot) } else { Err("the PIV slot is not in lower case".to_owned()) }
    }
}

impl From<PivSlot> for String {
    fn from(slot: PivSlot) -> Self {
        slot.to_string()
    }
}

/// When the token wants its PIN for a key. It is fixed when the key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PinPolicy {
    /// Never.
    Never,
    /// Once, until the card is reset or another application is selected.
    Once,
    /// Right before each use.
    Always,
}

impl PinPolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Never, Self::Once, Self::Always];

    /// The name in the stanza and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Once => "once",
            Self::Always => "always",
        }
    }
}

/// When the token wants to be touched for a key. It is fixed when the key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TouchPolicy {
    /// Never.
    Never,
    /// For each use.
    Always,
    /// For each use, but for 15 seconds after a touch.
    Cached,
}

impl TouchPolicy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Never, Self::Always, Self::Cached];

    /// The name in the stanza and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Always => "always",
            Self::Cached => "cached",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_that_can_hold_such_a_key() {
        assert_eq!(PivSlot::all().count(), 24);
        for slot in PivSlot::all() {
            assert_eq!(slot.to_string().parse(), Ok(slot));
            assert_eq!(PivSlot::new(slot.code()), Some(slot));
        }
        for bad in ["", "9", "81", "96", "9b", "9f", "f9", "+9a", "09a", "0x9a", "ça"] {
            assert!(bad.parse::<PivSlot>().is_err(), "{bad}");
        }
        assert_eq!("9D".parse(), Ok(PivSlot::KEY_MANAGEMENT));
        assert!(PivSlot::try_from("9D".to_owned()).is_err(), "a stanza has one spelling");
    }

    #[test]
    fn certificates_are_where_the_standard_puts_them() {
        let object = |text: &str| text.parse::<PivSlot>().unwrap().certificate_object();
        assert_eq!((object("82"), object("95")), (0x5f_c10d, 0x5f_c120));
        assert_eq!((object("9a"), object("9c")), (0x5f_c105, 0x5f_c10a));
        assert_eq!((object("9d"), object("9e")), (0x5f_c10b, 0x5f_c101));
    }

    #[test]
    fn names_are_those_of_the_stanza() {
        for policy in PinPolicy::ALL {
            assert_eq!(serde_json::to_value(policy).unwrap(), policy.name());
        }
        for policy in TouchPolicy::ALL {
            assert_eq!(serde_json::to_value(policy).unwrap(), policy.name());
        }
    }
}
