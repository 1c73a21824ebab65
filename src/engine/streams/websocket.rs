//! SIP over WebSocket: the upgrade, and one SIP message in each of its messages (RFC 7118, RFC 6455).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, interval_at, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::engine::streams::line::{CLOSE_TIME, Ended, Ends, Report};
use crate::sip::message::MESSAGE_MAX;

/// The subprotocol that says SIP (RFC 7118 4.1).
const SUBPROTOCOL: &str = "sip";
const PROTOCOLS: &str = "Sec-WebSocket-Protocol";
const ORIGIN: &str = "Origin";

/// Bytes read at once. A browser's messages are some two kilobytes.
const READ_BUFFER: usize = 4 * 1_024;

/// Bytes that may wait inside the library for a peer that does not read: what the queue may hold waits outside of it.
const WRITE_BUFFER: usize = 2 * MESSAGE_MAX;

/// How often a silent peer is pinged (RFC 6455 5.5.2); a browser answers by itself, and a closed laptop does not.
const PING_EACH: Duration = Duration::from_secs(30);

/// The longest one message may take to leave.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// A client that was let in and has not said anything by then is closed.
const FIRST_TIME: Duration = Duration::from_secs(30);

/// A WebSocket that stands.
pub(in crate::engine::streams) type Socket<S> = WebSocketStream<S>;

/// Who is let in.
#[derive(Clone, Debug, Default)]
pub(in crate::engine::streams) struct Gate {
    /// The pages whose scripts may connect; empty: any, and clients that are no browsers.
    pub(in crate::engine::streams) origins: Arc<[Arc<str>]>,
}

/// Answers the request for an upgrade.
///
/// # Errors
/// It is no such request, asks for another subprotocol, or comes from a page that is not let in.
pub(in crate::engine::streams) async fn upgrade<S>(stream: S, gate: Gate) -> io::Result<Socket<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX));
    #[expect(
        clippy::result_large_err,
        reason = "the library wants the whole response by value"
    )]
    let judge = |request: &Request, response: Response| gate.judge(request, response);
    accept_hdr_async_with_config(stream, judge, Some(config))
        .await
        .map_err(io::Error::other)
}

impl Gate {
    #[expect(
        clippy::result_large_err,
        reason = "the library wants the whole response by value"
    )]
    fn judge(&self, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
        let no = |status, why: &str| {
            let mut refusal = ErrorResponse::new(Some(why.to_owned()));
            *refusal.status_mut() = status;
            Err(refusal)
        };
        let headers = request.headers();
        let speaks_sip = headers
            .get_all(PROTOCOLS)
            .iter()
            .filter_map(|list| list.to_str().ok())
            .flat_map(|list| list.split(','))
            .any(|one| one.trim().eq_ignore_ascii_case(SUBPROTOCOL));
        if !speaks_sip {
            return no(StatusCode::BAD_REQUEST, "the subprotocol here is sip\n");
        }
        if !self.lets_in(headers.get(ORIGIN)) {
            return no(StatusCode::FORBIDDEN, "this page is not let in\n");
        }
        let chosen = HeaderValue::from_static(SUBPROTOCOL);
        response.headers_mut().insert(PROTOCOLS, chosen);
        Ok(response)
    }

    fn lets_in(&self, origin: Option<&HeaderValue>) -> bool {
        let named = |origin: &HeaderValue| {
            let known = |one: &Arc<str>| one.as_bytes().eq_ignore_ascii_case(origin.as_bytes());
            self.origins.iter().any(known)
        };
        // Only a browser sends Origin, and it cannot leave it out (RFC 6455 10.2).
        self.origins.is_empty() || origin.is_none_or(named)
    }
}

/// Reads and writes until either ends.
pub(in crate::engine::streams) async fn talk<S>(mut ends: Ends, mut socket: Socket<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut pings = interval_at(Instant::now() + PING_EACH, PING_EACH);
    let mut heard = Heard::Lately;
    let patience = ends.patience();
    let mut silent_until = Instant::now() + patience.map_or(NEVER, |_stranger| FIRST_TIME);
    let why = loop {
        let message = tokio::select! {
            message = socket.next() => message,
            queued = ends.queue.recv() => {
                let Some(bytes) = queued else {
                    return close(&mut socket, CloseCode::Normal).await;
                };
                if !matches!(timeout(WRITE_TIME, socket.send(framed(bytes))).await, Ok(Ok(()))) {
                    break None;
                }
                continue;
            }
            _ = pings.tick() => {
                heard = match heard {
                    Heard::Lately => Heard::Asked,
                    Heard::Asked => break None,
                };
                let ping = socket.send(Message::Ping(Bytes::new()));
                if !matches!(timeout(WRITE_TIME, ping).await, Ok(Ok(()))) {
                    break None;
                }
                continue;
            }
            () = tokio::time::sleep_until(silent_until) => break Some(CloseCode::Policy),
        };
        heard = Heard::Lately;
        let bytes = match message {
            Some(Ok(Message::Text(text))) => Bytes::from(text),
            Some(Ok(Message::Binary(bytes))) => bytes,
            // The library answers both by itself.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(_))) | None => break None,
            Some(Err(error)) => break code_of(&error),
        };
        silent_until = Instant::now() + patience.unwrap_or(NEVER);
        if !ends.tell(Report::Frame(ends.flow, bytes)).await {
            return;
        }
    };
    if let Some(code) = why {
        close(&mut socket, code).await;
    }
    ends.tell(Report::Closed(ends.flow, Ended::Stood)).await;
}

