//! Who may do what: logins, sessions, their cookies and tokens, API tokens, the link of a house without users, proxies.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};

use crate::house::{Answer, House, PASSWORD, crew};
use ringtag::api::gate::Manned;
use ringtag::base::number::Caller;
use ringtag::people::Users;

/// Logs in by hand, with whatever else the request says.
async fn log_in(house: &House, name: &str, password: &str, headers: &[(&str, &str)]) -> Answer {
    let body = format!(
        "name={name}&password={}&back=%2F%3Ftag%3Da",
        password.replace(' ', "+")
    );
    house.post("/login", headers, &body).await
}

#[tokio::test]
async fn a_login_begins_a_session_and_leads_back() {
    let house = House::with(&crew());
    let page = house.ask(Method::GET, "/login?back=/calls/7", &[]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.text().contains("value=\"/calls/7\""),
        "{}",
        page.text()
    );
    let wrong = log_in(&house, "anna", "not the words", &[]).await;
    assert_eq!(wrong.status, StatusCode::FORBIDDEN);
    assert!(wrong.header(header::SET_COOKIE).is_empty());
    let nobody = log_in(&house, "nobody", PASSWORD, &[]).await;
    assert_eq!(nobody.status, StatusCode::FORBIDDEN);
    let told = |answer: &Answer| {
        let text = answer.text();
        let (_, form) = text.split_once("id=\"login-trouble\"").unwrap();
        form.replace("\"anna\"", "X").replace("\"nobody\"", "X")
    };
    assert_eq!(told(&wrong), told(&nobody));
    let right = log_in(&house, "anna", PASSWORD, &[]).await;
    assert_eq!(right.status, StatusCode::SEE_OTHER);
    assert_eq!(right.header(header::LOCATION), "/?tag=a");
    let cookie = right.header(header::SET_COOKIE);
    assert!(
        cookie.starts_with("ringtag=")
            && cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=43200"),
        "{cookie}"
    );
    let me = house
        .ask(Method::GET, "/api/v1/me", &[("cookie", cookie)])
        .await;
    assert_eq!(me.json()["name"], "anna");
    assert_eq!(me.json()["role"], "admin");
}

#[tokio::test]
async fn whoever_is_nobody_is_led_to_the_login_or_told_so() {
    let house = House::with(&crew());
    let api = house.get("/api/v1/calls").await;
    assert_eq!(
        (api.status, api.code().as_str()),
        (StatusCode::UNAUTHORIZED, "login-needed")
    );
    assert_eq!(
        api.header(header::WWW_AUTHENTICATE),
        "Bearer realm=\"ringtag\""
    );
    let page = [("accept", "text/html,*/*;q=0.8")];
    let opened = house.ask(Method::GET, "/sessions?a=b%20c", &page).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER);
    assert_eq!(
        opened.header(header::LOCATION),
        "/login?back=/sessions%3Fa%3Db%2520c"
    );
    // What a script of a page fetches is not answered with the login page.
    let fetched = house
        .ask(
            Method::GET,
            "/sessions",
            &[page[0], ("sec-fetch-mode", "cors")],
        )
        .await;
    assert_eq!(fetched.status, StatusCode::UNAUTHORIZED);
    for open in ["/healthz", "/login"] {
        assert_eq!(house.get(open).await.status, StatusCode::OK, "{open}");
    }
}

#[tokio::test]
async fn a_session_that_was_slipped_to_somebody_does_not_become_theirs() {
    let house = House::with(&crew());
    let chosen = "0".repeat(64);
    let slipped = format!("ringtag={chosen}");
    let answer = log_in(&house, "anna", PASSWORD, &[("cookie", &slipped)]).await;
    let own = answer.header(header::SET_COOKIE).to_owned();
    assert!(
        own.starts_with("ringtag=") && !own.contains(&chosen),
        "{own}"
    );
    let with = |cookie: String| {
        let house = &house;
        async move {
            house
                .ask(Method::GET, "/api/v1/me", &[("cookie", &cookie)])
                .await
                .status
        }
    };
    assert_eq!(with(slipped).await, StatusCode::UNAUTHORIZED);
    assert_eq!(with(own.clone()).await, StatusCode::OK);
    // Another login from the same browser ends the session before it, whoever it was.
    let next = log_in(&house, "boris", PASSWORD, &[("cookie", &own)]).await;
    let next = next.header(header::SET_COOKIE).to_owned();
    assert_ne!(next, own);
    assert_eq!(with(own).await, StatusCode::UNAUTHORIZED);
    assert_eq!(with(next).await, StatusCode::OK);
}

