use super::*;

/// A message as another side would write it, big-endian: a signal with the fields that we look at and two that we do not.
fn signal(signature: &str, body: &[u8]) -> Vec<u8> {
    let mut out = vec![b'B', SIGNAL, 0, 1];
    out.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&[0, 0, 0, 9, 0, 0, 0, 0]);
    let mut text = |code: u8, kind: u8, text: &str| {
        pad(&mut out, 8);
        out.extend_from_slice(&[code, 1, kind, 0]);
        match kind {
            b'g' => out.push(u8::try_from(text.len()).unwrap()),
            _ => out.extend_from_slice(&u32::try_from(text.len()).unwrap().to_be_bytes()),
        }
        out.extend_from_slice(text.as_bytes());
        out.push(0);
    };
    text(1, b'o', "/a");
    text(2, b's', "a.B");
    text(99, b's', "what nobody knows yet");
    text(3, b's', "C");
    text(7, b's', ":1.2");
    text(8, b'g', signature);
    let fields = u32::try_from(out.len() - FIXED).unwrap();
    out[12..16].copy_from_slice(&fields.to_be_bytes());
    pad(&mut out, 8);
    out.extend_from_slice(body);
    out
}

#[test]
fn a_call_reads_as_it_was_written() {
    let call = Call { to: "a.b", path: "/p", interface: "i.f", member: "M", arguments: &["x", "", "ünï"] };
    let bytes = encode(&call, 7);
    let head: [u8; FIXED] = bytes[..FIXED].try_into().unwrap();
    assert_eq!(rest(&head).unwrap(), bytes.len() - FIXED);
    let message = decode(&bytes, Vec::new()).unwrap();
    assert_eq!((message.kind, message.path.as_str(), message.interface.as_str()), (CALL, "/p", "i.f"));
    assert_eq!((message.member.as_str(), message.signature.as_str()), ("M", "sss"));
    let mut arguments = message.arguments("sss").unwrap();
    assert_eq!([(); 3].map(|()| arguments.string().unwrap()), ["x", "", "ünï"]);
    assert_eq!(message.arguments("ss").err(), Some(Malformed), "other types");
}

#[test]
fn the_other_order_of_bytes_and_unknown_fields() {
    let message = decode(&signal("b", &[0, 0, 0, 1]), Vec::new()).unwrap();
    assert_eq!((message.sender.as_str(), message.member.as_str()), (":1.2", "C"));
    assert!(message.arguments("b").unwrap().bool().unwrap());
}

#[test]
fn values_of_any_type_are_passed_over() {
    // y n t v(a(si)) a{sv} u, as the table of alignments has it.
    let mut body = vec![5, 0, 0, 6, 0, 0, 0, 0];
    body.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 7]);
    body.extend_from_slice(b"\x05a(si)\0\0");
    body.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 12]);
    // The length stands at 24, so its elements, aligned to 8, begin at 32.
    let (front, _) = body.split_at(24);
    let mut body = front.to_vec();
    body.extend_from_slice(&[0, 0, 0, 12, 0, 0, 0, 0]);
    body.extend_from_slice(&[0, 0, 0, 1, b'x', 0, 0, 0, 0, 0, 0, 8]);
    body.extend_from_slice(&[0, 0, 0, 0]);
    body.extend_from_slice(&[0, 0, 0, 9]);
    let message = decode(&signal("yntva{sv}u", &body), Vec::new()).unwrap();
    let mut arguments = message.arguments("yntva{sv}u").unwrap();
    arguments.skip("yntva{sv}").unwrap();
    assert_eq!(arguments.u32().unwrap(), 9);
}

#[test]
fn what_is_no_message_is_refused_and_never_a_panic() {
    let good = signal("a{sv}", &[0, 0, 0, 0, 0, 0, 0, 0]);
    decode(&good, Vec::new()).unwrap();
    for end in 0..good.len() - 8 {
        assert!(decode(&good[..end], Vec::new()).is_err(), "{end}");
    }
    for at in 0..good.len() {
        for value in [0, 1, 0x7f, 0xff, b'(', b'v'] {
            let mut bad = good.clone();
            bad[at] = value;
            // Whatever it is, it ends.
            if let Ok(message) = decode(&bad, Vec::new()) {
                let signature = message.signature.clone();
                let _ = message.arguments(&signature).and_then(|mut reader| reader.skip(&signature));
            }
        }
    }
}

#[test]
fn lengths_are_looked_at_before_room_is_made() {
    let head = |body: u32, fields: u32| {
        let mut head = [0; FIXED];
        (head[0], head[1], head[3]) = (b'l', SIGNAL, 1);
        head[4..8].copy_from_slice(&body.to_le_bytes());
        head[12..].copy_from_slice(&fields.to_le_bytes());
        head
    };
    assert_eq!(rest(&head(5, 9)), Ok(21));
    assert_eq!(rest(&head(u32::MAX, 0)), Err(Malformed));
    assert_eq!(rest(&head(0, u32::MAX)), Err(Malformed));
    let mut other = head(0, 0);
    other[3] = 2;
    assert_eq!(rest(&other), Err(Malformed), "another version");
}

#[test]
fn types_in_types_end() {
    let deep = "a".repeat(255);
    let message = decode(&signal(&deep, &[0; 64]), Vec::new()).unwrap();
    assert_eq!(message.arguments(&deep).unwrap().skip(&deep), Err(Malformed));
    // A variant in a variant in a variant.
    let body = b"\x01v\0".repeat(200);
    let message = decode(&signal("v", &body), Vec::new()).unwrap();
    assert_eq!(message.arguments("v").unwrap().skip("v"), Err(Malformed));
}
