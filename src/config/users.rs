//! `[[user]]`: who may use the pages and the API.

use std::sync::Arc;

use crate::config::book::Word;
use crate::config::known::{self, Known};
use crate::config::walk::Section;
use crate::notify::address::Address;
use crate::people::password::{Kept, Unfit};
use crate::people::user::{NAME_MAX, is_name};
use crate::people::{Projects, Role, User, Users};
use crate::track::Project;

/// As `ringtag passwd` prints it.
const SAMPLE_PASSWORD: &str = "\"$argon2id$…\"";
const REMEDY_PASSWORD: &str = "write the line that `ringtag passwd` prints";

/// Reads every `[[user]]`.
pub(in crate::config) fn users(sections: Vec<Section<'_, '_>>, projects: &Known<Project>) -> Users {
    let mut known: Known<User> = Known::new("[[user]]");
    let first = sections.first().map(|section| (section.book, section.at));
    for mut section in sections {
        let name = known::id(&mut section, "name", "\"anna\"").filter(|name| fits(&section, *name));
        let role = role(&mut section);
        let projects = own_projects(&mut section, projects, role);
        let password = password(&mut section);
        let email = email(&mut section);
        if let Some(name) = name {
            let user = role
                .zip(projects)
                .zip(password)
                .map(|((role, projects), password)| User {
                    name: name.text.into(),
                    role,
                    projects,
                    password,
                    email,
                });
            known.add(section.book, name, user);
        }
        section.finish();
    }
    let users: Users = known.meanings().map(|(user, _)| (**user).clone()).collect();
    let is_whole = users.len() == known.len();
    if let Some((book, at)) = first
        && is_whole
        && !users.iter().any(|user| user.role == Role::Admin)
    {
        book.warn(
            at,
            "no user is an admin: nobody sees SIP messages, ends others' sessions or makes tokens",
            "give one of them role = \"admin\"",
        );
    }
    users
}

/// The call log tells users, tokens and this machine apart by their names.
fn fits(section: &Section<'_, '_>, name: Word<'_>) -> bool {
    let good = is_name(name.text);
    if !good {
        section.book.error(
            name.at,
            format!(
                "nobody can be called \"{}\": the call log calls others so",
                name.text
            ),
            format!("choose another name of at most {NAME_MAX} characters"),
        );
    }
    good
}

fn role(section: &mut Section<'_, '_>) -> Option<Role> {
    if !section.has("role") {
        section.missing("role", "\"manager\"");
    }
    section.choice("role", &Role::OF_PEOPLE.map(|role| (role.word(), role)))
}

/// Whoever names no project sees all of them. An admin does in any case: they make tokens and read what the whole house does.
fn own_projects(
    section: &mut Section<'_, '_>,
    projects: &Known<Project>,
    role: Option<Role>,
) -> Option<Projects> {
    let words = section.some_words("projects", "[\"shop\"]");
    if !section.has("projects") {
        return Some(Projects::All);
    }
    if role == Some(Role::Admin) {
        section.book.error(
            section.place("projects"),
            "an admin administers the whole house, not some projects",
            "leave `projects` out, or make this user a manager",
        );
        return None;
    }
    let count = words.len();
    let mut own: Vec<Arc<str>> = Vec::with_capacity(count);
    for word in words {
        match projects.find_id(section.book, word) {
            Some(id) if own.contains(&id) => section.book.error(
                word.at,
                format!("project \"{id}\" is there twice"),
                "leave one of them out",
            ),
            Some(id) => own.push(id),
            None => {}
        }
    }
    (count > 0 && own.len() == count).then(|| Projects::These(own.into()))
}

/// Where trials of saved reports reach them.
fn email(section: &mut Section<'_, '_>) -> Option<Arc<str>> {
    let word = section.word("email", "\"anna@example.com\"")?;
    let address = word.text.parse::<Address>();
    if let Err(why) = &address {
        section.book.error(
            word.at,
            format!("`email` is \"{}\": {why}", word.text),
            "write an address such as \"anna@example.com\"",
        );
    }
    address.ok().map(|address| address.to_string().into())
}

