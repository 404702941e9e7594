//! The clock by which unlocking ends: it goes on while the machine sleeps.

use rustix::time::{ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Since the machine was started, sleep included.
pub fn now() -> Duration {
    let now = rustix::time::clock_gettime(ClockId::Boottime);
    // Neither is ever negative for this clock.
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// Becomes readable at a time of that clock. A time-out of `poll` would not do: it stands still while the machine sleeps.
pub struct Alarm(OwnedFd);

impl Alarm {
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self(rustix::time::timerfd_create(TimerfdClockId::Boottime, flags)?))
    }

    /// At that time, or never.
    pub fn set(&self, at: Option<Duration>) -> io::Result<()> {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        // A time of zero would switch it off; one that has passed makes it go off at once.
        let at = at.map_or(Ok(zero), |at| Timespec::try_from(at.max(Duration::from_nanos(1))));
        let value = at.map_err(|_| io::ErrorKind::InvalidInput)?;
        let timer = Itimerspec { it_interval: zero, it_value: value };
        rustix::time::timerfd_settime(&self.0, TimerfdTimerFlags::ABSTIME, &timer)?;
        Ok(())
    }

    pub fn fd(&self) -> &OwnedFd {
        &self.0
    }

    /// Takes note that it went off.
    pub fn heard(&self) {
        // Nothing to read only means that it did not.
        let _ = rustix::io::read(&self.0, &mut [0_u8; 8]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, poll};

    #[test]
    fn it_goes_off_at_its_time_and_can_be_taken_back() {
        let alarm = Alarm::new().unwrap();
        let rings = |wait: i64| {
            let timeout = Timespec { tv_sec: wait, tv_nsec: 0 };
            poll(&mut [PollFd::new(alarm.fd(), PollFlags::IN)], Some(&timeout)).unwrap() == 1
        };
        alarm.set(Some(now() + Duration::from_millis(5))).unwrap();
        assert!(rings(60));
        alarm.heard();
        assert!(!rings(0));
        alarm.set(Some(Duration::ZERO)).unwrap();
        assert!(rings(60), "a time that has passed");
        alarm.set(None).unwrap();
        assert!(!rings(0));
    }
}
