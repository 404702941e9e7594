use crate::bus::PrivateBus;
use crate::login1::{Login1, MANAGER, PATH, SESSION, emit, given_back, is_held, me, names};
use crate::told::Told;
use std::process::{Command, Stdio};
use std::sync::Arc;
use twinlock::agent::watch::{Bus, Guard, Notice, WatchError, logind};

struct Desk {
    told: Told,
    guard: Guard,
    login1: Login1,
    /// Before the watcher's end, so that it is not told of.
    bus: PrivateBus,
}

/// A watcher, its bus and logind, where this user has one session.
fn desk() -> Option<(Desk, String)> {
    let bus = PrivateBus::start()?;
    let login1 = Login1::start(&bus);
    let session = login1.log_in("1", me(), "user", std::process::id());
    let told = Told::new();
    let guard = logind(bus.bus(), Arc::clone(&told.tell)).unwrap();
    Some((Desk { told, guard, login1, bus }, session))
}

impl Desk {
    fn end(self) {
        drop(self.guard);
        self.told.ended();
    }
}

#[test]
fn the_machine_sleeps_when_the_keys_are_dropped_and_not_before() {
    let Some((desk, _)) = desk() else { return };
    let (words, lock) = desk.login1.inhibitor();
    assert_eq!(words, "sleep delay: twinlock, keys are erased first");
    for _ in 0..2 {
        assert!(is_held(&lock));
    }
    desk.login1.prepare_for_sleep(true);
    let Notice::Suspend(release) = desk.told.next() else { panic!("another notice") };
    assert!(release.delays());
    assert!(is_held(&lock), "the keys are still there");
    drop(release);
    given_back(lock);
    desk.login1.prepare_for_sleep(false);
    let (_, next) = desk.login1.inhibitor();
    assert!(is_held(&next), "for the next time");
    desk.login1.prepare_for_sleep(true);
    assert!(matches!(desk.told.next(), Notice::Suspend(release) if release.delays()));
    given_back(next);
    desk.end();
}

#[test]
fn what_others_send_is_not_heard() {
    let Some((desk, session)) = desk() else { return };
    let other = desk.bus.connect();
    let watcher = names(&other);
    let watcher: Vec<_> = watcher.iter().filter(|name| name.starts_with(':')).map(String::as_str).collect();
    assert_eq!(watcher.len(), 3, "logind, the watcher, the other");
    // To all, and to each alone: the bus hands the latter over whatever was asked to be heard.
    for to in [None].into_iter().chain(watcher.into_iter().map(Some)) {
        emit(&other, to, PATH, MANAGER, "PrepareForSleep", &(true,));
        emit(&other, to, &session, SESSION, "Lock", &());
        emit(&other, to, PATH, MANAGER, "UserRemoved", &(me(), zbus::zvariant::ObjectPath::try_from("/u").unwrap()));
        let owner = ("org.freedesktop.login1", ":1.0", other.unique_name().unwrap().as_str());
        emit(&other, to, "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged", &owner);
    }
    desk.login1.lock(&session);
    assert_eq!(desk.told.said(), "ScreenLocked");
    desk.end();
}

#[test]
fn a_lock_of_this_user_s_screen_is_told() {
    let Some((desk, session)) = desk() else { return };
    let others = desk.login1.log_in("2", me() + 1, "user", 0);
    let timers = desk.login1.log_in("3", me(), "background", 0);
    for not_mine in [&others, &timers] {
        desk.login1.lock(not_mine);
        desk.login1.hint(not_mine, true, true);
    }
    desk.login1.hint(&session, false, true);
    desk.login1.hint(&session, false, false);
    // Only now, and each of the three ways tells once.
    desk.login1.lock(&session);
    assert_eq!(desk.told.said(), "ScreenLocked");
    desk.login1.hint(&session, true, true);
    assert_eq!(desk.told.said(), "ScreenLocked");
    desk.login1.hint(&session, true, false);
    assert_eq!(desk.told.said(), "ScreenLocked");
    let second = desk.login1.log_in("4", me(), "user-light", 0);
    desk.login1.lock(&second);
    assert_eq!(desk.told.said(), "ScreenLocked", "a session that began later");
    desk.end();
}

