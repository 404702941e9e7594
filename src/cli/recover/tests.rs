use super::super::command::{Line, Names};
use super::super::session::{Global, Session};
use super::plan::{New, Step};
use super::tell::{Commands, would_help};
use super::*;

fn args() -> Args {
    Args {
        lost: Vec::new(),
        custodian: Vec::new(),
        new_token: Vec::new(),
        plan: true,
        json: false,
        making: Making::default(),
    }
}

fn session() -> Session {
    Session::new(Global { no_input: true, ..Global::default() }, None).unwrap()
}

/// Every command of a plan, and of help where nothing opens, that has the name of a keyslot.
pub fn commands(header: &Header, by: Names, name: &str) -> Vec<Line> {
    let (things, args, session) = (Things::of(header), args(), session());
    let plan = Plan { opening: None, steps: Vec::new() };
    let mut commands = Commands::new(header, &things, &args, &session, &plan);
    commands.names = by;
    let keyslot = || name.to_owned();
    let named = [
        Step::Request { keyslot: keyslot(), numbers: vec![2] },
        Step::Password { only: Some(keyslot()) },
        Step::Code { replace: Some(keyslot()) },
        Step::Wipe { keyslot: keyslot(), replaced: false, opens: false },
        Step::Sheet { keyslot: keyslot() },
    ];
    let mut lines: Vec<Line> = named.iter().map(|step| commands.of(step)).collect();
    commands.by = Some(keyslot());
    let enroll = Step::Enroll {
        like: keyslot(),
        threshold: 1,
        custodians: true,
        factors: vec![New::Known("password".into())],
        spare: false,
    };
    let opened = [enroll, Step::Rotate, Step::Password { only: None }, Step::Code { replace: None }];
    lines.extend(opened.iter().map(|step| commands.of(step)));
    if by == Names::Unproven {
        let help = would_help(header, &things);
        lines.extend(help.into_iter().map(|(_, line)| line).filter(|line| line.text().contains("request")).skip(1));
    }
    lines
}
