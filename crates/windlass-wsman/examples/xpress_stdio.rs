//! Packs and unpacks for a script that compares with other programs: a line `pack HEX` or
//! `unpack LIMIT HEX` each, and a line of hexadecimal digits back, or `refused: why`.
#![expect(clippy::print_stdout, reason = "a program that answers on standard output")]

use std::io::{BufRead, stdin};

use windlass_wsman::xpress::{Compressor, Decompressor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in stdin().lock().lines() {
        let line = line?;
        let mut words = line.split(' ');
        let mut out = Vec::new();
        match (words.next(), words.next(), words.next()) {
            (Some("pack"), Some(plain), None) => Compressor::new().compress(&bytes(plain)?, &mut out),
            (Some("unpack"), Some(limit), Some(packed)) => {
                if let Err(error) = Decompressor::new(limit.parse()?).decompress(&bytes(packed)?, &mut out) {
                    println!("refused: {error}");
                    continue;
                }
            }
            _ => return Err("pack HEX or unpack LIMIT HEX is expected".into()),
        }
        println!("{}", out.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }
    Ok(())
}

fn bytes(hex: &str) -> Result<Vec<u8>, std::num::ParseIntError> {
    let places = (0..hex.len()).step_by(2);
    places.map(|at| u8::from_str_radix(hex.get(at..at + 2).unwrap_or("odd"), 16)).collect()
}
