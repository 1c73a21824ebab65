//! What of a SIP message nobody needs to see: credentials and challenges, passwords in addresses, keys of encrypted sound, and
//! the digits that a caller presses. Found as ranges of its bytes, so that what is kept is copied once.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memmem};
use smallvec::SmallVec;

/// What stands in the place of a secret.
pub(in crate::store::ladder) const REMOVED: &str = "(removed)";

/// Headers whose values prove something or help to guess it (RFC 3261 section 22, RFC 7616).
const HEADERS: &[&[u8]] = &[
    b"Authorization",
    b"Proxy-Authorization",
    b"WWW-Authenticate",
    b"Proxy-Authenticate",
    b"Authentication-Info",
    b"Proxy-Authentication-Info",
    b"Cookie",
    b"Set-Cookie",
];

/// Lines of a body that hold keys: SDES (RFC 4568), MIKEY (RFC 4567), RFC 8866 5.12, ICE (RFC 8839).
const KEYS: &[&[u8]] = &[b"a=crypto:", b"a=key-mgmt:", b"k=", b"a=ice-pwd:"];

/// Begins key material wherever it stands (RFC 4568 6.1).
const INLINE: &[u8] = b"inline:";

/// Bodies that are shown: a description, a status line, and bodies together. What a caller presses may be the number of a card,
/// and comes in a dozen forms (dtmf-relay, telephone-event, KPML (RFC 4730), vendors' own): none of them is among these.
const SHOWN: &[&[u8]] = &[b"sdp", b"sipfrag", b"multipart"];

/// The longest user and password that are looked through: longer ones are nobody's.
const USER_MAX: usize = 256;

/// Where secrets are, the first one first, none overlapping another.
pub(in crate::store::ladder) type Secrets = SmallVec<[Range<usize>; 4]>;

/// Finds the secrets of a message.
pub(in crate::store::ladder) fn secrets(message: &[u8]) -> Secrets {
    let mut found = Secrets::new();
    let mut shows_body = false;
    let mut at = 0;
    while let Some((line, next)) = line_at(message, at) {
        if line.is_empty() {
            body(message, next, shows_body, &mut found);
            break;
        }
        header(message, at..at + line.len(), &mut shows_body, &mut found);
        at = next;
    }
    found.sort_unstable_by_key(|secret| (secret.start, secret.end));
    let mut end = 0;
    // An address within credentials is gone with them.
    found.retain(|secret| {
        let is_apart = secret.start >= end;
        end = end.max(secret.end);
        is_apart
    });
    found
}

/// The line that begins at `at` without its end, and where the next one begins.
fn line_at(message: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = message.get(at..).filter(|rest| !rest.is_empty())?;
    let length = memchr(b'\n', rest).unwrap_or(rest.len());
    let line = rest.get(..length)?;
    let next = message.len().min(at + length + 1);
    Some((line.strip_suffix(b"\r").unwrap_or(line), next))
}

/// A line of the head.
fn header(message: &[u8], place: Range<usize>, shows_body: &mut bool, found: &mut Secrets) {
    let line = message.get(place.clone()).unwrap_or_default();
    passwords(line, place.start, found);
    // Nothing else is looked for in most lines.
    let Some(b'a' | b'p' | b'w' | b'c' | b's') = line.first().map(u8::to_ascii_lowercase) else {
        return;
    };
    let Some(colon) = memchr(b':', line) else {
        return;
    };
    let (name, value) = line.split_at_checked(colon).unwrap_or_default();
    let (name, value) = (name.trim_ascii_end(), value.get(1..).unwrap_or_default());
    if HEADERS
        .iter()
        .any(|secret| secret.eq_ignore_ascii_case(name))
    {
        // Its scheme is no secret and often the answer to what went wrong.
        let scheme = value.trim_ascii_start();
        let word = scheme.iter().position(u8::is_ascii_whitespace).unwrap_or(0);
        let is_word = scheme.iter().take(word).all(u8::is_ascii_alphabetic);
        let kept = if is_word && word > 0 { word + 1 } else { 0 };
        let start = place.end - scheme.len() + kept;
        found.push(start..end_of_folded(message, place.end));
    } else if name.eq_ignore_ascii_case(b"Content-Type") || name.eq_ignore_ascii_case(b"c") {
        let end = end_of_folded(message, place.end);
        let value = message.get(place.end - value.len()..end);
        *shows_body = SHOWN.iter().any(|kind| {
            let mut words = value.unwrap_or_default().windows(kind.len());
            words.any(|word| word.eq_ignore_ascii_case(kind))
        });
    }
}

/// Where a header ends whose first line ends at `end`: those that begin with a space belong to it.
fn end_of_folded(message: &[u8], end: usize) -> usize {
    let mut end = end;
    loop {
        let rest = message.get(end..).unwrap_or_default();
        let next = end + memchr(b'\n', rest).map_or(rest.len(), |feed| feed + 1);
        match line_at(message, next) {
            Some((line, _)) if line.starts_with(b" ") || line.starts_with(b"\t") => {
                end = next + line.len();
            }
            Some(_) | None => return end,
        }
    }
}

