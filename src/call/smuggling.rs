//! Tests: nothing crosses from one leg to the other unbuilt, whatever a peer hides in its headers, URIs and SDP.
//!
//! Hostile pieces are put into every place of every message that a peer sends in a call. What leaves on either side is read
//! line by line: only headers that ringtag writes, each of them whole, and no line of the peer's own.

use bytes::Bytes;

use crate::call::rig::*;
use crate::sip::message::Message;

/// What each hostile piece tries to leave behind at the beginning of a line.
const MARK: &str = "X-Evil";

/// The headers that ringtag writes, on either leg.
const OURS: &[&str] = &[
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Allow",
    "CSeq",
    "Call-ID",
    "Contact",
    "Content-Length",
    "Content-Type",
    "Diversion",
    "From",
    "History-Info",
    "Identity",
    "Max-Breadth",
    "Max-Forwards",
    "Min-SE",
    "Organization",
    "P-Asserted-Identity",
    "Priority",
    "Privacy",
    "RAck",
    "RSeq",
    "Reason",
    "Record-Route",
    "Remote-Party-ID",
    "Require",
    "Retry-After",
    "Route",
    "Server",
    "Session-Expires",
    "Subject",
    "Supported",
    "Timestamp",
    "To",
    "Unsupported",
    "User-Agent",
    "User-to-User",
    "Via",
    "Warning",
];

/// Those that stand once at most in a message.
const ONCE: &[&str] = &[
    "CSeq",
    "Call-ID",
    "Contact",
    "Content-Length",
    "Content-Type",
    "From",
    "Max-Forwards",
    "To",
];

fn hostile() -> Vec<String> {
    let mut pieces: Vec<String> = [
        "\r\nX-Evil: 1",
        "\nX-Evil: 1",
        "\rX-Evil: 1",
        "\r\n X-Evil: 1",
        "\r\n\tX-Evil: 1\r\n",
        "\r\n\r\nX-Evil: 1\r\n",
        "\nX-Evil: 1\n\n",
        "%0d%0aX-Evil:%201",
        "%0D%0A%20X-Evil:1%00",
        "\0X-Evil: 1",
        "\0\r\nX-Evil: 1",
        "\u{b}X-Evil: 1\u{c}",
        "\u{85}X-Evil: 1",
        "\u{2028}X-Evil: 1",
        "\u{1b}[2JX-Evil: 1",
        "\"X-Evil: 1",
        "\\\"X-Evil: 1\\",
        "\\\r\nX-Evil: 1",
        ">X-Evil: 1<",
        "><sip:x-evil@x>;tag=X-Evil",
        ";X-Evil=1",
        "?X-Evil=1&Subject=%0d%0aX-Evil",
        ",X-Evil: 1",
        "\r\na=X-Evil",
        "\r\nm=audio 9 RTP/AVP 0\r\nX-Evil",
        "\u{e9}X-Evil\u{202e}",
    ]
    .map(str::to_owned)
    .to_vec();
    pieces.push(format!("{}X-Evil: 1", "A".repeat(9_000)));
    pieces.push(format!("\r\n{}", "X-Evil: 1\r\n".repeat(200)));
    pieces
}

/// A rig whose trunks believe each other: the most that ever passes.
fn trusting() -> Rig {
    let mut lines = trunks();
    for line in &mut lines {
        line.0.trusted = true;
    }
    Rig::with(one_by_one(&["101"]), lines)
}

fn rich_invite() -> String {
    let more = "Subject: about mowers\r\nOrganization: Garden\r\nPriority: normal\r\nAccept-Language: ru, en\r\n\
        User-to-User: 56a390f3;encoding=hex\r\nHistory-Info: <sip:+74950000009@x>;index=1\r\n\
        Diversion: \"Shop\" <sip:+74950000009@x>;reason=unconditional\r\nUser-Agent: phone 1.0\r\n\
        P-Asserted-Identity: \"Anna\" <sip:+79160000001@x>\r\nPrivacy: none\r\nX-Other: value\r\n\
        Reason: Q.850;cause=16;text=\"bye\"\r\nAlert-Info: <http://x/y>\r\nCall-Info: <http://x/z>\r\n\
        Record-Route: <sip:127.0.0.1:5066;lr>\r\nRemote-Party-ID: \"Anna\" <sip:+79160000001@x>;party=calling\r\n";
    let text = adding(
        &invite(NUMBER, &sdp("127.0.0.2", 4_000, "a=x-note:hello")),
        more,
    );
    text.replace(
        "<sip:anna@127.0.0.1:5066>",
        "\"Anna\" <sip:anna@127.0.0.1:5066;ob?x=y>;expires=60",
    )
}

