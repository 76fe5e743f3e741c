//! bincode beside JSON: the same order, to bytes and back.

use std::{hint::black_box, time::Instant};

use composable_rust::{Codec, Encoding};
use composable_rust_benches::quantiles;

use crate::history::{Purchase, stored_example};

const TIMES: u32 = 20_000;

/// Nanoseconds for one time.
fn nanoseconds(mut work: impl FnMut()) -> f64 {
    let started = Instant::now();
    for _ in 0..TIMES {
        work();
    }
    started.elapsed().as_nanos() as f64 / f64::from(TIMES)
}

pub(crate) fn measure(rounds: usize) {
    let order = Purchase::example();
    let codecs = [("bincode", Codec::BINCODE), ("JSON", Codec::new(Encoding::JSON))];
    let bytes = codecs.map(|(_, codec)| codec.encode(&order).unwrap());
    assert_eq!(bytes.first(), Some(&stored_example()), "as the event itself is stored");

    let mut rows: Vec<_> = codecs.iter().zip(&bytes).map(|side| (side, vec![], vec![])).collect();
    for _ in 0..rounds {
        for (((_, codec), bytes), encoding, decoding) in &mut rows {
            encoding.push(nanoseconds(|| {
                black_box(codec.encode(black_box(&order)).unwrap());
            }));
            decoding.push(nanoseconds(|| {
                black_box(codec.decode::<Purchase>(black_box(bytes)).unwrap());
            }));
        }
    }
    for (((name, _), bytes), encoding, decoding) in rows {
        let [low, median, high] = quantiles(encoding);
        print!(
            "{name:10} {:4} bytes, encode {median:5.0} ns ({low:.0} to {high:.0})",
            bytes.len()
        );
        let [low, median, high] = quantiles(decoding);
        println!(", decode {median:5.0} ns ({low:.0} to {high:.0})");
    }
}
