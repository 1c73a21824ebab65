//! Over real sockets: TLS, a certificate that is renewed, proxies that are trusted and others, a client's own address.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;

use socket2::{Domain, Socket, Type};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::house::{House, PASSWORD, crew};
use ringtag::api::gate::Manned;
use ringtag::api::{Server, serve};
use ringtag::config;

/// The address of the trusted proxy, and one of somebody else.
const PROXY: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 1);
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 7, 2);

fn proxied() -> (House, Server) {
    let house = House::with(&format!(
        "[web]\nlisten = \"127.0.0.1:0\"\ntrusted_proxies = \"{PROXY}\"\npublic_url = \"https://calls.example.com\"\n{}",
        crew()
    ));
    let server = serve(house.state.clone()).unwrap().unwrap();
    (house, server)
}

/// Sends a request from an address of this machine and returns what comes back.
fn ask(server: &Server, from: Ipv4Addr, request: &str) -> String {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket
        .bind(&SocketAddr::new(IpAddr::V4(from), 0).into())
        .unwrap();
    socket.connect(&server.address().into()).unwrap();
    let mut stream: TcpStream = socket.into();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn login(headers: &str, name: &str, password: &str) -> String {
    let form = format!("name={name}&password={}", password.replace(' ', "+"));
    format!(
        "POST /login HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n{headers}Connection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
}

#[test]
fn a_trusted_proxy_makes_a_secure_session_and_a_strangers_headers_make_nothing() {
    let (_house, server) = proxied();
    let headers = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: calls.example.com\r\nOrigin: https://calls.example.com\r\n";
    let answer = ask(&server, PROXY, &login(headers, "anna", PASSWORD));
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    let cookie = answer
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .unwrap();
    assert!(cookie.starts_with("__Host-ringtag="), "{cookie}");
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=43200"),
        "{cookie}"
    );
    // The same from who is no proxy: no TLS, and an address of its own.
    let answer = ask(&server, STRANGER, &login(headers, "anna", PASSWORD));
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    assert!(answer.contains("set-cookie: ringtag="), "{answer}");
    let forged = "Host: evil.example\r\nX-Forwarded-Host: calls.example.com\r\n";
    let forged = format!("GET /login HTTP/1.1\r\n{forged}Connection: close\r\n\r\n");
    assert!(ask(&server, STRANGER, &forged).starts_with("HTTP/1.1 421 "));
    assert!(ask(&server, PROXY, &forged).starts_with("HTTP/1.1 200 "));
    let plain = answer
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "))
        .unwrap();
    let page = format!(
        "GET /sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {plain}\r\nConnection: close\r\n\r\n"
    );
    let page = ask(&server, STRANGER, &page);
    assert!(
        page.contains(&format!("<td>{STRANGER}<")) && page.contains("<td>192.0.2.7<"),
        "{page}"
    );
}

#[test]
fn guesses_count_where_they_come_from_and_not_where_they_say() {
    let (_house, server) = proxied();
    // Twenty for nothing, as an office may need; each names another source, which nobody believes.
    for n in 0..21 {
        let answer = ask(
            &server,
            STRANGER,
            &login(
                &format!("X-Forwarded-For: 192.0.2.{n}\r\n"),
                &format!("user{n}"),
                "a wrong guess",
            ),
        );
        assert!(answer.starts_with("HTTP/1.1 403 "), "{n}: {answer}");
    }
    let answer = ask(
        &server,
        STRANGER,
        &login("X-Forwarded-For: 192.0.2.200\r\n", "boris", PASSWORD),
    );
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    // Somebody behind the proxy is not kept out by that, and their own guesses count for them.
    let answer = ask(
        &server,
        PROXY,
        &login("X-Forwarded-For: 192.0.2.200\r\n", "boris", PASSWORD),
    );
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
}

/// A certificate for 127.0.0.1 in the folder of a house, signed by itself.
fn certify(house: &House) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()])
        .unwrap();
    let folder = house.folder.path();
    std::fs::write(folder.join("web.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("web.key"), made.signing_key.serialize_pem()).unwrap();
}

/// Reads the configuration again, as SIGHUP does.
fn reload(house: &House, server: &Server, more: &str) {
    let file = house.folder.path().join("ringtag.toml");
    std::fs::write(&file, format!("{}{more}", crate::house::CONFIG)).unwrap();
    let config = config::load(&file).unwrap().config;
    server.set_manned(Manned {
        users: config.users,
        web: config.web,
    });
}

/// Asks over TLS, trusting one certificate: the answer, or what the handshake said.
fn ask_securely(server: &Server, trusted: &[u8]) -> String {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trusted).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(server.address()).unwrap());
    let request = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    let sent = stream.write_all(request);
    match sent.and_then(|()| stream.read_to_end(&mut answer)) {
        Ok(_) => String::from_utf8(answer).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_pages_speak_tls_with_the_certificate_of_the_last_reload() {
    const WEB: &str = "[web]\nlisten = \"127.0.0.1:0\"\n";
    const TLS: &str = "certificate_file = \"web.pem\"\nprivate_key_file = \"web.key\"\n";
    let house = House::with(WEB);
    let server = serve(house.state.clone()).unwrap().unwrap();
    assert!(server.url().starts_with("http://127.0.0.1:"));
    certify(&house);
    reload(&house, &server, &format!("{WEB}{TLS}{}", crew()));
    assert!(server.url().starts_with("https://127.0.0.1:"));
    let pem = || std::fs::read(house.folder.path().join("web.pem")).unwrap();
    let old = pem();
    let answer = ask_securely(&server, &old);
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    certify(&house);
    reload(&house, &server, &format!("{WEB}{TLS}{}", crew()));
    assert!(ask_securely(&server, &pem()).starts_with("HTTP/1.1 200 OK"));
    assert!(ask_securely(&server, &old).contains("certificate"));
    let plain = ask(
        &server,
        STRANGER,
        "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    );
    assert!(
        plain.starts_with("HTTP/1.1 400 ") && plain.ends_with("These pages are https, not http.\n"),
        "{plain}"
    );
}
