use crate::factor::password::{CostWish, NewPassword, PasswordEnroll};
use crate::factor::piv::{self, PivError};
use crate::factor::recovery::{RecoveryCode, RecoveryEnroll};
use crate::factor::{Enroll, FactorError, Open, Openers, SlotContext};
use crate::header::Stanza;
use crate::prompt::{Ask, Came, Prompt, ScriptedPrompt, Tries};
use crate::secret::{AccountKey, CodeText, FactorSecret, zeros32};
use crate::store::memory::{Contents, MemoryStore};
use crate::vault::{NewKeyslot, Vault, VaultError, Wish};
use std::cell::Cell;
use std::os::fd::AsFd;
use std::rc::Rc;

const CHEAP: CostWish = CostWish { memory_kib: Some(19_456), passes: Some(2), lanes: Some(1) };
const RIGHT: &str = "correct horse battery 9";
const ANY: &str = "Password or recovery code for vault 'v', or insert a token:\n";
const PIN: &str = "PIN of token 'ada':\n";

/// A token that is here or not, with a PIN.
struct Token(Rc<Cell<bool>>);

impl Enroll for Token {
    fn enroll(&self, _: &SlotContext<'_>, _: &mut dyn Prompt) -> Result<(Stanza, FactorSecret), FactorError> {
        Ok((Stanza::new(piv::KIND, &serde_json::json!({})), FactorSecret::new(zeros32())))
    }
}

impl Open for Token {
    fn open(
        &mut self,
        _: &SlotContext<'_>,
        _: &Stanza,
        prompt: &mut dyn Prompt,
    ) -> Result<Option<FactorSecret>, FactorError> {
        if !self.0.get() {
            return Err(FactorError::Piv(PivError::NotHere { token: "ada".into(), here: Vec::new() }));
        }
        let pin = prompt.secret(&Ask::Pin { token: "ada", tries: Tries::Full, vouched: true })?;
        assert_eq!(pin.expose(), "123456", "anything else would cost a try");
        Ok(Some(FactorSecret::new(zeros32())))
    }

    fn is_here(&mut self, _: &Stanza, _: &mut dyn Prompt) -> Option<bool> {
        Some(self.0.get())
    }

    fn absent(&self, error: &FactorError) -> bool {
        matches!(error, FactorError::Piv(PivError::NotHere { .. }))
    }

    fn secret_or(&mut self, ask: &Ask<'_>, prompt: &mut dyn Prompt) -> Result<Came, FactorError> {
        let (never, _end) = std::io::pipe().unwrap();
        Ok(prompt.secret_or(ask, never.as_fd())?)
    }
}

struct Lab {
    store: MemoryStore,
    here: Rc<Cell<bool>>,
    code: String,
}

impl Lab {
    /// Keyslots by what they hold, `p` a password, `t` a token, `pt` both together; and one with a recovery code.
    fn with(keyslots: &[&str]) -> Self {
        let here = Rc::new(Cell::new(false));
        let code = RecoveryCode::generate().unwrap();
        let text = code.text().expose().to_owned();
        let kept = code.read_back(&CodeText::new(zeroize::Zeroizing::new(text.clone()))).unwrap();
        let mut prompt = ScriptedPrompt::new().types(RIGHT).types(RIGHT);
        let password = Rc::new(NewPassword::ask("v", "both", true, &mut prompt).unwrap());
        let password = PasswordEnroll { cost: CHEAP.fresh(), password };
        let (token, recovery) = (Token(Rc::clone(&here)), RecoveryEnroll(kept));
        let mut all: Vec<NewKeyslot<'_>> = Vec::new();
        for name in keyslots {
            let factors: Vec<&dyn Enroll> =
                name.chars().map(|c| if c == 'p' { &password as &dyn Enroll } else { &token }).collect();
            let threshold = u8::try_from(name.len()).unwrap();
            all.push(NewKeyslot { name: (*name).into(), threshold, factors, custodians: false });
        }
        all.push(NewKeyslot { name: "code".into(), threshold: 1, factors: vec![&recovery], custodians: false });
        let new = Vault::prepare("v", &AccountKey::new(zeros32()), &all, &mut prompt).unwrap();
        Self { store: MemoryStore::new(Contents::new(&new.header, &new.manifest, [], [])), here, code: text }
    }

