//! How long a vault stays unlocked: what the config file says, and what the command says.

use super::config::AgentConfig;
use super::report::CliError;
use std::time::Duration;

/// Without use.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// In any case.
const MAX: Duration = Duration::from_secs(12 * 3600);
/// Nobody has a reason for more: a week.
const LIMIT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How long, and whether the token must stay.
pub struct Lifetime {
    /// Without use.
    pub idle: Duration,
    /// In any case.
    pub max: Duration,
    /// Also when the token that opened the vault is pulled.
    pub keep_on_removal: bool,
}

impl Lifetime {
    /// The command's word before the config file's, and that before ours.
    pub fn of(
        config: &AgentConfig,
        idle: Option<Duration>,
        max: Option<Duration>,
        keep: bool,
    ) -> Result<Self, CliError> {
        let configured = |text: &Option<String>, name: &str| {
            let parsed = text.as_deref().map(parse).transpose();
            parsed.map_err(|why| CliError::Usage {
                message: format!("'{name}' in the config file is no time: {why}"),
                hint: "write it like 15m or 12h".into(),
            })
        };
        let max = max.or(configured(&config.max, "max")?).unwrap_or(MAX);
        let idle = idle.or(configured(&config.idle, "idle")?).unwrap_or(IDLE);
        // What is longer than the longest is that: it locks then in any case.
        Ok(Self { idle: idle.min(max), max, keep_on_removal: keep || config.keep_on_removal })
    }
}

/// `15m`, `12h`, `1h 30m`: a second to a week.
pub fn parse(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|_| "write it like 90s, 15m or 12h".to_owned())?;
    if time < Duration::from_secs(1) || time > LIMIT {
        return Err("it is one second to seven days".to_owned());
    }
    Ok(Duration::from_secs(time.as_secs()))
}

/// `15 minutes`, `1 hour 30 minutes`: two units at most, rounded down.
pub fn in_words(time: Duration) -> String {
    let all = time.as_secs();
    let units = [(all / 86400, "day"), (all / 3600 % 24, "hour"), (all / 60 % 60, "minute"), (all % 60, "second")];
    let Some(first) = units.iter().position(|(n, _)| *n > 0) else { return "0 seconds".to_owned() };
    let two = units.iter().skip(first).take(2).filter(|(n, _)| *n > 0);
    two.map(|(n, unit)| super::report::count(*n, unit)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_said() {
        let seconds = Duration::from_secs;
        assert_eq!(parse("15m"), Ok(seconds(900)));
        assert_eq!(parse("1h 30m"), Ok(seconds(5400)));
        for wrong in ["", "15", "0s", "8d", "soon", "-1h", "500ms"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(in_words(seconds(900)), "15 minutes");
        assert_eq!(in_words(seconds(43_199)), "11 hours 59 minutes");
        assert_eq!(in_words(seconds(86_400 + 5)), "1 day");
        assert_eq!(in_words(seconds(0)), "0 seconds");
    }

    #[test]
    fn the_command_decides_before_the_config_file() {
        let config = AgentConfig { idle: Some("5m".into()), max: Some("1h".into()), keep_on_removal: true };
        let of = |config, idle, max| Lifetime::of(config, idle, max, false).unwrap();
        let mine = of(&config, None, Some(Duration::from_secs(120)));
        assert_eq!((mine.idle.as_secs(), mine.max.as_secs(), mine.keep_on_removal), (120, 120, true));
        let usual = of(&AgentConfig::default(), None, None);
        assert_eq!((usual.idle, usual.max, usual.keep_on_removal), (IDLE, MAX, false));
        let wrong = AgentConfig { idle: Some("x".into()), ..AgentConfig::default() };
        assert!(Lifetime::of(&wrong, None, None, false).is_err());
    }
}
