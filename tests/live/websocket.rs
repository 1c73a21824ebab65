//! SIP over WebSocket: a phone like a browser's, its messages written by hand, on a connection that it opened.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use ringtag::phones::{Law, Phone, Settings, tone};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{interval, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::harness::{NUMBER, PATIENCE, Ringtag};
use crate::secure::{Authority, config, start};
use crate::sound::{assert_tone, channels};

const RULE: &str = "[[rule]]\nid = \"all\"\nto = \"manager:desk\"\n";

/// Anything that a WebSocket can stand on.
trait Ground: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Ground for T {}

/// A phone's WebSocket.
struct Socket(WebSocketStream<Box<dyn Ground>>);

impl Socket {
    /// Connects from one of the net's hosts and asks for these subprotocols.
    async fn open(
        ringtag: &Ringtag,
        from: Ipv4Addr,
        secure: bool,
        protocols: &str,
    ) -> Result<Self, Error> {
        let port = if secure { 8443 } else { 8088 };
        let to = SocketAddr::from((ringtag.net.ringtag(), port));
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((from, 0)))?;
        let stream = socket.connect(to).await?;
        let ground: Box<dyn Ground> = match secure {
            true => Box::new(Self::secure(ringtag, stream, to).await?),
            false => Box::new(stream),
        };
        let scheme = if secure { "wss" } else { "ws" };
        let mut request = format!("{scheme}://{to}/").into_client_request()?;
        let value = protocols.parse().unwrap();
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", value);
        let (socket, answer) = client_async(request, ground).await?;
        assert_eq!(answer.headers()["Sec-WebSocket-Protocol"], "sip");
        Ok(Self(socket))
    }

    async fn secure(
        ringtag: &Ringtag,
        stream: TcpStream,
        to: SocketAddr,
    ) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        let ca = ringtag.folder.path().join("ca.pem");
        roots
            .add(CertificateDer::from_pem_file(ca).unwrap())
            .unwrap();
        let provider = tokio_rustls::rustls::crypto::ring::default_provider();
        let config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::from(to.ip());
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }

    async fn send(&mut self, text: &str) {
        self.0
            .send(Message::from(text.replace('\n', "\r\n")))
            .await
            .unwrap();
    }

    /// The next message whose first line begins so; those before it are passed over.
    async fn receive(&mut self, start: &str) -> String {
        let wanted = async {
            while let Some(message) = self.0.next().await {
                if let Message::Text(text) = message.unwrap()
                    && text.starts_with(start)
                {
                    return text.to_string();
                }
            }
            panic!("the connection ended before {start}");
        };
        timeout(PATIENCE, wanted)
            .await
            .unwrap_or_else(|_| panic!("{start} never came"))
    }

    /// How the connection ends: the code of its last frame.
    async fn ended(&mut self) -> Option<u16> {
        let end = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        timeout(PATIENCE, end)
            .await
            .expect("the connection never ended")
    }
}

/// The value of a header.
fn value<'a>(message: &'a str, name: &str) -> &'a str {
    let line = message
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in\n{message}"))
}

fn sdp(at: SocketAddr) -> String {
    format!(
        "v=0\no=- 1 1 IN IP4 {ip}\ns=-\nc=IN IP4 {ip}\nt=0 0\nm=audio {port} RTP/AVP 8\na=rtpmap:8 PCMA/8000\n",
        ip = at.ip(),
        port = at.port()
    )
}

/// Where the other side of a message's SDP wants sound.
fn aim(message: &str) -> SocketAddr {
    let ip = value(&message.replace("c=IN IP4 ", "c: "), "c").to_owned();
    let media = value(&message.replace("m=audio ", "m: "), "m").to_owned();
    let port = media.split(' ').next().unwrap();
    format!("{ip}:{port}").parse().unwrap()
}

