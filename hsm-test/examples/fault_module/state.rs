//! What a process knows: the plan, the real module's functions, the calls counted.

use crate::table;
use cryptoki_sys::{CK_FUNCTION_LIST, CK_RV};
use hsm_test::fault::{Action, FUNCTIONS, LOG_VARIABLE, MODULE_VARIABLE, PLAN_VARIABLE, Plan};
use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

static STATE: OnceLock<State> = OnceLock::new();

/// One for each process, made at the first `C_GetFunctionList`.
pub struct State {
    /// What the module does otherwise.
    pub plan: Plan,
    /// The real module's functions.
    pub real: CK_FUNCTION_LIST,
    /// The functions that the caller gets.
    pub ours: CK_FUNCTION_LIST,
    log: Option<PathBuf>,
    counts: Mutex<HashMap<&'static str, u64>>,
}

/// What to do at a call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Do not hand it on.
    Return(CK_RV),
    /// Hand it on.
    On,
    /// Hand it on, flip a bit of its output.
    Flip,
}

impl State {
    /// The state; reads the plan and loads the real module at the first call.
    pub fn get_or_load(load: fn(&Path) -> Result<CK_FUNCTION_LIST, String>) -> Result<&'static Self, String> {
        if STATE.get().is_none() {
            // A plan may name what the table holds and nothing else: a call that is not counted would prove what it does not.
            if !std::iter::once("C_GetFunctionList").chain(table::NAMES.iter().copied()).eq(FUNCTIONS.iter().copied()) {
                return Err("hsm_test::fault::FUNCTIONS is not what the table holds".to_owned());
            }
            let variable = |name: &str| std::env::var_os(name).ok_or_else(|| format!("{name} is not set"));
            let plan = std::fs::read_to_string(variable(PLAN_VARIABLE)?).map_err(|error| error.to_string())?;
            let plan = Plan::parse(&plan)?;
            let real = load(Path::new(&variable(MODULE_VARIABLE)?))?;
            let log = std::env::var_os(LOG_VARIABLE).map(PathBuf::from);
            let state = Self { plan, real, ours: table::list(real), log, counts: Mutex::default() };
            // Another thread may have been faster; its state is as good.
            let _ = STATE.set(state);
        }
        Ok(Self::get())
    }

    /// The state.
    pub fn get() -> &'static Self {
        STATE.get().expect("nobody has our functions before C_GetFunctionList made the state")
    }

    /// Logs and counts a call, does what the plan says before it.
    pub fn before(&self, function: &'static str) -> Step {
        self.write_log(function);
        let of_all = self.in_log(function);
        let n = {
            let mut counts = self.counts.lock().expect("nothing panics while it holds the lock");
            let count = counts.entry(function).or_default();
            *count += 1;
            *count
        };
        let mut step = Step::On;
        for action in self.plan.actions(function, n, of_all) {
            match action {
                Action::Return(rv) => return Step::Return(*rv),
                Action::Sleep(time) => std::thread::sleep(*time),
                Action::Hang => loop {
                    std::thread::sleep(Duration::from_secs(3600));
                },
                Action::Crash => std::process::abort(),
                Action::Exit(code) => std::process::exit(*code),
                Action::Stderr(text) => drop(writeln!(std::io::stderr(), "{text}")),
                Action::Stdout(text) => drop(writeln!(std::io::stdout(), "{text}")),
                Action::Flip => step = Step::Flip,
            }
        }
        step
    }

    /// How often the log has a call.
    fn in_log(&self, function: &str) -> u64 {
        let log = self.log.as_ref().and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        log.lines().filter(|line| *line == function).count() as u64
    }

    /// One write in append mode a call, so that processes do not mix their lines.
    fn write_log(&self, function: &str) {
        let Some(path) = &self.log else { return };
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(format!("{function}\n").as_bytes()));
        // A test that counts calls must not count on a log that lacks some.
        written.unwrap_or_else(|error| panic!("'{}': {error}", path.display()));
    }
}
