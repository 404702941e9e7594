//! A message bus of a test's own.

use hsm_test::missing;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use twinlock::agent::watch::Bus;

/// Everybody may own every name and send everything, as on a session bus: a real system bus is stricter.
const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// A running dbus-daemon.
pub struct PrivateBus {
    dir: TempDir,
    child: Child,
}

impl PrivateBus {
    /// Nothing, said loudly, where there is no dbus-daemon.
    pub fn start() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let config = dir.path().join("config");
        let socket = dir.path().join("bus").display().to_string();
        std::fs::write(&config, CONFIG.replace("SOCKET", &socket)).expect("a temporary folder can be written");
        let started = Command::new("dbus-daemon")
            .args(["--nofork", "--print-address"])
            .arg(format!("--config-file={}", config.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match started {
            Err(why) if why.kind() == ErrorKind::NotFound => {
                return missing("dbus-daemon", "install the package 'dbus-daemon'");
            }
            other => other.expect("dbus-daemon can be run"),
        };
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("it says its address");
        assert!(line.starts_with("unix:path="), "dbus-daemon said '{line}'");
        Some(Self { dir, child })
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("bus")
    }

    /// For a watcher.
    pub fn bus(&self) -> Bus {
        Bus::At(self.socket())
    }

    /// Somebody on this bus.
    pub fn connect(&self) -> zbus::blocking::Connection {
        self.builder().build().expect("the bus takes connections")
    }

    pub fn builder(&self) -> zbus::blocking::connection::Builder<'static> {
        let address = format!("unix:path={}", self.socket().display());
        zbus::blocking::connection::Builder::address(address.as_str()).expect("it is an address")
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        self.kill();
    }
}