#[test]
fn the_last_session_s_end_is_a_logout() {
    let Some((desk, session)) = desk() else { return };
    let second = desk.login1.log_in("2", me(), "user", 0);
    let timers = desk.login1.log_in("3", me(), "manager", 0);
    desk.login1.log_out(&session);
    desk.login1.log_out(&timers);
    desk.login1.lock(&second);
    assert_eq!(desk.told.said(), "ScreenLocked", "and no logout before");
    desk.login1.log_out(&second);
    assert_eq!(desk.told.said(), "LoggedOut");
    // The same once more; then a new session.
    desk.login1.user_removed(me());
    let third = desk.login1.log_in("4", me(), "user", 0);
    desk.login1.user_removed(me() + 1);
    desk.login1.lock(&third);
    assert_eq!(desk.told.said(), "ScreenLocked", "nothing twice, nothing of others");
    desk.login1.user_removed(me());
    assert_eq!(desk.told.said(), "LoggedOut");
    desk.end();
}

#[test]
fn a_session_whose_processes_live_on_has_ended_with_its_leader() {
    let Some(bus) = PrivateBus::start() else { return };
    let login1 = Login1::start(&bus);
    let mut leader = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
    login1.log_in("1", me(), "user", leader.id());
    let told = Told::new();
    let guard = logind(bus.bus(), Arc::clone(&told.tell)).unwrap();
    leader.kill().unwrap();
    assert_eq!(told.said(), "LoggedOut");
    leader.wait().unwrap();
    drop(guard);
    told.ended();
}

#[test]
fn the_end_of_the_bus_is_told_once_and_the_thread_ends() {
    let Some((mut desk, _)) = desk() else { return };
    desk.bus.kill();
    let said = desk.told.said();
    assert!(said.starts_with("WatchEnded { id: None, what: \"sleep, screen lock and logout (logind)\""), "{said}");
    assert!(said.contains("the bus has ended the connection") || said.contains("reset"), "{said}");
    let (_, lock) = desk.login1.inhibitor();
    given_back(lock);
    desk.end();
}

#[test]
fn a_guard_that_is_dropped_leaves_nothing_behind() {
    let Some((desk, _)) = desk() else { return };
    let other = desk.bus.connect();
    let (_, lock) = desk.login1.inhibitor();
    let before = names(&other).len();
    assert!(is_held(&lock));
    drop(desk.guard);
    desk.told.ended();
    given_back(lock);
    while names(&other).len() == before {
        // The bus has seen it with one of its next turns.
    }
}

#[test]
fn a_guard_may_be_dropped_by_who_is_told() {
    let Some(bus) = PrivateBus::start() else { return };
    let login1 = Login1::start(&bus);
    let slot = Arc::new(std::sync::Mutex::new(None::<Guard>));
    let (sender, done) = std::sync::mpsc::channel();
    let mine = Arc::clone(&slot);
    let tell = move |_| {
        drop(mine.lock().unwrap().take());
        sender.send(()).unwrap();
    };
    *slot.lock().unwrap() = Some(logind(bus.bus(), Arc::new(tell)).unwrap());
    let (_, lock) = login1.inhibitor();
    login1.user_removed(me());
    done.recv_timeout(crate::told::PATIENCE).unwrap();
    given_back(lock);
}

#[test]
fn a_logind_that_is_started_again_is_heard_and_asked_again() {
    let Some((desk, _)) = desk() else { return };
    let (_, lock) = desk.login1.inhibitor();
    desk.login1.stop();
    let login1 = Login1::start(&desk.bus);
    let (_, next) = login1.inhibitor();
    given_back(lock);
    login1.prepare_for_sleep(true);
    assert!(matches!(desk.told.next(), Notice::Suspend(release) if release.delays()));
    given_back(next);
    drop(desk.guard);
    desk.told.ended();
}

#[test]
fn without_a_lock_the_rest_is_told_all_the_same() {
    let Some(bus) = PrivateBus::start() else { return };
    let login1 = Login1::on(&bus, false);
    let told = Told::new();
    let guard = logind(bus.bus(), Arc::clone(&told.tell)).unwrap();
    let refused = "SleepNotDelayed { why: \"org.freedesktop.DBus.Error.AccessDenied: not?for you\" }";
    assert_eq!(told.said(), refused);
    login1.prepare_for_sleep(true);
    assert!(matches!(told.next(), Notice::Suspend(release) if !release.delays()));
    drop(guard);
    told.ended();
}

#[test]
fn without_bus_or_logind_there_is_a_word_for_it() {
    let told = Told::new();
    let nowhere = Bus::At("/nonexistent/bus".into());
    assert!(matches!(logind(nowhere, Arc::clone(&told.tell)), Err(WatchError::NoBus { .. })));
    let Some(bus) = PrivateBus::start() else { return };
    match logind(bus.bus(), Arc::clone(&told.tell)) {
        Err(error @ WatchError::NoLogind { .. }) => assert!(error.to_string().contains("NameHasNoOwner"), "{error}"),
        other => panic!("{:?}", other.err()),
    }
    told.ended();
}