fn password(section: &mut Section<'_, '_>) -> Option<Kept> {
    let word = section.needed("password", SAMPLE_PASSWORD)?;
    let book = section.book;
    match Kept::read(word.text) {
        Ok(kept) => {
            if kept.is_cheap() {
                book.warn(
                    word.at,
                    "the hash of this password costs a guesser less than it should",
                    "make it again with `ringtag passwd`",
                );
            }
            Some(kept)
        }
        // What stands there may be the password itself: it is not repeated.
        Err(why @ (Unfit::NoHash | Unfit::OtherKind | Unfit::Costly)) => {
            book.error(word.at, format!("`password` {why}"), REMEDY_PASSWORD);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::trial::{good, mistakes, notes};

    const SHOP: &str = "[[project]]\nid = \"shop\"\n[[project]]\nid = \"clinic\"\n";
    const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$0000000000000000000000000000000000000000000";

    fn user(rest: &str) -> String {
        format!("{SHOP}[[user]]\nname = \"anna\"\n{rest}")
    }

    #[test]
    fn a_user_has_a_name_a_role_and_sees_every_project_unless_some_are_named() {
        let text = format!(
            "{}[[user]]\nname = \"Борис\"\nrole = \"listener\"\nprojects = \"shop\"\npassword = \"{HASH}\"\n",
            user(&format!("role = \"admin\"\npassword = \"{HASH}\"\n"))
        );
        let users = good(&text).users;
        let anna = users.find("anna").unwrap();
        assert_eq!((anna.role, &anna.projects), (Role::Admin, &Projects::All));
        let boris = users.find("Борис").unwrap();
        assert_eq!(boris.role, Role::Listener);
        assert!(boris.who().sees("shop") && !boris.who().sees("clinic"));
        assert!(users.find("borис").is_none());
        assert!(good("").users.is_empty());
        assert!(
            !notes(&text).concat().contains("user"),
            "{:?}",
            notes(&text)
        );
    }

    #[test]
    fn what_is_wrong_with_a_user_is_told_at_its_place() {
        assert_eq!(
            mistakes(&user(&
                "roel = \"manager\"\nprojects = [\"shpo\", \"shop\", \"shop\"]\n[[user]]\nname = \"anna\"\nrole = \"boss\"\nprojects = []\npassword = \"hunter2\"\n[[user]]\nname = \"token x\"\nrole = \"admin\"\npassword = \"HASH\"\n"
                .replace("HASH", &HASH.replace("argon2id", "argon2i"))
            )),
            [
                "5:1: [[user]] has no `role`; add role = \"manager\"",
                "5:1: [[user]] has no `password`; add password = \"$argon2id$…\"",
                "7:1: [[user]] has no key `roel`; did you mean `role`?",
                "8:13: there is no [[project]] \"shpo\"; did you mean `shop`?",
                "8:29: project \"shop\" is there twice; leave one of them out",
                "10:8: [[user]] \"anna\" is there already, in line 6; give one of them another name",
                "11:8: `role` cannot be \"boss\"; there are: admin, manager, listener, analyst",
                "12:12: `projects` is an empty list; write projects = [\"shop\"], or leave the key out",
                "13:12: `password` is no hash of a password; write the line that `ringtag passwd` prints",
                "15:8: nobody can be called \"token x\": the call log calls others so; choose another name of at most 64 characters",
                "17:12: `password` is a hash of another kind than argon2id; write the line that `ringtag passwd` prints",
            ]
        );
    }

    #[test]
    fn a_cheap_hash_and_a_house_without_an_admin_are_warnings() {
        let cheap = HASH.replace("m=19456,t=2", "m=4096,t=1");
        let shown = notes(&user(&format!(
            "role = \"manager\"\npassword = \"{cheap}\"\n"
        )))
        .join("\n");
        assert!(
            shown.contains("5:1: warning: no user is an admin"),
            "{shown}"
        );
        assert!(
            shown.contains("8:12: warning: the hash of this password costs a guesser less"),
            "{shown}"
        );
    }

    #[test]
    fn no_debug_output_and_no_message_shows_a_password() {
        let text = user(&format!("role = \"admin\"\npassword = \"{HASH}\"\n"));
        let shown = format!("{:?}", good(&text).users);
        assert!(!shown.contains("argon2id"), "{shown}");
        let wrong = mistakes(&user("role = \"admin\"\npassword = \"hunter2\"\n")).concat();
        assert!(!wrong.contains("hunter2"), "{wrong}");
    }
}
