//! `ringtag passwd`: takes a password and prints what stands for it in the configuration.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use clap::Args;
use serde_json::json;

use crate::base::chance::Chance;
use crate::base::entropy;
use crate::cli::{DONE, FAILED, WRONG_INPUT, complain};
use crate::people::password::{BYTES_MAX, Kept, weakness};
use crate::people::user::{NAME_MAX, is_name};

/// What to print it for.
#[derive(Debug, Args)]
pub(in crate::cli) struct Options {
    /// The user's name; without it the lines have a name to replace.
    name: Option<String>,
}

/// Asks twice at a terminal, or reads one line from what is piped in; prints the `[[user]]` to paste.
pub(in crate::cli) fn passwd(
    options: &Options,
    as_json: bool,
    out: &mut dyn Write,
) -> io::Result<u8> {
    let name = options.name.as_deref();
    if name.is_some_and(|name| !is_name(name)) {
        complain(&format!(
            "nobody can be called that; a name is at most {NAME_MAX} characters on one line, without quotes"
        ));
        return Ok(WRONG_INPUT);
    }
    let password = match ask(name) {
        Ok(password) => password,
        Err(why) => {
            complain(&why);
            return Ok(WRONG_INPUT);
        }
    };
    if let Some(weak) = weakness(&password, name) {
        complain(&format!("the password is not taken: {weak}"));
        return Ok(WRONG_INPUT);
    }
    let made = entropy::seed()
        .map_err(|error| error.to_string())
        .and_then(|seed| {
            Kept::make(&password, &mut Chance::from_seed(seed)).map_err(|weak| weak.to_string())
        });
    let kept = match made {
        Ok(kept) => kept,
        Err(why) => {
            complain(&format!("the password cannot be hashed: {why}"));
            return Ok(FAILED);
        }
    };
    if as_json {
        writeln!(
            out,
            "{}",
            json!({"name": name, "password": kept.to_string()})
        )?;
        return Ok(DONE);
    }
    // TOML writes its basic strings with the escapes of JSON (toml.io 1.0, String).
    let name = serde_json::to_string(name.unwrap_or("anna")).map_err(io::Error::from)?;
    writeln!(out, "[[user]]")?;
    writeln!(out, "name = {name}")?;
    writeln!(
        out,
        "role = \"manager\"             # or \"admin\", \"listener\", \"analyst\""
    )?;
    writeln!(out, "password = \"{kept}\"")?;
    Ok(DONE)
}

fn ask(name: Option<&str>) -> Result<String, String> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return one_line(&mut stdin.lock());
    }
    let whose = name.map_or_else(String::new, |name| format!(" of {name}"));
    let read = |prompt: String| {
        rpassword::prompt_password(prompt)
            .map_err(|error| format!("the password cannot be read: {error}"))
    };
    let first = read(format!("Password{whose}: "))?;
    if let Some(weak) = weakness(&first, name) {
        return Err(format!("the password is not taken: {weak}"));
    }
    if read("Once more: ".to_owned())? != first {
        return Err("the two are not the same; nothing was made".to_owned());
    }
    Ok(first)
}

/// Reads the line that a program pipes in; what would be cut off is refused.
fn one_line(from: &mut dyn BufRead) -> Result<String, String> {
    let most = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX) + 3;
    let mut text = String::new();
    from.take(most)
        .read_to_string(&mut text)
        .map_err(|error| format!("the password cannot be read: {error}"))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.contains(['\n', '\r']) {
        return Err("give the password as one line".to_owned());
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_read_without_its_end_and_two_are_refused() {
        let read = |text: &str| one_line(&mut text.as_bytes());
        assert_eq!(read("a b \n").as_deref(), Ok("a b "));
        assert_eq!(read("a\r\n").as_deref(), Ok("a"));
        assert_eq!(read("пароль").as_deref(), Ok("пароль"));
        assert_eq!(read("").as_deref(), Ok(""));
        assert!(read("a\nb\n").is_err());
        // What is too long stays too long, and is refused as such.
        let long = read(&"x".repeat(5_000)).unwrap();
        assert!(long.len() > BYTES_MAX);
    }
}
