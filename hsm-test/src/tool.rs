//! Running `token-tool` on a module.

use crate::place::token_tool;
use std::path::PathBuf;
use std::process::Command;

/// A module with the environment in which it finds its tokens.
pub trait Target {
    /// The module's library.
    fn module_path(&self) -> PathBuf;

    /// What a process must have in its environment to find the tokens.
    fn env(&self) -> Vec<(String, String)>;

    /// Runs `token-tool COMMAND name=value...` and gives what it wrote to stdout.
    ///
    /// # Errors
    /// The tool failed; the error holds what it said.
    fn tool(&self, command: &str, args: &[(&str, &str)]) -> Result<String, ToolError> {
        let output = Command::new(token_tool())
            .envs(self.env())
            .arg(self.module_path())
            .arg(command)
            .args(args.iter().map(|(name, value)| format!("{name}={value}")))
            .output()
            .expect("token-tool can be run");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(stdout);
        }
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(ToolError { command: command.to_owned(), code: output.status.code(), stdout, stderr })
    }
}

/// How `token-tool` failed.
#[derive(Debug)]
pub struct ToolError {
    /// What it was asked for.
    pub command: String,
    /// Its exit code: 1 if the module refused, none if a signal ended it.
    pub code: Option<i32>,
    /// What it said before.
    pub stdout: String,
    /// The reason, e.g. `error: PIN_INCORRECT in C_Login`, and the module's own noise.
    pub stderr: String,
}

impl ToolError {
    /// Whether the module refused with this return value, e.g. `PIN_INCORRECT`.
    pub fn is(&self, name: &str) -> bool {
        self.code == Some(1) && self.stderr.lines().any(|line| line.starts_with(&format!("error: {name} in C_")))
    }
}

impl std::fmt::Display for ToolError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(f, "token-tool {command} ended with {code:?}\n{stdout}{stderr}")
    }
}

impl std::error::Error for ToolError {}
