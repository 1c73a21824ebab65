//! Trials of our answers to challenges: the examples of the RFCs and what cannot be answered.

use super::*;

fn who(username: &str, password: &str) -> Credentials {
    Credentials {
        username: username.to_owned(),
        password: password.to_owned(),
    }
}

fn get() -> Method {
    Method::parse(b"GET").unwrap()
}

fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let fields = answer.strip_prefix("Digest ")?.split(", ");
    fields
        .filter_map(|field| field.split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, value)| value.trim_matches('"'))
}

/// RFC 7616 3.9.1.
#[test]
fn the_examples_of_rfc_7616_come_out() {
    for (algorithm, response) in [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        (
            "SHA-256",
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ] {
        let line = format!(
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        );
        let challenge = Challenge::parse(line.as_bytes()).unwrap();
        let round = Round {
            count: 1,
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        };
        let answer = challenge.answer(
            &who("Mufasa", "Circle of Life"),
            &get(),
            "/dir/index.html",
            round,
        );
        assert_eq!(field(&answer, "response"), Some(response));
        assert_eq!(field(&answer, "algorithm"), Some(algorithm));
        assert_eq!(field(&answer, "nc"), Some("00000001"));
        assert_eq!(field(&answer, "qop"), Some("auth"));
        assert_eq!(
            field(&answer, "opaque"),
            Some("FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS")
        );
    }
}

/// RFC 2617 3.5, and the same without qop, which is RFC 2069.
#[test]
fn the_example_of_rfc_2617_comes_out_with_and_without_qop() {
    let nonce = "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
    let round = Round {
        count: 1,
        cnonce: "0a4f113b",
    };
    for (qop, password, response) in [
        (
            ",qop=\"auth,auth-int\"",
            "Circle Of Life",
            "6629fae49393a05397450978507c4ef1",
        ),
        ("", "CircleOfLife", "1949323746fe6a43ef61f9606e7febea"),
    ] {
        let line = format!("Digest realm=\"testrealm@host.com\"{qop},{nonce}");
        let challenge = Challenge::parse(line.as_bytes()).unwrap();
        let answer = challenge.answer(&who("Mufasa", password), &get(), "/dir/index.html", round);
        assert_eq!(field(&answer, "response"), Some(response));
        assert_eq!(field(&answer, "algorithm"), None);
        assert_eq!(field(&answer, "cnonce").is_some(), !qop.is_empty());
    }
}

/// RFC 7616 3.4.2: A1 of `-sess` is the hash of the plain A1, the nonce and the cnonce.
#[test]
fn a_session_key_is_made_of_nonce_and_cnonce() {
    for (algorithm, plain) in [
        ("MD5-sess", Algorithm::Md5),
        ("sha-256-SESS", Algorithm::Sha256),
    ] {
        let line = format!("Digest realm=\"r\", nonce=\"n\", algorithm={algorithm}");
        let challenge = Challenge::parse(line.as_bytes()).unwrap();
        let round = Round {
            count: 1,
            cnonce: "c",
        };
        let answer = challenge.answer(&who("u", "p"), &Method::Register, "sip:r", round);
        let key = plain.hash(&[&plain.hash(&["u", "r", "p"]), "n", "c"]);
        let wanted = plain.hash(&[&key, "n", &plain.hash(&["REGISTER", "sip:r"])]);
        assert_eq!(field(&answer, "response"), Some(wanted.as_str()));
        assert_eq!(field(&answer, "cnonce"), Some("c"));
    }
}

#[test]
fn of_several_challenges_the_strongest_is_answered() {
    let line = br#"Digest realm="a", nonce="1", algorithm=MD5, Digest realm="a", nonce="2", algorithm=SHA-256 , Basic realm="x",Digest realm="a",nonce="3",algorithm=TOKEN"#;
    let challenge = Challenge::parse(line).unwrap();
    assert_eq!(challenge.algorithm(), Algorithm::Sha256);
    assert_eq!(challenge.nonce(), "2");
}

#[test]
fn what_cannot_be_answered_is_passed_over() {
    for line in [
        &b"Basic realm=\"x\""[..],
        b"NoOneKnowsThisScheme opaque-data=here",
        b"Digest realm=\"x\", nonce=\"n\", algorithm=AKAv1-MD5",
        b"Digest realm=\"x\", nonce=\"n\", qop=\"auth-int\"",
        b"Digest nonce=\"n\"",
        b"Digest realm=\"x\"",
        b"Digest realm=\"x\", nonce=\"n",
        b"Digest",
        b"",
    ] {
        assert_eq!(
            Challenge::parse(line),
            None,
            "{}",
            String::from_utf8_lossy(line)
        );
    }
}

#[test]
fn quotes_are_undone_for_the_hash_and_done_again_for_the_wire() {
    let challenge =
        Challenge::parse(br#"Digest realm="a \"b\" \\", nonce="n", stale=TRUE"#).unwrap();
    assert_eq!(challenge.realm(), r#"a "b" \"#);
    assert!(challenge.is_stale());
    let round = Round {
        count: 1,
        cnonce: "c",
    };
    let answer = challenge.answer(&who("al\"ice", "p"), &Method::Invite, "sip:x", round);
    assert!(
        answer.contains(r#"username="al\"ice", realm="a \"b\" \\""#),
        "{answer}"
    );
    let md5 = Algorithm::Md5;
    let key = md5.hash(&["al\"ice", r#"a "b" \"#, "p"]);
    let wanted = md5.hash(&[&key, "n", &md5.hash(&["INVITE", "sip:x"])]);
    assert_eq!(field(&answer, "response"), Some(wanted.as_str()));
}

#[test]
fn a_password_is_never_shown() {
    assert!(!format!("{:?}", who("u", "secret")).contains("secret"));
}
