//! In place of `logind` where there is none.

use super::address::Bus;
use super::{Guard, Tell, WatchError};

/// Says that there is none.
pub fn logind(_: Bus, _: Tell) -> Result<Guard, WatchError> {
    Err(WatchError::NoLogind { why: "not on this system".to_owned() })
}