#[tokio::test]
async fn a_change_needs_the_sessions_token_and_a_page_of_ours() {
    let house = House::with(&crew());
    let (cookie, csrf) = house.log_in("anna").await;
    let other = house.log_in("boris").await.1;
    let form = format!("csrf={csrf}");
    let own = ("origin", "http://127.0.0.1:8080");
    for (headers, body) in [
        (vec![], ""),
        (vec![own], "csrf="),
        (vec![own], "csrf=00"),
        (vec![own, ("x-csrf", &*other)], ""),
        (vec![("origin", "http://evil.example")], &*form),
        (vec![("origin", "null")], &*form),
        (vec![("origin", "http://127.0.0.1:9090")], &*form),
        (
            vec![
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
            ],
            &*form,
        ),
    ] {
        let mut headers = headers;
        headers.push(("cookie", &cookie));
        let answer = house.post("/logout", &headers, body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::FORBIDDEN, "csrf"),
            "{headers:?} {body}"
        );
    }
    let out = house
        .post("/logout", &[own, ("cookie", &cookie)], &form)
        .await;
    assert_eq!(out.status, StatusCode::SEE_OTHER);
    assert!(
        out.header(header::SET_COOKIE).starts_with("ringtag=; ")
            && out.header(header::SET_COOKIE).ends_with("Max-Age=0")
    );
    let after = house
        .ask(Method::GET, "/api/v1/me", &[("cookie", &cookie)])
        .await;
    assert_eq!(after.status, StatusCode::UNAUTHORIZED);
    // A page elsewhere cannot log somebody in as somebody else either.
    let elsewhere = log_in(
        &house,
        "anna",
        PASSWORD,
        &[("origin", "http://evil.example")],
    )
    .await;
    assert_eq!(
        (elsewhere.status, elsewhere.code().as_str()),
        (StatusCode::FORBIDDEN, "csrf")
    );
}

#[tokio::test]
async fn a_page_elsewhere_reads_nothing_with_somebodys_session() {
    let house = House::with(&crew());
    let (cookie, _) = house.log_in("anna").await;
    let ask = |site: &'static str, mode: &'static str| {
        let (house, cookie) = (&house, &cookie);
        async move {
            let headers = [
                ("cookie", cookie.as_str()),
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
            ];
            house.ask(Method::GET, "/api/v1/me", &headers).await.status
        }
    };
    assert_eq!(ask("cross-site", "no-cors").await, StatusCode::FORBIDDEN);
    assert_eq!(ask("same-site", "cors").await, StatusCode::FORBIDDEN);
    assert_eq!(ask("cross-site", "navigate").await, StatusCode::OK);
    assert_eq!(ask("same-origin", "cors").await, StatusCode::OK);
}

