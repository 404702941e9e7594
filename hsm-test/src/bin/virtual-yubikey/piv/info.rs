//! What a YubiKey's other applications tell about it: the serial number of old ones, and what Yubico's tools ask first.

use super::Piv;
use super::attest::FORM_FACTOR;
use crate::apdu::tlv;

impl Piv {
    /// The OTP application's status: version, number of configurations, touch level.
    pub fn otp_status(&self) -> Vec<u8> {
        [&self.firmware.0[..], &[0, 0, 0]].concat()
    }

    /// The management application's description of the device.
    pub fn device_info(&self) -> Vec<u8> {
        // PIV alone can be used here; a real one would also name OTP, FIDO, OATH, OpenPGP.
        let piv = [0x00, 0x10];
        let info = [
            tlv(0x01, &piv),
            tlv(0x02, &self.serial().to_be_bytes()),
            tlv(0x03, &piv),
            tlv(0x04, &[FORM_FACTOR]),
            tlv(0x05, &self.firmware.0),
            tlv(0x0a, &[0]),
        ]
        .concat();
        [vec![u8::try_from(info.len()).expect("it is short")], info].concat()
    }
}
