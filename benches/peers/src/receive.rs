//! Receive responses with a stream of 100 KB, base64 and envelope included, against one gigabyte of
//! payload a second.

use std::hint::black_box;

use crate::measure::{Wanted, best, compare};
use crate::receive_response::{PAYLOAD, decode, encode, payload, request};

pub fn run() {
    let (data, request) = (payload(), request());
    let text = encode(&request, &data);
    let mut out = Vec::with_capacity(PAYLOAD);
    let [encoding, decoding] =
        best([&mut || drop(black_box(encode(&request, black_box(&data)))), &mut || {
            out.clear();
            decode(black_box(text.as_bytes()), &mut out);
        }]);
    assert_eq!(out, data);
    let gigabyte_a_second = PAYLOAD as f64 / 1e9;
    compare("Receive response, encode", encoding, "1 GB/s", gigabyte_a_second, Wanted::Faster(1.0));
    compare("Receive response, decode", decoding, "1 GB/s", gigabyte_a_second, Wanted::Faster(1.0));
}
