//! The wire format against chance and against a second reader: nothing panics, what is written reads back, and rsip, which
//! shares no code with us, reads in our messages what we put there.
#![expect(clippy::unwrap_used, reason = "a failed check ends the test")]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use rsip::prelude::{HeadersExt, ToTypedHeader, UntypedHeader};

use ringtag::media;
use ringtag::recording;
use ringtag::sdp::probe::descriptions;
use ringtag::sip::header::Name;
use ringtag::sip::message::{CSeq, Message, Method, Request};
use ringtag::sip::name_addr::NameAddr;
use ringtag::sip::probe;
use ringtag::sip::uri::Uri;
use ringtag::sip::write::{Reply, RequestWriter};

#[test]
fn every_committed_input_of_the_fuzzers_holds() {
    for file in files("fuzz/corpus/message") {
        probe::message(&fs::read(file).unwrap());
    }
    for file in files("fuzz/corpus/stream") {
        probe::stream(&fs::read(file).unwrap());
    }
    for file in files("fuzz/corpus/sdp") {
        descriptions(&fs::read(file).unwrap());
    }
    for file in files("fuzz/corpus/voices") {
        media::probe::voices(&fs::read(file).unwrap());
    }
    for file in files("fuzz/corpus/wire") {
        media::probe::wire(&fs::read(file).unwrap());
    }
    for file in files("fuzz/corpus/srtp") {
        media::probe::srtp(&fs::read(file).unwrap());
    }
    for file in files("fuzz/corpus/tape") {
        recording::probe::tape(&fs::read(file).unwrap());
    }
    for file in messages() {
        probe::message(&file);
        probe::stream(&[&[7], &file[..]].concat());
    }
}

