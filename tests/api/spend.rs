//! What advertising costs: entered, corrected, brought as a table, and held against what it brought.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use ringtag::base::number::{Caller, Number};
use ringtag::store::say::Say;

use crate::house::{Answer, House, crew};

/// Days in which the calls of a house lie, whenever the test runs.
const DAYS: &str = "since=2026-11-20&until=2026-11-22";

const GOOD: &str =
    "source;from;until;amount;currency;note\r\ndirect;21.11.2026;21.11.2026;50 000,00;RUB;ads\r\n";

/// A house and what an admin of it and a manager of another project prove themselves with.
struct Office {
    house: House,
    admin: String,
    other: String,
}

impl Office {
    fn new() -> Self {
        let house = House::with(&crew());
        let (admin, _) = house.token("books", "admin", None);
        let (other, _) = house.token("clinic", "manager", Some(vec!["clinic".to_owned()]));
        Self {
            house,
            admin,
            other,
        }
    }

    async fn ask(&self, method: Method, path: &str, kind: &str, body: &str) -> Answer {
        self.ask_as(&self.admin, method, path, kind, body).await
    }

    async fn ask_as(
        &self,
        secret: &str,
        method: Method,
        path: &str,
        kind: &str,
        body: &str,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1:8080")
            .header("authorization", format!("Bearer {secret}"))
            .header("content-type", kind)
            .body(Body::from(body.to_owned()));
        self.house.send(request.unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, "text/plain", "").await
    }

    async fn enter(&self, body: Value) -> Answer {
        let path = "/api/v1/spend";
        self.ask(Method::POST, path, "application/json", &body.to_string())
            .await
    }

    async fn bring(&self, more: &str, table: &str) -> Answer {
        let path = format!("/api/v1/spend.csv{more}");
        self.ask(Method::POST, &path, "text/csv", table).await
    }

    /// 120 calls, 20 of them sold.
    fn calls(&self) {
        for n in 0..120 {
            let number = Number::e164(&format!("+7916{:07}", n + 1)).unwrap();
            let id = self.house.call(n, Caller::Number(number), true);
            if n < 20 {
                self.house.state.store.sync().unwrap();
                let say = Say {
                    outcome: Some(Some("sold".to_owned())),
                    target: Some(Some(true)),
                    ..Say::default()
                };
                self.house.state.store.say(id, say, "anna", None).unwrap();
            }
        }
        self.house.state.store.sync().unwrap();
    }
}

fn may(number: i64) -> Value {
    json!({
        "project": "shop", "source": "direct", "from": "2026-11-01", "until": "2026-11-30",
        "amount": number, "note": "ads",
    })
}

