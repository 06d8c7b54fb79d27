//! The bodies of the fuzz targets on what libFuzzer has kept, and on bytes at random: what they
//! find without being guided by what code they reach.

mod batches;
mod sql;

use std::path::Path;

use crate::support::cases;
use crate::support::random::Random;

fn run(target: &str, run: fn(&[u8]), usual: u32) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut kept = 0;
    for file in std::fs::read_dir(corpus).unwrap() {
        run(&std::fs::read(file.unwrap().path()).unwrap());
        kept += 1;
    }
    assert!(kept > 100, "the corpus of {target} has {kept} files");
    let mut random = Random::new(kept);
    for _ in 0..cases(usual) {
        let length = random.below(400);
        let bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        run(&bytes);
    }
}

#[test]
fn random_sql_ends_with_rows_or_an_error() {
    run("sql", sql::run, 1500);
}

#[test]
fn random_batches_are_swept_by_the_definition_or_refused() {
    run("batches", batches::run, 20_000);
}
