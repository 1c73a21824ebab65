//! Who gets through which route: every route has a row here, and each row is tried as everybody.

use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

use crate::house::{House, crew};
use ringtag::api::{router, routes};

/// Method, path, and who gets through: `o` whoever comes, `a` admin, `m` manager, `l` listener, `y` analyst, `w` monitor
/// (a token alone). HEAD is as GET.
const MATRIX: &[(&str, &str, &str)] = &[
    ("GET", "/", "amly"),
    ("GET", "/ui/rows", "amly"),
    ("GET", "/calls/{id}", "amly"),
    ("POST", "/calls/{id}", "am"),
    ("GET", "/board", "amly"),
    ("GET", "/ui/board", "amly"),
    ("GET", "/dashboard", "amy"),
    ("GET", "/reports", "amy"),
    ("GET", "/reports/{name}", "amy"),
    ("GET", "/spend", "am"),
    ("POST", "/spend", "a"),
    ("POST", "/spend/import", "a"),
    ("GET", "/api/v1/spend", "am"),
    ("POST", "/api/v1/spend", "a"),
    ("GET", "/api/v1/spend.csv", "am"),
    ("POST", "/api/v1/spend.csv", "a"),
    ("GET", "/api/v1/spend/{id}", "am"),
    ("PATCH", "/api/v1/spend/{id}", "a"),
    ("DELETE", "/api/v1/spend/{id}", "a"),
    ("POST", "/ui/say", "am"),
    ("GET", "/ui/look", "oamlyw"),
    ("GET", "/assets/{version}/{name}", "oamlyw"),
    ("GET", "/healthz", "oamlyw"),
    ("GET", "/readyz", "oamlyw"),
    ("GET", "/login", "oamlyw"),
    ("POST", "/login", "oamlyw"),
    ("POST", "/logout", "amlyw"),
    ("GET", "/enter", "oamlyw"),
    ("GET", "/saved", "amy"),
    ("POST", "/saved", "amy"),
    ("GET", "/saved/new", "amy"),
    ("GET", "/saved/{id}", "amy"),
    ("POST", "/saved/{id}", "amy"),
    ("GET", "/rules", "a"),
    ("GET", "/rules/replay", "a"),
    ("POST", "/rules/replay", "a"),
    ("POST", "/ui/replay", "a"),
    ("GET", "/sessions", "a"),
    ("POST", "/sessions/end", "a"),
    ("GET", "/metrics", "aw"),
    ("GET", "/api/v1/me", "amlyw"),
    ("GET", "/api/v1/calls", "amly"),
    ("PATCH", "/api/v1/calls", "am"),
    ("GET", "/api/v1/calls.csv", "amy"),
    ("GET", "/api/v1/calls/{id}", "amly"),
    ("PATCH", "/api/v1/calls/{id}", "am"),
    ("POST", "/api/v1/calls/{id}/notes", "am"),
    ("DELETE", "/api/v1/calls/{id}/notes/{note}", "am"),
    ("GET", "/api/v1/calls/{id}/recording.wav", "aml"),
    ("GET", "/api/v1/calls/{id}/peaks", "aml"),
    ("GET", "/api/v1/calls/{id}/ladder", "a"),
    ("POST", "/api/v1/calls/{id}/hangup", "a"),
    ("POST", "/api/v1/calls/{id}/recording/pause", "am"),
    ("POST", "/api/v1/calls/{id}/recording/resume", "am"),
    ("GET", "/api/v1/saved", "amy"),
    ("POST", "/api/v1/saved", "amy"),
    ("PATCH", "/api/v1/saved/{id}", "amy"),
    ("DELETE", "/api/v1/saved/{id}", "amy"),
    ("POST", "/api/v1/saved/{id}/letters", "amy"),
    ("GET", "/api/v1/route", "a"),
    ("POST", "/api/v1/replay", "a"),
    ("GET", "/api/v1/tokens", "a"),
    ("POST", "/api/v1/tokens", "a"),
    ("DELETE", "/api/v1/tokens/{id}", "a"),
    ("GET", "/api/v1/reports/{name}", "amy"),
    ("GET", "/api/v1/dashboard", "amy"),
    ("GET", "/api/v1/live", "amly"),
    ("GET", "/api/v1/openapi.json", "amlyw"),
];

