//! What systemd-logind tells (org.freedesktop.login1(5)): the machine goes to sleep, a session of this user is locked, the last one ends.
//!
//! Only what comes from the connection that owns the name `org.freedesktop.login1` counts, by the sender that the bus itself writes into
//! each message: whoever is on the bus may send a signal that looks the same, and to us alone, past all rules of what we want to hear.

use super::address::Bus;
use super::bus::{BusError, Call, Connection, DBUS, Message};
use super::guard::{Guard, Stop};
use super::{Notice, Release, Tell, WatchError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};

const LOGIND: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// What is watched, for a person.
const WHAT: &str = "sleep, screen lock and logout (logind)";

/// Begins to watch. Takes a few milliseconds; up to some seconds where bus or logind do not answer.
pub fn logind(bus: Bus, tell: Tell) -> Result<Guard, WatchError> {
    let (stop, stopped) = Stop::pair()?;
    let connection = Connection::open(&bus, stopped).map_err(|error| WatchError::NoBus { why: error.in_words() })?;
    let mut watcher = Watcher {
        connection,
        owner: String::new(),
        user: rustix::process::getuid().as_raw(),
        sessions: BTreeMap::new(),
        lock: None,
        out: false,
        tell,
    };
    watcher.begin().map_err(|error| WatchError::NoLogind { why: error.in_words() })?;
    Guard::start("watch-logind", stop, None, move || watcher.run())
}

/// The process that a session began with.
enum Leader {
    Ended,
    /// It cannot be told when it ends.
    Unknown,
    /// A descriptor that can be read once it has ended.
    Known(OwnedFd),
}

struct Watcher {
    connection: Connection,
    /// The unique name of logind's connection; empty while there is none.
    owner: String,
    user: u32,
    /// Object paths of this user's sessions, and the processes whose end is their end (see [`Watcher::leader`]).
    sessions: BTreeMap<String, Option<OwnedFd>>,
    /// Closing it lets the machine sleep.
    lock: Option<OwnedFd>,
    /// It was told that the last session has ended, and there was none since.
    out: bool,
    tell: Tell,
}

impl Watcher {
    fn begin(&mut self) -> Result<(), BusError> {
        let from = format!("type='signal',sender='{LOGIND}'");
        let owner = format!("type='signal',sender='{DBUS}',member='NameOwnerChanged',arg0='{LOGIND}'");
        let mut rules = vec![owner];
        for member in ["PrepareForSleep", "SessionNew", "SessionRemoved", "UserRemoved"] {
            rules.push(format!("{from},path='{PATH}',interface='{MANAGER}',member='{member}'"));
        }
        rules.push(format!("{from},interface='{SESSION}',member='Lock'"));
        rules.push(format!("{from},interface='{PROPERTIES}',member='PropertiesChanged',arg0='{SESSION}'"));
        // First the signals, then the state: nothing comes in between.
        for rule in rules {
            self.connection.call_bus("AddMatch", &[&rule])?;
        }
        let answer = self.connection.call_bus("GetNameOwner", &[LOGIND])?;
        answer.arguments("s")?.string()?.clone_into(&mut self.owner);
        self.look()
    }

    /// Everything anew: at the start, and when logind was started again.
    fn look(&mut self) -> Result<(), BusError> {
        self.sessions.clear();
        self.list()?;
        self.inhibit()
    }

    /// Until there is nothing more to tell.
    fn run(mut self) {
        let why = loop {
            let leaders = self.sessions.values().flatten().map(AsFd::as_fd);
            let done = match self.connection.signal(leaders) {
                Ok(Some(signal)) => self.heard(&signal),
                Ok(None) => {
                    self.leaders_gone();
                    Ok(())
                }
                Err(error) => Err(error),
            };
            match done {
                Ok(()) => {}
                Err(BusError::Stopped) => return,
                Err(error) => break error.in_words(),
            }
        };
        (self.tell)(Notice::WatchEnded { id: None, what: WHAT.to_owned(), why });
    }

