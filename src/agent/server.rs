//! The agent's own thread: it waits for clients, for the clock, for the vaults' threads and for whoever says that the person has left.
//! Nothing that it does itself can take long.

use super::House;
use super::clock::{Alarm, now};
use super::connection::{Connection, Heard};
use super::events::{Event, Events};
use super::protocol::{Failure, Reply, Request};
use super::socket::{self, Post};
use super::sources;
use super::vaults::Vaults;
use super::watch::Guard;
use super::wire::Secret;
use crate::crypto::wash::wash;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::collections::HashMap;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;

/// Clients at a time; the one that was idle for longest gives way.
const CLIENTS: usize = 256;
/// Bytes held for all clients together, of whom some do not go on.
const WEIGHT: usize = 64 << 20;
/// A client that has sent or taken nothing for so long does not go on.
const STALLED: Duration = Duration::from_secs(1);
/// Connections taken at once; then those who are here are heard, so that a request that came with its connection is never pushed out
/// unread.
const AT_ONCE: usize = 64;
/// Without a descriptor for another client, none is taken for so long: whoever waits would wake the thread again and again.
const BREATH: Duration = Duration::from_millis(200);
/// An agent without a vault ends after so long.
const LINGER: Duration = Duration::from_secs(600);

/// Of a client, the signals, the alarm, the events; and of those who are here.
type Ready = ([bool; 4], Vec<(u64, PollFlags)>);

/// What the thread knows.
struct Server {
    listener: UnixListener,
    signals: UnixStream,
    alarm: Alarm,
    events: Events,
    clients: HashMap<u64, Connection>,
    next: u64,
    vaults: Vaults,
    /// Without a vault and without a request since.
    idle_since: Duration,
    /// Nobody is taken in before.
    full_until: Option<Duration>,
    over: bool,
    /// Of the machine and the sessions.
    watchers: Vec<Guard>,
}

/// Serves until it is told to end, or has had nothing to hold for ten minutes. `warnings`: what protects less than it should.
pub fn run(listener: UnixListener, post: Post, house: Arc<dyn House>, warnings: Vec<String>) -> io::Result<()> {
    let (signals, tell) = UnixStream::pair()?;
    signals.set_nonblocking(true)?;
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::low_level::pipe::register(signal, tell.try_clone()?)?;
    }
    let events = Events::new()?;
    sources::watch_machine(&events.teller());
    let vaults = Vaults::new(house, events.teller(), warnings);
    let clients = HashMap::new();
    let mut server = Server {
        listener,
        signals,
        alarm: Alarm::new()?,
        events,
        clients,
        next: 0,
        vaults,
        idle_since: now(),
        full_until: None,
        over: false,
        watchers: Vec::new(),
    };
    let result = server.serve();
    // Nobody new comes in, and the keys are erased before the process says that it has ended.
    drop(post);
    sources::end(std::mem::take(&mut server.watchers));
    server.vaults.end();
    result
}

impl Server {
    fn serve(&mut self) -> io::Result<()> {
        while !self.over {
            self.alarm.set(self.deadline())?;
            // Whoever looks at the memory of an agent that waits finds no item of the last request.
            wash();
            let (ready, clients) = self.wait()?;
            let [come, signal, alarm, event] = ready;
            self.round([come, alarm, event], clients);
            self.over |= signal || self.is_forgotten(now());
        }
        Ok(())
    }

    /// Does what is to be done. In a frame of its own, which is gone when the stack is washed.
    #[inline(never)]
    fn round(&mut self, [come, alarm, event]: [bool; 3], clients: Vec<(u64, PollFlags)>) {
        let now = now();
        if alarm {
            self.alarm.heard();
        }
        if event {
            for event in self.events.take() {
                self.on(event, now);
            }
        }
        for (id, flags) in clients {
            self.on_client(id, flags, now);
        }
        self.clients.retain(|_, client| !client.is_late(now));
        self.lighten(now);
        self.vaults.expire(now);
        self.settle(now);
        self.full_until = self.full_until.filter(|until| now < *until);
        if come {
            self.accept(now);
        }
    }

