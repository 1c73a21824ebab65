//! What people enter that is no call's: there after a stop, a kill and a torn tail, alike when it is made again, and none of an
//! erased person's business.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use proptest::prelude::*;

use crate::base::chance::Chance;
use crate::base::id::EntryId;
use crate::base::number::Caller;
use crate::store::books::Books;
use crate::store::handle::Store;
use crate::store::ledger::tests::entry;
use crate::store::ledger::{Change, LedgerError, Way};
use crate::store::trial::{CALLER, FaultyDisk, MORNING, Place, Script};
use crate::store::trials::{eventually, is_whole};

fn id(number: u64) -> EntryId {
    EntryId::new(MORNING, &mut Chance::from_number(number))
}

/// Enters, corrects or takes out the amount of this number, as it may be.
fn change(store: &Store, number: u64, hundredths: Option<i64>) -> Change {
    let ledger = store.ledger();
    Change {
        id: id(number),
        replaces: ledger.get(id(number)).map(|item| item.version()),
        now: hundredths.map(|hundredths| entry("spring", hundredths)),
    }
}

fn books(store: &Store) -> Books {
    store.shared().view().books.clone()
}

/// What is done to the books, and to the store between.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Enter(u64, i64),
    Remove(u64),
    Import(u64, u64),
    Call(u64),
    Erase,
    Stop,
    Kill,
    Reindex,
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => (0..6u64, 1..1_000i64).prop_map(|(number, amount)| Deed::Enter(number, amount)),
        2 => (0..6u64).prop_map(Deed::Remove),
        1 => (100..200u64, 1..20u64).prop_map(|(first, count)| Deed::Import(first * 100, count)),
        2 => (1..50u64).prop_map(Deed::Call),
        1 => Just(Deed::Erase),
        1 => Just(Deed::Stop),
        1 => Just(Deed::Kill),
        1 => Just(Deed::Reindex),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn books_are_the_same_whatever_becomes_of_the_process_and_the_files(
        deeds in prop::collection::vec(deed(), 1..25),
    ) {
        let mut place = Place::new();
        let mut store = place.open().0;
        for deed in deeds {
            let before = books(&store);
            match deed {
                Deed::Enter(number, amount) => {
                    // What was taken out stays so.
                    drop(store.spend(vec![change(&store, number, Some(amount))], Way::Hand, "anna"));
                    continue;
                }
                Deed::Remove(number) => {
                    drop(store.spend(vec![change(&store, number, None)], Way::Hand, "boris"));
                    continue;
                }
                Deed::Import(first, count) => {
                    let rows = (first..first + count).map(|number| change(&store, number, Some(7)));
                    let rows: Vec<Change> = rows.collect();
                    drop(store.spend(rows, Way::Import, "anna"));
                    continue;
                }
                Deed::Call(number) => {
                    let call = Script::nth(number);
                    store.tell(call.began());
                    store.tell(call.missed());
                    store.sync().unwrap();
                }
                Deed::Erase => {
                    store.erase(Caller::from_record(CALLER)).unwrap();
                }
                Deed::Stop => {
                    drop(store);
                    store = place.open().0;
                }
                Deed::Kill => {
                    let after = place.killed();
                    drop(store);
                    place = after;
                    store = place.open().0;
                }
                Deed::Reindex => {
                    drop(store);
                    Store::reindex(place.setup()).unwrap();
                    store = place.open().0;
                }
            }
            prop_assert_eq!(books(&store), before);
        }
        prop_assert!(is_whole(&store));
        let last = books(&store);
        drop(store);
        Store::reindex(place.setup()).unwrap();
        prop_assert_eq!(books(&place.open().0), last);
    }
}

#[test]
fn a_torn_tail_and_a_damaged_file_lose_nothing_that_was_answered() {
    let place = Place::new();
    let (store, _) = place.open();
    let rows: Vec<Change> = (0..500)
        .map(|number| change(&store, number, Some(100)))
        .collect();
    store.spend(rows, Way::Import, "anna").unwrap();
    let before = books(&store);
    let after = place.killed();
    let month = fs::read_dir(after.data().join("log")).unwrap().last();
    let month = month.unwrap().unwrap().path();
    let whole = fs::read(&month).unwrap();
    let mut log = OpenOptions::new().append(true).open(&month).unwrap();
    // Another import on its way when the machine stopped.
    let last = whole.split(|&byte| byte == b'\n').next_back();
    assert_eq!(last, Some(&b""[..]));
    log.write_all(br#"{"n":3,"at":"2026-11-22T10:00:00.000Z","mono":5,"node":"desk","call":null,"event":"spent","public":{"by":"anna","changes":[{"id":"#)
        .unwrap();
    drop(log);
    let (torn, _) = after.open();
    assert_eq!(books(&torn), before);
    assert!(is_whole(&torn));
    drop(torn);
    let file = after.data().join("rows/books.json");
    let mut bytes = fs::read(&file).unwrap();
    bytes[40] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert_eq!(books(&after.open().0), before, "a damaged file");
    fs::remove_file(&file).unwrap();
    assert_eq!(books(&after.open().0), before, "no file");
}

#[test]
fn readers_see_an_amount_only_when_it_is_on_the_disk() {
    let place = Place::new();
    let disk = FaultyDisk::default();
    let store = place.open_on(disk.clone());
    store.sync().unwrap();
    disk.fault(|fault| fault.is_sync_failing = true);
    let asked = store.spend(vec![change(&store, 1, Some(5))], Way::Hand, "anna");
    assert!(matches!(asked, Err(LedgerError::Store(_))), "{asked:?}");
    assert!(store.ledger().is_empty());
    disk.fault(|fault| fault.is_sync_failing = false);
    eventually("the amount", || !store.ledger().is_empty());
}

#[test]
fn one_row_that_may_not_be_keeps_the_others_out() {
    let place = Place::new();
    let (store, _) = place.open();
    store
        .spend(vec![change(&store, 1, Some(5))], Way::Hand, "anna")
        .unwrap();
    let stale = Change {
        replaces: Some(1_000_000),
        ..change(&store, 1, Some(6))
    };
    let before = books(&store);
    let rows = vec![change(&store, 2, Some(7)), stale];
    let refused = store.spend(rows, Way::Import, "anna");
    assert!(matches!(refused, Err(LedgerError::Changed)), "{refused:?}");
    let rows = vec![change(&store, 2, Some(7)), change(&store, 3, Some(-1))];
    let refused = store.spend(rows, Way::Import, "anna");
    assert!(matches!(refused, Err(LedgerError::Wrong(_))), "{refused:?}");
    store.sync().unwrap();
    assert_eq!(books(&store), before);
}
