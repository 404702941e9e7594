//! A module that fails on command: it hands every call on to a real module, except where a plan says otherwise.
//!
//! A plan is text, one rule a line; `#` begins a comment line. `FUNCTION` is a PKCS#11 function (also `C_GetFunctionList`), `N` counts its
//! calls in one process from 1, `#N` those in all processes since the log was begun, `*` is each. A call that only asks for the size of its output is handed on and not counted.
//!
//! ```text
//! C_Decrypt 2 return CKR_DEVICE_REMOVED    not handed on; also a number: return 0x80000001
//! C_Sign #1 return CKR_SESSION_CLOSED      once: a process that is started afterwards finds nothing wrong
//! C_Sign 1 sleep 60000                     milliseconds, then on
//! C_Initialize 1 hang                      for ever
//! C_Sign 1 crash                           SIGABRT
//! C_Login 1 exit 3                         the process ends, as if nothing were wrong
//! C_Login * stderr no card in reader       a line of noise, then on
//! C_Login * stdout no card in reader
//! C_Encrypt 1 flip                         handed on; the lowest bit of the first byte of the output is flipped
//! hide CKM_AES_GCM                         not listed; refused with CKR_MECHANISM_INVALID
//! token-flags +USER_PIN_FINAL_TRY -RNG     CKF_ names without CKF_
//! slot-flags +REMOVABLE_DEVICE             the same of the PKCS#11 slot
//! pulled-by /tmp/x/pulled                  while this file is there, the slot says that its token is not (CKF_TOKEN_PRESENT)
//! gcm-iv hsm                               as AWS CloudHSM: an IV that is not zero is refused, zeros are replaced in the caller's buffer
//! gcm-iv zero                              a broken one: an IV that is not zero is refused, zeros are used
//! pin-pad 12345678                         C_Login without a PIN gets this one, as from the keys of a reader
//! ```

mod names;
mod plan;

pub use names::FUNCTIONS;
pub use plan::{Action, Call, GcmIv, Plan, Turn};

use crate::place::fault_module;
use crate::token::Token;
use crate::tool::Target;
use std::path::PathBuf;
use tempfile::TempDir;

/// The variable that names the real module. None of these begins with `TWINLOCK_`: twinlock keeps such from its helper process.
pub const MODULE_VARIABLE: &str = "HSM_TEST_FAULT_MODULE";
/// The variable that names the file with the plan.
pub const PLAN_VARIABLE: &str = "HSM_TEST_FAULT_PLAN";
/// The variable that names the file to which each call's function is appended, a line each.
pub const LOG_VARIABLE: &str = "HSM_TEST_FAULT_LOG";

/// A token behind the module that fails on command.
pub struct Faulty {
    dir: TempDir,
    env: Vec<(String, String)>,
}

impl Faulty {
    pub(crate) fn new(token: &Token, plan: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let file = |name: &str| dir.path().join(name).display().to_string();
        let mut env = token.env();
        env.push((MODULE_VARIABLE.to_owned(), token.module_path().display().to_string()));
        env.push((PLAN_VARIABLE.to_owned(), file("plan")));
        env.push((LOG_VARIABLE.to_owned(), file("log")));
        let this = Self { dir, env };
        this.plan(plan);
        this
    }

    /// Another plan, for processes that start from now on.
    ///
    /// # Panics
    /// If it is no plan.
    pub fn plan(&self, plan: &str) {
        if let Err(error) = Plan::parse(plan) {
            panic!("{error}");
        }
        std::fs::write(self.dir.path().join("plan"), plan).expect("a temporary folder can be written");
    }

    /// The functions called until now, by all processes, in order. Names only: no PIN is ever in it.
    pub fn calls(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// How often a function was called until now; `count("C_Login") == 0` proves that no PIN try was spent.
    ///
    /// # Panics
    /// If there is no such function: a misspelt one would be counted as never called.
    pub fn count(&self, function: &str) -> usize {
        assert!(names::is_function(function), "no function '{function}'");
        self.calls().iter().filter(|call| *call == function).count()
    }

    /// Forgets the calls until now.
    pub fn forget_calls(&self) {
        // Not there if nothing was called: as good as forgotten.
        let _ = std::fs::remove_file(self.dir.path().join("log"));
    }
}

impl Target for Faulty {
    fn module_path(&self) -> PathBuf {
        fault_module()
    }

    fn env(&self) -> Vec<(String, String)> {
        self.env.clone()
    }
}
