//! Tokens: make one, find one by its serial number, log in, tell what it says of itself.

use crate::{Args, Failure};
use cryptoki::context::Pkcs11;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

pub fn pin(text: &str) -> AuthPin {
    AuthPin::from(text)
}

/// Initialises the first empty token; writes its serial number.
pub fn init(module: &Pkcs11, args: &Args) -> Result<(), Failure> {
    let mut empty = None;
    for slot in module.get_slots_with_token()? {
        if !module.get_token_info(slot)?.token_initialized() {
            empty = Some(slot);
            break;
        }
    }
    let slot = empty.ok_or_else(|| Failure::Other("no empty token".to_owned()))?;
    let so_pin = pin(args.get("so-pin")?);
    module.init_token(slot, &so_pin, args.get("label")?)?;
    let session = module.open_rw_session(slot)?;
    session.login(UserType::So, Some(&so_pin))?;
    session.init_pin(&pin(args.get("pin")?))?;
    session.logout()?;
    println!("{}", module.get_token_info(slot)?.serial_number());
    Ok(())
}

/// A line for each initialised token: serial number, tab, label.
pub fn tokens(module: &Pkcs11) -> Result<(), Failure> {
    for slot in module.get_slots_with_initialized_token()? {
        let info = module.get_token_info(slot)?;
        println!("{}\t{}", info.serial_number(), info.label());
    }
    Ok(())
}

/// The flags about the user PIN that are set.
pub fn flags(module: &Pkcs11, args: &Args) -> Result<(), Failure> {
    let info = module.get_token_info(find(module, args)?)?;
    for (set, name) in [
        (info.user_pin_initialized(), "USER_PIN_INITIALIZED"),
        (info.user_pin_count_low(), "USER_PIN_COUNT_LOW"),
        (info.user_pin_final_try(), "USER_PIN_FINAL_TRY"),
        (info.user_pin_locked(), "USER_PIN_LOCKED"),
        (info.user_pin_to_be_changed(), "USER_PIN_TO_BE_CHANGED"),
        (info.protected_authentication_path(), "PROTECTED_AUTHENTICATION_PATH"),
    ] {
        if set {
            println!("{name}");
        }
    }
    Ok(())
}

/// The mechanisms that the token lists.
pub fn mechanisms(module: &Pkcs11, args: &Args) -> Result<(), Failure> {
    for mechanism in module.get_mechanism_list(find(module, args)?)? {
        println!("{mechanism}");
    }
    Ok(())
}

/// The token with this serial number.
pub fn find(module: &Pkcs11, args: &Args) -> Result<Slot, Failure> {
    let serial = args.get("serial")?;
    for slot in module.get_slots_with_initialized_token()? {
        if module.get_token_info(slot)?.serial_number() == serial {
            return Ok(slot);
        }
    }
    Err(Failure::Other(format!("no token with serial number '{serial}'")))
}

/// A session with the user logged in; without `pin=` by the keys of the reader.
pub fn user_session(module: &Pkcs11, args: &Args) -> Result<Session, Failure> {
    let session = module.open_rw_session(find(module, args)?)?;
    session.login(UserType::User, args.get_opt("pin").map(pin).as_ref())?;
    Ok(session)
}
