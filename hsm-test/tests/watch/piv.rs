//! A YubiKey that is pulled. `PCSCLITE_CSOCK_NAME` is read from the environment, so the watcher runs in a process of its own: this
//! program again, with the test `child` alone.

use crate::piv_lab::{ADA, P256, make_key, once};
use crate::told::Told;
use hsm_test::piv::{CardOptions, Leave, PcscPlace, Share, VirtualYubikey};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use twinlock::agent::watch::{WatchedToken, token};
use twinlock::factor::piv::Cards;
use twinlock::factor::piv::info::Wanted;
use twinlock::factor::piv::params::Hints;
use twinlock::prompt::NoPrompt;
use twinlock::secret::Pin;

/// Before each line that the child means for us: the test harness writes lines of its own.
const MARK: &str = "@@ ";

/// Uses the key as an unlock does, tells that, then does what it is told.
#[test]
#[ignore = "run by the tests of this file, in a process of its own"]
fn child() {
    let say = |text: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{MARK}{text}").unwrap();
        out.flush().unwrap();
    };
    let mut prompt = NoPrompt;
    let mut cards = Cards::new(false);
    assert!(cards.watchable(&mut prompt).unwrap().is_empty(), "no key was used yet");
    let keys = cards.keys(ADA, &mut prompt).unwrap();
    let [key] = &keys[..] else { panic!("one key") };
    let twinlock::factor::piv::public::PublicKey::Ecdh { mode, point } = key.public.clone() else { panic!("P-256") };
    let hints = Hints { serial: Some(ADA), ..Hints::default() };
    let at = cards.find(&Wanted { mode, public: point.clone(), hints }, &mut prompt).unwrap();
    let pin = Arc::new(Pin::new("123456".to_owned().into()));
    cards.verify(&at.token, Some(&at.key), &pin, false, &mut prompt).unwrap();
    assert!(cards.agree(&at, Some(&pin), &point, None, &mut prompt).unwrap().is_some());
    let [sighting] = &cards.watchable(&mut prompt).unwrap()[..] else { panic!("the key that was used") };
    let json = serde_json::to_string(sighting).unwrap();
    drop(cards);
    say(&json);
    let told = Told::new();
    let mut guard = None;
    for line in std::io::stdin().lines() {
        match line.unwrap().as_str() {
            "watch" => {
                let sighting = serde_json::from_str(&json).unwrap();
                guard = Some(token(WatchedToken::Piv(sighting), 7, Arc::clone(&told.tell)).unwrap());
                say("watching");
            }
            "wait" => say(&told.said()),
            _ => break,
        }
    }
    drop(guard.take());
    told.ended();
    say("ended");
}

struct Agent {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Agent {
    fn start(place: &PcscPlace) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "piv::child", "--ignored", "--nocapture"])
            .envs(place.env())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut this = Self { child, to, from };
        let sighting = this.hear();
        assert!(sighting.contains(&ADA.to_string()), "{sighting}");
        this
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.from.read_line(&mut line).unwrap(), 0, "the child has ended");
            if let Some((_, said)) = line.split_once(MARK) {
                return said.trim_end().to_owned();
            }
        }
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.to, "{line}").unwrap();
        self.hear()
    }

    fn end(mut self) {
        assert_eq!(self.ask("end"), "ended");
        assert!(self.child.wait().unwrap().success());
    }
}

const GONE: &str = "TokenGone { id: 7, what: \"YubiKey 12345678\" }";

fn desk() -> Option<(PcscPlace, VirtualYubikey, Agent)> {
    let place = PcscPlace::start()?;
    let card = place.card(CardOptions::default().serial(ADA));
    make_key(&card, "82", P256, &once());
    let agent = Agent::start(&place);
    Some((place, card, agent))
}

#[test]
fn a_yubikey_that_is_pulled_is_told_and_one_that_is_used_is_not() {
    let Some((_place, card, mut agent)) = desk() else { return };
    agent.ask("watch");
    // Others use it, alone and with a reset at the end.
    for share in [Share::Shared, Share::Exclusive] {
        card.other_program(share).unwrap().leave(Leave::Reset);
        card.let_go();
    }
    card.remove();
    assert_eq!(agent.ask("wait"), GONE);
    card.insert();
    agent.end();
}

#[test]
fn one_that_was_away_before_anybody_watched_is_told() {
    let Some((_place, card, mut agent)) = desk() else { return };
    card.remove();
    card.insert();
    agent.ask("watch");
    assert_eq!(agent.ask("wait"), GONE);
    agent.end();
}

#[test]
fn a_guard_ends_its_wait() {
    let Some((_place, card, mut agent)) = desk() else { return };
    card.clear_log();
    agent.ask("watch");
    agent.end();
    assert_eq!(card.apdus(), 0, "nothing was asked of the card");
}

#[test]
fn the_end_of_the_service_is_told() {
    let Some((place, _card, mut agent)) = desk() else { return };
    agent.ask("watch");
    place.stop_pcscd();
    let said = agent.ask("wait");
    assert!(said.starts_with("WatchEnded { id: Some(7), what: \"YubiKey 12345678\""), "{said}");
    agent.end();
}
