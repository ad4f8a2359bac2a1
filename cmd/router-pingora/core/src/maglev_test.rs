use super::*;
use crate::random::identity;
use alloc::format;

fn endpoints(weights: &[u32]) -> Vec<EndpointConfig> {
    let one = |(i, weight): (usize, &u32)| {
        let url = format!("http://h{i}");
        let id = identity("p", &url);
        EndpointConfig { name: "".into(), url: url.as_str().into(), id, placement: 0, weight: *weight, limit: 0 }
    };
    weights.iter().enumerate().map(one).collect()
}

#[test]
fn every_endpoint_has_its_share_of_places() {
    let weights: [u32; 4] = [100, 100, 300, 1];
    let table = maglev_table(&endpoints(&weights));
    assert_eq!(table.len() as u64, MAGLEV_SIZE);
    for (i, weight) in weights.iter().enumerate() {
        let places = table.iter().filter(|at| usize::from(**at) == i).count() as u64;
        let due = MAGLEV_SIZE * u64::from(*weight) / 501;
        assert!(places.abs_diff(due) <= due / 100 + 2, "{i} has {places} places, its due is {due}");
    }
}

/// The words of the table, folded, are those of Go's maglevTable over the same endpoints.
#[test]
fn the_table_is_that_of_the_other_side() {
    let fold = |h: u64, at: &u16| (h ^ u64::from(*at)).wrapping_mul(0x0000_0100_0000_01b3);
    for (weights, want) in [(&[100, 100, 300, 1][..], 0x0bef_f257_12bb_addc), (&[7; 40], 0x2be3_a2c5_aed1_f04b)] {
        assert_eq!(maglev_table(&endpoints(weights)).iter().fold(0xcbf2_9ce4_8422_2325, fold), want);
    }
}
