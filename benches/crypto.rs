//! The building blocks: `cargo bench --bench crypto`.

use criterion::{Criterion, Throughput};
use std::hint::black_box;
use std::time::Duration;
use twinlock::crypto::HmacKey;
use twinlock::crypto::aead::{open_padded, seal_padded};
use twinlock::crypto::argon::argon2id;
use twinlock::header::Stanza;
use twinlock::keyslot::{Plan, unwrap, wrap};
use twinlock::secret::{AccountKey, FactorSecret, zeros32};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    argon(&mut criterion);
    keyslot(&mut criterion);
    records(&mut criterion);
    criterion.final_summary();
}

fn argon(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("argon2id");
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    for (name, mib) in [("64 MiB, 3 passes, 4 lanes", 64), ("256 MiB, 3 passes, 4 lanes", 256)] {
        group.bench_function(name, |b| b.iter(|| argon2id(b"correct horse", &[7; 16], mib * 1024, 3, 4).map(drop)));
    }
}

/// A keyslot of three factors, one and two of which are needed.
fn keyslot(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("keyslot");
    let factor = || FactorSecret::new(zeros32());
    let (a, b, c) = (factor(), factor(), factor());
    let secrets = [&a, &b, &c];
    let account_key = AccountKey::new(zeros32());
    let stanzas = || vec![Stanza::new("recovery", &serde_json::json!({})); 3];
    for threshold in [1, 2] {
        let plan = || Plan {
            id: [1; 16],
            name: "bench".into(),
            created: "2020-01-01T00:00:00Z".into(),
            threshold,
            extra: serde_json::Map::new(),
        };
        let make = || wrap(&[2; 16], plan(), stanzas(), &secrets, &account_key);
        group.bench_function(format!("wrap {threshold} of 3"), |b| b.iter(|| make().map(drop)));
        let Ok(slot) = make() else { continue };
        let given: Vec<_> = (1..=threshold).zip(secrets).collect();
        group.bench_function(format!("unwrap {threshold} of 3"), |b| {
            b.iter(|| unwrap(&[2; 16], &slot, &given).map(drop));
        });
    }
}

/// What each item costs: sealing and opening 300 bytes, and its leaf in the set of records.
fn records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    let (key, aad, content) = ([1; 32], [7; 65], [9; 300]);
    group.throughput(Throughput::Elements(1));
    group.bench_function("seal 300 B", |b| b.iter(|| black_box(seal_padded(&key, &[&aad], &content)).map(drop)));
    if let Ok(sealed) = seal_padded(&key, &[&aad], &content) {
        group.bench_function("open 300 B", |b| b.iter(|| black_box(open_padded(&key, &[&aad], &sealed)).map(drop)));
    }
    let leaves = HmacKey::new(&key);
    group.bench_function("leaf", |b| {
        b.iter(|| black_box(leaves.tag(&[&[0; 16], &[0; 8], &[0; 8], &[0; 24], &[0; 16]])));
    });
}
