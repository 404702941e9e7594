//! Requests and answers as text: for an e-mail, a QR code, or to be read aloud. Spec 9.1.

use super::{CustodyError, Kind};
use crate::crypto::sha256;
use crate::encode::base32::{self, Base32Error};

/// The version of the format.
const VERSION: u8 = 1;
/// Bytes of the check sum.
const CHECK: usize = 4;
/// Columns of a line: no mail program breaks it.
const COLUMNS: usize = 64;
/// Characters between `:` and `.`, at most, those that mean nothing included.
const MAX: usize = 65_536;

fn begin(kind: Kind) -> &'static str {
    match kind {
        Kind::Request => "TWINLOCK-REQUEST:",
        Kind::Answer => "TWINLOCK-ANSWER:",
    }
}

fn check_of(kind: Kind, frame: &[u8]) -> [u8; CHECK] {
    let label: &[u8] = match kind {
        Kind::Request => b"twinlock/1 request text",
        Kind::Answer => b"twinlock/1 answer text",
    };
    let [a, b, c, d, ..] = sha256(&[label, frame]);
    [a, b, c, d]
}

/// As one line without spaces: the text of a QR code, all of whose characters are in its alphanumeric mode.
pub fn line(kind: Kind, payload: &[u8]) -> String {
    let mut frame = [&[VERSION][..], payload].concat();
    frame.extend(check_of(kind, &frame));
    format!("{}{}.", begin(kind), base32::encode(&frame))
}

/// The same in short lines.
pub fn lines(kind: Kind, payload: &[u8]) -> String {
    let line = line(kind, payload);
    let (first, rest) = line.split_at(begin(kind).len());
    let mut text = format!("{first}\n");
    for (at, c) in rest.chars().enumerate() {
        if at > 0 && at % COLUMNS == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text.push('\n');
    text
}

/// The payloads of all texts of this kind; what stands around them means nothing. At least one, or an error.
pub fn read(kind: Kind, text: &str) -> Result<Vec<Vec<u8>>, CustodyError> {
    // ASCII only, so that places stay the same.
    let upper = text.to_ascii_uppercase();
    let mut found = Vec::new();
    let mut rest = upper.as_str();
    while let Some(at) = rest.find(begin(kind)) {
        rest = &rest[at + begin(kind).len()..];
        let end = rest.find('.').filter(|end| *end <= MAX).ok_or(CustodyError::CutShort(kind))?;
        found.push(payload(kind, &rest[..end])?);
        rest = &rest[end..];
    }
    if !found.is_empty() {
        return Ok(found);
    }
    let other = [Kind::Request, Kind::Answer].into_iter().find(|other| *other != kind && upper.contains(begin(*other)));
    Err(other.map_or(CustodyError::Nothing(kind), CustodyError::Other))
}

fn payload(kind: Kind, text: &str) -> Result<Vec<u8>, CustodyError> {
    // A mail that is answered has `>` before each line.
    let mut frame = base32::decode(&text.replace('>', "")).map_err(|error| match error {
        Base32Error::Character(c) => CustodyError::Character(kind, c),
        Base32Error::Length => CustodyError::Mistyped(kind),
    })?;
    let Some(at) = frame.len().checked_sub(CHECK).filter(|at| *at > 0) else {
        return Err(CustodyError::Mistyped(kind));
    };
    if frame[at..] != check_of(kind, &frame[..at]) {
        return Err(CustodyError::Mistyped(kind));
    }
    // After the check: a mistake in the first character is no later version.
    if frame[0] != VERSION {
        return Err(CustodyError::Version(kind, frame[0].into()));
    }
    frame.truncate(at);
    frame.remove(0);
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind::Answer;

    #[test]
    fn mail_and_paper_do_not_hurt_it() {
        let payload: Vec<u8> = (0..200).collect();
        for made in [line(KIND, &payload), lines(KIND, &payload)] {
            let quoted = made.lines().map(|line| ["> > ", line, "\r\n"].concat()).collect::<String>();
            let typed = made.to_lowercase().replace('0', "o").replace('1', "l");
            // The label has letters that are digits elsewhere; it is typed as it is.
            let typed = typed.replacen("twinlock-answer", "Twinlock-Answer", 1);
            for text in [made.clone(), quoted, format!("Dear Ada.\n{made}Yours. Bob."), typed] {
                assert_eq!(read(KIND, &text), Ok(vec![payload.clone()]), "{text}");
            }
        }
        assert!(lines(KIND, &payload).lines().all(|line| line.len() <= COLUMNS));
        let two = format!("{}{}", line(KIND, b"one"), line(KIND, b"two"));
        assert_eq!(read(KIND, &two), Ok(vec![b"one".to_vec(), b"two".to_vec()]));
    }

    #[test]
    fn every_mistake_is_found() {
        let made = line(KIND, b"payload");
        let body = begin(KIND).len();
        for at in body..made.len() - 1 {
            for other in "0Z5U*".chars().filter(|other| *other != char::from(made.as_bytes()[at])) {
                let mut bad = made.clone();
                bad.replace_range(at..=at, &other.to_string());
                let found = read(KIND, &bad).unwrap_err();
                assert!(matches!(found, CustodyError::Mistyped(_) | CustodyError::Character(..)), "{bad}: {found:?}");
            }
            let mut bad = made.clone();
            bad.remove(at);
            assert!(read(KIND, &bad).is_err(), "{bad}");
        }
        assert_eq!(read(KIND, &made[..made.len() - 1]), Err(CustodyError::CutShort(KIND)));
        assert_eq!(read(KIND, ""), Err(CustodyError::Nothing(KIND)));
        assert_eq!(read(KIND, "TWINLOCK-ANSWER:."), Err(CustodyError::Mistyped(KIND)));
        assert_eq!(read(Kind::Request, &made), Err(CustodyError::Other(KIND)));
        assert_eq!(read(Kind::Request, &made.replace("ANSWER", "REQUEST")), Err(CustodyError::Mistyped(Kind::Request)));
        let mut later = vec![2, 7];
        later.extend(check_of(KIND, &later));
        let later = format!("{}{}.", begin(KIND), base32::encode(&later));
        assert_eq!(read(KIND, &later), Err(CustodyError::Version(KIND, 2)));
    }
}
