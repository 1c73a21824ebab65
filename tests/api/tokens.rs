//! Tokens of programs: made, listed, revoked.

use axum::http::Method;
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_by_nobody() {
    let house = House::new();
    let path = "/api/v1/tokens";
    let body = json!({"name": " crm ", "role": "manager", "projects": ["shop"]});
    let answer = house.say(Method::POST, path, &body, &[]).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let made = answer.json();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("rt_") && secret.len() == 67, "{secret}");
    assert_eq!(made["name"], "crm");
    assert_eq!(made["made_by"], "this machine");
    let list = house.get(path).await;
    assert!(!list.text().contains(secret.trim_start_matches("rt_")));
    let list = list.json();
    assert_eq!(list["tokens"][0]["id"], made["id"]);
    assert_eq!(list["tokens"][0]["projects"], json!(["shop"]));
    assert_eq!(list["tokens"][0].get("hash"), None);
    // Neither is it in the log.
    for month in std::fs::read_dir(house.folder.path().join("data/log")).unwrap() {
        let text = std::fs::read_to_string(month.unwrap().path()).unwrap();
        assert!(
            text.contains("\"token_made\"") || text.contains("crm"),
            "{text}"
        );
        assert!(!text.contains(secret.trim_start_matches("rt_")));
    }
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let gone = house.ask(Method::DELETE, &one, &[]).await;
    assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));
    assert_eq!(house.get(path).await.json(), json!({"tokens": []}));
    let again = house.ask(Method::DELETE, &one, &[]).await;
    assert_eq!(again.code(), "unknown-token");
}

#[tokio::test]
async fn two_tokens_of_one_name_could_not_be_told_apart_in_the_log() {
    let house = House::new();
    let path = "/api/v1/tokens";
    let body = json!({"name": "crm", "role": "manager"});
    let first = house.say(Method::POST, path, &body, &[]).await;
    assert_eq!(first.status, 201, "{}", first.text());
    let again = house.say(Method::POST, path, &body, &[]).await;
    assert_eq!(
        (again.status.as_u16(), again.code()),
        (409, "name-taken".into())
    );
    assert_eq!(again.json()["error"]["member"], "name");
    let one = format!("{path}/{}", first.json()["id"].as_str().unwrap());
    assert_eq!(house.ask(Method::DELETE, &one, &[]).await.status, 204);
    assert_eq!(house.say(Method::POST, path, &body, &[]).await.status, 201);
}

#[tokio::test]
async fn a_monitor_reads_the_metrics_and_nothing_of_any_call() {
    let house = House::new();
    let path = "/api/v1/tokens";
    let body = json!({"name": "prometheus", "role": "monitor", "projects": ["shop"]});
    let refused = house.say(Method::POST, path, &body, &[]).await;
    assert_eq!(refused.code(), "not-for-an-admin");
    let body = json!({"name": "prometheus", "role": "monitor"});
    let made = house.say(Method::POST, path, &body, &[]).await.json();
    let secret = format!("Bearer {}", made["secret"].as_str().unwrap());
    let by = [("authorization", secret.as_str())];
    let metrics = house.ask(Method::GET, "/metrics", &by).await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.text().contains("ringtag_calls_live"));
    for path in [
        "/api/v1/calls",
        "/api/v1/live",
        "/api/v1/tokens",
        "/sessions",
        "/",
    ] {
        assert_eq!(
            house.ask(Method::GET, path, &by).await.code(),
            "forbidden",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_is_refused_with_the_member_that_is_wrong() {
    let house = House::new();
    for (body, status, member) in [
        (json!({"role": "manager"}), 400, "name"),
        (json!({"name": " ", "role": "manager"}), 400, "name"),
        (
            json!({"name": "x".repeat(65), "role": "manager"}),
            400,
            "name",
        ),
        (json!({"name": "a\nb", "role": "manager"}), 400, "name"),
        (json!({"name": "crm", "role": "boss"}), 400, "role"),
        (
            json!({"name": "crm", "role": "manager", "projects": []}),
            400,
            "projects",
        ),
        (
            json!({"name": "crm", "role": "manager", "projects": [1]}),
            400,
            "projects",
        ),
        (
            json!({"name": "crm", "role": "manager", "projects": ["bank"]}),
            409,
            "projects",
        ),
        (
            json!({"name": "crm", "role": "manager", "secret": "x"}),
            400,
            "secret",
        ),
    ] {
        let answer = house.say(Method::POST, "/api/v1/tokens", &body, &[]).await;
        assert_eq!(answer.status, status, "{body}");
        assert_eq!(answer.json()["error"]["member"], member, "{body}");
    }
}