    fn is_forgotten(&self, now: Duration) -> bool {
        self.vaults.is_empty() && self.clients.is_empty() && now.saturating_sub(self.idle_since) >= LINGER
    }

    /// When something is to be done though nobody asks.
    fn deadline(&self) -> Option<Duration> {
        let clients = self.clients.values().filter_map(Connection::deadline).min();
        let linger = (self.vaults.is_empty() && self.clients.is_empty()).then(|| self.idle_since + LINGER);
        [clients, self.vaults.deadline(), linger, self.full_until].into_iter().flatten().min()
    }

    /// Waits; says which of its own descriptors, and which clients, have something.
    fn wait(&self) -> io::Result<Ready> {
        let ids: Vec<u64> = self.clients.keys().copied().collect();
        let come = if self.full_until.is_none() { PollFlags::IN } else { PollFlags::empty() };
        let mut fds = vec![
            PollFd::new(&self.listener, come),
            PollFd::new(&self.signals, PollFlags::IN),
            PollFd::new(self.alarm.fd(), PollFlags::IN),
            PollFd::new(self.events.fd(), PollFlags::IN),
        ];
        fds.extend(ids.iter().map(|id| PollFd::new(self.clients[id].stream(), self.clients[id].wants())));
        loop {
            match poll(&mut fds, None) {
                Ok(_) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let ready = |at: usize| !fds[at].revents().is_empty();
        let flags =
            ids.iter().zip(&fds[4..]).map(|(id, fd)| (*id, fd.revents())).filter(|(_, flags)| !flags.is_empty());
        Ok(([ready(0), ready(1), ready(2), ready(3)], flags.collect()))
    }

    fn accept(&mut self, now: Duration) {
        for _ in 0..AT_ONCE {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                // One that has gone again.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // No descriptor left, as a rule: one is made free, and those who are here are served first.
                Err(_) => {
                    self.make_room();
                    self.full_until = Some(now + BREATH);
                    return;
                }
            };
            if !socket::of_this_user(&stream) || stream.set_nonblocking(true).is_err() {
                continue;
            }
            if self.clients.len() >= CLIENTS {
                self.make_room();
            }
            self.next += 1;
            self.clients.insert(self.next, Connection::new(stream, now));
        }
    }

    /// Closes the connection of one that waits for nothing: first those that never asked for anything, the oldest first.
    fn make_room(&mut self) {
        let idle = self.clients.iter().filter(|(_, client)| !client.busy);
        let oldest = idle.min_by_key(|(id, client)| (client.has_asked, client.since, **id)).map(|(id, _)| *id);
        if let Some(oldest) = oldest {
            self.clients.remove(&oldest);
        }
    }

    /// Closes the connections of those who do not go on, where all together hold too much. Whoever takes its answer gets it, however
    /// large its vault is.
    fn lighten(&mut self, now: Duration) {
        while self.clients.values().map(Connection::weight).sum::<usize>() > WEIGHT {
            let stalled = |client: &Connection| client.weight() > 0 && now.saturating_sub(client.since) >= STALLED;
            let holding = self.clients.iter().filter(|(_, client)| stalled(client));
            let Some(heaviest) = holding.max_by_key(|(_, client)| client.weight()).map(|(id, _)| *id) else { return };
            self.clients.remove(&heaviest);
        }
    }

    fn on_client(&mut self, id: u64, flags: PollFlags, now: Duration) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let gone = flags.intersects(PollFlags::ERR | PollFlags::NVAL)
            || flags.contains(PollFlags::HUP) && !flags.contains(PollFlags::IN);
        if gone || flags.contains(PollFlags::OUT) && !client.speak(now) {
            self.clients.remove(&id);
            return;
        }
        if flags.contains(PollFlags::IN) && !client.busy {
            match client.hear(now) {
                Heard::Nothing => {}
                Heard::Over => drop(self.clients.remove(&id)),
                Heard::Foreign => {
                    client.last = true;
                    self.reply(id, Reply::Unknown(env!("CARGO_PKG_VERSION").into()), now);
                }
                Heard::Request(kind, body) => self.on_request(id, kind, &body, now),
            }
        }
    }

