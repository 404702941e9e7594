//! Does one thing to a token through its PKCS#11 module: `token-tool MODULE COMMAND name=value...`.
//!
//! The fixtures run it with the module's variables in its environment, so that no test changes its own. The PINs on its command line are
//! those of test tokens. It writes lines to stdout, or `error: NAME in C_FUNCTION` to stderr and ends with 1; 2 is a wrong call.

mod keys;
mod pins;
mod round_trip;
mod slots;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use std::collections::HashMap;
use std::process::ExitCode;

/// Why it did not work.
enum Failure {
    /// The module refused.
    Module(cryptoki::error::Error),
    /// It cannot be done, or not like this.
    Other(String),
}

impl From<cryptoki::error::Error> for Failure {
    fn from(error: cryptoki::error::Error) -> Self {
        Self::Module(error)
    }
}

/// What came after the command.
struct Args(HashMap<String, String>);

impl Args {
    fn get(&self, name: &str) -> Result<&str, Failure> {
        self.0.get(name).map(String::as_str).ok_or_else(|| Failure::Other(format!("{name}= is missing")))
    }

    fn get_opt(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn yes(&self, name: &str) -> bool {
        self.get_opt(name) == Some("yes")
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Module(error)) => {
            eprintln!("error: {}", name(&error));
            ExitCode::from(1)
        }
        Err(Failure::Other(why)) => {
            eprintln!("error: {why}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let (Some(module), Some(command)) = (words.next(), words.next()) else {
        return Err(Failure::Other("token-tool MODULE COMMAND name=value...".to_owned()));
    };
    let args = words.filter_map(|word| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())));
    let args = Args(args.collect());
    let module = Pkcs11::new(module)?;
    module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))?;
    match command.as_str() {
        "init" => slots::init(&module, &args)?,
        "tokens" => slots::tokens(&module)?,
        "flags" => slots::flags(&module, &args)?,
        "mechanisms" => slots::mechanisms(&module, &args)?,
        "login" => drop(slots::user_session(&module, &args)?),
        "wrong-pin" => pins::wrong(&module, &args)?,
        "reset-pin" => pins::reset(&module, &args)?,
        "make-key" => keys::make(&module, &args)?,
        "delete-key" => keys::delete(&module, &args)?,
        "list" => keys::list(&module, &args)?,
        "round-trip" => round_trip::run(&module, &args)?,
        _ => return Err(Failure::Other(format!("no command '{command}'"))),
    }
    Ok(module.finalize()?)
}

/// The module's return value and the function, as in PKCS#11: `PIN_INCORRECT in C_Login`.
fn name(error: &cryptoki::error::Error) -> String {
    match error {
        cryptoki::error::Error::Pkcs11(value, function) => {
            format!("{} in C_{function:?}", upper(&format!("{value:?}")))
        }
        other => other.to_string(),
    }
}

/// `PinIncorrect` as `PIN_INCORRECT`.
fn upper(camel: &str) -> String {
    let mut text = String::new();
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}
