//! Trials of URIs: what the grammar allows, what phones write, and which two are the same.

use super::*;

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap()
}

#[test]
fn the_parts_are_where_the_grammar_puts_them() {
    let all = uri("sips:al%69ce:pw@Example.com:5061;transport=tcp;lr?Subject=x&Route=y");
    assert_eq!(all.scheme(), Scheme::Sips);
    assert_eq!(all.user(), Some("al%69ce:pw"));
    assert_eq!(all.user_unescaped().unwrap(), &b"alice:pw"[..]);
    assert_eq!(all.host(), Some(Host::Name("Example.com")));
    assert_eq!(all.port(), Some(5061));
    assert_eq!(all.param("TRANSPORT"), Some("tcp"));
    assert!(all.is_loose_route());
    assert_eq!(all.headers(), Some("Subject=x&Route=y"));
    assert_eq!(
        all.without_headers().as_str(),
        "sips:al%69ce:pw@Example.com:5061;transport=tcp;lr"
    );
    assert_eq!(uri("sip:john.doe@h").user(), Some("john.doe"));
    assert_eq!(uri("sip:h").user(), None);
}

#[test]
fn users_may_hold_semicolons_questions_and_dialled_hashes() {
    assert_eq!(
        uri("sip:user;par=u%40example.net@example.com").user(),
        Some("user;par=u%40example.net")
    );
    assert_eq!(uri("sip:*21#@10.0.0.1").user(), Some("*21#"));
    let odd = uri("sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com");
    assert_eq!(odd.host(), Some(Host::Name("example.com")));
}

#[test]
fn escapes_are_undone_once_and_a_zero_cuts_nothing() {
    assert_eq!(uri("sip:a%2541@h").user_unescaped().unwrap(), &b"a%41"[..]);
    assert_eq!(
        uri("sip:null-%00-null@h").user_unescaped().unwrap(),
        &b"null-\0-null"[..]
    );
    assert_eq!(
        uri("sip:sips%3Auser%40example.com@example.net").host_text(),
        "example.net"
    );
}

#[test]
fn hosts_are_names_or_addresses() {
    let v6 = uri("sip:u@[2001:db8::9]:5070;lr");
    assert_eq!(
        v6.host().unwrap().ip(),
        Some("2001:db8::9".parse().unwrap())
    );
    assert_eq!(v6.port(), Some(5070));
    assert_eq!(uri("sip:[2001:db8::10:5070]").port(), None);
    assert_eq!(
        uri("sip:u@[::ffff:192.0.2.2]").host().unwrap().ip(),
        Some("::ffff:192.0.2.2".parse().unwrap())
    );
    assert_eq!(
        uri("sip:u@[2001:db8:::192.0.2.1]").host().unwrap().ip(),
        Some("2001:db8::192.0.2.1".parse().unwrap())
    );
    assert_eq!(
        uri("sip:10.0.0.1").host().unwrap().ip(),
        Some("10.0.0.1".parse().unwrap())
    );
}

#[test]
fn tel_and_unknown_schemes_are_kept() {
    let tel = uri("tel:+7-495-000;phone-context=example.com");
    assert_eq!(
        (tel.scheme(), tel.user()),
        (Scheme::Tel, Some("+7-495-000"))
    );
    assert_eq!(tel.param("phone-context"), Some("example.com"));
    assert_eq!(tel.host(), None);
    for text in [
        "soap.beep://192.0.2.103:3002",
        "nobodyKnowsThisScheme:totallyopaquecontent",
    ] {
        assert_eq!(uri(text).scheme(), Scheme::Other);
        assert_eq!(uri(text).to_string(), text);
    }
}

#[test]
fn what_is_no_uri_is_refused() {
    for text in [
        "",
        "sip",
        "sip:",
        "sip:@h",
        "<sip:u@h>",
        "sip:u@h lr",
        " sip:u@h",
        "sip:u@h; lr",
        "sip:u@",
        "sip:u@h:",
        "sip:u@h:0",
        "sip:u@h:65536",
        "sip:u@h:50x",
        "sip:u@[2001:db8::zz]",
        "sip:u@[2001:db8::9",
        "sip:2001:db8::10",
        "sip:u%4@h",
        "sip:u%zz@h",
        "sip:a@b@c",
        "sip:u@h;x=\"",
        "sip:u@h\r\nVia: x",
        "tel:",
        "tel:abc!",
        "1x:y",
        "x:a b",
    ] {
        assert_eq!(Uri::parse(text), Err(BadUri), "{text}");
    }
}

/// The examples of RFC 3261 19.1.4.
#[test]
fn uris_compare_as_the_rfc_lists() {
    for (a, b) in [
        (
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtLanTa.CoM;Transport=tcp",
        ),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        (
            "sip:carol@chicago.com;newparam=5",
            "sip:carol@chicago.com;security=on",
        ),
    ] {
        assert!(uri(a).matches(&uri(b)), "{a} {b}");
    }
    for (a, b) in [
        (
            "SIP:ALICE@AtLanTa.CoM;Transport=udp",
            "sip:alice@AtLanTa.CoM;Transport=UDP",
        ),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        (
            "sip:carol@chicago.com;security=on",
            "sip:carol@chicago.com;security=off",
        ),
        (
            "sip:carol@chicago.com",
            "sip:carol@chicago.com?Subject=next%20meeting",
        ),
    ] {
        assert!(!uri(a).matches(&uri(b)), "{a} {b}");
    }
}

#[test]
fn a_made_uri_escapes_its_user() {
    let made = Uri::sip(Some("a b:c@d"), "2001:db8::1", Some(5060)).unwrap();
    assert_eq!(made.as_str(), "sip:a%20b%3Ac%40d@[2001:db8::1]:5060");
    assert_eq!(made.user_unescaped().unwrap(), &b"a b:c@d"[..]);
    assert_eq!(Uri::sip(None, "a host", None), Err(BadUri));
}