#[tokio::test]
async fn an_amount_is_entered_corrected_and_taken_out_and_all_of_that_can_be_read() {
    let office = Office::new();
    // A campaign that the configuration does not have, and calls had.
    office.house.call(1, Caller::Anonymous, true);
    office.house.state.store.sync().unwrap();
    let made = office.enter(may(50_000)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let made = made.json();
    assert_eq!(made["hundredths"], 5_000_000);
    assert_eq!(
        (&made["amount"], &made["cost"]),
        (&json!("50000.00"), &json!("advertising"))
    );
    let path = format!("/api/v1/spend/{}", made["id"].as_str().unwrap());
    let kind = "application/json";
    let change = json!({"amount": "49 999,50", "campaign": "весна", "version": made["version"]});
    let changed = office
        .ask(Method::PATCH, &path, kind, &change.to_string())
        .await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    let changed = changed.json();
    assert_eq!(changed["hundredths"], 4_999_950);
    assert_eq!(
        (&changed["source"], &changed["campaign"]),
        (&Value::Null, &json!("весна"))
    );
    // Somebody who saw what it was before is told.
    let late = office
        .ask(Method::PATCH, &path, kind, &change.to_string())
        .await;
    assert_eq!(
        (late.status, &*late.code()),
        (StatusCode::CONFLICT, "changed")
    );
    let gone = office.ask(Method::DELETE, &path, kind, "").await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(
        office.get("/api/v1/spend").await.json()["entries"],
        json!([])
    );
    let left = office.get("/api/v1/spend?removed=true").await.json();
    let history = left["entries"][0]["history"].as_array().unwrap().clone();
    let was: Vec<_> = history
        .iter()
        .map(|version| &version["hundredths"])
        .collect();
    assert_eq!(was, [&json!(5_000_000), &json!(4_999_950), &Value::Null]);
    assert!(history.iter().all(|version| version["by"] == "token books"));
    let again = office.ask(Method::DELETE, &path, kind, "").await;
    assert_eq!(again.code(), "unknown-entry");
}

#[tokio::test]
async fn what_is_wrong_with_an_amount_names_its_member() {
    let office = Office::new();
    for (member, value) in [
        ("source", json!("dirct")),
        ("source", json!("")),
        ("until", json!("2026-10-01")),
        ("from", json!("yesterday")),
        ("amount", json!(-5)),
        ("amount", json!("50,000")),
        ("currency", json!("EUR")),
        ("cost", json!("bribe")),
        ("project", json!("nowhere")),
    ] {
        let mut body = may(1);
        body[member] = value;
        let answer = office.enter(body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.json()["error"]["member"], member, "{body}");
    }
    assert_eq!(
        office.get("/api/v1/spend").await.json()["entries"],
        json!([])
    );
}

#[tokio::test]
async fn of_a_table_with_bad_rows_each_is_named_by_its_line_and_nothing_is_entered() {
    let office = Office::new();
    let table = "source,from,until,amount,currency\n\
                 direct,2026-11-01,2026-11-30,100,RUB\n\
                 dirct,2026-11-01,2026-11-30,100,RUB\n\
                 direct,2026-11-30,2026-11-01,100,USD\n";
    let answer = office.bring("?project=shop", table).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.code(), "bad-rows");
    let rows = answer.json()["error"]["rows"].as_array().unwrap().clone();
    let named: Vec<_> = rows
        .iter()
        .map(|row| (row["line"].as_u64().unwrap(), row["code"].as_str().unwrap()))
        .collect();
    assert_eq!(
        named,
        [
            (3, "unknown-source-near"),
            (4, "backwards"),
            (4, "currency")
        ]
    );
    assert!(
        rows[0]["message"]
            .as_str()
            .unwrap()
            .contains("did you mean “direct”?")
    );
    assert_eq!(
        office.get("/api/v1/spend").await.json()["entries"],
        json!([])
    );
    let dry = office.bring("?project=shop&dry=true", GOOD).await;
    assert_eq!(
        (dry.status, &dry.json()["entered"]),
        (StatusCode::OK, &json!(0))
    );
    assert_eq!(
        office.get("/api/v1/spend").await.json()["entries"],
        json!([])
    );
    let good = office.bring("?project=shop", GOOD).await;
    assert_eq!(
        (good.status, &good.json()["entered"]),
        (StatusCode::OK, &json!(1))
    );
    let twice = office.bring("?project=shop", GOOD).await;
    assert_eq!(twice.json()["error"]["rows"][0]["code"], "same-as-entered");
    let taken = office.get("/api/v1/spend.csv").await.text();
    assert!(
        taken.contains("shop,direct,,,advertising,2026-11-21,2026-11-21,50000.00,RUB,ads\r\n"),
        "{taken}"
    );
}

#[tokio::test]
async fn the_example_of_the_field_reads_on_the_page_as_people_work_it_out() {
    let office = Office::new();
    office.calls();
    let good = office.bring("?project=shop", GOOD).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.text());
    let (cookie, _) = office.house.log_in("anna").await;
    for (language, wanted) in [
        ("en", ["416.67\u{a0}₽", "2,500\u{a0}₽", "16.7", "pays"]),
        (
            "ru",
            ["416,67\u{a0}₽", "2\u{a0}500\u{a0}₽", "16,7", "окупается"],
        ),
    ] {
        let headers = [
            ("accept", "text/html"),
            ("accept-language", language),
            ("cookie", &*cookie),
        ];
        let path = format!("/reports/money?project=shop&{DAYS}");
        let page = office.house.ask(Method::GET, &path, &headers).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text());
        for text in wanted {
            assert!(page.text().contains(text), "{language}: {text}");
        }
    }
    let path = format!("/api/v1/reports/money?project=shop&{DAYS}");
    let report = office.get(&path).await.json();
    let total = &report["total"]["cells"];
    let figure = |key: &str| {
        let columns = report["columns"].as_array().unwrap();
        let place = columns.iter().position(|column| column["key"] == key);
        total[place.unwrap()].clone()
    };
    assert_eq!(figure("cost_of_call"), json!({"money": 41_667}));
    assert_eq!(figure("cac"), json!({"money": 250_000}));
    assert_eq!(figure("verdict"), json!({"verdict": "pays"}));
}

