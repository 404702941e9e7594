//! What each firmware can do.

use std::str::FromStr;

/// A YubiKey's firmware version.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Firmware(pub [u8; 3]);

impl Firmware {
    /// The serial number is told by the PIV application itself; before, only by the OTP application.
    pub fn serial_in_piv(self) -> bool {
        self >= Self([5, 0, 0])
    }

    /// Keys, PIN, PUK and management key tell their metadata.
    pub fn metadata(self) -> bool {
        self >= Self([5, 3, 0])
    }

    /// Management keys may be AES keys.
    pub fn aes_management(self) -> bool {
        self >= Self([5, 4, 2])
    }

    /// The management key is AES-192 from the factory; keys are moved and deleted; X25519.
    pub fn seven(self) -> bool {
        self >= Self([5, 7, 0])
    }
}

impl FromStr for Firmware {
    type Err = String;

    /// `5.4.3`, or only `5.4` for a version that was sold.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = match text {
            "4.3" => "4.3.7",
            "5.2" => "5.2.7",
            "5.4" => "5.4.3",
            "5.7" => "5.7.1",
            other => other,
        };
        let parts: Option<Vec<u8>> = text.split('.').map(|part| part.parse().ok()).collect();
        let version = parts.and_then(|parts| <[u8; 3]>::try_from(parts).ok());
        version.map(Self).ok_or_else(|| format!("'{text}' is no firmware version"))
    }
}
