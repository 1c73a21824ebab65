//! The session's cookie (RFC 6265): what it is called, what a browser may do with it.

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, HeaderValue};
use cookie::time::Duration as Seconds;
use cookie::{Cookie, SameSite};

use crate::people::session::Lifetime;

/// Over TLS no other host, and no plain HTTP, can set a cookie of this name (RFC 6265bis 4.1.3.2).
const SECURE: &str = "__Host-ringtag";
/// Over plain HTTP, which is for this machine and for networks that are trusted.
const PLAIN: &str = "ringtag";

const fn name(is_secure: bool) -> &'static str {
    if is_secure { SECURE } else { PLAIN }
}

/// The value of the session's cookie. The other name is not looked at: over TLS a plain one may be anybody's.
pub(in crate::api) fn read(headers: &HeaderMap, is_secure: bool) -> Option<String> {
    let name = name(is_secure);
    let texts = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut cookies = texts.flat_map(Cookie::split_parse).filter_map(Result::ok);
    let found = cookies.find(|cookie| cookie.name() == name)?;
    Some(found.value().to_owned())
}

/// `Set-Cookie` for a session that has begun.
pub(in crate::api) fn begin(
    value: &str,
    is_secure: bool,
    lifetime: Lifetime,
) -> Option<HeaderValue> {
    let seconds = i64::try_from(lifetime.whole.as_secs()).unwrap_or(i64::MAX);
    header(value, is_secure, Seconds::seconds(seconds))
}

/// `Set-Cookie` for one that is over.
pub(in crate::api) fn end(is_secure: bool) -> Option<HeaderValue> {
    header("", is_secure, Seconds::ZERO)
}

fn header(value: &str, is_secure: bool, age: Seconds) -> Option<HeaderValue> {
    let cookie = Cookie::build((name(is_secure), value))
        .path("/")
        .secure(is_secure)
        // No script reads it.
        .http_only(true)
        // Lax and not Strict: a link to a call in a mail or a CRM opens it. What changes anything is no GET, and Lax keeps
        // the cookie out of every other request from elsewhere.
        .same_site(SameSite::Lax)
        .max_age(age);
    HeaderValue::try_from(cookie.build().to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_for_this_host_and_for_no_script() {
        let shown = |is_secure| {
            begin("abc", is_secure, Lifetime::default())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            shown(true),
            "__Host-ringtag=abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=43200"
        );
        assert_eq!(
            shown(false),
            "ringtag=abc; HttpOnly; SameSite=Lax; Path=/; Max-Age=43200"
        );
        assert_eq!(
            end(true).unwrap(),
            "__Host-ringtag=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0"
        );
    }

    #[test]
    fn only_the_name_of_the_own_security_is_read() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "lang=ru; ringtag=plain".parse().unwrap());
        headers.append(COOKIE, "__Host-ringtag=secure; theme=dark".parse().unwrap());
        assert_eq!(read(&headers, true).as_deref(), Some("secure"));
        assert_eq!(read(&headers, false).as_deref(), Some("plain"));
        assert_eq!(read(&HeaderMap::new(), true), None);
    }
}