/// Letter, name in the crew, role. A monitor is nobody of the crew.
const ROLES: [(char, Option<&str>, &str); 5] = [
    ('a', Some("anna"), "admin"),
    ('m', Some("boris"), "manager"),
    ('l', Some("vera"), "listener"),
    ('y', Some("gleb"), "analyst"),
    ('w', None, "monitor"),
];

/// The refusals of the door; whatever else a handler answers, it was reached.
const DOOR: [&str; 4] = ["forbidden", "login-needed", "csrf", "bad-token"];

/// What came back: the status, and the code of a refusal.
async fn answer(
    house: &House,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, String) {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1:8080")
        .header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if method == "GET" {
        String::new()
    } else {
        body_of(path)
    };
    let request = request.body(Body::from(body)).unwrap();
    let response = router(house.state.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    // What goes through may never end: the live calls.
    if !status.is_client_error() {
        return (status, String::new());
    }
    let body = to_bytes(response.into_body(), 100_000).await.unwrap();
    let code = serde_json::from_slice::<Value>(&body).ok();
    let code = code.and_then(|body| body["error"]["code"].as_str().map(str::to_owned));
    (status, code.unwrap_or_default())
}

/// Something that the handler of a change understands.
fn body_of(path: &str) -> String {
    let body = match path.rsplit('/').next().unwrap() {
        "notes" => r#"{"at_ms": 1, "text": "listen"}"#,
        "tokens" => r#"{"name": "crm", "role": "listener"}"#,
        "calls" => r#"{"ids": ["019aa5c4-98f0-7000-8000-000000000001"], "set": {"note": "x"}}"#,
        _ => r#"{"note": "x"}"#,
    };
    body.to_owned()
}

fn filled(path: &str, call: &str) -> String {
    path.replace("{id}", call)
        .replace("{note}", "1")
        .replace("{version}", "any")
        .replace("{name}", "app.css")
}

fn is_stopped((status, code): &(StatusCode, String)) -> bool {
    // HEAD has no body that could say why.
    matches!(status.as_u16(), 401 | 403) && (code.is_empty() || DOOR.contains(&code.as_str()))
}

#[test]
fn every_route_has_its_row_and_every_row_its_route() {
    let rows: BTreeSet<(String, String)> = MATRIX
        .iter()
        .map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned()))
        .collect();
    let routes: BTreeSet<(String, String)> = routes()
        .into_iter()
        .filter(|(method, _)| method != "HEAD")
        .collect();
    assert_eq!(
        rows, routes,
        "add the missing row to MATRIX, and think about who may"
    );
}

#[tokio::test]
async fn each_role_gets_through_where_its_row_says_and_nowhere_else() {
    let house = House::with(&crew());
    let call = house.recorded(1, &[0; 1_000]).to_string();
    for (method, path, who) in MATRIX {
        let path = filled(path, &call);
        let methods: &[&str] = if *method == "GET" {
            &["GET", "HEAD"]
        } else {
            &[method]
        };
        for method in methods {
            let nobody = answer(&house, method, &path, &[]).await;
            assert_eq!(
                is_stopped(&nobody),
                !who.contains('o'),
                "nobody {method} {path}: {nobody:?}"
            );
        }
    }
    for (letter, name, role) in ROLES {
        let (secret, _) = house.token(role, role, None);
        let bearer = format!("Bearer {secret}");
        let mut session = match name {
            Some(name) => Some(house.log_in(name).await),
            None => None,
        };
        for (method, path, who) in MATRIX {
            let path = filled(path, &call);
            let methods: &[&str] = if *method == "GET" {
                &["GET", "HEAD"]
            } else {
                &[method]
            };
            for method in methods {
                let by_token = answer(&house, method, &path, &[("authorization", &bearer)]).await;
                assert_eq!(
                    is_stopped(&by_token),
                    !who.contains(letter),
                    "token {role} {method} {path}: {by_token:?}"
                );
                let Some((cookie, csrf)) = &session else {
                    continue;
                };
                let headers = [
                    ("cookie", cookie.as_str()),
                    ("x-csrf", csrf),
                    ("origin", "http://127.0.0.1:8080"),
                ];
                let by_session = answer(&house, method, &path, &headers).await;
                assert_eq!(
                    is_stopped(&by_session),
                    !who.contains(letter),
                    "{role} {method} {path}: {by_session:?}"
                );
                if let Some(name) = name.filter(|_| path == "/logout") {
                    session = Some(house.log_in(name).await);
                }
            }
        }
    }
}