/// Plays a tone at a place for as long as it is polled, and keeps what comes back.
async fn play(socket: &UdpSocket, to: SocketAddr, hz: u32, heard: &mut Vec<i16>) {
    let mut tone = tone::Tone::new(hz);
    let mut ticks = interval(Duration::from_millis(20));
    let (mut sequence, mut timestamp) = (1_u16, 0_u32);
    let mut buffer = [0; 2_048];
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let mut packet = vec![0x80, 8];
                packet.extend(sequence.to_be_bytes());
                packet.extend(timestamp.to_be_bytes());
                packet.extend(7_u32.to_be_bytes());
                packet.extend((0..160).map(|_| Law::A.encode(tone.next_sample())));
                socket.send_to(&packet, to).await.unwrap();
                (sequence, timestamp) = (sequence.wrapping_add(1), timestamp.wrapping_add(160));
            }
            length = socket.recv(&mut buffer) => {
                let payload = &buffer[12..length.unwrap()];
                heard.extend(payload.iter().map(|code| Law::A.decode(*code)));
            }
        }
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test);
}

fn ringtag(config: &str) -> Ringtag {
    start(config, |net, folder| {
        Authority::new(folder, "ca").sign("us", net.ringtag(), 2090);
    })
}

/// The trunk speaks by WebSocket.
fn over(transport: &str, id: &str) -> String {
    let other = config("").replace(
        &format!("host = \"{{{id}}}:5060\""),
        &format!("host = \"{{{id}}}\"\ntransport = \"{transport}\""),
    );
    format!("{other}\n{RULE}")
}

async fn built_in(host: Ipv4Addr, name: &str, tone_hz: u32) -> Phone {
    let settings = Settings {
        name: name.to_owned(),
        tone_hz,
        law: Law::A,
    };
    Phone::bind(SocketAddr::from((host, 5060)), settings)
        .await
        .unwrap()
}

fn assert_record(ringtag: &Ringtag) {
    let call = ringtag.ended_calls(1).remove(0);
    assert_eq!(call["finish_reason"], "completed");
    let sides = channels(&ringtag.recording_of(&call));
    assert_tone("left channel", &sides[0], 440, 1_000);
    assert_tone("right channel", &sides[1], 1_000, 440);
}

#[test]
fn a_browsers_call_comes_over_a_secure_websocket_with_sound_both_ways() {
    let ringtag = ringtag(&over("wss", "carrier"));
    let net = ringtag.net;
    run(async {
        let desk = built_in(net.pbx(), "101", 1_000).await;
        let rtp = UdpSocket::bind((net.carrier(), 0)).await.unwrap();
        let mut socket = Socket::open(&ringtag, net.carrier(), true, "sip")
            .await
            .unwrap();
        let body = sdp(rtp.local_addr().unwrap());
        let head = |method: &str, to: &str, branch: &str, cseq: u32| {
            format!(
                "{method} sip:{NUMBER}@{us} SIP/2.0\nVia: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK{branch}\n\
                 Max-Forwards: 70\nFrom: <sip:+79161234567@x.invalid>;tag=browser\nTo: {to}\nCall-ID: ws-1\n\
                 CSeq: {cseq} {method}\nContact: <sip:a@df7jal23ls0d.invalid;transport=ws>\n",
                us = net.ringtag(),
            )
        };
        let to = format!("<sip:{NUMBER}@{}>", net.ringtag());
        // No Content-Length: the frame says where the message ends.
        let invite = head("INVITE", &to, "1", 1);
        socket
            .send(&format!("{invite}Content-Type: application/sdp\n\n{body}"))
            .await;
        let incoming = desk.next().await.unwrap();
        let (call, answer) = tokio::join!(incoming.answer(), socket.receive("SIP/2.0 200"));
        let to = value(&answer, "To").to_owned();
        assert!(
            value(&answer, "Contact").ends_with(":8443;transport=ws>"),
            "{answer}"
        );
        socket
            .send(&format!("{}\n", head("ACK", &to, "2", 1)))
            .await;
        let mut heard = Vec::new();
        let talk = Duration::from_secs(3);
        // The sound runs until the time is over.
        let over = timeout(talk, play(&rtp, aim(&answer), 440, &mut heard)).await;
        assert!(over.is_err());
        assert_eq!(tone::recognise(&heard), Some(1_000));
        assert_eq!(call.heard().tone_hz(), Some(440));
        socket
            .send(&format!("{}\n", head("BYE", &to, "3", 2)))
            .await;
        socket.receive("SIP/2.0 200").await;
        call.ended().await;
        assert_record(&ringtag);
    });
}

