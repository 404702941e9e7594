//! The vault by itself, without process start, password KDF and token: `cargo bench --bench vault`.

mod common;

use common::{Bare, Knows, Result, item, make, name, unlock};
use criterion::{BenchmarkId, Criterion};
use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use twinlock::factor::Openers;

/// Numbers of items.
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

fn main() -> Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    for n in SIZES {
        at_size(&mut criterion, n)?;
    }
    criterion.final_summary();
    Ok(())
}

fn at_size(criterion: &mut Criterion, n: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("vault.twinlock");
    let code = make(&path, n)?;
    let mut group = criterion.benchmark_group("vault");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));

    group.bench_function(BenchmarkId::new("unlock", n), |b| b.iter(|| unlock(&path, &code).map(drop)));
    let mut vault = unlock(&path, &code)?;
    let wanted = name(n / 2);
    group.bench_function(BenchmarkId::new("get", n), |b| b.iter(|| black_box(vault.get(&wanted)).map(drop)));
    group.bench_function(BenchmarkId::new("list", n), |b| b.iter(|| black_box(vault.items()).map(drop)));
    group.bench_function(BenchmarkId::new("find", n), |b| {
        b.iter(|| {
            let mut hits = 0;
            let seen = vault.each(&mut |found| {
                let holds = |field: &twinlock::item::Field| field.value.expose().contains("number 000999");
                hits += usize::from(found.item.fields.iter().any(holds));
            });
            seen.map(|()| black_box(hits))
        });
    });
    // An item added is removed again, outside the measured time: the vault stays as large as it is said to be.
    let new = item(n);
    group.bench_function(BenchmarkId::new("add", n), |b| {
        b.iter_custom(|times| {
            let mut total = Duration::ZERO;
            for _ in 0..times {
                let start = Instant::now();
                let added = vault.add(&new);
                total += start.elapsed();
                let removed = added.and_then(|()| vault.get(&new.name)).and_then(|found| vault.remove(&found));
                assert!(removed.is_ok(), "the bench's own vault takes no items");
            }
            total
        });
    });
    group.bench_function(BenchmarkId::new("verify", n), |b| b.iter(|| black_box(vault.verify()).map(drop)));
    group.bench_function(BenchmarkId::new("rotate", n), |b| {
        b.iter_custom(|times| {
            let mut total = Duration::ZERO;
            for _ in 0..times {
                let rotation =
                    vault.prepare_rotation(&[], false, &mut |_| false, &mut Openers::typed(), &mut Knows(&code));
                let start = Instant::now();
                let rotated = rotation.and_then(|new| vault.rotate(new, &mut |_| ControlFlow::Continue(())));
                total += start.elapsed();
                assert!(rotated.is_ok_and(|rotated| rotated.items == n as u64), "the bench's own vault is not rotated");
            }
            total
        });
    });
    drop(vault);
    let bare = Bare::read(&path, n)?;
    group.bench_function(BenchmarkId::new("bare cost of rotate", n), |b| {
        b.iter_custom(|times| (0..times).map(|_| bare.run(folder.path())).sum());
    });
    Ok(())
}
