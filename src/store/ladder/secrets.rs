//! What of a SIP message nobody needs to see: credentials and challenges, passwords in addresses, keys of encrypted sound, and
//! the digits that a caller presses.

use std::borrow::Cow;

/// What stands in the place of a secret.
const REMOVED: &str = "(removed)";

/// Headers whose values prove something or help to guess it (RFC 3261 section 22, RFC 7616).
const HEADERS: &[&str] = &[
    "Authorization",
    "Proxy-Authorization",
    "WWW-Authenticate",
    "Proxy-Authenticate",
    "Authentication-Info",
    "Proxy-Authentication-Info",
    "Cookie",
    "Set-Cookie",
];

/// Lines of a body that hold keys: SDES (RFC 4568), MIKEY (RFC 4567), RFC 8866 5.12, ICE (RFC 8839).
const KEYS: &[&str] = &["a=crypto:", "a=key-mgmt:", "k=", "a=ice-pwd:"];

/// Begins key material wherever it stands (RFC 4568 6.1).
const INLINE: &str = "inline:";

/// Returns the text of a message without them.
pub(in crate::store::ladder) fn without_secrets(message: &[u8]) -> String {
    let text = String::from_utf8_lossy(message);
    let mut out = String::with_capacity(text.len());
    let mut lines = text.split_inclusive('\n');
    let mut hides_body = false;
    let mut is_hidden = false;
    for line in lines.by_ref() {
        let content = line.trim_end_matches(['\r', '\n']);
        if content.is_empty() {
            out.push_str(line);
            break;
        }
        if content.starts_with([' ', '\t']) && is_hidden {
            // The rest of a header that was folded.
            continue;
        }
        is_hidden = header(&mut out, line, content, &mut hides_body);
    }
    if hides_body {
        out.push_str(REMOVED);
        return out;
    }
    for line in lines {
        body_line(&mut out, line);
    }
    out
}

/// Copies a line of the head; returns whether its value was removed.
fn header(out: &mut String, line: &str, content: &str, hides_body: &mut bool) -> bool {
    let name = content
        .split_once(':')
        .map(|(name, value)| (name.trim_end(), value));
    let Some((name, value)) = name else {
        address(out, line);
        return false;
    };
    if HEADERS
        .iter()
        .any(|secret| secret.eq_ignore_ascii_case(name))
    {
        let scheme = value.split_ascii_whitespace().next();
        // Its scheme is no secret and often the answer to what went wrong.
        let scheme = scheme.filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()));
        out.push_str(name);
        out.push_str(": ");
        if let Some(scheme) = scheme {
            out.push_str(scheme);
            out.push(' ');
        }
        out.push_str(REMOVED);
        out.push_str(end_of(line, content));
        return true;
    }
    if name.eq_ignore_ascii_case("Content-Type") || name.eq_ignore_ascii_case("c") {
        // application/dtmf-relay and its like: what a caller presses may be the number of a card.
        *hides_body |= value.to_ascii_lowercase().contains("dtmf");
    }
    address(out, line);
    false
}

/// Copies a line without the passwords in its addresses (`sip:user:password@host`, RFC 3261 19.1.1).
fn address(out: &mut String, line: &str) {
    let mut rest = line;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        let user = before
            .rfind(['<', '"', ' ', '\t', ',', ';', '?', '='])
            .map_or(0, |place| place + 1);
        let userinfo = before.get(user..).unwrap_or_default();
        match password_in(userinfo) {
            Some(place) => {
                out.push_str(before.get(..user + place).unwrap_or_default());
                out.push_str(REMOVED);
            }
            None => out.push_str(before),
        }
        out.push('@');
        rest = after.get(1..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// Where the password begins in what stands before the `@` of an address; `None`: there is none, or it is no address.
fn password_in(userinfo: &str) -> Option<usize> {
    let (scheme, user) = userinfo.split_once(':')?;
    let is_sip = ["sip", "sips"]
        .iter()
        .any(|sip| sip.eq_ignore_ascii_case(scheme));
    let colon = user.find(':').filter(|_| is_sip)?;
    Some(scheme.len() + 1 + colon + 1)
}

/// Copies a line of the body without key material.
fn body_line(out: &mut String, line: &str) {
    let content = line.trim_end_matches(['\r', '\n']);
    let starts = |key: &&&str| {
        let head = content.get(..key.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(key))
    };
    let kept = match KEYS.iter().find(starts) {
        Some(key) => key.len(),
        None => match lower(content).find(INLINE) {
            Some(at) => at + INLINE.len(),
            None => return out.push_str(line),
        },
    };
    out.push_str(content.get(..kept).unwrap_or_default());
    out.push_str(REMOVED);
    out.push_str(end_of(line, content));
}

/// The line in small letters, where it has others: hardly any has.
fn lower(content: &str) -> Cow<'_, str> {
    if content.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(content.to_ascii_lowercase())
    } else {
        Cow::Borrowed(content)
    }
}

fn end_of<'a>(line: &'a str, content: &str) -> &'a str {
    line.get(content.len()..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_challenges_passwords_and_keys_are_removed_and_all_else_stays() {
        let message = "INVITE sip:anna:s3cret@10.0.0.1;x=y SIP/2.0\r\nVia: SIP/2.0/UDP h:5060;branch=z9hG4bK1\r\n\
            From: \"A: B\" <sip:+7999@h:5060>;tag=1\r\nTo: <sips:bob:pass:word@h>\r\nCall-ID: a:b:c@h\r\n\
            authorization: Digest username=\"u\",\r\n response=\"abc\"\r\nProxy-Authenticate : Digest nonce=\"n\"\r\n\
            Cookie: id=7\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\r\n\
            v=0\r\nk=clear:key\r\nm=audio 1 RTP/SAVP 8\r\na=CRYPTO:1 AES inline:abcd|2^20\r\na=x INLINE:efgh\r\na=ice-pwd:p\r\na=ice-ufrag:u\r\n";
        assert_eq!(
            without_secrets(message.as_bytes()),
            "INVITE sip:anna:(removed)@10.0.0.1;x=y SIP/2.0\r\nVia: SIP/2.0/UDP h:5060;branch=z9hG4bK1\r\n\
            From: \"A: B\" <sip:+7999@h:5060>;tag=1\r\nTo: <sips:bob:(removed)@h>\r\nCall-ID: a:b:c@h\r\n\
            authorization: Digest (removed)\r\nProxy-Authenticate: Digest (removed)\r\n\
            Cookie: (removed)\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\r\n\
            v=0\r\nk=(removed)\r\nm=audio 1 RTP/SAVP 8\r\na=CRYPTO:(removed)\r\na=x INLINE:(removed)\r\na=ice-pwd:(removed)\r\na=ice-ufrag:u\r\n"
        );
    }

    #[test]
    fn pressed_digits_are_removed_and_what_is_no_text_does_not_hurt() {
        let info =
            "INFO sip:a@h SIP/2.0\r\nc: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n";
        let shown = without_secrets(info.as_bytes());
        assert!(shown.ends_with("\r\n\r\n(removed)") && !shown.contains("Signal"));
        let shown = without_secrets(b"SIP/2.0 200 \xff\xfe\r\nSubject: \0\r\n\r\n\xf0\x28@:@\n");
        assert!(shown.starts_with("SIP/2.0 200 \u{fffd}\u{fffd}\r\nSubject: \0\r\n"));
        for cut in 0..info.len() {
            without_secrets(info.get(..cut).unwrap().as_bytes());
        }
        assert_eq!(without_secrets(b""), "");
    }
}
