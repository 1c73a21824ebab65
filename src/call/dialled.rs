//! Which number was dialled: the Request-URI, To, or what a call that was forwarded says of its way.
//!
//! A call that was forwarded twice names several numbers. Diversion tells the latest first (RFC 5806 4), History-Info the
//! first one at the lowest index (RFC 7044 10.3). The number that the caller dialled is the earliest; where an earlier
//! one is not ours and a later one is, somebody else's number was forwarded to ours, and the call is ours under that.

use crate::base::country::Country;
use crate::base::number::Number;
use crate::call::identity::number_of;
use crate::call::trunk::{DidFrom, Trunk};
use crate::sip::header::Name;
use crate::sip::message::Request;
use crate::sip::name_addr::NameAddr;

/// The longest way that is looked through: a call is not forwarded more often than a network lets it be.
const FORWARDS_MAX: usize = 32;

/// Reads the number that an INVITE of `trunk` dials. `is_contact`: its Request-URI is our own Contact there, which names no
/// number. `own`: our numbers, in order.
pub(in crate::call) fn dialled(
    request: &Request,
    trunk: &Trunk,
    is_contact: bool,
    (country, own): (&Country, &[Number]),
) -> Option<Number> {
    let to = || number_of(request.headers().to().uri(), country);
    let named = || match is_contact {
        true => to(),
        false => number_of(request.uri(), country),
    };
    let way = match trunk.did_from {
        DidFrom::RequestUri => return named(),
        DidFrom::To => return to(),
        DidFrom::Diversion | DidFrom::HistoryInfo if !trunk.trusted => return named(),
        DidFrom::Diversion => diversions(request),
        DidFrom::HistoryInfo => history(request),
    };
    let way: Vec<Number> = way
        .iter()
        .filter_map(|entry| number_of(entry.uri(), country))
        .chain(named())
        .collect();
    let ours = way.iter().find(|number| own.binary_search(number).is_ok());
    ours.or_else(|| way.first()).copied()
}

/// The numbers that a call was diverted from, the earliest first.
fn diversions(request: &Request) -> Vec<NameAddr> {
    let mut way = entries(request, Name::Diversion);
    way.reverse();
    way
}

/// The targets of a call before us, the earliest first.
fn history(request: &Request) -> Vec<NameAddr> {
    let mut way = entries(request, Name::HistoryInfo);
    // An entry without an index says nothing of its place: last.
    way.sort_by_cached_key(|entry| {
        let index = entry.param("index").and_then(index);
        (index.is_none(), index)
    });
    way
}

/// `1.2.1`
fn index(text: &[u8]) -> Option<Vec<u32>> {
    let text = std::str::from_utf8(text).ok()?;
    text.split('.').map(|part| part.parse().ok()).collect()
}

fn entries(request: &Request, name: Name) -> Vec<NameAddr> {
    let values = request.headers().all(name).take(FORWARDS_MAX);
    values
        .filter_map(|value| NameAddr::parse(value).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::call::rig;

    /// Dialled to +74950000001 with these headers, of a trusted trunk.
    fn read(did_from: DidFrom, more: &str, own: &[&str]) -> String {
        let text = rig::invite(rig::NUMBER, "");
        let text = text.replace("Max-Forwards", &format!("{more}Max-Forwards"));
        let request = Request::parse(Bytes::from(text)).unwrap();
        let mut trunk = rig::trunk("t", 5060);
        trunk.trusted = true;
        trunk.did_from = did_from;
        let country = Country::from_code("RU").unwrap();
        let mut own: Vec<Number> = own.iter().map(|n| Number::e164(n).unwrap()).collect();
        own.sort_unstable();
        let number = dialled(&request, &trunk, false, (&country, &own));
        number.unwrap().to_string()
    }

    const TWICE: &str = "Diversion: <sip:+74950000003@h>;reason=unconditional, \
        <sip:+74950000004@h>;reason=no-answer;counter=1\r\n";

    #[test]
    fn of_two_diversions_the_last_one_names_what_the_caller_dialled() {
        let number = read(DidFrom::Diversion, TWICE, &[]);
        assert_eq!(number, "+74950000004");
        let two_lines = TWICE.replace(", ", "\r\nDiversion: ");
        let number = read(DidFrom::Diversion, &two_lines, &[]);
        assert_eq!(number, "+74950000004");
    }

    #[test]
    fn the_earliest_number_that_is_ours_is_the_one_that_counts() {
        let own = ["+74950000001", "+74950000003"];
        let number = read(DidFrom::Diversion, TWICE, &own);
        assert_eq!(number, "+74950000003");
        let number = read(DidFrom::Diversion, TWICE, &["+74950000001"]);
        assert_eq!(number, "+74950000001", "the request-URI");
        let all = ["+74950000001", "+74950000003", "+74950000004"];
        let number = read(DidFrom::Diversion, TWICE, &all);
        assert_eq!(number, "+74950000004");
    }

    #[test]
    fn history_is_read_by_its_indices_whatever_its_order() {
        let more = "History-Info: <sip:+74950000007@h?Reason=SIP%3Bcause%3D302&Privacy=history>;index=1.10;mp=1,\r\n \
            <sip:+74950000005@h;user=phone?Reason=SIP%3Bcause%3D486>;index=1\r\n\
            History-Info: \"x\" <sip:+74950000006@h;cause=302>;index=1.2;mp=1, <sip:+74950000009@h>;index=x\r\n";
        let number = read(DidFrom::HistoryInfo, more, &[]);
        assert_eq!(number, "+74950000005");
        let own = ["+74950000007", "+74950000006", "+74950000009"];
        let number = read(DidFrom::HistoryInfo, more, &own);
        assert_eq!(number, "+74950000006");
    }

    #[test]
    fn a_call_that_nobody_forwarded_was_dialled_directly() {
        for did_from in [DidFrom::Diversion, DidFrom::HistoryInfo] {
            assert_eq!(read(did_from, "", &[]), rig::NUMBER);
            let broken = "Diversion: <<>\r\nHistory-Info: ;index=1\r\n";
            assert_eq!(read(did_from, broken, &[]), rig::NUMBER);
        }
    }
}
