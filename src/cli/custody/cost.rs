//! What stretching a custodian's password costs. The request says how much, and nobody vouches for a request: up to 16 passwords at 4 GiB
//! and 32 passes each, which can stop a machine for an hour.

use super::super::custody_report::told;
use super::super::report::{CliError, USAGE, count, warn};
use super::super::session::Session;
use crate::factor::password::{Cost, cost_of};
use crate::header::Stanza;
use crate::prompt::{PromptError, Question};

/// More memory than this, in KiB, or more passes over it, is asked about; so is the two multiplied, for all factors together.
const MEMORY_KIB: u32 = 1 << 20;
const PASSES: u32 = 8;

/// Asks before a password is typed that would be stretched at an unusual cost, once for each of these factors.
pub fn agree(factors: &[(u8, &Stanza)], session: &mut Session) -> Result<(), CliError> {
    let costs: Vec<Cost> = factors.iter().filter_map(|(_, stanza)| cost_of(stanza)).collect();
    let Some(what) = unusual(&costs) else { return Ok(()) };
    let message = format!("the request asks for an unusual amount of work: {what}");
    warn(&message);
    match session
        .prompt
        .confirm(&Question::Plain("This can take minutes and slow the machine down. Go on all the same?"))
    {
        Ok(true) => Ok(()),
        Ok(false) => Err(CliError::Declined),
        Err(PromptError::Nobody { .. }) => {
            Err(told(USAGE, "nobody is there to agree to it", "run it on a terminal, if you know why it asks for that"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The dearest in words, if it is unusual or all of them are together.
fn unusual(costs: &[Cost]) -> Option<String> {
    let work = |cost: &Cost| u64::from(cost.memory_kib) * u64::from(cost.passes);
    let dear = |cost: &Cost| cost.memory_kib > MEMORY_KIB || cost.passes > PASSES;
    let all: u64 = costs.iter().map(work).sum();
    let most = costs.iter().max_by_key(|cost| (dear(cost), work(cost)))?;
    let usual = !dear(most) && all <= u64::from(MEMORY_KIB) * u64::from(PASSES);
    let times =
        if costs.len() > 1 { format!(", {} in all", count(costs.len() as u64, "password")) } else { String::new() };
    (!usual).then(|| format!("{} MiB of memory, {} passes over it{times}", most.memory_kib / 1024, most.passes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(mib: u32, passes: u32) -> Cost {
        Cost { memory_kib: mib * 1024, passes, lanes: 4 }
    }

    #[test]
    fn what_is_usual_is_not_asked_about() {
        assert_eq!(unusual(&[]), None);
        assert_eq!(unusual(&[Cost::default(); 16]), None);
        assert_eq!(unusual(&[cost(1024, 8)]), None);
        assert_eq!(unusual(&[cost(1025, 2)]).unwrap(), "1025 MiB of memory, 2 passes over it");
        assert_eq!(unusual(&[cost(19, 9)]).unwrap(), "19 MiB of memory, 9 passes over it");
        assert_eq!(
            unusual(&[cost(64, 3), cost(4096, 32)]).unwrap(),
            "4096 MiB of memory, 32 passes over it, 2 passwords in all"
        );
        let together = unusual(&[cost(1024, 8), cost(19, 2)]).unwrap();
        assert_eq!(together, "1024 MiB of memory, 8 passes over it, 2 passwords in all");
    }
}
