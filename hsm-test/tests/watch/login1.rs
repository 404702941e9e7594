//! A login1 service as org.freedesktop.login1(5) describes it, as much of it as is asked for, by a D-Bus implementation that is not
//! ours.

use crate::bus::PrivateBus;
use std::io::{PipeReader, Read, pipe};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use zbus::blocking::Connection;
use zbus::zvariant::{DynamicType, ObjectPath, OwnedObjectPath, Value};
use zbus::{fdo, interface};

pub const NAME: &str = "org.freedesktop.login1";
pub const PATH: &str = "/org/freedesktop/login1";
pub const MANAGER: &str = "org.freedesktop.login1.Manager";
pub const SESSION: &str = "org.freedesktop.login1.Session";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

type Listed = (String, u32, String, String, OwnedObjectPath);

struct Manager {
    sessions: Arc<Mutex<Vec<Listed>>>,
    /// `None`: refused.
    inhibitors: Option<Mutex<Sender<(String, PipeReader)>>>,
}

#[interface(name = "org.freedesktop.login1.Manager")]
impl Manager {
    fn list_sessions(&self) -> Vec<Listed> {
        self.sessions.lock().unwrap().clone()
    }

    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> fdo::Result<zbus::zvariant::OwnedFd> {
        let Some(inhibitors) = &self.inhibitors else {
            return Err(fdo::Error::AccessDenied("not\u{1b}for you".to_owned()));
        };
        let (reader, writer) = pipe().unwrap();
        inhibitors.lock().unwrap().send((format!("{what} {mode}: {who}, {why}"), reader)).unwrap();
        Ok(OwnedFd::from(writer).into())
    }
}

struct Session {
    class: String,
    state: &'static str,
    leader: u32,
    locked: Arc<Mutex<bool>>,
}

#[interface(name = "org.freedesktop.login1.Session")]
impl Session {
    #[zbus(property)]
    fn class(&self) -> String {
        self.class.clone()
    }

    #[zbus(property)]
    fn state(&self) -> String {
        self.state.to_owned()
    }

    #[zbus(property)]
    fn leader(&self) -> u32 {
        self.leader
    }

    #[zbus(property)]
    fn locked_hint(&self) -> bool {
        *self.locked.lock().unwrap()
    }
}

/// The service.
pub struct Login1 {
    connection: Connection,
    sessions: Arc<Mutex<Vec<Listed>>>,
    locked: Arc<Mutex<bool>>,
    inhibitors: Receiver<(String, PipeReader)>,
}

/// The user of this process, as [`Login1::log_in`] wants it.
pub fn me() -> u32 {
    rustix::process::getuid().as_raw()
}

impl Login1 {
    pub fn start(bus: &PrivateBus) -> Self {
        Self::on(bus, true)
    }

    /// `inhibits`: it gives locks.
    pub fn on(bus: &PrivateBus, inhibits: bool) -> Self {
        let (sender, inhibitors) = channel();
        let sessions = Arc::<Mutex<Vec<Listed>>>::default();
        let manager = Manager { sessions: Arc::clone(&sessions), inhibitors: inhibits.then(|| Mutex::new(sender)) };
        let connection = bus.builder().serve_at(PATH, manager).unwrap().name(NAME).unwrap().build().unwrap();
        Self { connection, sessions, locked: Arc::default(), inhibitors }
    }

    /// A session begins. Its path.
    pub fn log_in(&self, id: &str, user: u32, class: &str, leader: u32) -> String {
        let path = format!("{PATH}/session/_3{id}");
        let session = Session { class: class.to_owned(), state: "active", leader, locked: Arc::clone(&self.locked) };
        self.connection.object_server().at(path.as_str(), session).unwrap();
        let object = OwnedObjectPath::try_from(path.as_str()).unwrap();
        self.sessions.lock().unwrap().push((id.to_owned(), user, "ada".to_owned(), "seat0".to_owned(), object.clone()));
        self.manager("SessionNew", &(id, &object));
        path
    }

    /// It ends.
    pub fn log_out(&self, path: &str) {
        let object = ObjectPath::try_from(path).unwrap();
        self.sessions.lock().unwrap().retain(|session| session.4.as_str() != path);
        self.connection.object_server().remove::<Session, _>(path).unwrap();
        self.manager("SessionRemoved", &("x", object));
    }

    pub fn user_removed(&self, user: u32) {
        self.manager("UserRemoved", &(user, ObjectPath::try_from("/org/freedesktop/login1/user/_1").unwrap()));
    }

    pub fn prepare_for_sleep(&self, begins: bool) {
        self.manager("PrepareForSleep", &(begins,));
    }

    /// The signal by which a session is asked to lock itself.
    pub fn lock(&self, path: &str) {
        emit(&self.connection, None, path, SESSION, "Lock", &());
    }

    /// A session's screen locker says that it has locked, or unlocked; `told`: with the value, otherwise only that it changed.
    pub fn hint(&self, path: &str, locked: bool, told: bool) {
        *self.locked.lock().unwrap() = locked;
        let other = ("IdleSinceHint", Value::from(7_u64));
        let hint = ("LockedHint", Value::from(locked));
        let changed: std::collections::HashMap<_, _> =
            if told { [other, hint].into_iter().collect() } else { [other].into_iter().collect() };
        let invalidated: &[&str] = if told { &[] } else { &["LockedHint"] };
        emit(&self.connection, None, path, PROPERTIES, "PropertiesChanged", &(SESSION, changed, invalidated));
    }

    fn manager<B: serde::Serialize + DynamicType>(&self, member: &str, body: &B) {
        emit(&self.connection, None, PATH, MANAGER, member, body);
    }

    /// The next lock that was asked for: its words, and an end that is hung up when it is given back.
    pub fn inhibitor(&self) -> (String, PipeReader) {
        self.inhibitors.recv_timeout(crate::told::PATIENCE).expect("a lock is asked for")
    }

    /// Leaves the bus.
    pub fn stop(self) {
        self.connection.close().unwrap();
    }
}

/// Waits until a lock is given back.
pub fn given_back(mut lock: PipeReader) {
    assert_eq!(lock.read(&mut [0]).unwrap(), 0);
}

/// Whether a lock is still held.
pub fn is_held(lock: &PipeReader) -> bool {
    let mut fds = [rustix::event::PollFd::new(lock, rustix::event::PollFlags::IN)];
    rustix::event::poll(&mut fds, Some(&rustix::event::Timespec::default())).unwrap() == 0
}

/// A signal as anybody can send it; back when the bus has it.
pub fn emit<B: serde::Serialize + DynamicType>(
    from: &Connection,
    to: Option<&str>,
    path: &str,
    interface: &str,
    member: &str,
    body: &B,
) {
    from.emit_signal(to, path, interface, member, body).unwrap();
    let bus = "org.freedesktop.DBus";
    from.call_method(Some(bus), "/org/freedesktop/DBus", Some(bus), "GetId", &()).unwrap();
}

/// The names of all connections to a bus.
pub fn names(on: &Connection) -> Vec<String> {
    let bus = "org.freedesktop.DBus";
    let answer = on.call_method(Some(bus), "/org/freedesktop/DBus", Some(bus), "ListNames", &()).unwrap();
    answer.body().deserialize().unwrap()
}
