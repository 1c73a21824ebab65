//! What a simulated phone knows and wishes: drawn once, by chance of the seed.

use ringtag::base::chance::Chance;

/// What a phone does with provisional responses (RFC 3262).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reliable {
    /// It has never heard of PRACK.
    Off,
    /// It knows how, where the other side does.
    Supported,
    /// It wants nothing else.
    Required,
}

/// What a phone wishes of session timers (RFC 4028).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    pub(crate) interval_s: u32,
    pub(crate) min_s: u32,
    /// Whether it would refresh itself; `None`: as the other side likes.
    pub(crate) refreshes: Option<bool>,
    /// It promises to refresh and does not.
    pub(crate) forgets: bool,
}

/// One phone's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    pub(crate) tcp: bool,
    pub(crate) reliable: Reliable,
    /// Whether it takes UPDATE (RFC 3311).
    pub(crate) updates: bool,
    pub(crate) session: Option<Wish>,
    /// Its PRACK carries a new offer.
    pub(crate) offers_in_prack: bool,
}

impl Habits {
    pub(crate) fn draw(chance: &mut Chance, tcp: bool) -> Self {
        let reliable = match chance.below(4) {
            0 => Reliable::Off,
            1 if chance.below(3) == 0 => Reliable::Required,
            _usual => Reliable::Supported,
        };
        let wishes = chance.below(2) == 0;
        let interval_s = [20, 30, 45, 90][usize::try_from(chance.below(4)).unwrap()];
        let wish = Wish {
            interval_s,
            min_s: [10, 20, interval_s][usize::try_from(chance.below(3)).unwrap()],
            refreshes: [None, Some(true), Some(false)][usize::try_from(chance.below(3)).unwrap()],
            forgets: chance.below(3) == 0,
        };
        Self {
            tcp,
            reliable,
            updates: chance.below(3) > 0,
            session: wishes.then_some(wish),
            offers_in_prack: chance.below(8) == 0,
        }
    }

    /// The methods that it takes.
    pub(crate) fn allow(&self) -> String {
        let mut allow = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO".to_owned();
        if self.reliable != Reliable::Off {
            allow += ", PRACK";
        }
        if self.updates {
            allow += ", UPDATE";
        }
        allow
    }

    /// What its INVITE, re-INVITE and UPDATE say of it.
    pub(crate) fn headers(&self, is_first: bool) -> String {
        let mut supported = Vec::new();
        let mut more = format!("Allow: {}\r\n", self.allow());
        match self.reliable {
            Reliable::Required if is_first => more += "Require: 100rel\r\n",
            Reliable::Required | Reliable::Supported => supported.push("100rel"),
            Reliable::Off => {}
        }
        if self.session.is_some() {
            supported.push("timer");
        }
        if !supported.is_empty() {
            more += &format!("Supported: {}\r\n", supported.join(", "));
        }
        more
    }
}