#[test]
fn a_call_goes_out_on_the_websocket_that_the_trunk_opened() {
    let ringtag = ringtag(&over("ws", "pbx"));
    let net = ringtag.net;
    run(async {
        let carrier = built_in(net.carrier(), "+79161234567", 440).await;
        let rtp = UdpSocket::bind((net.pbx(), 0)).await.unwrap();
        let mut socket = Socket::open(&ringtag, net.pbx(), false, "chat, sip")
            .await
            .unwrap();
        // It shows itself, as every client does.
        socket.send("\n\n").await;
        socket.receive("\r\n").await;
        let dial = carrier.call(NUMBER, SocketAddr::from((net.ringtag(), 5060)));
        let answer = async {
            let invite = socket.receive("INVITE ").await;
            assert!(value(&invite, "Via").starts_with("SIP/2.0/WS "), "{invite}");
            let copied: String = ["Via", "From", "Call-ID", "CSeq"]
                .map(|name| format!("{name}: {}\n", value(&invite, name)))
                .concat();
            let body = sdp(rtp.local_addr().unwrap());
            socket
                .send(&format!(
                    "SIP/2.0 200 OK\n{copied}To: {};tag=desk\nContact: <sip:101@desk.invalid;transport=ws>\n\
                     Content-Type: application/sdp\n\n{body}",
                    value(&invite, "To")
                ))
                .await;
            socket.receive("ACK ").await;
            invite
        };
        let (call, invite) = tokio::join!(dial, answer);
        let call = call.unwrap();
        let mut heard = Vec::new();
        let over = timeout(
            Duration::from_secs(3),
            play(&rtp, aim(&invite), 1_000, &mut heard),
        )
        .await;
        assert!(over.is_err());
        assert_eq!(tone::recognise(&heard), Some(440));
        let (said, bye) = tokio::join!(call.hang_up(), async {
            let bye = socket.receive("BYE ").await;
            let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"]
                .map(|name| format!("{name}: {}\n", value(&bye, name)))
                .concat();
            socket.send(&format!("SIP/2.0 200 OK\n{copied}\n")).await;
            bye
        });
        said.unwrap();
        assert!(
            bye.starts_with("BYE sip:101@desk.invalid;transport=ws "),
            "{bye}"
        );
        assert_record(&ringtag);
    });
}

#[test]
fn who_speaks_no_sip_sends_too_much_or_something_else_is_told_so() {
    let ringtag = ringtag(&over("ws", "carrier"));
    run(async {
        let from = ringtag.net.carrier();
        match Socket::open(&ringtag, from, false, "chat").await {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 400),
            other => panic!("{:?}", other.map(|_| "let in")),
        }
        let mut large = Socket::open(&ringtag, from, false, "sip").await.unwrap();
        large
            .0
            .send(Message::from("x".repeat(70_000)))
            .await
            .unwrap();
        // 1009: a message too big.
        assert_eq!(large.ended().await, Some(1_009));
        let mut odd = Socket::open(&ringtag, from, false, "sip").await.unwrap();
        odd.0
            .send(Message::Ping(Bytes::from_static(b"are you there")))
            .await
            .unwrap();
        let pong = timeout(PATIENCE, odd.0.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(pong, Message::Pong(Bytes::from_static(b"are you there")));
    });
}
