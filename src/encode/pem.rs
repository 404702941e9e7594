//! PEM (RFC 7468), reading: the blocks of a text. White space is ignored, anything else that does not belong is refused.

/// What is between two lines of dashes.
#[derive(Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// `CERTIFICATE` and the like.
    pub label: &'a str,
    /// The bytes.
    pub der: Vec<u8>,
}

/// The first block; `None`: there is none, or it is not as it should be.
pub fn first(text: &str) -> Option<Block<'_>> {
    next(text).map(|(block, _)| block)
}

/// All blocks; `None`: there is none, or one is not as it should be.
pub fn all(text: &str) -> Option<Vec<Block<'_>>> {
    let mut rest = text;
    let mut blocks = Vec::new();
    while rest.contains("-----BEGIN ") {
        let (block, after) = next(rest)?;
        blocks.push(block);
        rest = after;
    }
    (!blocks.is_empty()).then_some(blocks)
}

/// The first block, and what follows it.
fn next(text: &str) -> Option<(Block<'_>, &str)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, rest) = rest.split_once("-----END ")?;
    let (end, rest) = rest.split_once("-----")?;
    (end == label).then(|| base64(body)).flatten().map(|der| (Block { label, der }, rest))
}

/// RFC 4648, section 4: padded, and with no bits left over.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let padding = digits.iter().rev().take_while(|&&digit| digit == b'=').count();
    if !digits.len().is_multiple_of(4) || padding > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for &digit in &digits[..digits.len() - padding] {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            // At most 14 bits are held, so what is above the rest is a byte.
            bytes.push(u8::try_from(bits >> count).unwrap_or_else(|_| unreachable!("8 bits")));
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648() {
        let vectors =
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmFy", "foobar")];
        for (text, bytes) in vectors {
            assert_eq!(base64(text).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        for bad in ["Zg", "Zg=", "Zh==", "Z===", "Zm9v=", "Zm 9", "Zm-v", "=Zg="] {
            assert_eq!(base64(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_first_block_is_found() {
        let text = "subject=x\n-----BEGIN PUBLIC KEY-----\nZm9v\nYmFy\n-----END PUBLIC KEY-----\nmore";
        assert_eq!(first(text), Some(Block { label: "PUBLIC KEY", der: b"foobar".to_vec() }));
        for bad in ["", "-----BEGIN A-----\nZm9v\n-----END B-----", "-----BEGIN A-----\nZm9v", "-----BEGIN A-----"] {
            assert_eq!(first(bad), None, "{bad}");
        }
    }

    #[test]
    fn all_blocks_are_found_or_none() {
        let block = |body: &str| format!("-----BEGIN A-----\n{body}\n-----END A-----\n");
        let two = format!("x\n{}y\n{}", block("Zm9v"), block("YmFy"));
        let found: Vec<_> = all(&two).unwrap().into_iter().map(|block| block.der).collect();
        assert_eq!(found, [b"foo", b"bar"]);
        assert_eq!(all(&(block("Zm9v") + &block("?"))), None);
        assert_eq!(all("x"), None);
    }
}
