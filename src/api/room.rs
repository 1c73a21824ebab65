//! Room for connections: so many at once, and so many from one source, so that no stranger takes all of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::people::throttle::Source;

/// Connections from one source: an office of fifty with its browsers. This machine and trusted proxies are not counted.
const OF_ONE_MAX: usize = 256;

/// Who has how many connections.
#[derive(Clone, Debug, Default)]
pub(in crate::api) struct Room(Arc<Mutex<BTreeMap<Source, usize>>>);

/// A place; given back when dropped.
#[derive(Debug)]
pub(in crate::api) struct Place {
    room: Room,
    source: Source,
}

impl Room {
    /// Takes a place; `None`: the source has as many as it may.
    pub(in crate::api) fn take(&self, address: IpAddr) -> Option<Place> {
        let source = Source::of(address);
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.entry(source).or_default();
        if *own >= OF_ONE_MAX {
            return None;
        }
        *own += 1;
        Some(Place {
            room: self.clone(),
            source,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.source) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_takes_its_share_and_gives_it_back() {
        let room = Room::default();
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let places: Vec<_> = (0..OF_ONE_MAX).map(|_| room.take(one).unwrap()).collect();
        assert!(room.take(one).is_none());
        assert!(room.take("192.0.2.2".parse().unwrap()).is_some());
        drop(places);
        assert!(room.take(one).is_some());
        assert!(room.0.lock().unwrap().is_empty());
    }
}