/// The message with each hostile piece in turn: every place of it meets a few of them.
fn poisoned(text: &str) -> impl Iterator<Item = String> + use<> {
    let text = text.to_owned();
    let pieces = hostile();
    // No common divisor, so that over the places each header meets each piece.
    (0..text.len()).step_by(2).flat_map(move |place| {
        let at = |n: usize| {
            let piece = pieces.get((place * 5 + n * 11) % pieces.len());
            let (before, after) = text.split_at(place);
            format!("{before}{}{after}", piece.map_or("", |piece| piece))
        };
        [at(0), at(1)]
    })
}

/// What left must be what ringtag writes.
#[track_caller]
fn assert_built(rig: &mut Rig, cause: &str) {
    for text in rig.everything() {
        let say = || format!("from\n{cause:?}\ncame\n{text:?}");
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("{}", say()));
        let mut lines = head.split("\r\n");
        lines.next();
        let mut names = Vec::new();
        for line in lines {
            let control = |c: char| c.is_control() && c != '\t' || c == '\u{2028}';
            // A response copies Via, From, To, Call-ID and CSeq to the byte (RFC 3261 8.2.6.2): a NUL goes back to who sent it.
            let copied = [
                "Via",
                "From",
                "To",
                "Call-ID",
                "CSeq",
                "Record-Route",
                "Timestamp",
            ];
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{}", say()));
            let breaks = value.contains(['\r', '\n']);
            let is_copy = text.starts_with("SIP/2.0") && copied.contains(&name);
            assert!(!breaks, "{}", say());
            assert!(is_copy || !value.contains(control), "{name}: {}", say());
            assert!(OURS.contains(&name), "{name}: {}", say());
            names.push(name);
        }
        for once in ONCE {
            let count = names.iter().filter(|name| *name == once).count();
            assert!(count <= 1, "{once}: {}", say());
        }
        let length = header(&text, "Content-Length").parse::<usize>();
        // A body that was cut in mid-character is shown longer than it is.
        assert!(
            length == Ok(body.len()) || body.contains('\u{fffd}'),
            "{}",
            say()
        );
        if header(&text, "Content-Type") == "application/sdp" {
            for line in body.split("\r\n").filter(|line| !line.is_empty()) {
                let is_line =
                    line.as_bytes().get(1) == Some(&b'=') && !line.contains(['\n', '\r', '\0']);
                assert!(is_line, "{}", say());
                assert!(!line.starts_with(MARK), "{}", say());
            }
        }
        let read = Message::parse(Bytes::from(text.clone()));
        // A response to what cannot be read copies what cannot be read.
        assert!(read.is_ok() || text.starts_with("SIP/2.0 4"), "{}", say());
    }
}

#[test]
fn nothing_hidden_in_a_callers_invite_leaves_us() {
    let (mut called, mut runs) = (0, 0);
    for text in poisoned(&rich_invite()) {
        let mut rig = trusting();
        rig.from(CARRIER, &text);
        runs += 1;
        called += usize::from(!rig.questions.is_empty());
        assert_built(&mut rig, &text);
    }
    assert!(
        runs > 800 && called > runs / 5,
        "{called} of {runs} were calls"
    );
}

