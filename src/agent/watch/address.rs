//! Which bus.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Which bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bus {
    /// That of the system.
    System,
    /// The one behind this socket.
    At(PathBuf),
}

impl Bus {
    /// The bus of an address as in `DBUS_SYSTEM_BUS_ADDRESS`: the first `unix:path=` of its list, if it has one.
    pub fn of_address(address: &OsStr) -> Option<Self> {
        let path = |one: &[u8]| {
            let pairs = one.strip_prefix(b"unix:")?;
            let path = pairs.split(|&byte| byte == b',').find_map(|pair| pair.strip_prefix(b"path="))?;
            unescaped(path)
        };
        address.as_bytes().split(|&byte| byte == b';').find_map(path).map(Self::At)
    }
}

fn unescaped(text: &[u8]) -> Option<PathBuf> {
    let mut bytes = Vec::new();
    let mut rest = text.iter();
    while let Some(&byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(*rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit()? << 4 | digit()?
            }
            other => other,
        });
    }
    Some(PathBuf::from(OsStr::from_bytes(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_socket() {
        let path = |address: &str| Bus::of_address(OsStr::new(address));
        let at = |path: &str| Some(Bus::At(PathBuf::from(path)));
        assert_eq!(path("unix:path=/run/x,guid=00"), at("/run/x"));
        assert_eq!(path("unix:guid=00,path=/a%20b"), at("/a b"));
        assert_eq!(path("tcp:host=localhost;unix:path=/run/y"), at("/run/y"));
        for none in ["", "unix:abstract=x", "tcp:host=localhost,port=1", "unix:path=/a%2", "unix:path=/a%xy"] {
            assert_eq!(path(none), None, "{none}");
        }
    }
}
