//! The plan of the fault module: its text, and what it says about a call.

use super::names;
use cryptoki_sys::{CK_FLAGS, CK_MECHANISM_TYPE, CK_RV};
use std::path::PathBuf;
use std::time::Duration;

/// What the module does otherwise than the real one. [`crate::fault`] describes the text.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    calls: Vec<Call>,
    hidden: Vec<CK_MECHANISM_TYPE>,
    token_flags: Flags,
    slot_flags: Flags,
    pulled_by: Option<PathBuf>,
    /// The habit with IVs, if it has one.
    pub gcm_iv: Option<GcmIv>,
    /// The PIN that is typed on the keys of the reader.
    pub pin_pad: Option<String>,
}

/// Flags that are set and cleared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Flags {
    set: CK_FLAGS,
    clear: CK_FLAGS,
}

/// A rule about calls of a function.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    function: String,
    turn: Turn,
    action: Action,
}

/// Which calls a rule is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Each.
    Each,
    /// The n-th in a process, from 1.
    Nth(u64),
    /// The n-th in all processes, from 1.
    NthOfAll(u64),
}

/// What happens at a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// The call is not handed on; it returns this.
    Return(CK_RV),
    /// It takes longer.
    Sleep(Duration),
    /// It never returns.
    Hang,
    /// SIGABRT.
    Crash,
    /// The process ends with this code.
    Exit(i32),
    /// A line on stderr.
    Stderr(String),
    /// A line on stdout.
    Stdout(String),
    /// The output is not what it was.
    Flip,
}

/// Habits with the IV of AES-GCM encryption.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GcmIv {
    /// Zeros are replaced by random bytes in the caller's buffer.
    Hsm,
    /// Zeros are used.
    Zero,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// The line that is no rule, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut plan = Self::default();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            plan.rule(line).map_err(|why| format!("'{line}' is no rule of a plan: {why}"))?;
        }
        Ok(plan)
    }

    fn rule(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').ok_or("a word is missing")?;
        let rest = rest.trim();
        match word {
            "hide" => self.hidden.push(names::mechanism(rest).ok_or("unknown mechanism")?),
            "token-flags" => {
                for flag in rest.split_whitespace() {
                    self.token_flags.note(flag, names::token_flag)?;
                }
            }
            "slot-flags" => {
                for flag in rest.split_whitespace() {
                    self.slot_flags.note(flag, names::slot_flag)?;
                }
            }
            "pulled-by" => self.pulled_by = Some(PathBuf::from(rest)),
            "gcm-iv" => {
                self.gcm_iv = Some(match rest {
                    "hsm" => GcmIv::Hsm,
                    "zero" => GcmIv::Zero,
                    _ => return Err("hsm or zero".to_owned()),
                });
            }
            "pin-pad" => self.pin_pad = Some(rest.to_owned()),
            function => self.calls.push(Call::parse(function, rest)?),
        }
        Ok(())
    }

    /// What happens at the n-th call of a function in a process, which is the `of_all`-th in all, in the order of the plan.
    pub fn actions(&self, function: &str, n: u64, of_all: u64) -> impl Iterator<Item = &Action> {
        let turns = [Turn::Each, Turn::Nth(n), Turn::NthOfAll(of_all)];
        self.calls
            .iter()
            .filter(move |call| call.function == function && turns.contains(&call.turn))
            .map(|call| &call.action)
    }

    /// Whether this mechanism is not there.
    pub fn hides(&self, mechanism: CK_MECHANISM_TYPE) -> bool {
        self.hidden.contains(&mechanism)
    }

    /// A token's flags as this module tells them.
    pub fn flags(&self, real: CK_FLAGS) -> CK_FLAGS {
        self.token_flags.on(real)
    }

    /// The same of a PKCS#11 slot's, at this moment.
    pub fn slot_flags(&self, real: CK_FLAGS) -> CK_FLAGS {
        let flags = self.slot_flags.on(real);
        let pulled = self.pulled_by.as_ref().is_some_and(|file| file.exists());
        if pulled { flags & !cryptoki_sys::CKF_TOKEN_PRESENT } else { flags }
    }
}

