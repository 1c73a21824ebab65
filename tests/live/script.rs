//! sipp scenarios told step by step, for the crossings that deserve no file of their own.

use std::fmt::Write as _;

/// A scenario under construction: each method adds what the phone does or expects next.
pub(crate) struct Script {
    pub(crate) name: &'static str,
    steps: String,
    /// Steps so far: sipp names a branch by how many steps ago its request was.
    count: usize,
    invite: usize,
    /// A request of the peer whose answer comes later was kept, the n-th of its kind.
    kept: usize,
    cseq: u32,
    version: u32,
    answered: bool,
    side: Side,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Caller,
    Callee,
}

impl Script {
    /// A phone at the carrier that calls.
    pub(crate) fn caller(name: &'static str) -> Self {
        Self::new(name, Side::Caller)
    }

    /// A phone at the carrier that calls and is answered.
    pub(crate) fn talker(name: &'static str) -> Self {
        Self::caller(name)
            .invite(true)
            .provisionals(&[100, 180])
            .response(200)
            .ack(false)
    }

    /// A phone at the PBX that is called.
    pub(crate) fn callee(name: &'static str) -> Self {
        Self::new(name, Side::Callee)
    }

    fn new(name: &'static str, side: Side) -> Self {
        Self {
            name,
            steps: String::new(),
            count: 0,
            invite: 0,
            kept: 0,
            cseq: 0,
            version: 0,
            answered: false,
            side,
        }
    }

