//! What goes wrong, and when: `fault [ins=87] [at=2 | every] KIND`, e.g. `fault ins=87 short=3`.

/// What goes wrong with one APDU.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Pulled out before the card did anything.
    PullBefore,
    /// Pulled out when the card had done it, before it answered.
    PullAfter,
    /// This status word instead of doing it.
    Refuse(u16),
    /// Done, but with this status word and no data.
    AnswerWith(u16),
    /// Only the first bytes of the data.
    Short(usize),
    /// So many bytes too many.
    Long(usize),
    /// Other data.
    Replace(Vec<u8>),
    /// The data's last byte is another; in a public key on a curve the point is then not on it.
    Wrong,
    /// The innermost value (the shared secret, a public key) this much shorter, in tags that are right.
    ValueShorter(usize),
    /// The same, longer.
    ValueLonger(usize),
    /// The same, all zeros.
    ValueZero,
    /// And more to come (61ff); with `ins=c0 every` an answer that never ends.
    More,
    /// The answer comes so many milliseconds late.
    Slow(u64),
    /// The card loses what it knew since it had power: another process reset it, and nobody was told.
    Forget,
}

/// When.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Only APDUs with this instruction count.
    ins: Option<u8>,
    /// How many of them are still let through.
    skip: u32,
    every: bool,
    kind: Kind,
}

impl Fault {
    /// From the words behind `fault`.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let mut fault = Self { ins: None, skip: 0, every: false, kind: Kind::Wrong };
        let (last, when) = words.split_last().ok_or("a fault has a kind")?;
        for word in when {
            match word.split_once('=') {
                Some(("ins", ins)) => fault.ins = Some(u8::from_str_radix(ins, 16).map_err(|_| bad(word))?),
                Some(("at", at)) => {
                    fault.skip = at.parse::<u32>().ok().and_then(|at| at.checked_sub(1)).ok_or_else(|| bad(word))?;
                }
                None if *word == "every" => fault.every = true,
                _ => return Err(bad(word)),
            }
        }
        let number = |text: &str| text.parse().map_err(|_| bad(last));
        let status = |text: &str| u16::from_str_radix(text, 16).map_err(|_| bad(last));
        fault.kind = match last.split_once('=') {
            None => match *last {
                "pull-before" => Kind::PullBefore,
                "pull-after" => Kind::PullAfter,
                "wrong" | "off-curve" => Kind::Wrong,
                "more" => Kind::More,
                "value-zero" => Kind::ValueZero,
                "forget" => Kind::Forget,
                _ => return Err(bad(last)),
            },
            Some(("sw", text)) => Kind::Refuse(status(text)?),
            Some(("sw-after", text)) => Kind::AnswerWith(status(text)?),
            Some(("short", text)) => Kind::Short(number(text)?),
            Some(("long", text)) => Kind::Long(number(text)?),
            Some(("value-shorter", text)) => Kind::ValueShorter(number(text)?),
            Some(("value-longer", text)) => Kind::ValueLonger(number(text)?),
            Some(("slow", text)) => Kind::Slow(text.parse().map_err(|_| bad(last))?),
            Some(("replace", text)) => Kind::Replace(hex::decode(text).map_err(|_| bad(last))?),
            Some(_) => return Err(bad(last)),
        };
        Ok(fault)
    }
}

fn bad(word: &str) -> String {
    format!("'{word}' is not understood")
}

/// The fault of this APDU, if it has one; faults that are spent leave the list.
pub fn next(faults: &mut Vec<Fault>, ins: u8) -> Option<Kind> {
    let mut found = None;
    faults.retain_mut(|fault| {
        if fault.ins.is_some_and(|only| only != ins) {
            return true;
        }
        if fault.skip > 0 {
            fault.skip -= 1;
            return true;
        }
        if found.is_none() {
            found = Some(fault.kind.clone());
            return fault.every;
        }
        true
    });
    found
}

impl Kind {
    /// The whole answer, as the card meant it, with what is wrong in it.
    pub fn spoil(&self, answer: Vec<u8>) -> Vec<u8> {
        let (data, status) = answer.split_at(answer.len().saturating_sub(2));
        let data = match self {
            Self::AnswerWith(status) => return status.to_be_bytes().to_vec(),
            Self::More => {
                let data = if data.is_empty() { &[0xa5; 255][..] } else { data };
                return [data, &[0x61, 0xff]].concat();
            }
            Self::Short(length) => data[..(*length).min(data.len())].to_vec(),
            Self::Long(length) => [data, &vec![0xa5; *length]].concat(),
            Self::Replace(other) => other.clone(),
            Self::Wrong => match data.split_last() {
                Some((last, rest)) => [rest, &[last ^ 1]].concat(),
                None => Vec::new(),
            },
            Self::ValueShorter(by) => innermost(data, &|value| value[..value.len().saturating_sub(*by)].to_vec()),
            Self::ValueLonger(by) => innermost(data, &|value| [value, &vec![0xa5; *by]].concat()),
            Self::ValueZero => innermost(data, &|value| vec![0; value.len()]),
            Self::PullBefore | Self::PullAfter | Self::Refuse(_) | Self::Slow(_) | Self::Forget => data.to_vec(),
        };
        [&data, status].concat()
    }
}

/// Changes the first value that is in no tag that only holds others, and keeps the tags around it right.
fn innermost(data: &[u8], change: &dyn Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    use crate::apdu::{parse_tlvs, tlv};
    let Some(tags) = parse_tlvs(data) else { return change(data) };
    let mut tags = tags.into_iter();
    let Some((tag, value)) = tags.next() else { return change(data) };
    // Answers of PIV keep values in tags below these three; GENERATE's has two bytes.
    let value = if matches!(tag, 0x7c | 0x7f49 | 0x53) { innermost(value, change) } else { change(value) };
    [tlv(tag, &value), tags.flat_map(|(tag, value)| tlv(tag, value)).collect()].concat()
}
