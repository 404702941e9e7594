//! Items that a change of keyslots leaves behind: their sealed parts are not wrapped anew with them.

use super::super::report::warn;
use super::make::is_enrolled;
use crate::confirm::Confirmation;
use crate::factor::{Role, password, role};
use crate::vault::Vault;

/// Names that are told; of more it is told how many.
const TOLD: usize = 5;

/// Warns of items that only a token opens which the vault does not know any more, and after a change of passwords of those that the old one
/// opens. It takes a look at every item.
pub fn warn_of_old(vault: &mut Vault, passwords: bool) {
    let header = vault.header().clone();
    let (mut lost, mut old) = (Vec::new(), Vec::new());
    // The change is made; what is wrong with an item is told when it is read.
    let _ = vault.each(&mut |found| {
        let Ok(Some(confirmation)) = Confirmation::of(&found.item) else { return };
        let factors = confirmation.factors();
        if factors.iter().all(|stanza| role(&stanza.kind) == Role::Token && !is_enrolled(&header, stanza)) {
            lost.push(found.item.name);
        } else if passwords && factors.iter().any(|stanza| stanza.kind == password::KIND) {
            old.push(found.item.name);
        }
    });
    if !lost.is_empty() {
        warn(&format!(
            "{} only with a token that is enrolled no more: keep it until you have run 'twinlock edit NAME --confirm touch' for each",
            opens(lost)
        ));
    }
    if !old.is_empty() {
        warn(&format!(
            "{} with the old password, as --confirm was given with it: 'twinlock edit NAME --confirm password' takes the new one",
            opens(old)
        ));
    }
}

fn opens(mut names: Vec<String>) -> String {
    names.sort();
    let more = names.len().saturating_sub(TOLD);
    let told: Vec<String> = names.iter().take(TOLD).map(|name| format!("'{name}'")).collect();
    match (names.len(), more) {
        (1, _) => format!("the item {} opens", told[0]),
        (_, 0) => format!("the items {} open", told.join(", ")),
        (_, more) => format!("the items {} and {more} more open", told.join(", ")),
    }
}