    fn heard(&mut self, signal: &Message) -> Result<(), BusError> {
        let member = signal.member.as_str();
        if signal.sender == DBUS && signal.interface == DBUS && member == "NameOwnerChanged" {
            return self.new_owner(signal);
        }
        if self.owner.is_empty() || signal.sender != self.owner {
            return Ok(());
        }
        match (signal.interface.as_str(), member) {
            (MANAGER, "PrepareForSleep") => self.sleep(signal.arguments("b")?.bool()?),
            (MANAGER, "SessionNew") => self.carry_on(Self::list),
            (MANAGER, "SessionRemoved") => {
                let mut arguments = signal.arguments("so")?;
                arguments.string()?;
                let was_mine = self.sessions.remove(arguments.string()?).is_some();
                self.carry_on(Self::list)?;
                if was_mine && self.sessions.is_empty() {
                    self.logged_out();
                }
                Ok(())
            }
            (MANAGER, "UserRemoved") => {
                if signal.arguments("uo")?.u32()? == self.user {
                    self.sessions.clear();
                    self.logged_out();
                }
                Ok(())
            }
            (SESSION, "Lock") if self.is_mine(&signal.path)? => {
                (self.tell)(Notice::ScreenLocked);
                Ok(())
            }
            (PROPERTIES, "PropertiesChanged") if self.is_mine(&signal.path)? => {
                if self.is_locked(signal)? {
                    (self.tell)(Notice::ScreenLocked);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn new_owner(&mut self, signal: &Message) -> Result<(), BusError> {
        let mut arguments = signal.arguments("sss")?;
        if arguments.string()? == LOGIND {
            arguments.string()?;
            arguments.string()?.clone_into(&mut self.owner);
            // Nobody sleeps, locks or logs out by a logind that is not there. The next one knows nothing of our lock.
            if !self.owner.is_empty() {
                return self.carry_on(Self::look);
            }
        }
        Ok(())
    }

    fn sleep(&mut self, begins: bool) -> Result<(), BusError> {
        if begins {
            (self.tell)(Notice::Suspend(Release(self.lock.take())));
            return Ok(());
        }
        self.carry_on(Self::inhibit)
    }

    fn logged_out(&mut self) {
        if !self.out {
            self.out = true;
            (self.tell)(Notice::LoggedOut);
        }
    }

    /// A question that logind refuses or does not answer ends nothing: signals still come.
    fn carry_on(&mut self, ask: fn(&mut Self) -> Result<(), BusError>) -> Result<(), BusError> {
        match ask(self) {
            Err(BusError::Slow | BusError::Refused(_)) => Ok(()),
            other => other,
        }
    }

    fn manager(&mut self, member: &str, arguments: &[&str]) -> Result<Message, BusError> {
        self.connection.call(&Call { to: LOGIND, path: PATH, interface: MANAGER, member, arguments })
    }

    /// A property of a session, behind the type of its variant.
    fn property(&mut self, path: &str, name: &str) -> Result<Message, BusError> {
        let arguments = &[SESSION, name];
        self.connection.call(&Call { to: LOGIND, path, interface: PROPERTIES, member: "Get", arguments })
    }

    /// Asks that the machine wait for us before it sleeps. What refuses this does not end the watch.
    fn inhibit(&mut self) -> Result<(), BusError> {
        self.lock = None;
        let asked = ["sleep", "twinlock", "keys are erased first", "delay"];
        let refused = match self.manager("Inhibit", &asked) {
            Ok(mut answer) => {
                self.lock = answer.descriptors.pop();
                self.lock.is_none().then(|| "it gave no lock".to_owned())
            }
            Err(error @ (BusError::Slow | BusError::Refused(_))) => Some(error.in_words()),
            Err(error) => return Err(error),
        };
        if let Some(why) = refused {
            (self.tell)(Notice::SleepNotDelayed { why });
        }
        Ok(())
    }

    /// This user's sessions as they are now: those in which a person may sit, not those of timers and of the user's own services.
    fn list(&mut self) -> Result<(), BusError> {
        let answer = self.manager("ListSessions", &[])?;
        let mut arguments = answer.arguments("a(susso)")?;
        let (mut mine, end) = (Vec::new(), arguments.array(8)?);
        while arguments.more(end, 8)? {
            arguments.string()?;
            let user = arguments.u32()?;
            arguments.skip("ss")?;
            let path = arguments.string()?;
            if user == self.user {
                mine.push(path.to_owned());
            }
        }
        self.sessions.retain(|path, _| mine.contains(path));
        for path in mine {
            if self.sessions.contains_key(&path) || !self.is_a_person_s(&path)? {
                continue;
            }
            let leader = match self.leader(&path)? {
                Leader::Ended => continue,
                Leader::Unknown => None,
                Leader::Known(leader) => Some(leader),
            };
            self.sessions.insert(path, leader);
        }
        self.out &= self.sessions.is_empty();
        Ok(())
    }

    fn is_a_person_s(&mut self, path: &str) -> Result<bool, BusError> {
        // user, user-early, user-light and what comes; not background, manager, greeter, lock-screen, none.
        Ok(self.text(path, "Class")?.starts_with("user") && self.text(path, "State")? != "closing")
    }

    /// A property that is a string; empty where there is none, or no such session any more.
    fn text(&mut self, path: &str, name: &str) -> Result<String, BusError> {
        match self.property(path, name) {
            Ok(answer) => {
                let mut arguments = answer.arguments("v")?;
                let text = if arguments.signature()? == "s" { arguments.string()? } else { "" };
                Ok(text.to_owned())
            }
            Err(BusError::Refused(_)) => Ok(String::new()),
            Err(error) => Err(error),
        }
    }

    /// The process that a session began with.
    ///
    /// A session whose processes live on is not removed, and nothing is signalled: it is "closing" until the last of them ends. The agent
    /// itself may be that last one, where it was started from a shell over SSH. So the end of the leader counts as the end of the session.
    fn leader(&mut self, path: &str) -> Result<Leader, BusError> {
        let answer = match self.property(path, "Leader") {
            Ok(answer) => answer,
            Err(BusError::Refused(_)) => return Ok(Leader::Unknown),
            Err(error) => return Err(error),
        };
        let mut arguments = answer.arguments("v")?;
        let number = if arguments.signature()? == "u" { arguments.u32()? } else { 0 };
        let Some(leader) = i32::try_from(number).ok().and_then(Pid::from_raw) else { return Ok(Leader::Unknown) };
        match pidfd_open(leader, PidfdFlags::empty()) {
            Ok(leader) => Ok(Leader::Known(leader)),
            Err(rustix::io::Errno::SRCH) => Ok(Leader::Ended),
            // Not every kernel can.
            Err(_) => Ok(Leader::Unknown),
        }
    }

    /// Forgets the sessions whose leaders have ended.
    fn leaders_gone(&mut self) {
        let before = self.sessions.len();
        self.sessions.retain(|_, leader| {
            let Some(leader) = leader else { return true };
            let mut fds = [PollFd::new(leader, PollFlags::IN)];
            !matches!(poll(&mut fds, Some(&Timespec::default())), Ok(1..))
        });
        if self.sessions.len() < before && self.sessions.is_empty() {
            self.logged_out();
        }
    }

    /// Whether this is a session of this user; one that came a moment ago is looked for.
    fn is_mine(&mut self, path: &str) -> Result<bool, BusError> {
        if !self.sessions.contains_key(path) {
            self.carry_on(Self::list)?;
        }
        Ok(self.sessions.contains_key(path))
    }

    /// Whether this says that `LockedHint` is true now.
    fn is_locked(&mut self, signal: &Message) -> Result<bool, BusError> {
        const HINT: &str = "LockedHint";
        let mut arguments = signal.arguments("sa{sv}as")?;
        if arguments.string()? != SESSION {
            return Ok(false);
        }
        let end = arguments.array(8)?;
        while arguments.more(end, 8)? {
            if arguments.string()? == HINT {
                return Ok(arguments.signature()? == "b" && arguments.bool()?);
            }
            arguments.skip("v")?;
        }
        let end = arguments.array(4)?;
        while arguments.more(end, 4)? {
            if arguments.string()? == HINT {
                // Changed, and not said to what.
                return match self.property(&signal.path, HINT) {
                    Ok(answer) => {
                        let mut value = answer.arguments("v")?;
                        Ok(value.signature()? == "b" && value.bool()?)
                    }
                    Err(BusError::Slow | BusError::Refused(_)) => Ok(true),
                    Err(error) => Err(error),
                };
            }
        }
        Ok(false)
    }
}
