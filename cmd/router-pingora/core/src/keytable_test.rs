use super::*;
use alloc::collections::BTreeMap;
use alloc::string::String;
use proptest::prelude::*;

proptest! {
    #[test]
    fn the_key_table_is_a_map(
        naive in prop::collection::btree_map(prop::collection::vec(any::<u8>(), 1..4), 0..9_i32, 0..60),
        others in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..4), 0..20),
    ) {
        let naive: BTreeMap<Vec<u8>, i32> = naive;
        let keys = naive.keys().map(|k| k.as_slice().into()).collect();
        let table = KeyTable::new("t", keys, naive.values().copied().collect());
        for k in naive.keys().chain(&others) {
            prop_assert_eq!(table.find(k, hash_string(k)), naive.get(k).copied());
        }
    }
}

#[test]
fn the_index_is_at_most_half_full() {
    for (keys, size) in [(0, 8), (4, 8), (5, 16), (8, 16), (9, 32)] {
        let names: Vec<Box<[u8]>> = (0..keys).map(|i| String::from(char::from(b'a' + i)).into_bytes().into()).collect();
        assert_eq!(KeyTable::new("", names, vec![0; keys.into()]).index.len(), size, "{keys} keys");
    }
}

/// Gives find the same hash for every key; the probes wrap round the end.
#[test]
fn keys_with_one_hash_are_told_apart() {
    let keys: Vec<Box<[u8]>> = [b"a", b"b", b"c"].map(|k| k.as_slice().into()).into();
    let index = vec![3, 0, 0, 0, 0, 0, 1, 2];
    let table = KeyTable { name: "".into(), keys, placements: vec![1, 2, 3], index };
    for (key, want) in [("a", Some(1)), ("b", Some(2)), ("c", Some(3)), ("d", None)] {
        assert_eq!(table.find(key.as_bytes(), 6), want, "{key}");
    }
}
