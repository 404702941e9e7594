//! What makes the agent drop its keys: logind on a private bus, tokens in virtual readers and behind modules.

mod agent;
mod bus;
#[allow(dead_code)] // shared with the tests of the card, which use all of it
#[path = "../piv_card/lab.rs"]
mod card_lab;
#[allow(dead_code)] // shared with the conformance suite
#[path = "../conformance/lab.rs"]
mod lab;
mod login1;
mod logind;
mod piv;
#[allow(dead_code)] // shared with the tests of the factor
#[path = "../piv/lab.rs"]
mod piv_lab;
mod pkcs11;
mod told;
