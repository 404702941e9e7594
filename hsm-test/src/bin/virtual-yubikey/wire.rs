//! The connection to the reader driver: length (2 bytes, big-endian) and body; bodies of one byte are the reader's own.

use crate::card::Card;
use crate::desk::Desk;
use crate::fault::Kind;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const OFF: u8 = 0;
const ON: u8 = 1;
const RESET: u8 = 2;
const ATR: u8 = 4;

/// Is in the reader whenever the desk says so; does not end.
pub fn run(port: u16, card: &Mutex<Card>, desk: &Arc<Desk>) -> ! {
    loop {
        desk.wait_for_ever(|seen| seen.inserted);
        // Without a pcscd there is no reader to be in.
        if let Ok(reader) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            let other = reader.try_clone().ok();
            // Pulled out while the connection was made: then it is out.
            let inserted = desk.change(|seen| {
                seen.reader = other.filter(|_| seen.inserted);
                seen.reader.is_some()
            });
            if inserted {
                // However it ends, the card is out of the reader.
                let _ = serve(reader, card, desk);
            }
        }
        card.lock().expect("no thread of the card panicked").reset();
        desk.change(|seen| {
            seen.reader = None;
            seen.powered = false;
            seen.inserted = false;
        });
    }
}

fn serve(mut reader: TcpStream, card: &Mutex<Card>, desk: &Arc<Desk>) -> std::io::Result<()> {
    loop {
        let body = receive(&mut reader)?;
        let mut card = card.lock().expect("no thread of the card panicked");
        let answer = match body[..] {
            [what @ (OFF | ON | RESET)] => {
                card.reset();
                desk.change(|seen| {
                    seen.powered = what != OFF;
                    seen.resets += u32::from(what != OFF);
                });
                continue;
            }
            [ATR] => card.atr(),
            _ => match apdu(&body, &mut card, desk) {
                Some(answer) => answer,
                None => return Ok(()),
            },
        };
        send(&mut reader, &answer)?;
    }
}

/// The answer, unless the card is out before it can give one.
fn apdu(body: &[u8], card: &mut Card, desk: &Arc<Desk>) -> Option<Vec<u8>> {
    let fault = desk.note(body.get(1).copied().unwrap_or_default());
    match fault {
        Some(Kind::PullBefore) => {
            desk.pull();
            return None;
        }
        Some(Kind::Refuse(status)) => return Some(status.to_be_bytes().to_vec()),
        Some(Kind::Forget) => card.forget(),
        _ => {}
    }
    let answer = card.answer(body);
    match fault {
        Some(Kind::PullAfter) => desk.pull(),
        Some(Kind::Slow(time)) => drop(desk.wait(Duration::from_millis(time), |seen| !seen.inserted)),
        _ => {}
    }
    if !desk.look(|seen| seen.inserted) {
        return None;
    }
    Some(match fault {
        Some(kind) => kind.spoil(answer),
        None => answer,
    })
}

fn receive(reader: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 2];
    exactly(reader, &mut length)?;
    let mut body = vec![0; usize::from(u16::from_be_bytes(length))];
    exactly(reader, &mut body)?;
    Ok(body)
}

fn exactly(reader: &mut TcpStream, mut buffer: &mut [u8]) -> std::io::Result<()> {
    while !buffer.is_empty() {
        // The driver sends length and body apart, and waits for the first to be acknowledged. The system forgets this wish.
        rustix::net::sockopt::set_tcp_quickack(&*reader, true)?;
        match reader.read(buffer)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            got => buffer = &mut buffer[got..],
        }
    }
    Ok(())
}

fn send(reader: &mut TcpStream, body: &[u8]) -> std::io::Result<()> {
    let length = u16::try_from(body.len()).map_err(|_| std::io::ErrorKind::InvalidData)?;
    reader.write_all(&[&length.to_be_bytes()[..], body].concat())
}
