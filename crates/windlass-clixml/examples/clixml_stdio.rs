//! Reads CLIXML from standard input, one document or message a line, and answers each with a line of
//! JSON: `values` with their streams, all parts told apart, and what they are `encoded` to again; or
//! the `error`. A line that starts with a quotation mark is a JSON string with the CLIXML in it.
#![allow(clippy::print_stdout, reason = "an example program")]

use std::io::{BufRead, Error, ErrorKind, Result, stdin};

use serde_json::{Value, json};
use windlass_clixml::{
    Limits, StreamValue, decode, decode_stream, describe, encode, encode_document, encode_document_indented,
};

fn main() -> Result<()> {
    for line in stdin().lock().lines() {
        let line = line?;
        let xml = match line.starts_with('"') {
            true => serde_json::from_str(&line).map_err(|error| Error::new(ErrorKind::InvalidData, error))?,
            false => line,
        };
        println!("{}", answer(&xml));
    }
    Ok(())
}

fn answer(xml: &str) -> Value {
    let limits = Limits::default();
    let (values, encoded, indented): (Vec<StreamValue>, _, _) = if xml.contains("<Objs") {
        match decode_stream(xml, &limits) {
            Ok(values) => {
                let (encoded, indented) = (encode_document(&values), encode_document_indented(&values));
                (values, encoded, Some(indented))
            }
            Err(error) => return json!({ "error": error.to_string() }),
        }
    } else {
        match decode(xml, &limits) {
            Ok(value) => {
                let encoded = encode(&value);
                (vec![value.into()], encoded, None)
            }
            Err(error) => return json!({ "error": error.to_string() }),
        }
    };
    let described: Vec<Value> = values
        .iter()
        .map(|item| json!({ "stream": item.stream.as_deref(), "value": describe(&item.value) }))
        .collect();
    json!({ "values": described, "encoded": encoded, "indented": indented })
}
