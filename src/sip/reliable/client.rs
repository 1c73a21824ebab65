//! Reliable provisional responses as the caller hears them, in one early dialog (RFC 3262 section 4).
//!
//! It has no timer: the sender repeats until our PRACK reaches it, and the PRACK is repeated by its own transaction.

/// What was heard of one early dialog.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReliableClient {
    /// The number of the latest response that came in order.
    last: Option<u32>,
}

/// What a reliable provisional response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The next in order: it is acknowledged, and means something.
    Next,
    /// It came before, and its PRACK is out.
    Repeated,
    /// One before it is missing: it is neither acknowledged nor heeded, and comes again after that one.
    Early,
}

impl ReliableClient {
    /// Takes the number of a response. The first may have any.
    pub fn handle(&mut self, rseq: u32) -> Heard {
        match self.last {
            Some(last) if rseq <= last => Heard::Repeated,
            Some(last) if rseq - last > 1 => Heard::Early,
            Some(_) | None => {
                self.last = Some(rseq);
                Heard::Next
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_count_in_order_and_once() {
        let mut client = ReliableClient::default();
        let heard: Vec<_> = [7, 7, 9, 8, 9, 8, 10, 7]
            .into_iter()
            .map(|rseq| client.handle(rseq))
            .collect();
        use Heard::{Early, Next, Repeated};
        assert_eq!(
            heard,
            [Next, Repeated, Early, Next, Next, Repeated, Next, Repeated]
        );
    }

    #[test]
    fn the_highest_number_has_no_successor() {
        let mut client = ReliableClient::default();
        assert_eq!(client.handle(u32::MAX), Heard::Next);
        assert_eq!(client.handle(u32::MAX), Heard::Repeated);
        assert_eq!(client.handle(1), Heard::Repeated);
    }
}
