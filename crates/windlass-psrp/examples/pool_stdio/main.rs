//! One side of a pool on standard input and output, to be coupled with another implementation.
//!
//! `pool_stdio client CASE` opens a pool and runs the case; `pool_stdio server` serves pools. Lines, both
//! ways: `data ID STREAM BASE64` (`-` for the pool; `default` or `pr`), `signal ID` (stop), `end ID` (the
//! command ends), `close` (the pool ends). What this side saw comes in lines that begin with `saw`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

mod client;
mod server;

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use base64_simd::STANDARD as BASE64;
use uuid::Uuid;
use windlass_psrp::{Outgoing, Stream};

/// A line of the other side.
enum Line {
    Data(Option<Uuid>, Stream, Vec<u8>),
    Signal(Uuid),
    End(Uuid),
    Close,
}

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["client", case] => client::run(case),
        ["server"] => server::run(),
        _ => Err("usage: pool_stdio client CASE | pool_stdio server".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("saw error {error}");
            eprintln!("pool_stdio: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The next line; `None` when the other side has ended.
fn read_line() -> Outcome<Option<Line>> {
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    Ok(Some(match words.as_slice() {
        ["data", id, stream, data] => {
            let stream = if *stream == "pr" { Stream::PromptResponse } else { Stream::Default };
            let id = if *id == "-" { None } else { Some(Uuid::parse_str(id)?) };
            Line::Data(id, stream, BASE64.decode_to_vec(data)?)
        }
        ["signal", id] => Line::Signal(Uuid::parse_str(id)?),
        ["end", id] => Line::End(Uuid::parse_str(id)?),
        ["close"] => Line::Close,
        _ => return Err(format!("line not understood: {line}").into()),
    }))
}

fn send(outgoing: &Outgoing) {
    let id = outgoing.pipeline.map_or_else(|| "-".to_owned(), |id| id.to_string());
    let stream = if outgoing.stream == Stream::PromptResponse { "pr" } else { "default" };
    write_line(&format!("data {id} {stream} {}", BASE64.encode_to_string(&outgoing.data)));
}

fn write_line(line: &str) {
    println!("{line}");
    // A closed pipe ends the next read.
    let _ = io::stdout().flush();
}

fn saw(what: &str, text: &str) {
    write_line(&format!("saw {what} {}", text.replace('\n', "\\n")));
}
