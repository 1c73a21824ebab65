//! The user part of the Contact that we register: by it the calls of one account are told from those of another at the same
//! carrier, and from those of strangers, wherever the carrier sends them from (RFC 3261 10.2.1).

use std::fmt::Write as _;

use sha2::Digest;
use sha2::Sha256;

use crate::call::trunk::Trunk;

/// Bytes of the hash that are shown: 80 bits are beyond guessing, and carriers store them without complaint.
const BYTES: usize = 10;

/// The user part for `trunk`; `None`: no registration is kept there.
///
/// It is the same after every restart, so that a registration which a crash left behind is renewed and not doubled. Whoever
/// sees it can check a guess of the password with it, as with any answer to a digest challenge that goes the same way.
pub(in crate::call) fn contact_user(trunk: &Trunk) -> Option<String> {
    let username = trunk.username.as_deref().filter(|_| trunk.register)?;
    let password = trunk.password.as_deref()?;
    let mut hash = Sha256::new();
    for part in [
        "ringtag contact",
        &*trunk.id,
        &*trunk.host,
        username,
        password,
    ] {
        // The lengths keep the parts apart.
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    // A letter first: it can be taken for no number.
    let mut user = String::from("r");
    for byte in hash.finalize().iter().take(BYTES) {
        // Writing to a String does not fail.
        let _ = write!(user, "{byte:02x}");
    }
    Some(user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::desk::Note;
    use crate::call::rig::*;
    use crate::call::story::What;
    use crate::call::trunk::Addresses;
    use std::time::Duration;

    fn account(id: &str) -> (Trunk, Addresses) {
        let mut trunk = trunk(id, 5066);
        trunk.register = true;
        trunk.username = Some(id.into());
        trunk.password = Some("secret".into());
        (trunk, at(&[CARRIER]))
    }

    /// Two accounts at one carrier, and the Contact of each.
    fn two() -> (Rig, [String; 2]) {
        let mut lines = vec![account("one"), account("two")];
        lines.extend(trunks().pop());
        let mut rig = Rig::with(one_by_one(&["101"]), lines);
        rig.pass(Duration::from_millis(1));
        let registers = rig.all_to(CARRIER);
        let contact = |at: usize| {
            let contact = header(&registers[at], "Contact");
            let uri = contact.trim_start_matches('<').split('>').next().unwrap();
            uri.to_owned()
        };
        let contacts = [contact(0), contact(1)];
        (rig, contacts)
    }

    #[test]
    fn each_account_at_one_carrier_is_known_by_the_contact_that_it_was_given() {
        for at in [0, 1] {
            let (mut rig, contacts) = two();
            assert_ne!(contacts[0], contacts[1]);
            let text = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
            let to_us = format!("INVITE {} SIP", contacts[at]);
            let text = text.replace(&format!("INVITE sip:{NUMBER}@127.0.0.1 SIP"), &to_us);
            // The carrier calls from another of its hosts as well, and To names the number.
            let from = [CARRIER, "127.0.0.44:5060"][at];
            rig.from(from, &text);
            let What::Began(began) = &rig.facts[0].what else {
                panic!("{:?}", rig.facts);
            };
            assert_eq!(&*began.trunk, ["one", "two"][at]);
            assert_eq!(began.virtual_number.to_string(), NUMBER);
            rig.to(PBX, "INVITE");
        }
    }

    #[test]
    fn a_contact_that_is_nearly_ours_is_a_strangers() {
        let (mut rig, contacts) = two();
        rig.notes.clear();
        let text = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
        let near = contacts[0].replace("@", "0@");
        rig.from(
            "127.0.0.44:5060",
            &text.replace("sip:+74950000001@127.0.0.1 SIP", &format!("{near} SIP")),
        );
        assert!(matches!(rig.notes[0], Note::Refused { status: 403, .. }));
        assert!(rig.questions.is_empty());
    }

    #[test]
    fn the_contact_outlives_a_restart_and_says_neither_user_nor_secret() {
        let (trunk, _) = account("one");
        let user = contact_user(&trunk).unwrap();
        assert_eq!(contact_user(&trunk), Some(user.clone()));
        assert!(!user.contains("one") && !user.contains("secret"), "{user}");
        let mut other = trunk;
        other.password = Some("another".into());
        assert_ne!(contact_user(&other), Some(user));
        other.register = false;
        assert_eq!(contact_user(&other), None);
    }
}
