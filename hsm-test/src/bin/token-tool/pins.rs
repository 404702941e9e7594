//! PINs: spend tries, set a new one.

use crate::slots::{find, pin};
use crate::{Args, Failure, upper};
use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use cryptoki::session::UserType;

/// Logs in `times` times with a PIN that is not the right one; writes what each returned.
pub fn wrong(module: &Pkcs11, args: &Args) -> Result<(), Failure> {
    let times: u32 = args.get("times")?.parse().map_err(|_| Failure::Other("times= is no number".to_owned()))?;
    // As long as the right one, so that the token has to compare it.
    let wrong: String = args.get("pin")?.chars().map(|digit| if digit == '9' { '8' } else { '9' }).collect();
    let session = module.open_rw_session(find(module, args)?)?;
    for _ in 0..times {
        match session.login(UserType::User, Some(&pin(&wrong))) {
            Err(Error::Pkcs11(value, _)) => println!("{}", upper(&format!("{value:?}"))),
            Err(other) => return Err(other.into()),
            Ok(()) => return Err(Failure::Other("a wrong PIN was taken".to_owned())),
        }
    }
    Ok(())
}

/// The security officer sets a new user PIN.
pub fn reset(module: &Pkcs11, args: &Args) -> Result<(), Failure> {
    let session = module.open_rw_session(find(module, args)?)?;
    session.login(UserType::So, Some(&pin(args.get("so-pin")?)))?;
    session.init_pin(&pin(args.get("new")?))?;
    Ok(session.logout()?)
}
