//! `GET /ui/look`: a choice of language or theme, kept by the browser, and back to where it was made.

use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use cookie::{Cookie, SameSite};

use crate::api::error::ApiError;
use crate::api::pages::look::{LANGUAGE, THEME};
use crate::api::query::{Given, pairs, wrong};
use crate::web::frame::Theme;
use crate::web::words::Language;

/// How long a browser keeps a choice: as long as browsers keep anything.
const KEPT: cookie::time::Duration = cookie::time::Duration::days(400);

/// Sets the cookies of `lang` and `theme` and leads to `back`. It changes nothing but how the pages look to this browser, so
/// that a link may do it.
pub(in crate::api) async fn look(given: Given) -> Result<Response, ApiError> {
    let mut back = "/".to_owned();
    let mut set: Vec<(HeaderName, String)> = Vec::new();
    for (name, value) in pairs(given, &["lang", "theme", "back"])? {
        match name {
            "lang" => {
                let language: Language = value
                    .parse()
                    .map_err(|_| wrong(name, "is no language; there are en and ru"))?;
                set.push((SET_COOKIE, kept(LANGUAGE, language.code())));
            }
            "theme" => {
                let theme: Theme = value
                    .parse()
                    .map_err(|_| wrong(name, "is no theme; there are auto, light and dark"))?;
                set.push((SET_COOKIE, kept(THEME, theme.word())));
            }
            _ => back = local(&value),
        }
    }
    let set = AppendHeaders(set);
    Ok((StatusCode::SEE_OTHER, set, [(LOCATION, back)]).into_response())
}

fn kept(name: &'static str, value: &'static str) -> String {
    Cookie::build((name, value))
        .path("/")
        .same_site(SameSite::Lax)
        .http_only(true)
        .max_age(KEPT)
        .build()
        .to_string()
}

/// A path of this server, or the calls: nobody is led elsewhere by a link of ours. Browsers take `\` for `/`.
pub(in crate::api) fn local(path: &str) -> String {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_local { path } else { "/" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_elsewhere() {
        assert_eq!(local("/?q=a&b=%2F"), "/?q=a&b=%2F");
        for elsewhere in [
            "",
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "/a\r\nSet-Cookie: x=y",
            "/ a",
            "/я",
        ] {
            assert_eq!(local(elsewhere), "/", "{elsewhere}");
        }
    }
}
