//! What begins the way of our requests to a trunk: its outbound proxy (RFC 3261 8.1.2) and what its registrar told us with
//! Service-Route (RFC 3608).
//!
//! Requests always go to the trunk's own places, whatever the first Route names: whoever answers a REGISTER cannot send our
//! calls and our credentials elsewhere. A proxy there passes them on along the Route.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::trunk::Trunk;
use crate::sip::name_addr::NameAddr;
use crate::sip::uri::Uri;

/// The Service-Routes that registrations told us.
#[derive(Debug, Default)]
pub(in crate::call) struct Routes(BTreeMap<Arc<str>, Box<[String]>>);

impl Routes {
    /// A trunk's registrar told its Service-Route; empty: it has none.
    pub(in crate::call) fn learn(&mut self, trunk: &Arc<str>, routes: Vec<String>) {
        if routes.is_empty() {
            self.0.remove(trunk);
        } else {
            self.0.insert(Arc::clone(trunk), routes.into());
        }
    }

    /// The values of Route in a request that begins something at a trunk, first to last.
    pub(in crate::call) fn of(&self, trunk: &Trunk) -> Vec<String> {
        let told = self.0.get(&trunk.id).map_or(&[][..], |routes| routes);
        let proxy = proxy(trunk).filter(|proxy| !told.first().is_some_and(|one| leads(one, proxy)));
        let proxy = proxy.map(|uri| format!("<{uri}>"));
        proxy.into_iter().chain(told.iter().cloned()).collect()
    }
}

/// The Route of a REGISTER: the outbound proxy alone, since Service-Route is for what comes after (RFC 3608 section 5).
pub(in crate::call) fn of_register(trunk: &Trunk) -> Option<String> {
    proxy(trunk).map(|uri| format!("<{uri}>"))
}

fn proxy(trunk: &Trunk) -> Option<Uri> {
    let proxy = trunk.outbound_proxy.as_ref()?;
    let uri = Uri::sip(None, &proxy.host, proxy.port).ok()?;
    let transport = match trunk.any_transport {
        true => "",
        false => trunk.transport.uri_param(),
    };
    Uri::parse(format!("{uri}{transport};lr")).ok()
}

/// Whether a Route leads to the same host and port as `uri`: named twice, it would see each request twice.
fn leads(route: &str, uri: &Uri) -> bool {
    NameAddr::parse(route).is_ok_and(|route| {
        let same = route
            .uri()
            .host_text()
            .eq_ignore_ascii_case(uri.host_text());
        same && route.uri().port() == uri.port()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::trunk::HostPort;
    use crate::sip::transport::Transport;

    fn trunk(host: &str, port: Option<u16>) -> Trunk {
        Trunk {
            outbound_proxy: Some(HostPort {
                host: host.into(),
                port,
            }),
            ..Trunk::plain("carrier", "sip.example.com")
        }
    }

    #[test]
    fn a_request_goes_by_the_outbound_proxy_and_then_by_the_service_route() {
        let mut routes = Routes::default();
        let mut trunk = trunk("proxy.example.com", Some(5070));
        assert_eq!(routes.of(&trunk), ["<sip:proxy.example.com:5070;lr>"]);
        routes.learn(&trunk.id, vec!["<sip:core.example.com;lr>".to_owned()]);
        assert_eq!(
            routes.of(&trunk),
            [
                "<sip:proxy.example.com:5070;lr>",
                "<sip:core.example.com;lr>"
            ]
        );
        trunk.any_transport = false;
        trunk.transport = Transport::Tcp;
        let register = of_register(&trunk).unwrap();
        assert_eq!(register, "<sip:proxy.example.com:5070;transport=tcp;lr>");
        trunk.outbound_proxy = None;
        assert_eq!(routes.of(&trunk), ["<sip:core.example.com;lr>"]);
        assert_eq!(of_register(&trunk), None);
        routes.learn(&trunk.id, Vec::new());
        assert!(routes.of(&trunk).is_empty());
    }

    #[test]
    fn a_service_route_that_begins_at_the_proxy_names_it_once() {
        let mut routes = Routes::default();
        let trunk = trunk("[2001:db8::1]", None);
        let told = ["<sip:[2001:db8::1];lr>", "<sip:core.example.com;lr>"];
        routes.learn(&trunk.id, told.map(str::to_owned).to_vec());
        assert_eq!(routes.of(&trunk), told);
    }
}
