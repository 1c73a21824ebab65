//! The API's document as a program fetches it.

use axum::http::{StatusCode, header};

use ringtag::report::ask::Kind;

use crate::house::House;

#[tokio::test]
async fn the_document_is_there_and_is_json() {
    let house = House::new();
    let answer = house.get("/api/v1/openapi.json").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/json");
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn the_document_names_every_report_and_what_its_lines_are_cut_by() {
    let document = House::new().get("/api/v1/openapi.json").await.json();
    let told = document["paths"]["/api/v1/reports/{name}"]["get"]["parameters"].to_string();
    for kind in Kind::ALL {
        let cuts = kind.cuts().iter().map(|by| by.word());
        for word in cuts.chain([kind.word()]) {
            assert!(told.contains(&format!("`{word}`")), "{word}: {told}");
        }
    }
}
