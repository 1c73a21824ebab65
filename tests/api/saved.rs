//! Saved reports: who may save, send and remove them, and what is refused.

use axum::http::Method;
use serde_json::{Value, json};

use crate::house::{House, crew};

const PATH: &str = "/api/v1/saved";

/// Asks as whoever has this token.
async fn ask(
    house: &House,
    secret: &str,
    method: Method,
    path: &str,
    body: &Value,
) -> (u16, Value) {
    let bearer = format!("Bearer {secret}");
    let headers = [("authorization", bearer.as_str())];
    let answer = if method == Method::GET || method == Method::DELETE {
        house.ask(method, path, &headers).await
    } else {
        house.say(method, path, body, &headers).await
    };
    let status = answer.status.as_u16();
    if answer.body.is_empty() {
        return (status, Value::Null);
    }
    (status, answer.json())
}

fn sources(more: Value) -> Value {
    let mut body = json!({
        "name": " Sources ",
        "report": "sources",
        "project": "shop",
        "filter": {"period": "last-week", "by": "campaign"},
    });
    let more = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(more);
    body
}

fn monday() -> Value {
    json!({"weekday": 1, "hour": 9, "recipients": ["anna@shop.example", "ANNA@shop.example"]})
}

#[tokio::test]
async fn a_report_is_saved_changed_and_removed_and_leads_to_itself_as_it_is_now() {
    let house = House::with(&crew());
    let (boris, _) = house.token("boris", "manager", None);
    let sending = json!({ "sending": monday() });
    let (status, saved) = ask(&house, &boris, Method::POST, PATH, &sources(sending)).await;
    assert_eq!(status, 201, "{saved}");
    assert_eq!(saved["name"], "Sources");
    assert_eq!(saved["saved_by"], "token boris");
    assert_eq!(saved["language"], "en");
    assert_eq!(
        saved["filter"],
        json!({"period": "last-week", "by": "campaign"})
    );
    assert_eq!(
        saved["sending"]["recipients"],
        json!(["anna@shop.example"]),
        "each once"
    );
    let one = format!("{PATH}/{}", saved["id"].as_str().unwrap());
    let href = saved["href"].as_str().unwrap();
    let bearer = format!("Bearer {boris}");
    let led = house
        .ask(Method::GET, href, &[("authorization", &bearer)])
        .await;
    assert_eq!(led.status, 303);
    let to = led.header(axum::http::header::LOCATION);
    assert!(
        to.starts_with("/reports/sources?project=shop&by=campaign&since=20"),
        "{to}"
    );
    let changed = json!({"name": "All sources", "sending": null});
    let (status, changed) = ask(&house, &boris, Method::PATCH, &one, &changed).await;
    assert_eq!(
        (status, &changed["sending"]),
        (200, &Value::Null),
        "{changed}"
    );
    assert_eq!(changed["filter"], saved["filter"]);
    let (_, list) = ask(&house, &boris, Method::GET, PATH, &Value::Null).await;
    assert_eq!(list["saved"], json!([changed]));
    assert_eq!(list["mail"], false);
    // Without mail nothing is asked for.
    let letters = format!("{one}/letters");
    let (status, refused) = ask(&house, &boris, Method::POST, &letters, &json!({"to": "me"})).await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (409, &json!("no-mail"))
    );
    assert_eq!(
        ask(&house, &boris, Method::DELETE, &one, &Value::Null)
            .await
            .0,
        204
    );
    assert_eq!(
        ask(&house, &boris, Method::DELETE, &one, &Value::Null)
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn who_sees_figures_saves_them_and_managers_alone_send_them_outside() {
    let house = House::with(&crew());
    let (gleb, _) = house.token("gleb", "analyst", None);
    let (boris, _) = house.token("boris", "manager", None);
    let (clara, _) = house.token("clara", "manager", Some(vec!["clinic".into()]));
    let (vera, _) = house.token("vera", "listener", None);
    let (status, refused) = ask(
        &house,
        &gleb,
        Method::POST,
        PATH,
        &sources(json!({ "sending": monday() })),
    )
    .await;
    assert_eq!((status, &refused["error"]["right"]), (403, &json!("mail")));
    let (status, saved) = ask(&house, &gleb, Method::POST, PATH, &sources(json!({}))).await;
    assert_eq!(status, 201, "{saved}");
    let one = format!("{PATH}/{}", saved["id"].as_str().unwrap());
    assert_eq!(
        ask(&house, &vera, Method::GET, PATH, &Value::Null).await.0,
        403
    );
    // Another project's is nobody's business.
    let (_, list) = ask(&house, &clara, Method::GET, PATH, &Value::Null).await;
    assert_eq!(list["saved"], json!([]));
    for (method, body) in [
        (Method::PATCH, json!({"name": "x"})),
        (Method::DELETE, Value::Null),
    ] {
        assert_eq!(ask(&house, &clara, method, &one, &body).await.0, 404);
    }
    let (status, _) = ask(&house, &clara, Method::POST, PATH, &sources(json!({}))).await;
    assert_eq!(status, 409);
    // A manager has it sent, and from then on it is theirs alone to change.
    let (status, changed) = ask(
        &house,
        &boris,
        Method::PATCH,
        &one,
        &json!({ "sending": monday() }),
    )
    .await;
    assert_eq!((status, &changed["saved_by"]), (200, &json!("token boris")));
    assert_eq!(
        ask(&house, &gleb, Method::DELETE, &one, &Value::Null)
            .await
            .0,
        403
    );
    assert_eq!(
        ask(&house, &boris, Method::DELETE, &one, &Value::Null)
            .await
            .0,
        204
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_report_names_its_member() {
    let house = House::new();
    let say = |body: Value| {
        let house = &house;
        async move {
            let answer = house.say(Method::POST, PATH, &body, &[]).await;
            let error = answer.json()["error"].clone();
            (
                answer.status.as_u16(),
                error["member"].as_str().unwrap_or_default().to_owned(),
            )
        }
    };
    for (more, status, member) in [
        (json!({"name": " "}), 400, "name"),
        (json!({"name": "a\nb"}), 400, "name"),
        (json!({"report": "weather"}), 409, "report"),
        (json!({"project": "sho"}), 409, "project"),
        (json!({"language": "de"}), 400, "language"),
        (json!({"filter": {"period": "next-week"}}), 409, "filter"),
        (
            json!({"filter": {"period": "last-week", "since": "2026-11-01"}}),
            409,
            "filter",
        ),
        (json!({"filter": {"caller": "+79161234567"}}), 409, "filter"),
        (json!({"filter": {"colour": "red"}}), 409, "filter"),
        (
            json!({"filter": {"since": "2026-11-22", "until": "2026-11-21", "by": "moon"}}),
            409,
            "filter",
        ),
        (json!({"filter": {"by": 1}}), 400, "filter"),
        (json!({"filter": []}), 400, "filter"),
        (
            json!({"sending": {"weekday": 0, "hour": 9, "recipients": ["a@b.example"]}}),
            400,
            "sending.weekday",
        ),
        (
            json!({"sending": {"weekday": 1, "hour": 24, "recipients": ["a@b.example"]}}),
            400,
            "sending.hour",
        ),
        (
            json!({"sending": {"weekday": 1, "hour": 9, "recipients": []}}),
            400,
            "sending.recipients",
        ),
        (
            json!({"sending": {"weekday": 1, "hour": 9, "recipients": ["a@b.example\r\nBcc: c@d.example"]}}),
            400,
            "sending.recipients",
        ),
        (
            json!({"sending": {"weekday": 1, "hour": 9}}),
            400,
            "sending.recipients",
        ),
        (json!({"colour": "red"}), 400, "colour"),
    ] {
        assert_eq!(
            say(sources(more.clone())).await,
            (status, member.to_owned()),
            "{more}"
        );
    }
}

#[tokio::test]
async fn the_page_saves_changes_and_removes_without_a_script() {
    let house = House::with(&crew());
    let (cookie, csrf) = house.log_in("boris").await;
    let headers = [("cookie", cookie.as_str())];
    let new = house
        .ask(
            Method::GET,
            "/saved/new?report=sources&source=direct&since=2026-11-01&project=shop",
            &headers,
        )
        .await;
    assert_eq!(new.status, 200, "{}", new.text());
    let text = new.text();
    assert!(
        text.contains("value=\"source=direct&#38;since=2026-11-01\""),
        "{text}"
    );
    let form = |more: &str| {
        format!(
            "csrf={csrf}&name=Weekly+%3Cb%3E&report=sources&project=shop&filter=source%3Ddirect%26since%3D2026-11-01&{more}"
        )
    };
    let wrong = form("period=last-week&weekday=1&hour=9&recipients=nobody");
    let refused = house.post("/saved", &headers, &wrong).await;
    assert_eq!(refused.status, 422);
    let text = refused.text();
    assert!(
        text.contains("role=\"alert\"") && text.contains("nobody"),
        "{text}"
    );
    assert!(
        text.contains("Weekly &#60;b&#62;"),
        "what was written is still there: {text}"
    );
    let right = form(
        "period=last-week&weekday=1&hour=9&recipients=anna%40shop.example%0D%0Aboris%40shop.example",
    );
    let saved = house.post("/saved", &headers, &right).await;
    assert_eq!(saved.status, 303, "{}", saved.text());
    let page = house.ask(Method::GET, "/saved", &headers).await.text();
    for part in [
        "Weekly &#60;b&#62;",
        "anna@shop.example",
        "Mondays at 09:00",
        "id=\"no-mail\"",
        "Last week",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(
        !page.contains("2026-11-01"),
        "the period that moves takes the place of the days: {page}"
    );
    let (_, rest) = page.split_once("id=\"saved-").unwrap();
    let (id, _) = rest.split_once('"').unwrap();
    let path = format!("/saved/{id}");
    let changed = format!("csrf={csrf}&do=change&name=Every+week&weekday=&hour=9&recipients=");
    assert_eq!(house.post(&path, &headers, &changed).await.status, 303);
    let page = house.ask(Method::GET, "/saved", &headers).await.text();
    assert!(
        page.contains("Every week") && !page.contains("Mondays at"),
        "{page}"
    );
    let removed = format!("csrf={csrf}&do=remove");
    assert_eq!(house.post(&path, &headers, &removed).await.status, 303);
    let page = house.ask(Method::GET, "/saved", &headers).await.text();
    assert!(!page.contains("Every week"), "{page}");
}
