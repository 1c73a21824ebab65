//! The form of a page, read within limits of size and time.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Query;
use axum::http::{StatusCode, Uri};
use tokio::time::timeout;

use crate::api::error::ApiError;

/// How long a form may take to arrive: nobody keeps a connection by sending none of it.
const ARRIVAL_MAX: Duration = Duration::from_secs(15);

/// Takes a form whole, of at most `most` bytes.
pub(in crate::api) async fn arrive(body: Body, most: usize) -> Result<Bytes, ApiError> {
    match timeout(ARRIVAL_MAX, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "the form is larger than any of ours, or was cut off",
        )),
        Err(_) => Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "too-slow",
            "the form took too long to arrive",
        )),
    }
}

/// A field of a form, where it stands just once.
pub(in crate::api) fn field(form: &Bytes, name: &str) -> Option<String> {
    // A form may be longer than an address can be; one field of it is not.
    let own = std::str::from_utf8(form).ok()?.split('&').filter(|pair| {
        let key = pair.split('=').next().unwrap_or_default();
        key == name || key.contains('%')
    });
    let own: Vec<&str> = own.collect();
    let uri: Uri = format!("/?{}", own.join("&")).parse().ok()?;
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&uri).ok()?;
    let mut values = pairs.into_iter().filter(|(key, _)| key == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_stands_once_or_not_at_all() {
        let form = Bytes::from_static(b"a=1+2&b=%D1%8F&b=x&c=");
        let of = |name| field(&form, name);
        assert_eq!(of("a").as_deref(), Some("1 2"));
        assert_eq!(
            (of("b"), of("c").as_deref(), of("d")),
            (None, Some(""), None)
        );
        assert_eq!(field(&Bytes::from_static(b"\xff"), "a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_form_that_is_too_long_or_never_ends_is_refused() {
        let long = arrive(Body::from(vec![b'a'; 11]), 10).await;
        assert!(long.unwrap_err().is("too-large"));
        let (_source, never) = crate::api::stream::body();
        assert!(arrive(never, 10).await.unwrap_err().is("too-slow"));
    }
}
