//! What stands before every handler: who may ask by which name, and what a browser may do with the answer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{Request, State as Shared};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::error::ApiError;
use crate::api::gate::Manned;
use crate::api::state::State;
use crate::api::visitor::{Peer, Visitor};

/// Answers only to names that are ours. A page elsewhere can have its name lead to our address (DNS rebinding) and read
/// the calls through somebody's browser; the browser then still says that page's name here.
pub(in crate::api) async fn check_host(
    Shared(state): Shared<State>,
    mut request: Request,
    next: Next,
) -> Response {
    let refusal = |message: String| {
        ApiError::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", message).into_response()
    };
    let manned = state.gate.manned();
    // Without a server there is no connection: whoever asks is the test beside us.
    let peer = request.extensions().get::<Peer>().copied().unwrap_or(HERE);
    let visitor = match Visitor::of(peer, request.headers(), request.uri(), &manned.web) {
        Ok(visitor) => visitor,
        Err(why) => return refusal(why.to_string()),
    };
    if !is_ours(&visitor.host, &manned) {
        let message = if manned.users.is_empty() {
            "only 127.0.0.1, [::1] and localhost are answered; use one of them in the URL"
                .to_owned()
        } else {
            let host: String = visitor.host.host().chars().take(HOST_MAX).collect();
            format!(
                "{host} is no name of this site; use its address, or add the name to web.public_url"
            )
        };
        return refusal(message);
    }
    request.extensions_mut().insert(visitor);
    next.run(request).await
}

/// Characters of a wrong name that are said back: as long as names are (RFC 1035 2.3.4).
const HOST_MAX: usize = 255;

const HERE: Peer = Peer {
    address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
    is_secure: false,
};

/// Without users only this machine's own names are ours. With them an address is, too: what a browser says is what it
/// connected to, and no name of a stranger leads there.
fn is_ours(authority: &Authority, manned: &Manned) -> bool {
    let host = authority.host();
    let has_user_part = authority.as_str().contains('@');
    let is_named = manned
        .web
        .public_urls
        .iter()
        .any(|url| url.host().eq_ignore_ascii_case(host));
    is_this_machine(authority)
        || (!has_user_part && is_named)
        || (!has_user_part && !manned.users.is_empty() && bare(host).parse::<IpAddr>().is_ok())
}

/// Adds what keeps an answer from being stored, framed, guessed at or shared.
pub(in crate::api) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
    response
}

/// Personal data is kept by no cache; a page loads nothing but what comes from here, and no script or style
/// that stands in the page itself: text that found its way into the markup would do nothing there.
const SECURITY: [(HeaderName, HeaderValue); 6] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; \
             connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    // Not `no-referrer`: with it browsers say of our own forms that their origin is `null`.
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

fn is_this_machine(authority: &Authority) -> bool {
    let bare = bare(authority.host());
    // Browsers lead `localhost` and every name under it to this machine without asking DNS (RFC 6761 6.3).
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An IPv6 address without its brackets.
fn bare(host: &str) -> &str {
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::settings::{PublicUrl, Settings};
    use crate::people::user::trial::user;
    use crate::people::{Role, Users};

    #[test]
    fn with_users_addresses_and_public_names_are_ours_and_no_others() {
        let manned = |users: Users| Manned {
            users,
            web: Settings {
                public_urls: vec![PublicUrl::read("https://calls.example.com").unwrap()],
                ..Settings::default()
            },
        };
        let with = manned([user("anna", Role::Admin)].into_iter().collect());
        let is = |text: &str| is_ours(&text.parse().unwrap(), &with);
        for ours in [
            "calls.example.com",
            "Calls.Example.com:8443",
            "192.0.2.1:8080",
            "[2001:db8::1]",
            "localhost",
        ] {
            assert!(is(ours), "{ours}");
        }
        for other in [
            "evil.example",
            "calls.example.com.evil.example",
            "x@calls.example.com",
            "x@192.0.2.1",
            "192.0.2.1.nip.io",
        ] {
            assert!(!is(other), "{other}");
        }
        assert!(!is_ours(
            &"192.0.2.1".parse().unwrap(),
            &manned(Users::default())
        ));
    }

    #[test]
    fn loopback_names_are_this_machine_and_others_are_not() {
        let is = |text: &str| is_this_machine(&text.parse().unwrap());
        assert!(is("127.0.0.1:8080") && is("localhost") && is("LOCALHOST:80") && is("[::1]:8080"));
        for other in [
            "evil.example",
            "127.0.0.1.evil.example:8080",
            "localhost.evil.example",
            "192.0.2.1",
            "0.0.0.0:8080",
            "127.0.0.1@evil.example",
        ] {
            assert!(!is(other), "{other}");
        }
    }
}