#[test]
fn a_caller_whose_user_holds_escaped_ends_of_lines_and_zeros_is_called_no_such_thing() {
    for user in [
        "anna%0d%0aX-Evil:%201",
        "%00anna%00",
        "%0D%0A%0D%0A",
        "79160000001%00%0a",
    ] {
        let mut rig = trusting();
        let text = invite(NUMBER, &sdp("127.0.0.2", 4_000, ""));
        let at = text.find("From: ").unwrap();
        let (before, from) = text.split_at(at);
        let (from, after) = from.split_once("\r\n").unwrap();
        let tag = from.split_once(";tag=").unwrap().1;
        let asserted = format!("P-Asserted-Identity: <sip:{user}@127.0.0.1>");
        let hostile = format!(
            "{before}From: \"{user}\" <sip:{user}@127.0.0.1>;tag={tag}\r\n{asserted}\r\n{after}"
        );
        rig.from(CARRIER, &hostile);
        let toward = rig.to(PBX, "INVITE");
        let bare = toward.replace("\r\n", "");
        assert!(!bare.contains(char::is_control), "{toward:?}");
        assert!(!toward.contains("\r\nX-Evil"), "{toward:?}");
        assert!(Message::parse(Bytes::from(toward.clone())).is_ok());
        rig.put_back(PBX, toward);
        assert_built(&mut rig, &hostile);
    }
}

/// A call that is up, and what one of its sides says next.
fn said(who: &str, method: &str, body: &str) -> (Rig, String) {
    let mut rig = trusting();
    let (mut caller, mut callee) = rig.up();
    let peer = if who == CARRIER {
        &mut caller
    } else {
        &mut callee
    };
    let more =
        "Reason: Q.850;cause=16;text=\"bye\"\r\nSubject: x\r\nUser-Agent: y\r\nX-Other: z\r\n";
    let text = adding(&peer.request(method, body), more);
    rig.everything();
    (rig, text)
}

fn assert_nothing_hidden_in(who: &str, other: &str, method: &str, body: &str) {
    let (_, plain) = said(who, method, body);
    let mut passed = 0;
    for text in poisoned(&plain) {
        let (mut rig, again) = said(who, method, body);
        assert_eq!(again, plain, "every rig of one seed writes the same");
        rig.from(who, &text);
        let out = rig.all_to(other);
        passed += usize::from(!out.is_empty());
        for one in out {
            rig.put_back(other, one);
        }
        assert_built(&mut rig, &text);
        rig.seconds(1);
        assert_built(&mut rig, &text);
    }
    assert!(passed > 0, "{method} of {who} never passed");
}

#[test]
fn nothing_hidden_in_a_bye_or_an_info_leaves_us_on_either_side() {
    for (who, other) in [(CARRIER, PBX), (PBX, CARRIER)] {
        assert_nothing_hidden_in(who, other, "BYE", "");
        assert_nothing_hidden_in(who, other, "INFO", "Signal=5\r\nDuration=160\r\n");
    }
}

#[test]
fn nothing_hidden_in_a_reinvite_or_an_update_leaves_us_on_either_side() {
    for (who, other) in [(CARRIER, PBX), (PBX, CARRIER)] {
        let offer = sdp("127.0.0.2", 4_000, "a=sendonly");
        assert_nothing_hidden_in(who, other, "INVITE", &offer);
        assert_nothing_hidden_in(who, other, "UPDATE", &offer);
    }
}

#[test]
fn nothing_hidden_in_a_targets_answer_reaches_the_caller() {
    let begin = || {
        let mut rig = trusting();
        rig.dial();
        let toward = rig.to(PBX, "INVITE");
        rig.everything();
        (rig, toward)
    };
    let more = "Reason: Q.850;cause=17;text=\"busy\"\r\nServer: pbx\r\nWarning: 399 x \"y\"\r\nX-Other: z\r\n\
        Retry-After: 5\r\nSubject: x\r\n";
    for status in [180, 183, 200, 302, 486] {
        let answer = |toward: &str| {
            let body = match status {
                183 | 200 => sdp("127.0.0.3", 5_000, "a=x-note:hello"),
                _ => String::new(),
            };
            reply_with(toward, status, "callee", more, &body)
        };
        let (_, toward) = begin();
        let plain = answer(&toward);
        let mut passed = 0;
        for text in poisoned(&plain) {
            let (mut rig, again) = begin();
            assert_eq!(again, toward, "every rig of one seed writes the same");
            rig.from(PBX, &text);
            let out = rig.all_to(CARRIER);
            passed += usize::from(!out.is_empty());
            for one in out {
                rig.put_back(CARRIER, one);
            }
            assert_built(&mut rig, &text);
        }
        // A redirection to a trunk is followed, and the caller hears nothing of it.
        let expected = if status == 302 { 0 } else { 50 };
        assert!(passed > expected, "{status}: {passed} passed");
    }
}