    fn opens(&self, person: &mut ScriptedPrompt) -> Result<Vault, VaultError> {
        let mut openers = Openers::typed();
        openers.add(piv::KIND, Box::new(Token(Rc::clone(&self.here))));
        let opened = Vault::unlock(Box::new(self.store.clone()), Wish::default(), &mut openers, person);
        person.finish();
        opened
    }

    /// The name of the keyslot that opened.
    fn by(&self, person: &mut ScriptedPrompt) -> String {
        match self.opens(person) {
            Ok(vault) => vault.opened_with().0.name.clone(),
            Err(error) => panic!("{error:?}\n{}", person.transcript()),
        }
    }

    fn puts_in(&self) -> impl FnOnce() + 'static {
        let here = Rc::clone(&self.here);
        move || here.set(true)
    }
}

#[test]
fn whatever_comes_first_opens() {
    let lab = Lab::with(&["p", "t"]);
    let mut person = ScriptedPrompt::new().in_person().types(RIGHT);
    assert_eq!(lab.by(&mut person), "p");
    assert_eq!(person.transcript(), ANY);
    assert_eq!(lab.by(&mut ScriptedPrompt::new().in_person().types(&lab.code.to_lowercase())), "code");
    let mut person = ScriptedPrompt::new().in_person().types("wrong").brings(lab.puts_in()).types("123456");
    assert_eq!(lab.by(&mut person), "t");
    let wrong = "That password is wrong. Try again; Enter alone tries another way in, Ctrl-C\nstops.\n";
    let ways = "Ways in: piv (damaged), password, recovery code. Esc leaves one for the next.\n";
    assert_eq!(person.transcript(), format!("{ANY}{wrong}{ANY}{ways}{PIN}"));
}

#[test]
fn a_password_waits_for_the_token_that_it_goes_with() {
    let lab = Lab::with(&["pt"]);
    let mut person = ScriptedPrompt::new().in_person().types(RIGHT).brings(lab.puts_in()).types("123456");
    assert_eq!(lab.by(&mut person), "pt");
    let told = "Password taken, now insert a token. Only then it shows whether it is right.\n";
    assert!(person.transcript().starts_with(&format!("{ANY}{told}{ANY}Ways in: ")), "{}", person.transcript());
}

#[test]
fn a_password_that_is_wrong_alone_is_kept_and_tried_with_the_token() {
    let lab = Lab::with(&["p", "pt"]);
    let person = ScriptedPrompt::new().in_person().types("wrong").brings(lab.puts_in());
    let mut person = person.types("123456").types("wrong again").types(RIGHT);
    assert_eq!(lab.by(&mut person), "pt");
    let told = person.transcript();
    assert!(told.contains("That password opens nothing by itself. It is kept: insert a token, or type"), "{told}");
    assert!(told.ends_with("Password for vault 'v' (keyslot 'pt'):\n"), "{told}");
    assert_eq!(told.matches(PIN).count(), 1, "{told}");
}

#[test]
fn three_wrong_ones_are_enough() {
    let lab = Lab::with(&["p", "t"]);
    let mut person = ScriptedPrompt::new().in_person().types("1").types("2").types("3");
    match lab.opens(&mut person) {
        Err(VaultError::Locked(refusals)) => assert_eq!(refusals.last().map(|(name, _)| name.as_str()), Some("p")),
        _ => panic!("{}", person.transcript()),
    }
}

#[test]
fn a_token_that_was_left_is_not_asked_again() {
    let lab = Lab::with(&["p", "t"]);
    lab.here.set(true);
    let mut person = ScriptedPrompt::new().in_person().skips().types(RIGHT);
    assert_eq!(lab.by(&mut person), "p");
    assert_eq!(person.transcript().matches(PIN).count(), 1, "{}", person.transcript());
}

#[test]
fn where_nobody_sits_each_way_is_asked_for_by_its_name() {
    let lab = Lab::with(&["p"]);
    let mut person = ScriptedPrompt::new().types(RIGHT);
    assert_eq!(lab.by(&mut person), "p");
    assert_eq!(person.transcript(), "Password for vault 'v' (keyslot 'p'):\n");
}