proptest! {
    // Each decodes seconds of sound.
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What the fuzzers found worth keeping, damaged: each of the targets of sound by turns.
    #[test]
    fn no_damage_to_what_a_leg_hears_breaks_anything(
        target in 0..4usize,
        which in any::<prop::sample::Index>(),
        damage in vec((any::<prop::sample::Index>(), any::<Damage>()), 1..12),
    ) {
        let targets = ["voices", "wire", "srtp", "tape"];
        let all = files(&format!("fuzz/corpus/{}", targets[target]));
        let mut bytes = fs::read(which.get(&all)).unwrap();
        for (at, damage) in damage {
            damage.apply(&mut bytes, at);
        }
        match target {
            0 => {
                media::probe::voices(&bytes);
            }
            1 => media::probe::wire(&bytes),
            2 => media::probe::srtp(&bytes),
            _ => recording::probe::tape(&bytes),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_damage_to_a_message_breaks_the_reader(
        which in any::<prop::sample::Index>(),
        damage in vec((any::<prop::sample::Index>(), any::<Damage>()), 1..12),
    ) {
        let all = messages();
        let mut bytes = which.get(&all).clone();
        for (at, damage) in damage {
            damage.apply(&mut bytes, at);
        }
        probe::message(&bytes);
        probe::stream(&bytes);
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in vec(any::<u8>(), 0..512)) {
        probe::message(&bytes);
        probe::stream(&bytes);
    }

    #[test]
    fn what_is_written_reads_back(
        values in vec("[ -~а-я]{0,40}", 0..20),
        body in vec(any::<u8>(), 0..200),
        number in any::<u32>(),
    ) {
        let mut writer = head(Method::Invite, number);
        for value in &values {
            writer = writer.header(Name::Subject, value);
        }
        let read = Request::parse(writer.body("a/b", &body).finish()).unwrap();
        let got: Vec<_> = read.headers().lines(Name::Subject).map(<[u8]>::to_vec).collect();
        let put: Vec<_> = values.iter().map(|v| v.trim_matches(' ').as_bytes().to_vec()).collect();
        prop_assert_eq!(got, put);
        prop_assert_eq!(read.body().as_ref(), &body[..]);
        prop_assert_eq!(read.headers().cseq().number, number);
    }

    #[test]
    fn any_name_and_user_can_be_put_into_an_address(display in any::<String>(), user in any::<String>()) {
        let uri = Uri::sip(Some(&user), "example.com", None);
        prop_assume!(!user.is_empty());
        let uri = uri.unwrap();
        prop_assert_eq!(uri.user_unescaped().unwrap(), user.as_bytes());
        let made = NameAddr::new(Some(&display), &uri, Some("t"));
        let kept: String = display.chars().filter(|c| !c.is_control()).collect();
        let read = NameAddr::parse(made.as_bytes()).unwrap();
        prop_assert_eq!(read.display_text().unwrap_or_default(), kept);
        prop_assert_eq!(read.uri(), &uri);
        prop_assert_eq!(read.tag(), Some("t"));
    }

    #[test]
    fn a_uri_reads_as_itself_or_not_at_all(text in "(sips?|tel|x):[ -~]{0,40}") {
        if let Ok(uri) = Uri::parse(&text) {
            prop_assert_eq!(uri.to_string(), text);
        }
    }

    /// The differential test: rsip finds in a request of ours, and in our reply to it, what was put there.
    #[test]
    fn rsip_reads_what_we_write(
        user in "[a-z0-9+]{1,20}",
        display in "[A-Za-z ]{1,20}",
        from_tag in "[a-z0-9]{1,20}",
        to_tag in "[a-z0-9]{1,20}",
        call_id in "[a-z0-9]{1,30}",
        branch in "[a-z0-9]{1,30}",
        number in 0u32..0x8000_0000,
        body in "[a-z=\r\n]{0,100}",
    ) {
        let uri = Uri::sip(Some(&user), "example.com", Some(5070)).unwrap();
        let bytes = RequestWriter::new(&Method::Invite, &uri)
            .header(Name::Via, format_args!("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{branch};rport"))
            .header(Name::From, NameAddr::new(Some(&display), &uri, Some(&from_tag)))
            .header(Name::To, NameAddr::new(None, &uri, None))
            .header(Name::CallId, &call_id)
            .header(Name::CSeq, CSeq { number, method: Method::Invite })
            .header(Name::MaxForwards, 70)
            .body("application/sdp", body.as_bytes())
            .finish();
        let theirs = rsip::Request::try_from(bytes.as_ref()).unwrap();
        prop_assert_eq!(theirs.uri.to_string(), uri.as_str());
        prop_assert_eq!(theirs.call_id_header().unwrap().value(), &call_id);
        prop_assert_eq!(theirs.cseq_header().unwrap().seq().unwrap(), number);
        let from = theirs.from_header().unwrap().typed().unwrap();
        prop_assert_eq!(from.tag().unwrap().value(), &from_tag);
        prop_assert_eq!(&theirs.body, body.as_bytes());

        let asked = Request::parse(bytes).unwrap().arrived_from(([192, 0, 2, 1], 7000).into());
        let reply = Reply::to(&asked, 200, "OK").tag(&to_tag).body("application/sdp", body.as_bytes());
        let theirs = rsip::Response::try_from(reply.finish().as_ref()).unwrap();
        prop_assert_eq!(&theirs.status_code, &rsip::StatusCode::OK);
        let to = theirs.to_header().unwrap().typed().unwrap();
        prop_assert_eq!(to.tag().unwrap().value(), &to_tag);
        let via = theirs.via_header().unwrap().typed().unwrap();
        let branch = format!("z9hG4bK{branch}");
        prop_assert_eq!(via.branch().unwrap().value(), &branch);
        prop_assert_eq!(&theirs.body, body.as_bytes());
    }
}

/// Where both readers take a message they agree on it: over the valid torture messages that rsip accepts.
#[test]
fn rsip_agrees_with_us_where_it_reads_at_all() {
    let mut compared = 0;
    for bytes in messages() {
        let ours = Message::parse(Bytes::copy_from_slice(&bytes));
        let (Ok(ours), Ok(theirs)) = (ours, rsip::SipMessage::try_from(&bytes[..])) else {
            continue;
        };
        let headers = ours.headers();
        let (Ok(call_id), Ok(cseq)) = (theirs.call_id_header(), theirs.cseq_header()) else {
            continue;
        };
        assert_eq!(call_id.value(), headers.call_id());
        if let Ok(number) = cseq.seq() {
            assert_eq!(number, headers.cseq().number);
        }
        if let Some(from) = theirs.from_header().ok().and_then(|from| from.typed().ok()) {
            let tag = from.tag().map(|tag| tag.value().to_owned());
            assert_eq!(tag.as_deref(), headers.from().tag());
        }
        compared += 1;
    }
    assert!(compared >= 15, "only {compared} messages were compared");
}

/// One way to damage a message.
#[derive(Clone, Debug)]
enum Damage {
    Set(u8),
    Insert(u8),
    Remove(u8),
    Repeat(u8),
    Cut,
}

impl Arbitrary for Damage {
    type Parameters = ();
    type Strategy = BoxedStrategy<Self>;

    fn arbitrary_with((): ()) -> Self::Strategy {
        // What the grammar turns on is tried more often than chance would.
        let byte = prop_oneof![
            any::<u8>(),
            prop::sample::select(&b"\r\n \t\"\\<>;,:@?=%[]\0/"[..])
        ];
        prop_oneof![
            byte.clone().prop_map(Self::Set),
            byte.prop_map(Self::Insert),
            any::<u8>().prop_map(Self::Remove),
            any::<u8>().prop_map(Self::Repeat),
            Just(Self::Cut),
        ]
        .boxed()
    }
}

impl Damage {
    fn apply(self, bytes: &mut Vec<u8>, at: prop::sample::Index) {
        let at = at.index(bytes.len() + 1);
        let upto = |count: u8| (at + usize::from(count)).min(bytes.len());
        match self {
            Self::Set(byte) => {
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            Self::Insert(byte) => bytes.insert(at, byte),
            Self::Remove(count) => drop(bytes.drain(at..upto(count))),
            Self::Repeat(count) => bytes.extend_from_within(at..upto(count)),
            Self::Cut => bytes.truncate(at),
        }
    }
}

fn head(method: Method, number: u32) -> RequestWriter {
    RequestWriter::new(&method, "sip:c@d")
        .header(Name::Via, "SIP/2.0/UDP h;branch=z9hG4bK1")
        .header(Name::From, "<sip:a@b>;tag=1")
        .header(Name::To, "<sip:c@d>")
        .header(Name::CallId, "x")
        .header(Name::CSeq, CSeq { number, method })
}

fn messages() -> Vec<Vec<u8>> {
    ["tests/data/torture", "tests/data/ipv6"]
        .into_iter()
        .flat_map(files)
        .filter(|path| path.extension().is_some_and(|e| e == "dat"))
        .map(|path| fs::read(path).unwrap())
        .collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} is empty", folder.display());
    found
}