#[tokio::test]
async fn guessing_is_slowed_down_and_the_right_password_waits_as_well() {
    let house = House::with(&crew());
    for n in 0..6 {
        let answer = log_in(&house, "anna", &format!("guess {n}"), &[]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{n}");
    }
    let answer = log_in(&house, "anna", PASSWORD, &[]).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header(header::RETRY_AFTER), "1");
    assert!(answer.header(header::SET_COOKIE).is_empty());
    // Somebody else at the same address is not kept out.
    assert_eq!(
        log_in(&house, "boris", PASSWORD, &[]).await.status,
        StatusCode::SEE_OTHER
    );
    tokio::time::timeout(std::time::Duration::from_secs(60), async {
        while log_in(&house, "anna", PASSWORD, &[]).await.status != StatusCode::SEE_OTHER {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_reload_ends_the_sessions_of_who_is_gone_or_changed_and_no_others() {
    let house = House::with(&crew());
    let anna = house.log_in("anna").await.0;
    let boris = house.log_in("boris").await.0;
    let vera = house.log_in("vera").await.0;
    let manned = house.state.gate.manned();
    let users: Users = manned
        .users
        .iter()
        .filter(|user| &*user.name != "boris")
        .map(|user| {
            let mut user = (**user).clone();
            if &*user.name == "vera" {
                user.role = ringtag::people::Role::Analyst;
            }
            user
        })
        .collect();
    let ended = house.state.gate.set_manned(Manned {
        users,
        web: manned.web.clone(),
    });
    assert_eq!(ended, 2);
    for (cookie, status) in [
        (anna, StatusCode::OK),
        (boris, StatusCode::UNAUTHORIZED),
        (vera, StatusCode::UNAUTHORIZED),
    ] {
        let answer = house
            .ask(Method::GET, "/api/v1/me", &[("cookie", &cookie)])
            .await;
        assert_eq!(answer.status, status);
    }
    assert_eq!(
        log_in(&house, "boris", PASSWORD, &[]).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn without_users_the_pages_are_behind_a_link_that_lets_in_once() {
    let house = House::new();
    // Programs on this machine need nothing.
    assert_eq!(house.get("/api/v1/calls").await.status, StatusCode::OK);
    let closed = house.get("/sessions").await;
    assert_eq!(
        (closed.status, closed.code().as_str()),
        (StatusCode::UNAUTHORIZED, "login-needed")
    );
    assert_eq!(house.get("/login").await.code(), "no-users");
    let token = house.state.gate.link().unwrap();
    let link = format!("/enter?token={token}");
    assert_eq!(house.get("/enter?token=0").await.code(), "bad-link");
    assert_eq!(
        house.ask(Method::HEAD, &link, &[]).await.status,
        StatusCode::NO_CONTENT
    );
    let entered = house.get(&link).await;
    assert_eq!(
        (entered.status, entered.header(header::LOCATION)),
        (StatusCode::SEE_OTHER, "/")
    );
    let cookie = entered.header(header::SET_COOKIE).to_owned();
    assert_eq!(house.get(&link).await.code(), "bad-link");
    let with = [("cookie", cookie.as_str())];
    assert_eq!(
        house.ask(Method::GET, "/sessions", &with).await.status,
        StatusCode::OK
    );
    // The same browser may follow it again.
    assert_eq!(
        house.ask(Method::GET, &link, &with).await.status,
        StatusCode::SEE_OTHER
    );
    // The first user closes the house to whoever sits at the machine.
    let users = House::with(&crew()).state.gate.manned().users.clone();
    let web = house.state.gate.manned().web.clone();
    assert_eq!(house.state.gate.set_manned(Manned { users, web }), 1);
    assert_eq!(
        house.ask(Method::GET, "/sessions", &with).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        house.get("/api/v1/calls").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert!(house.state.gate.link().is_none());
}

#[tokio::test]
async fn without_users_a_browser_changes_nothing_that_a_page_did_not_ask_for() {
    let house = House::new();
    for headers in [
        [("origin", "http://evil.example")],
        [("origin", "http://127.0.0.1:8080")],
        [("sec-fetch-site", "cross-site")],
    ] {
        let answer = house.ask(Method::POST, "/logout", &headers).await;
        assert!(
            answer.status == StatusCode::FORBIDDEN || answer.status == StatusCode::UNAUTHORIZED,
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn an_api_token_speaks_for_its_role_and_its_projects_until_it_is_revoked() {
    let house = House::with(&crew());
    let call = house.call(1, Caller::Anonymous, true);
    house.state.store.sync().unwrap();
    let (all, id) = house.token("crm", "manager", None);
    let (other, _) = house.token("clinic only", "manager", Some(vec!["clinic".into()]));
    let (listener, _) = house.token("ears", "listener", None);
    let path = format!("/api/v1/calls/{call}");
    let ask = |secret: &str, path: &str| {
        let (house, bearer, path) = (&house, format!("Bearer {secret}"), path.to_owned());
        async move {
            house
                .ask(Method::GET, &path, &[("authorization", &bearer)])
                .await
        }
    };
    assert_eq!(ask(&all, &path).await.status, StatusCode::OK);
    assert_eq!(ask(&all, "/api/v1/me").await.json()["name"], "token crm");
    assert_eq!(ask(&other, &path).await.code(), "unknown-call");
    assert_eq!(
        ask(&other, "/api/v1/calls").await.json()["calls"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    assert_eq!(
        ask(&listener, "/api/v1/calls.csv").await.code(),
        "forbidden"
    );
    assert_eq!(ask(&all, "/metrics").await.code(), "forbidden");
    for wrong in ["", "0", &all[1..], &format!("{all}0")] {
        let answer = ask(wrong, &path).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::UNAUTHORIZED, "bad-token"),
            "{wrong}"
        );
    }
    // A wrong token is not made good by a right session.
    let (cookie, _) = house.log_in("anna").await;
    let both = house
        .ask(
            Method::GET,
            &path,
            &[("authorization", "Bearer 0"), ("cookie", &cookie)],
        )
        .await;
    assert_eq!(both.code(), "bad-token");
    assert!(house.state.store.revoke_token(&id, "anna").unwrap());
    assert_eq!(ask(&all, &path).await.code(), "bad-token");
}

#[tokio::test]
async fn a_call_of_another_project_is_nowhere() {
    let house = House::with(&crew());
    let call = house.recorded(1, &[0; 1_000]);
    let (clinic, _) = house.log_in("clara").await;
    let (shop, _) = house.log_in("boris").await;
    for tail in ["", "/recording.wav", "/peaks"] {
        let path = format!("/api/v1/calls/{call}{tail}");
        let theirs = house.ask(Method::GET, &path, &[("cookie", &clinic)]).await;
        assert_eq!(
            (theirs.status, theirs.code().as_str()),
            (StatusCode::NOT_FOUND, "unknown-call"),
            "{path}"
        );
        let own = house.ask(Method::GET, &path, &[("cookie", &shop)]).await;
        assert_ne!(own.status, StatusCode::NOT_FOUND, "{path}");
    }
    let list = house
        .ask(Method::GET, "/api/v1/calls", &[("cookie", &clinic)])
        .await;
    assert_eq!(list.json()["calls"].as_array().unwrap().len(), 0);
    let table = house
        .ask(Method::GET, "/api/v1/calls.csv", &[("cookie", &clinic)])
        .await;
    assert!(!table.text().contains(&call.to_string()));
}

#[tokio::test]
async fn an_admin_sees_every_session_and_ends_one() {
    let house = House::with(&crew());
    let (anna, csrf) = house.log_in("anna").await;
    let (boris, _) = house.log_in("boris").await;
    let page = house
        .ask(
            Method::GET,
            "/sessions",
            &[("cookie", &anna), ("accept", "text/html")],
        )
        .await;
    assert_eq!(page.status, StatusCode::OK);
    let text = page.text();
    assert!(text.contains("boris") && text.contains("anna"), "{text}");
    assert!(
        !text.contains(
            boris
                .trim_start_matches("ringtag=")
                .split(';')
                .next()
                .unwrap()
        )
    );
    let number = text
        .split("name=\"session\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    // The newest comes first: it is the other's.
    let form = format!("csrf={csrf}&session={number}");
    let ended = house
        .post("/sessions/end", &[("cookie", &anna)], &form)
        .await;
    assert_eq!(
        (ended.status, ended.header(header::LOCATION)),
        (StatusCode::SEE_OTHER, "/sessions")
    );
    assert_eq!(
        house
            .ask(Method::GET, "/api/v1/me", &[("cookie", &boris)])
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        house
            .ask(Method::GET, "/api/v1/me", &[("cookie", &anna)])
            .await
            .status,
        StatusCode::OK
    );
    let again = house
        .post("/sessions/end", &[("cookie", &anna)], &form)
        .await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
}

/// Runs `ringtag passwd` with a line piped in.
fn passwd(arguments: &[&str], line: &str) -> (Option<i32>, String, String) {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let mut command = Command::new(env!("CARGO_BIN_EXE_ringtag"));
    let mut child = command
        .arg("passwd")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Whoever refuses the name does not read on.
    let _read = stdin.write_all(line.as_bytes()).is_ok();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[tokio::test]
async fn what_passwd_prints_is_a_user_who_logs_in_with_that_password() {
    let (code, lines, complaint) = passwd(&["Ольга О"], "a quiet morning\n");
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    assert!(!lines.contains("quiet"), "{lines}");
    let house = House::with(&lines);
    let right = log_in(
        &house,
        "%D0%9E%D0%BB%D1%8C%D0%B3%D0%B0+%D0%9E",
        "a quiet morning",
        &[],
    )
    .await;
    assert_eq!(right.status, StatusCode::SEE_OTHER, "{lines}");
    for (line, why) in [
        ("", "it is empty"),
        ("short\n", "it has fewer than 12 characters"),
        (
            "password12345\n",
            "it is among the first that anybody would guess",
        ),
        ("one line\nand another\n", "give the password as one line"),
    ] {
        let (code, lines, complaint) = passwd(&["anna"], line);
        assert_eq!((code, lines.as_str()), (Some(2), ""), "{line}");
        assert!(complaint.contains(why), "{complaint}");
    }
    let (code, _, complaint) = passwd(&["a \"b\""], "a quiet morning");
    assert_eq!(code, Some(2), "{complaint}");
    let (_, json, _) = passwd(&["--json", "anna"], "a quiet morning");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["password"].as_str().unwrap().starts_with("$argon2id$"));
}

#[tokio::test]
async fn names_of_strangers_are_refused_with_users_as_well() {
    let house = House::with(&format!(
        "[web]\npublic_url = \"https://calls.example.com\"\n{}",
        crew()
    ));
    for (host, status) in [
        ("calls.example.com", StatusCode::OK),
        ("192.0.2.1:8080", StatusCode::OK),
        ("localhost", StatusCode::OK),
        ("evil.example", StatusCode::MISDIRECTED_REQUEST),
    ] {
        let request = Request::builder().uri("/healthz").header("host", host);
        let answer = house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status, "{host}");
    }
}

#[tokio::test]
async fn a_login_gives_a_session_that_nobody_chose_and_ends_the_one_it_came_with() {
    let house = House::with(&crew());
    let cookie_of = |answer: &Answer| {
        let cookie = answer.header(header::SET_COOKIE).to_owned();
        cookie.split(';').next().unwrap_or_default().to_owned()
    };
    let planted = "ringtag=00000000000000000000000000000000".to_owned();
    let first = cookie_of(&log_in(&house, "anna", PASSWORD, &[("cookie", &planted)]).await);
    let second = cookie_of(&log_in(&house, "anna", PASSWORD, &[("cookie", &first)]).await);
    assert!(first != planted && second != first);
    for (cookie, status) in [
        (&planted, StatusCode::UNAUTHORIZED),
        (&first, StatusCode::UNAUTHORIZED),
        (&second, StatusCode::OK),
    ] {
        let me = house
            .ask(Method::GET, "/api/v1/me", &[("cookie", cookie)])
            .await;
        assert_eq!(me.status, status, "{cookie}");
    }
}

#[tokio::test]
async fn an_id_that_leads_elsewhere_is_no_call() {
    let house = House::with(&crew());
    let right = log_in(&house, "anna", PASSWORD, &[]).await;
    let cookie = right.header(header::SET_COOKIE).split(';').next().unwrap();
    for id in ["..%2f..%2fdata%2flog", "%2e%2e", "%00", "1", "..%5c.."] {
        for rest in ["", "/recording.wav", "/peaks", "/ladder"] {
            let path = format!("/api/v1/calls/{id}{rest}");
            let answer = house.ask(Method::GET, &path, &[("cookie", cookie)]).await;
            let status = answer.status;
            assert!(
                status == StatusCode::NOT_FOUND || status == StatusCode::BAD_REQUEST,
                "{path}: {status}"
            );
        }
    }
}
