//! The API's document as a program fetches it.

use axum::http::{StatusCode, header};

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