    /// The scenario as sipp reads it.
    pub(crate) fn xml(&self) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<scenario name=\"{}\">\n{}</scenario>\n",
            self.name, self.steps
        )
    }

    fn step(mut self, xml: &str) -> Self {
        self.steps.push_str(xml);
        self.steps.push('\n');
        self.count += 1;
        self
    }

    /// Waits.
    pub(crate) fn pause(self, ms: u32) -> Self {
        self.step(&format!("<pause milliseconds=\"{ms}\"/>"))
    }

    /// Speaks: sends a file of A-law again and again.
    pub(crate) fn stream(self, file: &str) -> Self {
        self.step(&format!(
            "<nop><action><exec rtp_stream=\"{file},-1,8\"/></action></nop>"
        ))
    }

    /// Waits for a word of the test, [`Sipp::go_on`](crate::sipp::Sipp::go_on): what other phones do, sipp cannot see.
    pub(crate) fn wait(self) -> Self {
        self.expect("MESSAGE")
    }

    /// Calls. The phone's first INVITE; without SDP it asks for an offer.
    pub(crate) fn invite(mut self, sdp: bool) -> Self {
        let body = if sdp {
            self.sdp("sendrecv")
        } else {
            String::new()
        };
        self.request("INVITE", &body)
    }

    /// Sends a request: the first, or within the dialog.
    pub(crate) fn request(mut self, method: &str, body: &str) -> Self {
        if method != "ACK" {
            self.cseq += 1;
        }
        if method == "INVITE" {
            self.invite = self.count;
        }
        let (target, from, to) = match (self.side, self.answered) {
            (Side::Caller, false) => (
                "sip:[service]@[remote_ip]:[remote_port]",
                CALLER,
                "<sip:[service]@[remote_ip]:[remote_port]>",
            ),
            (Side::Caller, true) => (
                "[next_url]",
                CALLER,
                "<sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]",
            ),
            (Side::Callee, _) => ("[$target]", "[$me];tag=t[call_number]", "[$caller]"),
        };
        let retrans = if method == "ACK" {
            ""
        } else {
            " retrans=\"500\""
        };
        let cseq = self.cseq;
        let content = content(body);
        let contact = if method == "INVITE" { CONTACT } else { "" };
        self.step(&format!(
            "<send{retrans}><![CDATA[\n{method} {target} SIP/2.0\n\
             Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\nMax-Forwards: 70\n\
             From: {from}\nTo: {to}\nCall-ID: [call_id]\nCSeq: {cseq} {method}\n{contact}{content}]]></send>"
        ))
    }

    /// Adds header lines to the message written last.
    pub(crate) fn with(mut self, headers: &str) -> Self {
        let after = ["Max-Forwards: 70\n", "[last_CSeq:]\n"];
        let ends = after.map(|line| self.steps.rfind(line).map(|at| at + line.len()));
        let end = ends.into_iter().flatten().max().unwrap();
        self.steps.insert_str(end, headers);
        self
    }

    /// Says in every From so far that somebody else calls.
    pub(crate) fn spoken_by(mut self, from: &str) -> Self {
        self.steps = self.steps.replace(CALLER, from);
        self
    }

    /// Says in every Contact so far that it is to be found at another host.
    pub(crate) fn contact(mut self, host: &str) -> Self {
        let there = CONTACT.replace("[local_ip]", host);
        self.steps = self.steps.replace(CONTACT, &there);
        self
    }

    /// Sends a re-INVITE with this direction in its offer, or without an offer.
    pub(crate) fn reinvite(mut self, direction: Option<&str>) -> Self {
        let body = direction
            .map(|direction| self.sdp(direction))
            .unwrap_or_default();
        self.request("INVITE", &body)
    }

    /// Acknowledges a 2xx, with an answer where the 2xx made the offer.
    pub(crate) fn ack(mut self, answer: bool) -> Self {
        self.answered = true;
        let body = if answer {
            self.sdp("sendrecv")
        } else {
            String::new()
        };
        self.request("ACK", &body)
    }

    /// Acknowledges a refusal of the last INVITE: the same branch (RFC 3261 17.1.1.3).
    pub(crate) fn ack_refused(self) -> Self {
        let ago = self.count - self.invite;
        let before = self.steps.len();
        let mut script = self.request("ACK", "");
        let sent = script.steps.split_off(before);
        let sent = sent.replace("branch=[branch]", &format!("branch=[branch-{ago}]"));
        script.steps.push_str(&sent);
        script
    }

    /// Expects a response; `rrs` learns the dialog from it.
    pub(crate) fn response(self, status: u16) -> Self {
        self.step(&format!("<recv response=\"{status}\" rrs=\"true\"/>"))
    }

    /// Expects a response whose body or headers match.
    pub(crate) fn response_with(self, status: u16, pattern: &str) -> Self {
        let check = check("msg", "", pattern);
        self.step(&format!(
            "<recv response=\"{status}\" rrs=\"true\"><action>{check}</action></recv>\n<Reference variables=\"matched\"/>"
        ))
    }

    /// Lets provisional responses pass.
    pub(crate) fn provisionals(self, statuses: &[u16]) -> Self {
        statuses.iter().fold(self, |script, status| {
            script.step(&format!("<recv response=\"{status}\" optional=\"true\"/>"))
        })
    }

    /// Expects a request.
    pub(crate) fn expect(self, method: &str) -> Self {
        self.step(&format!("<recv request=\"{method}\"/>"))
    }

    /// Expects a request with a header whose value matches.
    pub(crate) fn expect_with(self, method: &str, header: &str, pattern: &str) -> Self {
        let check = check("hdr", header, pattern);
        self.step(&format!(
            "<recv request=\"{method}\"><action>{check}</action></recv>\n<Reference variables=\"matched\"/>"
        ))
    }

    /// Expects a request that holds this somewhere.
    pub(crate) fn expect_body(self, method: &str, pattern: &str) -> Self {
        let check = check("msg", "", pattern);
        self.step(&format!(
            "<recv request=\"{method}\"><action>{check}</action></recv>\n<Reference variables=\"matched\"/>"
        ))
    }

    /// Expects the INVITE that begins the dialog, and learns from it how to speak within it.
    pub(crate) fn expect_call(self) -> Self {
        self.step(
            "<recv request=\"INVITE\"><action>\
             <ereg regexp=\"sip:[^&gt;]*\" search_in=\"hdr\" header=\"Contact:\" assign_to=\"target\"/>\
             <ereg regexp=\"&lt;.*\" search_in=\"hdr\" header=\"From:\" assign_to=\"caller\"/>\
             <ereg regexp=\"&lt;.*\" search_in=\"hdr\" header=\"To:\" assign_to=\"me\"/>\
             </action></recv>\n<Reference variables=\"target,caller,me\"/>",
        )
    }

    /// Expects the INVITE that begins the dialog and is answered later, with [`Self::accept_call`].
    pub(crate) fn expect_early_call(self) -> Self {
        let script = self.expect_call();
        let via = "<ereg regexp=\"[^ ].*\" search_in=\"hdr\" header=\"Via:\" assign_to=\"ivia\"/>";
        let steps = script
            .steps
            .replacen("<action>", &format!("<action>{via}"), 1);
        Self { steps, ..script }
    }

    /// Answers the INVITE that was expected first, in the early dialog that it has, without SDP.
    pub(crate) fn accept_call(self) -> Self {
        let script = self.step(&format!(
            "<send retrans=\"500\"><![CDATA[\nSIP/2.0 200 As told\nVia: [$ivia]\nFrom: [$caller]\n\
             To: [$me];tag=t[call_number]\nCall-ID: [call_id]\nCSeq: 1 INVITE\n{CONTACT}\
             Content-Length: 0\n\n]]></send>"
        ));
        Self {
            answered: true,
            ..script
        }
    }

    /// Answers the INVITE that came last with SDP, provisionally and reliably (RFC 3262), as a phone that knows UPDATE.
    pub(crate) fn describe_reliably(mut self, status: u16, rseq: u32) -> Self {
        let body = self.sdp("sendrecv");
        let headers = format!(
            "Require: 100rel\nRSeq: {rseq}\nAllow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE\n{CONTACT}"
        );
        self.say(status, &headers, &body)
    }

    /// Adds header lines to every request so far that has a Contact.
    pub(crate) fn also(mut self, headers: &str) -> Self {
        self.steps = self.steps.replace(CONTACT, &format!("{CONTACT}{headers}"));
        self
    }

    /// Expects a reliable provisional response, and acknowledges it with PRACK.
    pub(crate) fn acknowledged(mut self, status: u16) -> Self {
        self.answered = true;
        let script = self.step(&format!(
            "<recv response=\"{status}\" rrs=\"true\"><action>\
             <ereg regexp=\"[0-9]+\" search_in=\"hdr\" header=\"RSeq:\" assign_to=\"rseq\"/></action></recv>"
        ));
        let before = script.steps.len();
        let mut script = script.request("PRACK", "");
        let sent = script.steps.split_off(before);
        let sent = sent.replace(
            "Max-Forwards: 70\n",
            "Max-Forwards: 70\nRAck: [$rseq] 1 INVITE\n",
        );
        script.steps.push_str(&sent);
        script.response(200)
    }

    /// Sends an UPDATE whose offer wants its sound at this host.
    pub(crate) fn update(mut self, host: &str) -> Self {
        let body = self.sdp("sendrecv").replace(
            "c=IN IP[media_ip_type] [media_ip]",
            &format!("c=IN IP4 {host}"),
        );
        let before = self.steps.len();
        let mut script = self.request("UPDATE", &body);
        let sent = script.steps.split_off(before);
        let contact = format!("Max-Forwards: 70\n{CONTACT}");
        script
            .steps
            .push_str(&sent.replace("Max-Forwards: 70\n", &contact));
        script
    }

    /// Answers the UPDATE that came last with SDP.
    pub(crate) fn updated(mut self) -> Self {
        let body = self.sdp("sendrecv");
        let before = self.steps.len();
        let answered = self.answered;
        self.answered = true;
        let mut script = self.say(200, CONTACT, &body);
        script.answered = answered;
        // It has no ACK.
        let sent = script.steps.split_off(before);
        script
            .steps
            .push_str(&sent.replace("<send retrans=\"500\">", "<send>"));
        script
    }

    /// Expects a request whose answer comes later, with [`Self::late_reply`].
    pub(crate) fn keep(mut self, method: &str) -> Self {
        self.kept += 1;
        let kept = self.kept;
        let learn = |header: &str, name: &str| {
            format!(
                "<ereg regexp=\"[^ ].*\" search_in=\"hdr\" header=\"{header}:\" assign_to=\"{name}{kept}\"/>"
            )
        };
        let learned = [
            learn("Via", "via"),
            learn("From", "from"),
            learn("To", "to"),
            learn("CSeq", "cseq"),
        ]
        .concat();
        self.step(&format!(
            "<recv request=\"{method}\"><action>{learned}</action></recv>"
        ))
    }

    /// Answers the INVITE kept last, with SDP.
    pub(crate) fn late_answer(mut self) -> Self {
        let kept = self.kept;
        self.answered = true;
        let content = content(&self.sdp("sendrecv"));
        self.step(&format!(
            "<send retrans=\"500\"><![CDATA[\nSIP/2.0 200 Late\nVia: [$via{kept}]\nFrom: [$from{kept}]\n\
             To: [$to{kept}];tag=t[call_number]\nCall-ID: [call_id]\nCSeq: [$cseq{kept}]\n{CONTACT}{content}]]></send>"
        ))
    }

    /// Answers the request kept last.
    pub(crate) fn late_reply(self, status: u16) -> Self {
        let kept = self.kept;
        self.step(&format!(
            "<send><![CDATA[\nSIP/2.0 {status} Late\nVia: [$via{kept}]\nFrom: [$from{kept}]\nTo: [$to{kept}]\n\
             Call-ID: [call_id]\nCSeq: [$cseq{kept}]\nContent-Length: 0\n\n]]></send>"
        ))
    }

    /// Answers the request that came last.
    pub(crate) fn reply(self, status: u16) -> Self {
        self.reply_with(status, "")
    }

    /// Answers the request that came last within an early dialog: its To has the tag.
    pub(crate) fn say_ok(mut self) -> Self {
        let answered = std::mem::replace(&mut self.answered, true);
        let mut script = self.say(200, "", "");
        script.answered = answered;
        script
    }

    /// Answers the request that came last, with these header lines.
    pub(crate) fn reply_with(self, status: u16, headers: &str) -> Self {
        self.say(status, headers, "")
    }

    /// Answers an earlier request than the one that came last, of the same branch: the INVITE that was cancelled.
    pub(crate) fn reply_with_cseq(self, status: u16, cseq: &str) -> Self {
        let before = self.steps.len();
        let mut script = self.reply(status);
        let said = script.steps.split_off(before);
        script
            .steps
            .push_str(&said.replace("[last_CSeq:]", &format!("CSeq: {cseq}")));
        script
    }

    /// Answers the INVITE that came last with SDP.
    pub(crate) fn describe(mut self, status: u16, direction: &str) -> Self {
        let body = self.sdp(direction);
        self.describe_as(status, &body)
    }

    /// Answers the INVITE that came last with this description.
    pub(crate) fn describe_as(self, status: u16, body: &str) -> Self {
        let script = self.say(status, CONTACT, body);
        Self {
            answered: script.answered || status >= 200,
            ..script
        }
    }

    /// Answers as a registrar that grants so many seconds.
    pub(crate) fn grant(self, seconds: u32) -> Self {
        self.reply_with(200, &format!("[last_Contact:];expires={seconds}\n"))
    }

    /// Checks the credentials of the request that is expected; when they are wrong the answer is 403 and the end.
    pub(crate) fn expect_proven(self, method: &str, user: &str, password: &str) -> Self {
        let mut script = self.step(&format!(
            "<recv request=\"{method}\"><action>\
             <verifyauth assign_to=\"proven\" username=\"{user}\" password=\"{password}\"/></action></recv>"
        ));
        let label = script.count;
        script = script.step(&format!(
            "<nop hide=\"true\" test=\"proven\" next=\"{label}\"/>"
        ));
        script = script
            .reply(403)
            .step("<nop><action><exec int_cmd=\"stop_now\"/></action></nop>");
        let _written = writeln!(script.steps, "<label id=\"{label}\"/>");
        script
    }

    fn say(self, status: u16, headers: &str, body: &str) -> Self {
        let tag = if self.side == Side::Callee && !self.answered {
            ";tag=t[call_number]"
        } else {
            ""
        };
        // Final responses to INVITE are repeated until the ACK; sipp gives up by itself on others.
        let content = content(body);
        let retrans = if body.is_empty() || status < 200 {
            ""
        } else {
            " retrans=\"500\""
        };
        self.step(&format!(
            "<send{retrans}><![CDATA[\nSIP/2.0 {status} As told\n[last_Via:]\n[last_From:]\n[last_To:]{tag}\n\
             [last_Call-ID:]\n[last_CSeq:]\n{headers}{content}]]></send>"
        ))
    }

    fn sdp(&mut self, direction: &str) -> String {
        self.version += 1;
        format!(
            "v=0\no=- 1 {} IN IP[media_ip_type] [media_ip]\ns=-\nc=IN IP[media_ip_type] [media_ip]\nt=0 0\n\
             m=audio [media_port] RTP/AVP 8 101\na=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\n\
             a=fmtp:101 0-15\na={direction}\n",
            self.version
        )
    }
}

const CALLER: &str = "<sip:+79990000001@[local_ip]>;tag=f[call_number]";
const CONTACT: &str = "Contact: <sip:phone@[local_ip]:[local_port];transport=[transport]>\n";

fn content(body: &str) -> String {
    if body.is_empty() {
        "Content-Length: 0\n\n".to_owned()
    } else {
        format!("Content-Type: application/sdp\nContent-Length: [len]\n\n{body}")
    }
}

fn check(place: &str, header: &str, pattern: &str) -> String {
    let pattern = pattern
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    let header = if header.is_empty() {
        String::new()
    } else {
        format!(" header=\"{header}:\"")
    };
    format!(
        "<ereg regexp=\"{pattern}\" search_in=\"{place}\"{header} check_it=\"true\" assign_to=\"matched\"/>"
    )
}
