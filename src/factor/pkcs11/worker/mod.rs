//! Inside the helper process: the one place where a PKCS#11 module is loaded. It answers requests one by one.
//!
//! No logger is ever installed here, so what the cryptoki crate logs (each mechanism it does not know) goes nowhere.

mod classify;
mod codes;
mod generate;
mod init_args;
mod keys;
mod loaded;
mod operate;
mod stdio;
mod watch;

pub use stdio::run;

use super::protocol::{self, Failure, FailureClass, HexBytes, MAX_REQUEST, MAX_RESPONSE, Request, Response};
use cryptoki::types::AuthPin;
use loaded::Loaded;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use zeroize::Zeroizing;

/// What a request comes to.
type Outcome<T> = Result<T, Failure>;

/// Answers requests until the input ends, then finalises the module.
pub fn serve(mut input: impl Read + AsFd, mut output: impl Write) -> io::Result<()> {
    let mut module = None;
    while let Some((request, secret)) = protocol::read::<Request>(&mut input, MAX_REQUEST)? {
        let watch = match &request {
            Request::Watch { label, serial } => Some((label.clone(), serial.clone())),
            _ => None,
        };
        let (response, z) = match answer(&mut module, request, secret) {
            Ok(answer) => answer,
            Err(failure) => (Response::Failed(failure), Zeroizing::default()),
        };
        protocol::write(&mut output, &response, &z, MAX_RESPONSE)?;
        if let (Some((label, serial)), Response::Watching, Some(module)) = (watch, &response, &module)
            && watch::until_gone(module, &label, &serial, input.as_fd())?
        {
            protocol::write(&mut output, &Response::Gone, b"", MAX_RESPONSE)?;
        }
    }
    if let Some(module) = module {
        module.finalize();
    }
    Ok(())
}

type Answer = (Response, Zeroizing<Vec<u8>>);

fn answer(module: &mut Option<Loaded>, request: Request, secret: Zeroizing<Vec<u8>>) -> Outcome<Answer> {
    if let Request::Load { path, init_args } = &request {
        let (loaded, info) = Loaded::load(path, init_args.as_deref())?;
        *module = Some(loaded);
        return Ok((Response::Loaded(info), Zeroizing::default()));
    }
    let Some(module) = module else {
        return Err(Failure::plain(FailureClass::ModuleUnusable, "no module is loaded"));
    };
    let response = match request {
        Request::Load { .. } => unreachable!("answered above"),
        Request::Tokens | Request::TokensAgain => {
            if matches!(request, Request::TokensAgain) {
                module.reload()?;
            }
            let (tokens, broken) = module.tokens()?;
            Response::Tokens(tokens, broken)
        }
        Request::Modes { slot } => Response::Modes(module.modes(slot)?),
        Request::Login { slot, pin_pad } => {
            let pin = if pin_pad { None } else { Some(auth_pin(secret)?) };
            module.login(slot, pin.as_ref())?;
            Response::LoggedIn
        }
        Request::Keys { slot, classes, id, label } => {
            let (id, label) = (id.as_ref().map(|id| &id.0[..]), label.as_ref().map(|label| &label.0[..]));
            Response::Keys(keys::list(&module.session(slot)?, &classes, id, label)?)
        }
        Request::Seal { slot, key, aad, iv } => {
            let iv = iv.0.try_into().map_err(|_| Failure::plain(FailureClass::BadAnswer, "an IV has 12 bytes"))?;
            let (iv, sealed) = operate::seal(module, slot, &key, &aad.0, iv, &secret)?;
            Response::Sealed { iv: HexBytes(iv.to_vec()), sealed: HexBytes(sealed) }
        }
        Request::Reproduce { slot, key, operation } => {
            let z = operate::reproduce(module, slot, &key, &operation)?;
            return Ok((Response::Reproduced, z));
        }
        Request::Removable { slot } => Response::Removable(module.removable(slot)?),
        Request::Watch { label, serial } if watch::is_there(module, &label, &serial) => Response::Watching,
        Request::Watch { .. } => Response::Gone,
        Request::Generate { slot, mode, label, id } => {
            generate::generate(module, slot, mode, &label, &id.0)?;
            Response::Generated
        }
    };
    Ok((response, Zeroizing::default()))
}

/// The PIN in the crate's type, in memory of exact size: a boxed copy, and the frame it came in is erased.
fn auth_pin(secret: Zeroizing<Vec<u8>>) -> Outcome<AuthPin> {
    // An empty PIN counts as a wrong try, so it never gets as far as a module.
    match std::str::from_utf8(&secret) {
        Ok(pin) if !pin.is_empty() => Ok(AuthPin::new(pin.into())),
        _ => Err(Failure::plain(FailureClass::PinForm, "the PIN is empty or not UTF-8")),
    }
}