    fn on_request(&mut self, id: u64, kind: u8, body: &Secret, now: Duration) {
        self.idle_since = now;
        let request = match Request::parse(kind, body) {
            Ok(Some(request)) => request,
            Ok(None) => return self.reply(id, Reply::Unknown(env!("CARGO_PKG_VERSION").into()), now),
            Err(_) => return drop(self.clients.remove(&id)),
        };
        let mut at = None;
        let done = match request {
            Request::Status => Some(Reply::Status(self.vaults.status(now))),
            Request::Lock(path) => self.vaults.lock(id, path.as_deref(), now),
            Request::Unlock(unlock) => {
                let done = self.vaults.unlock(id, unlock, now);
                at = Some(self.vaults.latest());
                done
            }
            Request::Item(path, op) => {
                at = self.vaults.worker(&path);
                self.vaults.give(id, &path, op, now)
            }
            Request::Quit => {
                self.over = true;
                // Said when it is true: the connection closes when the keys are erased and the process ends.
                None
            }
        };
        match (done, self.clients.get_mut(&id)) {
            (Some(reply), _) => self.reply(id, reply, now),
            (None, Some(client)) => (client.busy, client.at) = (true, at),
            (None, None) => {}
        }
    }

    /// Answers, at once if the client takes it.
    fn reply(&mut self, id: u64, reply: Reply, now: Duration) {
        self.send(id, vec![reply.frame()], None, now);
    }

    fn send(&mut self, id: u64, frames: Vec<Secret>, from: Option<u64>, now: Duration) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.answer(frames, from, now);
            if !client.speak(now) {
                self.clients.remove(&id);
            }
        }
    }

    fn on(&mut self, event: Event, now: Duration) {
        match event {
            Event::Answer(answer) => {
                self.idle_since = now;
                let (client, worker) = (answer.client, answer.worker);
                let frames = self.vaults.answered(answer, now);
                if let Some(client) = client {
                    self.send(client, frames, Some(worker), now);
                }
            }
            Event::Over(worker) => {
                self.vaults.over(worker);
                // What was asked for and not begun when the vault was locked.
                let left = self.clients.iter().filter(|(_, client)| client.busy && client.at == Some(worker));
                for id in left.map(|(id, _)| *id).collect::<Vec<_>>() {
                    self.reply(id, Reply::NotHeld("before it came to what was asked for".into()), now);
                }
            }
            Event::Drop { vault, why, then } => self.vaults.drop_for(vault, &why, then),
            Event::Watching(guard) => self.watchers.push(guard),
            Event::Unwatched(what) => self.vaults.warn(what),
        }
    }

    /// Answers those whose vaults have been locked.
    fn settle(&mut self, now: Duration) {
        // Locked: what was read of its items waits no longer for whoever does not take it.
        let vaults = &self.vaults;
        self.clients.retain(|_, client| client.waits_for().is_none_or(|worker| vaults.is_held(worker)));
        for (client, late) in self.vaults.locked(now) {
            let reply = if late { Reply::Failed(still_at_it()) } else { Reply::Done };
            self.reply(client, reply, now);
        }
    }
}

fn still_at_it() -> Failure {
    Failure {
        code: 6,
        message: "the agent is still at work on the vault's file, and drops the account key as soon as that ends"
            .into(),
        hint: "if its disk does not answer, 'pkill -KILL -f \"twinlock agent\"' ends the agent at once".into(),
        notes: Vec::new(),
    }
}