#[tokio::test]
async fn money_of_a_project_is_seen_by_its_own() {
    let office = Office::new();
    let made = office.enter(may(50_000)).await.json();
    let path = format!("/api/v1/spend/{}", made["id"].as_str().unwrap());
    let other = |path: String| {
        let office = &office;
        async move {
            let kind = "text/plain";
            office
                .ask_as(&office.other, Method::GET, &path, kind, "")
                .await
        }
    };
    let list = other("/api/v1/spend".to_owned()).await;
    assert_eq!(
        (list.status, &list.json()["entries"]),
        (StatusCode::OK, &json!([]))
    );
    assert_eq!(other(path).await.code(), "unknown-entry");
    let own = other(format!("/api/v1/reports/money?{DAYS}")).await;
    assert_eq!(own.json()["lines"], json!([]));
    let (analyst, _) = office.house.token("counts", "analyst", None);
    let path = format!("/api/v1/reports/money?{DAYS}");
    let counts = office
        .ask_as(&analyst, Method::GET, &path, "text/plain", "")
        .await;
    assert_eq!(counts.code(), "forbidden");
}

#[tokio::test]
async fn the_page_enters_corrects_and_brings_and_says_who_and_when() {
    let office = Office::new();
    let (cookie, csrf) = office.house.log_in("anna").await;
    let headers = [
        ("accept", "text/html"),
        ("accept-language", "en"),
        ("cookie", &*cookie),
    ];
    let page = |path: String| {
        let house = &office.house;
        async move { house.ask(Method::GET, &path, &headers).await }
    };
    let form = format!(
        "csrf={csrf}&for=shop%7Csource%7Cdirect&cost=advertising&from=2026-11-01&until=2026-11-30&amount=300&note=%3D1%2B1"
    );
    let entered = office.house.post("/spend", &headers, &form).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.text());
    let stale = form.replace(&csrf, "wrong");
    let stale = office.house.post("/spend", &headers, &stale).await;
    assert_eq!(stale.status, StatusCode::FORBIDDEN);
    let all = "/spend?since=2026-11-01&until=2026-11-30&removed=true";
    let text = page(all.to_owned()).await.text();
    assert!(
        text.contains("300\u{a0}₽") && text.contains("10\u{a0}₽ a day"),
        "{text}"
    );
    let item = office.get("/api/v1/spend").await.json()["entries"][0].clone();
    let (id, version) = (item["id"].as_str().unwrap(), &item["version"]);
    let edit = page(format!("/spend?edit={id}")).await.text();
    assert!(
        edit.contains(&format!("name=\"version\" value=\"{version}\"")),
        "{edit}"
    );
    let bad = form.replace(
        "amount=300",
        &format!("amount=much&id={id}&version={version}"),
    );
    let bad = office.house.post("/spend", &headers, &bad).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(bad.text().contains("“much” is no amount"), "{}", bad.text());
    let good = form.replace(
        "amount=300",
        &format!("amount=600&id={id}&version={version}"),
    );
    let good = office.house.post("/spend", &headers, &good).await;
    assert_eq!(good.status, StatusCode::SEE_OTHER, "{}", good.text());
    let text = page(all.to_owned()).await.text();
    assert!(text.contains("anna corrected it to 600"), "{text}");
    assert!(text.contains("anna entered 300"), "{text}");

    let table = "source%2Cfrom%2Cuntil%2Camount%0D%0Adirect%2C2026-11-01%2C2026-11-02%2C7%0D%0A";
    let look = format!("csrf={csrf}&project=shop&text={table}");
    let looked = office.house.post("/spend/import", &headers, &look).await;
    assert_eq!(looked.status, StatusCode::OK, "{}", looked.text());
    assert!(
        looked.text().contains("both will count"),
        "{}",
        looked.text()
    );
    assert_eq!(
        office.get("/api/v1/spend").await.json()["entries"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let brought = format!("{look}&confirm=true");
    let brought = office.house.post("/spend/import", &headers, &brought).await;
    assert_eq!(brought.status, StatusCode::SEE_OTHER);
    let there = brought.header(axum::http::header::LOCATION).to_owned();
    assert!(page(there).await.text().contains("1 amount is entered."));
    let wrong = look.replace("direct", "dirct");
    let wrong = office.house.post("/spend/import", &headers, &wrong).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        wrong
            .text()
            .contains("There is no source “dirct”; did you mean “direct”?")
    );
    // A table may be longer than an address, and than other forms.
    let long = format!("{look}{}", "%D0%B6".repeat(60_000));
    let long = office.house.post("/spend/import", &headers, &long).await;
    assert_eq!(
        long.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        long.text()
    );
}