#[tokio::test]
async fn no_session_changes_anything_without_its_token_or_from_elsewhere() {
    let house = House::with(&crew());
    let call = house.recorded(1, &[0; 1_000]).to_string();
    let (cookie, csrf) = house.log_in("anna").await;
    for (method, path, who) in MATRIX.iter().filter(|(method, ..)| *method != "GET") {
        let path = filled(path, &call);
        let mut tries = vec![vec![
            ("cookie", cookie.as_str()),
            ("x-csrf", csrf.as_str()),
            ("origin", "http://evil.example"),
        ]];
        if !who.contains('o') {
            tries.push(vec![
                ("cookie", &cookie),
                ("origin", "http://127.0.0.1:8080"),
            ]);
            tries.push(vec![("cookie", &cookie), ("x-csrf", "00")]);
        }
        for headers in tries {
            let (status, code) = answer(&house, method, &path, &headers).await;
            assert_eq!(
                (status.as_u16(), code.as_str()),
                (403, "csrf"),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_call_of_another_project_is_no_call_on_any_route() {
    let house = House::with(&crew());
    let call = house.recorded(1, &[0; 1_000]).to_string();
    let (cookie, csrf) = house.log_in("clara").await;
    let headers = [("cookie", cookie.as_str()), ("x-csrf", csrf.as_str())];
    let mut tried = 0;
    for (method, path, who) in MATRIX
        .iter()
        .filter(|(_, path, _)| path.contains("/calls/{id}"))
    {
        let found = answer(&house, method, &filled(path, &call), &headers).await;
        let expected = if who.contains('m') {
            (404, "unknown-call")
        } else {
            (403, "forbidden")
        };
        assert_eq!(
            (found.0.as_u16(), found.1.as_str()),
            expected,
            "{method} {path}"
        );
        tried += 1;
    }
    assert!(tried >= 6);
}

#[tokio::test]
async fn without_users_programs_on_this_machine_may_everything_and_pages_want_the_link() {
    let house = House::new();
    let call = house.recorded(1, &[0; 1_000]).to_string();
    for (method, path, who) in MATRIX {
        let found = answer(&house, method, &filled(path, &call), &[]).await;
        let is_open = who.contains('o') || path.starts_with("/api/") || *path == "/metrics";
        assert_eq!(is_stopped(&found), !is_open, "{method} {path}: {found:?}");
        // A page elsewhere makes a browser on this machine ask: nothing changes, nothing is read.
        let fetched = [
            ("origin", "http://evil.example"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "cors"),
        ];
        let fetched = answer(&house, method, &filled(path, &call), &fetched).await;
        let is_harmless = who.contains('o') && Method::GET == *method;
        assert_eq!(
            is_stopped(&fetched),
            !is_harmless,
            "{method} {path}: {fetched:?}"
        );
    }
    let (cookie, csrf) = house.enter().await;
    for (method, path, _) in MATRIX.iter().filter(|(_, path, _)| *path != "/logout") {
        let headers = [("cookie", cookie.as_str()), ("x-csrf", csrf.as_str())];
        let found = answer(&house, method, &filled(path, &call), &headers).await;
        assert!(!is_stopped(&found), "{method} {path}: {found:?}");
    }
}