impl Flags {
    fn note(&mut self, word: &str, known: fn(&str) -> Option<CK_FLAGS>) -> Result<(), String> {
        let flag = |name: &str| known(&format!("CKF_{name}")).ok_or_else(|| format!("unknown flag '{name}'"));
        if let Some(name) = word.strip_prefix('+') {
            self.set |= flag(name)?;
        } else if let Some(name) = word.strip_prefix('-') {
            self.clear |= flag(name)?;
        } else {
            return Err("a flag begins with + or -".to_owned());
        }
        Ok(())
    }

    fn on(self, real: CK_FLAGS) -> CK_FLAGS {
        (real | self.set) & !self.clear
    }
}

impl Call {
    fn parse(function: &str, rest: &str) -> Result<Self, String> {
        if !names::is_function(function) {
            return Err(format!("unknown function '{function}'"));
        }
        let mut words = rest.splitn(3, ' ').map(str::trim);
        let turn = match words.next() {
            Some("*") => Turn::Each,
            Some(n) => {
                let (turn, n): (fn(u64) -> Turn, _) =
                    n.strip_prefix('#').map_or((Turn::Nth, n), |n| (Turn::NthOfAll, n));
                turn(n.parse().ok().filter(|n| *n > 0).ok_or("N is * or counts from 1")?)
            }
            None => return Err("N is missing".to_owned()),
        };
        let verb = words.next().ok_or("what happens is missing")?;
        let argument = words.next().unwrap_or_default();
        let action = match verb {
            "return" => Action::Return(return_value(argument).ok_or("unknown return value")?),
            "sleep" => Action::Sleep(Duration::from_millis(argument.parse().map_err(|_| "no number of milliseconds")?)),
            "exit" => Action::Exit(argument.parse().map_err(|_| "no exit code")?),
            "stderr" => Action::Stderr(argument.to_owned()),
            "stdout" => Action::Stdout(argument.to_owned()),
            "hang" => Action::Hang,
            "crash" => Action::Crash,
            "flip" if names::FLIPPABLE.contains(&function) => Action::Flip,
            "flip" => return Err(format!("the output of {function} cannot be flipped")),
            _ => return Err(format!("unknown action '{verb}'")),
        };
        Ok(Self { function: function.to_owned(), turn, action })
    }
}

fn return_value(text: &str) -> Option<CK_RV> {
    match text.strip_prefix("0x") {
        Some(digits) => CK_RV::from_str_radix(digits, 16).ok(),
        None => names::return_value(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_of_the_documentation_are_rules() {
        let text = include_str!("mod.rs");
        let example = text.split("//! ```text\n").nth(1).unwrap().split("//! ```").next().unwrap();
        let rules: Vec<&str> =
            example.lines().map(|line| line.trim_start_matches("//! ").split("   ").next().unwrap()).collect();
        assert_eq!(rules.len(), 16);
        for rule in rules {
            Plan::parse(rule).unwrap();
        }
    }

    #[test]
    fn a_rule_is_for_its_call_alone() {
        let plan = Plan::parse("# removed\n\nC_Sign 2 return 0x80000001\nC_Sign * sleep 5\n").unwrap();
        let actions = |function, n| plan.actions(function, n, n).cloned().collect::<Vec<_>>();
        let sleep = Action::Sleep(Duration::from_millis(5));
        assert_eq!(actions("C_Sign", 1), std::slice::from_ref(&sleep));
        assert_eq!(actions("C_Sign", 2), [Action::Return(0x8000_0001), sleep]);
        assert_eq!(actions("C_Login", 2), []);
    }

    #[test]
    fn flags_are_set_and_cleared() {
        let plan = Plan::parse("token-flags +USER_PIN_LOCKED -RNG").unwrap();
        assert_eq!(
            plan.flags(cryptoki_sys::CKF_RNG | cryptoki_sys::CKF_LOGIN_REQUIRED),
            cryptoki_sys::CKF_USER_PIN_LOCKED | cryptoki_sys::CKF_LOGIN_REQUIRED
        );
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "C_Logon 1 hang",
            "C_Login 0 hang",
            "C_Login x hang",
            "C_Login 1",
            "C_Login 1 return CKR_OKAY",
            "C_Login 1 flip",
            "C_Login 1 dance",
            "hide CKM_X",
            "token-flags USER_PIN_LOCKED",
            "token-flags +PIN",
            "slot-flags +RNG",
            "gcm-iv one",
            "hang",
        ] {
            assert!(Plan::parse(text).unwrap_err().contains(text), "{text}");
        }
    }
}
