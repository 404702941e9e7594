//! What the person at the desk does, and what can be seen from there: plugging in and pulling out, the finger, the light, faults,
//! and a note of every APDU. The card's thread and those of the control socket meet here.

use crate::control::milliseconds;
use crate::fault::{Fault, Kind, next};
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Where the finger is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Finger {
    /// Away: a touch comes by command, or not at all.
    Away,
    /// There as soon as the light blinks.
    Ready,
    /// There after the light blinked for so long.
    After(Duration),
}

impl Finger {
    /// `away`, `ready`, or after so many milliseconds.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "away" => Ok(Self::Away),
            "ready" => Ok(Self::Ready),
            time => milliseconds(time).map(Self::After),
        }
    }
}

/// The light in the gold contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Light {
    Dark,
    /// The card waits for a touch.
    Blinking,
    /// It came, and the card did not see it yet.
    Touched,
}

/// How waiting for a touch ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touch {
    Given,
    /// It did not come in time.
    Missed,
    /// The card was pulled out.
    Pulled,
}

/// Everything behind the lock.
pub struct Seen {
    /// The card should be in the reader.
    pub inserted: bool,
    /// The connection to the reader, while the card is in it.
    pub reader: Option<TcpStream>,
    /// The reader gave power.
    pub powered: bool,
    pub finger: Finger,
    /// How long the light blinks, at most.
    pub touch_timeout: Duration,
    /// How long a touch counts with policy `cached`.
    pub touch_cache: Duration,
    pub light: Light,
    pub touches: u32,
    pub faults: Vec<Fault>,
    /// INS of every APDU.
    pub log: Vec<u8>,
    /// How often the reader gave power or reset.
    pub resets: u32,
}

/// The desk.
pub struct Desk {
    seen: Mutex<Seen>,
    changed: Condvar,
}

impl Desk {
    pub fn new(inserted: bool, finger: Finger, touch_timeout: Duration, touch_cache: Duration) -> Self {
        let seen = Seen {
            inserted,
            reader: None,
            powered: false,
            finger,
            touch_timeout,
            touch_cache,
            light: Light::Dark,
            touches: 0,
            faults: Vec::new(),
            log: Vec::new(),
            resets: 0,
        };
        Self { seen: Mutex::new(seen), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no thread of the card panicked")
    }

    /// Looks, without changing anything.
    pub fn look<T>(&self, at: impl FnOnce(&Seen) -> T) -> T {
        at(&self.lock())
    }

    /// Changes something and tells everybody who waits.
    pub fn change<T>(&self, how: impl FnOnce(&mut Seen) -> T) -> T {
        let result = how(&mut self.lock());
        self.changed.notify_all();
        result
    }

    /// Waits until it is so; whether it came in time.
    pub fn wait(&self, limit: Duration, so: impl Fn(&Seen) -> bool) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), limit, |seen| !so(seen));
        !waited.expect("no thread of the card panicked").1.timed_out()
    }

    /// Waits without end.
    pub fn wait_for_ever(&self, so: impl Fn(&Seen) -> bool) {
        drop(self.changed.wait_while(self.lock(), |seen| !so(seen)).expect("no thread of the card panicked"));
    }

    /// Pulls the card out: the reader sees the connection end.
    pub fn pull(&self) {
        self.change(|seen| {
            seen.inserted = false;
            if let Some(reader) = &seen.reader {
                // If it is closed already, it is out already.
                let _ = reader.shutdown(Shutdown::Both);
            }
        });
    }

    /// Puts the finger on it, now: it counts only while the light blinks.
    pub fn touch(&self) {
        self.change(|seen| {
            if seen.light == Light::Blinking {
                seen.light = Light::Touched;
            }
        });
    }

    /// Notes an APDU and tells what goes wrong with it.
    pub fn note(&self, ins: u8) -> Option<Kind> {
        self.change(|seen| {
            seen.log.push(ins);
            next(&mut seen.faults, ins)
        })
    }

    /// The light blinks until the finger comes, the time is up, or the card is pulled out.
    pub fn wait_for_touch(&self) -> Touch {
        let (limit, finger) = self.change(|seen| {
            seen.light = Light::Blinking;
            (seen.touch_timeout, seen.finger)
        });
        let by_itself = match finger {
            Finger::Away => None,
            Finger::Ready => Some(Instant::now()),
            Finger::After(time) => Some(Instant::now() + time),
        };
        let end = Instant::now() + limit;
        loop {
            let now = Instant::now();
            let result = {
                let seen = self.lock();
                let due = by_itself.is_some_and(|due| due <= now && due <= end);
                if !seen.inserted {
                    Some(Touch::Pulled)
                } else if seen.light == Light::Touched || due {
                    Some(Touch::Given)
                } else if now >= end {
                    Some(Touch::Missed)
                } else {
                    let until = by_itself.filter(|due| *due < end).unwrap_or(end);
                    let waiting = self.changed.wait_timeout(seen, until - now);
                    drop(waiting.expect("no thread of the card panicked"));
                    None
                }
            };
            if let Some(result) = result {
                self.change(|seen| {
                    seen.light = Light::Dark;
                    seen.touches += u32::from(result == Touch::Given);
                });
                return result;
            }
        }
    }
}