/// Longer than any connection stands.
const NEVER: Duration = Duration::from_secs(86_400 * 365);

/// Whether the peer was heard since the last ping.
#[derive(Clone, Copy)]
enum Heard {
    Lately,
    Asked,
}

/// SIP is text; a body may be anything (RFC 7118 4.2).
fn framed(bytes: Bytes) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_no_text) => Message::Binary(bytes),
    }
}

/// What the peer is told of its mistake (RFC 6455 7.4.1); `None`: there is nobody to tell.
fn code_of(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Capacity(_) => Some(CloseCode::Size),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        Error::Protocol(_) => Some(CloseCode::Protocol),
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Io(_)
        | Error::WriteBufferFull(_)
        | Error::AttackAttempt
        | Error::Url(_)
        | Error::Http(_)
        | Error::HttpFormat(_)
        | Error::Tls(_) => None,
    }
}

async fn close<S>(socket: &mut Socket<S>, code: CloseCode)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let frame = CloseFrame {
        code,
        reason: Utf8Bytes::default(),
    };
    let farewell = async {
        socket.close(Some(frame)).await?;
        // The peer's own farewell ends the connection (RFC 6455 7.1.1); what it says until then is too late.
        while let Some(Ok(_)) = socket.next().await {}
        Ok::<(), Error>(())
    };
    // Whether the peer hears it is its own affair.
    let _heard = timeout(CLOSE_TIME, farewell).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(origins: &[&str], headers: &[(&'static str, &str)]) -> Result<(), StatusCode> {
        let gate = Gate {
            origins: origins.iter().map(|one| Arc::from(*one)).collect(),
        };
        let mut request = Request::new(());
        for (name, value) in headers {
            let headers = request.headers_mut();
            headers.append(*name, value.parse().map_err(|_| StatusCode::IM_A_TEAPOT)?);
        }
        match gate.judge(&request, Response::new(())) {
            Ok(response) => {
                assert_eq!(response.headers()[PROTOCOLS], SUBPROTOCOL);
                Ok(())
            }
            Err(refusal) => Err(refusal.status()),
        }
    }

    #[test]
    fn only_who_speaks_sip_is_let_in() {
        let sip = |list: &str| judged(&[], &[(PROTOCOLS, list)]);
        assert_eq!(sip("sip"), Ok(()));
        assert_eq!(sip("chat, SIP ,mqtt"), Ok(()));
        assert_eq!(sip("sips"), Err(StatusCode::BAD_REQUEST));
        assert_eq!(judged(&[], &[]), Err(StatusCode::BAD_REQUEST));
        let twice = [(PROTOCOLS, "chat"), (PROTOCOLS, "sip")];
        assert_eq!(judged(&[], &twice), Ok(()));
    }

    #[test]
    fn a_page_is_let_in_by_its_origin_where_origins_are_listed() {
        let from = |origin: &str| {
            let headers = [(PROTOCOLS, "sip"), (ORIGIN, origin)];
            judged(&["https://crm.example.com"], &headers)
        };
        assert_eq!(from("https://crm.example.com"), Ok(()));
        assert_eq!(from("https://evil.example.com"), Err(StatusCode::FORBIDDEN));
        assert_eq!(from("null"), Err(StatusCode::FORBIDDEN));
        assert_eq!(
            judged(&["https://crm.example.com"], &[(PROTOCOLS, "sip")]),
            Ok(())
        );
        assert_eq!(
            judged(&[], &[(PROTOCOLS, "sip"), (ORIGIN, "https://any")]),
            Ok(())
        );
    }

    #[test]
    fn what_is_no_text_leaves_as_binary() {
        assert!(framed(Bytes::from_static(b"BYE sip:a SIP/2.0\r\n\r\n")).is_text());
        assert!(framed(Bytes::from_static(b"BYE sip:\xff SIP/2.0\r\n\r\n")).is_binary());
    }
}
