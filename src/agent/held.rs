//! How long a vault stays unlocked.

use std::time::Duration;

/// The two ends of an unlocking, by the clock of [`super::clock`].
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    idle: Duration,
    used: Duration,
    end: Duration,
}

impl Lease {
    pub fn new(now: Duration, idle: Duration, max: Duration) -> Self {
        Self { idle, used: now, end: now + max }
    }

    /// It was used.
    pub fn touch(&mut self, now: Duration) {
        self.used = now;
    }

    /// When it is over, if it is not used again.
    pub fn until(&self) -> Duration {
        (self.used + self.idle).min(self.end)
    }

    /// Why it is over, if it is.
    pub fn over(&self, now: Duration) -> Option<&'static str> {
        match () {
            () if now >= self.end => Some("it had been unlocked for as long as it may be"),
            () if now >= self.used + self.idle => Some("it was not used for a while"),
            () => None,
        }
    }

    /// What is left without use, and at most.
    pub fn left(&self, now: Duration) -> (Duration, Duration) {
        (self.until().saturating_sub(now), self.end.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_puts_off_one_end_and_not_the_other() {
        let second = Duration::from_secs;
        let mut lease = Lease::new(second(100), second(10), second(25));
        assert_eq!((lease.until(), lease.over(second(109))), (second(110), None));
        assert!(lease.over(second(110)).is_some());
        lease.touch(second(109));
        assert_eq!((lease.until(), lease.over(second(118))), (second(119), None));
        lease.touch(second(118));
        assert_eq!((lease.until(), lease.over(second(124))), (second(125), None));
        assert_eq!(lease.left(second(120)), (second(5), second(5)));
        lease.touch(second(124));
        assert!(lease.over(second(125)).is_some());
        assert_eq!(lease.left(second(126)), (second(0), second(0)));
    }
}
