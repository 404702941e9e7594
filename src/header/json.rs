//! JSON as strict as a header needs it: no key twice, bounded depth, whole numbers only, no control characters. Spec 4.1.
//!
//! A lenient parser is an attack surface of its own: two programs that read the same bytes as different headers (a key given
//! twice, a number out of range) can be played against each other.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Objects and arrays inside each other.
const MAX_DEPTH: u8 = 8;
/// Largest number that every JSON reader holds exactly.
pub const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Parses one JSON value under the limits of spec 4.1. The error says what and where.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = de::DeserializeSeed::deserialize(Strict(MAX_DEPTH), &mut reader).map_err(|e| e.to_string())?;
    reader.end().map_err(|e| e.to_string())?;
    Ok(value)
}

/// The canonical form of spec 4.3: keys sorted, no white space, only `"` and `\` escaped.
pub fn canonical(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            // Sorted here, whatever order the map keeps: serde_json's depends on features of the whole build.
            let mut keys: Vec<_> = map.iter().collect();
            keys.sort_by_key(|(key, _)| key.as_bytes());
            out.push(b'{');
            for (at, (key, value)) in keys.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_string(key, out);
                out.push(b':');
                write_canonical(value, out);
            }
            out.push(b'}');
        }
        Value::Array(values) => {
            out.push(b'[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write_canonical(value, out);
            }
            out.push(b']');
        }
        Value::String(text) => write_string(text, out),
        Value::Number(_) | Value::Bool(_) | Value::Null => out.extend_from_slice(value.to_string().as_bytes()),
    }
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' || byte == b'\\' {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// A value with this many levels left.
struct Strict(u8);

impl<'de> de::DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, an array, a string, a whole number, true or false")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_NUMBER {
            return Err(E::custom("a number is above 2^53 - 1"));
        }
        Ok(value.into())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        check_text(value).map_err(E::custom)?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let depth = self.0.checked_sub(1).ok_or_else(|| de::Error::custom("nested too deeply"))?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(Strict(depth))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let depth = self.0.checked_sub(1).ok_or_else(|| de::Error::custom("nested too deeply"))?;
        let mut map = Map::new();
        while let Some(key) = access.next_key::<Key>()? {
            let value = access.next_value_seed(Strict(depth))?;
            if map.contains_key(&key.0) {
                return Err(de::Error::custom(format_args!("the field '{}' is there twice", key.0)));
            }
            map.insert(key.0, value);
        }
        Ok(Value::Object(map))
    }
}

struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        check_text(&text).map_err(de::Error::custom)?;
        Ok(Self(text))
    }
}

fn check_text(text: &str) -> Result<(), &'static str> {
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) { Err("a text holds a control character") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_the_spec_refuses() {
        for (text, why) in [
            (r#"{"a":1,"a":2}"#, "twice"),
            (r#"{"a":{"b":1,"b":1}}"#, "twice"),
            (r#"{"a":"\u0000"}"#, "control"),
            (r#"{"a\u001f":1}"#, "control"),
            ("{\"a\":\"\x7f\"}", "control"),
            (r#"{"a":null}"#, "invalid type: null"),
            (r#"{"a":-1}"#, "invalid type: integer"),
            (r#"{"a":-0}"#, "invalid type"),
            (r#"{"a":1.0}"#, "invalid type: floating"),
            (r#"{"a":1e2}"#, "invalid type: floating"),
            (r#"{"a":9007199254740992}"#, "2^53"),
            (r#"{"a":99999999999999999999999}"#, "invalid type: floating"),
            ("[[[[[[[[[]]]]]]]]]", "deeply"),
            (r#"{"a":1} x"#, "trailing"),
            (r#"{"a":1,}"#, "trailing"),
            ("", "EOF"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(parse("[[[[[[[[]]]]]]]]").is_ok());
        assert!(parse(&"[".repeat(1 << 20)).is_err());
    }

    #[test]
    fn canonical_sorts_by_code_point_and_escapes_two_characters() {
        let value = parse(r#"{ "b": [1, true, "x"], "a\"\\": "\u00e9\/", "\ud83d\ude00": {}, "\uff00": [] }"#).unwrap();
        let want = "{\"a\\\"\\\\\":\"é/\",\"b\":[1,true,\"x\"],\"\u{ff00}\":[],\"\u{1f600}\":{}}";
        assert_eq!(String::from_utf8(canonical(&value)).unwrap(), want);
    }
}