/// Passwords in the addresses of a line (`sip:user:password@host`, RFC 3261 19.1.1).
fn passwords(line: &[u8], at: usize, found: &mut Secrets) {
    for sign in memchr_iter(b'@', line) {
        let before = line
            .get(sign.saturating_sub(USER_MAX)..sign)
            .unwrap_or_default();
        let begins = |byte: &u8| b"<\" \t,;?=".contains(byte);
        let user = before.iter().rposition(begins).map_or(0, |place| place + 1);
        let userinfo = before.get(user..).unwrap_or_default();
        let mut colons = memchr_iter(b':', userinfo);
        if let (Some(scheme), Some(second)) = (colons.next(), colons.next()) {
            let scheme = userinfo.get(..scheme).unwrap_or_default();
            if scheme.eq_ignore_ascii_case(b"sip") || scheme.eq_ignore_ascii_case(b"sips") {
                let password = userinfo.len() - second - 1;
                found.push(at + sign - password..at + sign);
            }
        }
    }
}

/// The body, which begins at `begin`.
fn body(message: &[u8], begin: usize, is_shown: bool, found: &mut Secrets) {
    let text = message.get(begin..).unwrap_or_default();
    if !is_shown && !text.is_empty() {
        found.push(begin..message.len());
        return;
    }
    let mut at = begin;
    while let Some((line, next)) = line_at(message, at) {
        if let [b'a' | b'A' | b'k' | b'K', b'=', ..] = line {
            let starts = |key: &&&[u8]| {
                let head = line.get(..key.len());
                head.is_some_and(|head| head.eq_ignore_ascii_case(key))
            };
            if let Some(key) = KEYS.iter().find(starts) {
                found.push(at + key.len()..at + line.len());
            }
        }
        at = next;
    }
    for inline in memmem::find_iter(text, INLINE) {
        let key = begin + inline + INLINE.len();
        let rest = message.get(key..).unwrap_or_default();
        let length = rest.iter().position(u8::is_ascii_whitespace);
        found.push(key..key + length.unwrap_or(rest.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_secrets(message: &[u8]) -> String {
        let mut out = Vec::new();
        let mut from = 0;
        for secret in secrets(message) {
            out.extend_from_slice(&message[from..secret.start]);
            out.extend_from_slice(REMOVED.as_bytes());
            from = secret.end;
        }
        out.extend_from_slice(&message[from..]);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn credentials_challenges_passwords_and_keys_are_removed_and_all_else_stays() {
        let message = "INVITE sip:anna:s3cret@10.0.0.1;x=y SIP/2.0\r\nVia: SIP/2.0/UDP h:5060;branch=z9hG4bK1\r\n\
            From: \"A: B\" <sip:+7999@h:5060>;tag=1\r\nTo: <sips:bob:pass:word@h>\r\nCall-ID: a:b:c@h\r\n\
            authorization: Digest username=\"u\",\r\n response=\"abc\"\r\nProxy-Authenticate : Digest nonce=\"n\"\r\n\
            Cookie: id=7\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\r\n\
            v=0\r\nk=clear:key\r\nm=audio 1 RTP/SAVP 8\r\na=CRYPTO:1 AES inline:abcd|2^20\r\na=x inline:efgh y\r\na=ice-pwd:p\r\na=ice-ufrag:u\r\n";
        assert_eq!(
            without_secrets(message.as_bytes()),
            "INVITE sip:anna:(removed)@10.0.0.1;x=y SIP/2.0\r\nVia: SIP/2.0/UDP h:5060;branch=z9hG4bK1\r\n\
            From: \"A: B\" <sip:+7999@h:5060>;tag=1\r\nTo: <sips:bob:(removed)@h>\r\nCall-ID: a:b:c@h\r\n\
            authorization: Digest (removed)\r\nProxy-Authenticate : Digest (removed)\r\n\
            Cookie: (removed)\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\r\n\
            v=0\r\nk=(removed)\r\nm=audio 1 RTP/SAVP 8\r\na=CRYPTO:(removed)\r\na=x inline:(removed) y\r\na=ice-pwd:(removed)\r\na=ice-ufrag:u\r\n"
        );
    }

    #[test]
    fn pressed_digits_are_removed_and_what_is_no_text_does_not_hurt() {
        let info =
            "INFO sip:a@h SIP/2.0\r\nc: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n";
        for kind in [
            "application/dtmf-relay",
            "application/vnd.nortelnetworks.digits",
            "application/kpml-response+xml",
            "\r\n audio/telephone-event",
        ] {
            let info = info.replace("application/dtmf-relay", kind);
            let shown = without_secrets(info.as_bytes());
            assert!(shown.ends_with("\r\n\r\n(removed)") && !shown.contains("Signal"));
        }
        let status = info.replace("application/dtmf-relay", "\r\n message/sipfrag");
        assert_eq!(without_secrets(status.as_bytes()), status);
        let shown = without_secrets(b"SIP/2.0 200 \xff\xfe\r\nSubject: \0\r\n\r\n\xf0\x28@:@\n");
        assert!(shown.starts_with("SIP/2.0 200 \u{fffd}\u{fffd}\r\nSubject: \0\r\n"));
        for cut in 0..info.len() {
            without_secrets(info.get(..cut).unwrap().as_bytes());
        }
        assert_eq!(without_secrets(b""), "");
    }
}
