//! What holds for every answer, and the server that sends them: health, refusals, host names, headers, its socket.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};

use crate::house::House;

#[tokio::test]
async fn it_lives_at_once_and_is_ready_while_it_takes_calls() {
    let house = House::new();
    assert_eq!(house.get("/healthz").await.status, StatusCode::OK);
    let starting = house.get("/readyz").await;
    assert_eq!(
        (starting.status, starting.code().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "starting")
    );
    house.state.gauges.set_ready();
    assert_eq!(house.get("/readyz").await.status, StatusCode::OK);
    house.state.gauges.set_draining();
    let draining = house.get("/readyz").await;
    assert_eq!(
        (draining.status, draining.code().as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    );
    let metrics = house.get("/metrics").await;
    assert!(
        metrics
            .header(header::CONTENT_TYPE)
            .starts_with("text/plain; version=0.0.4")
    );
    assert!(metrics.text().contains("\nringtag_draining 1\n"));
}

#[tokio::test]
async fn every_refusal_is_json_with_its_status() {
    let house = House::new();
    for (method, path, status, code) in [
        (Method::GET, "/nothing", 404, "not-found"),
        (Method::GET, "/api/v1/calls/", 404, "not-found"),
        (Method::POST, "/api/v1/calls", 405, "method-not-allowed"),
        (Method::DELETE, "/metrics", 405, "method-not-allowed"),
        (
            Method::GET,
            "/api/v1/calls?colour=red",
            400,
            "unknown-parameter",
        ),
        (Method::GET, "/api/v1/calls?limit=0", 400, "bad-parameter"),
        (Method::GET, "/api/v1/calls?q=a&q=b", 400, "bad-parameter"),
        (
            Method::GET,
            "/api/v1/calls?since=tomorrow",
            400,
            "bad-parameter",
        ),
        (
            Method::GET,
            "/api/v1/calls.csv?status=odd",
            400,
            "bad-parameter",
        ),
        (Method::GET, "/api/v1/route", 400, "bad-parameter"),
        (Method::GET, "/api/v1/route?to=abc", 400, "bad-parameter"),
        (
            Method::GET,
            "/api/v1/route?to=%2B74950000009",
            404,
            "unknown-number",
        ),
    ] {
        let answer = house.ask(method, path, &[]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{path}"
        );
        assert_eq!(
            answer.header(header::CONTENT_TYPE),
            "application/json",
            "{path}"
        );
    }
    assert_eq!(
        house
            .ask(Method::POST, "/metrics", &[])
            .await
            .header(header::ALLOW),
        "GET,HEAD"
    );
}

#[tokio::test]
async fn hostile_ids_are_nobodys() {
    let house = House::new();
    for id in [
        "x",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "%ff%fe",
        "{019aa5c4-98f0-7000-8000-000000000001}",
        "019aa5c498f070008000000000000001",
        "019aa5c4-98f0-7000-8000-000000000001",
        "%F0%9F%98%80",
    ] {
        for tail in ["", "/recording.wav"] {
            let answer = house.get(&format!("/api/v1/calls/{id}{tail}")).await;
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (404, "unknown-call"),
                "{id}"
            );
        }
    }
}

#[tokio::test]
async fn only_loopback_names_are_answered() {
    let house = House::new();
    let with = |hosts: &[&str], uri: &str| {
        let mut request = Request::builder().uri(uri);
        for host in hosts {
            request = request.header("host", *host);
        }
        request.body(Body::empty()).unwrap()
    };
    for host in ["localhost:8080", "127.0.0.1", "[::1]:8080"] {
        assert_eq!(
            house.send(with(&[host], "/healthz")).await.status,
            StatusCode::OK,
            "{host}"
        );
    }
    for request in [
        with(&["evil.example"], "/api/v1/calls"),
        with(&["127.0.0.1.evil.example"], "/api/v1/calls"),
        with(&[], "/api/v1/calls"),
        with(&["localhost", "evil.example"], "/api/v1/calls"),
        with(&["localhost"], "http://evil.example/api/v1/calls"),
    ] {
        let answer = house.send(request).await;
        assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(answer.code(), "wrong-host");
    }
}

#[tokio::test]
async fn answers_are_kept_by_nobody_and_framed_by_nobody() {
    let house = House::new();
    for path in ["/", "/api/v1/calls", "/nothing"] {
        let answer = house.get(path).await;
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "{path}");
        assert_eq!(
            answer.header(header::X_CONTENT_TYPE_OPTIONS),
            "nosniff",
            "{path}"
        );
        assert!(
            answer
                .header(header::CONTENT_SECURITY_POLICY)
                .contains("frame-ancestors 'none'")
        );
    }
    let (cookie, _) = house.enter().await;
    let page = house.ask(Method::GET, "/", &[("cookie", &cookie)]).await;
    assert!(page.text().contains("/api/v1/calls"));
    assert!(page.header(header::CONTENT_TYPE).starts_with("text/html"));
    assert!(
        house
            .get("/assets/any/app.css")
            .await
            .header(header::CONTENT_TYPE)
            .starts_with("text/css")
    );
}

#[tokio::test]
async fn the_server_binds_loopback_only_and_stops() {
    use ringtag::api::{ServeError, serve};
    use std::io::{Read, Write};

    let open = House::with("[web]\nlisten = \"0.0.0.0:0\"\n");
    let open = serve(open.state).unwrap().unwrap();
    assert!(open.address().ip().is_loopback(), "{open:?}");
    open.stop();
    let closed = House::with("[web]\nlisten = \"none\"\n");
    assert!(serve(closed.state).unwrap().is_none());
    let house = House::with("[web]\nlisten = \"127.0.0.1:0\"\n");
    let server = serve(house.state).unwrap().unwrap();
    let address: SocketAddr = server.address();
    let second = House::with(&format!("[web]\nlisten = \"{address}\"\n"));
    let taken = serve(second.state);
    assert!(matches!(taken, Err(ServeError::Bind { .. })), "{taken:?}");
    let ask = |text: String| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = ask(format!(
        "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    ));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("{\"status\":\"ok\"}"), "{answer}");
    let long = ask(format!(
        "GET /{} HTTP/1.1\r\nHost: {address}\r\n\r\n",
        "x".repeat(100_000)
    ));
    assert!(long.starts_with("HTTP/1.1 4"), "{long}");
    server.stop();
    assert!(std::net::TcpStream::connect(address).is_err());
}
