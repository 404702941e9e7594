//! One factor as it lies in a keyslot: its kind, its public parameters, its masked share. Spec 4.2.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// A factor in a keyslot. The parameters stay as parsed JSON, so that unknown fields survive a round trip.
#[derive(Clone, Debug, PartialEq)]
pub struct Stanza {
    /// `kind`: `a`-`z`, `0`-`9`, `-`.
    pub kind: String,
    /// Every field but `kind` and `share`.
    pub params: Map<String, Value>,
    /// `masked_i`, 32 bytes; zeros until the keyslot is composed.
    pub share: [u8; 32],
}

impl Stanza {
    /// A stanza not yet in a keyslot, from the parameters of its kind (a struct that serialises to a JSON object).
    ///
    /// # Panics
    /// If `params` does not serialise to an object: a programming error in the factor.
    pub fn new<T: Serialize>(kind: &str, params: &T) -> Self {
        match serde_json::to_value(params) {
            Ok(Value::Object(params)) => Self { kind: kind.to_owned(), params, share: [0; 32] },
            _ => unreachable!("the parameters of a factor are a struct"),
        }
    }

    /// The parameters as the kind's own type; unknown fields are left aside. The error says which field is wrong.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_value(Value::Object(self.params.clone())).map_err(|error| error.to_string())
    }
}
