//! SIP as text: what the simulated phones read and write, without a line of ringtag's own reader.

/// The value of the first header called `name`; empty where there is none.
pub(crate) fn header<'a>(text: &'a str, name: &str) -> &'a str {
    head(text)
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .find(|(label, _)| label.trim().eq_ignore_ascii_case(name))
        .map_or("", |(_, value)| value.trim())
}

/// The first line.
pub(crate) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

/// The status of a response; `None`: it is a request.
pub(crate) fn status(text: &str) -> Option<u16> {
    text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}

/// The method of a request.
pub(crate) fn method(text: &str) -> &str {
    first_line(text).split(' ').next().unwrap_or("")
}

/// The Request-URI.
pub(crate) fn uri(text: &str) -> &str {
    first_line(text).split(' ').nth(1).unwrap_or("")
}

/// The number and the method of CSeq.
pub(crate) fn cseq(text: &str) -> (u32, &str) {
    let (number, method) = header(text, "CSeq").split_once(' ').unwrap_or(("0", ""));
    (number.parse().unwrap_or(0), method)
}

/// The branch of the first Via.
pub(crate) fn branch(text: &str) -> &str {
    let via = header(text, "Via");
    via.split_once("branch=")
        .map_or("", |(_, rest)| rest.split([';', ',']).next().unwrap_or(""))
}

/// The tag of a From or To.
pub(crate) fn tag(value: &str) -> &str {
    value
        .split_once(";tag=")
        .map_or("", |(_, rest)| rest.split(';').next().unwrap_or(""))
}

/// The URI between the brackets.
pub(crate) fn in_brackets(value: &str) -> &str {
    value
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(value, |(uri, _)| uri)
}

/// What follows the empty line.
pub(crate) fn body(text: &str) -> &str {
    text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// The value of the first SDP line of that kind.
pub(crate) fn sdp_line<'a>(sdp: &'a str, kind: &str) -> &'a str {
    sdp.lines()
        .find_map(|line| line.strip_prefix(kind))
        .unwrap_or("")
}

fn head(text: &str) -> &str {
    text.split_once("\r\n\r\n").map_or(text, |(head, _)| head)
}

/// Whether a header that lists option tags names this one.
pub(crate) fn lists(text: &str, name: &str, option: &str) -> bool {
    head(text)
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .filter(|(label, _)| label.trim().eq_ignore_ascii_case(name))
        .flat_map(|(_, value)| value.split(','))
        .any(|one| one.trim() == option)
}

/// A response to `request`, with our tag where it has none.
pub(crate) fn reply(
    request: &str,
    status: u16,
    tag_of_ours: &str,
    contact: &str,
    body: &str,
) -> String {
    reply_with(request, status, tag_of_ours, contact, "", body)
}

/// A response with more headers, each of which ends its line. No Contact is written where `contact` is empty.
pub(crate) fn reply_with(
    request: &str,
    status: u16,
    tag_of_ours: &str,
    contact: &str,
    more: &str,
    body: &str,
) -> String {
    let mut text = format!("SIP/2.0 {status} Said\r\n");
    for name in ["Via", "From", "Call-ID", "CSeq"] {
        text += &format!("{name}: {}\r\n", header(request, name));
    }
    let to = header(request, "To");
    text += &match to.contains(";tag=") || status == 100 {
        true => format!("To: {to}\r\n"),
        false => format!("To: {to};tag={tag_of_ours}\r\n"),
    };
    let kind = if body.is_empty() {
        ""
    } else {
        "Content-Type: application/sdp\r\n"
    };
    if !contact.is_empty() {
        text += &format!("Contact: <{contact}>\r\n");
    }
    text + &format!("{more}{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// What a phone says of its sound.
pub(crate) fn sdp(host: &str, port: u16, version: u32, direction: &str, codec: &str) -> String {
    let (number, name) = match codec {
        "PCMU" => (0, "PCMU"),
        _pcma => (8, "PCMA"),
    };
    format!(
        "v=0\r\no=phone 7 {version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {number} 101\r\na=rtpmap:{number} {name}/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )
}
