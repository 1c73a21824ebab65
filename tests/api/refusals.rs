//! What is refused before a handler sees it, and how.

use axum::http::{Method, header};

use crate::house::House;

#[tokio::test]
async fn who_takes_nothing_of_what_a_path_sends_is_told_so() {
    let house = House::new();
    for (path, accept, status) in [
        ("/api/v1/calls", "text/html", 406),
        ("/api/v1/calls", "application/json;q=0, */*", 406),
        ("/api/v1/calls", "text/html, */*;q=0.1", 200),
        ("/api/v1/calls.csv", "application/json", 406),
        ("/api/v1/calls.csv", "text/csv", 200),
        // A page is what a browser asks for by its own list.
        ("/healthz", "image/png", 200),
    ] {
        let answer = house.ask(Method::GET, path, &[("accept", accept)]).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {accept}");
        if status == 406 {
            assert_eq!(answer.code(), "not-acceptable");
            assert_eq!(answer.header(header::CONTENT_TYPE), "application/json");
        }
    }
}
