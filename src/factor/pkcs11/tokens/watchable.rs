//! Which tokens could be pulled.

use super::{Found, Tokens};
use crate::factor::pkcs11::error::TokenError;
use crate::factor::pkcs11::info::Sighting;
use crate::factor::pkcs11::protocol::{Request, Response};

impl Tokens {
    /// Notes that a key of this token was used.
    pub(super) fn note_use(&mut self, found: &Found) {
        if !self.used.iter().any(|one| one.is_same(found)) {
            self.used.push(found.clone());
        }
    }

    /// The tokens whose keys were used until now and that a person can pull (CKF_REMOVABLE_DEVICE): an HSM in a rack is not among them.
    pub fn watchable(&mut self) -> Result<Vec<Sighting>, TokenError> {
        let mut removable = Vec::new();
        for found in self.used.clone() {
            match self.ask_token(&found, &Request::Removable { slot: found.info.slot }, b"", None)? {
                (Response::Removable(false), _) => {}
                (Response::Removable(true), _) => {
                    let module = &self.modules[found.module].module;
                    removable.push(Sighting {
                        module: module.path.clone(),
                        init_args: module.init_args.clone(),
                        deadline: module.deadline.as_secs().max(1),
                        label: found.info.label.clone(),
                        serial: found.info.serial.clone(),
                        name: found.info.name(),
                    });
                }
                _ => return Err(self.confused(found.module)),
            }
        }
        Ok(removable)
    }
}
