//! Prints how fast Windlass is beside other libraries: every ratio that it promises, in one run.
#![forbid(unsafe_code)]

mod clixml;
mod fragments;
mod kerberos;
mod measure;
mod ntlm;
mod receive;

#[path = "../../src/clixml.rs"]
mod clixml_corpus;
#[path = "../../src/kerberos.rs"]
mod kerberos_pair;
#[path = "../../src/ntlm.rs"]
mod ntlm_pair;
#[path = "../../src/receive.rs"]
mod receive_response;

use std::process::Command;

/// What is measured, by name.
const SUBJECTS: &[(&str, fn())] = &[
    ("clixml", clixml::run),
    ("fragments", fragments::run),
    ("ntlm", ntlm::run),
    ("kerberos", kerberos::run),
    ("receive", receive::run),
];

/// Each subject is measured in a process of its own: memory that an earlier one freed would serve whoever takes fresh
/// memory for each message as if it had kept it.
fn main() {
    match std::env::args().nth(1) {
        Some(name) => {
            let subject = SUBJECTS.iter().find(|(known, _)| *known == name);
            let (_, run) = subject.unwrap_or_else(|| panic!("no subject is called {name}"));
            run();
        }
        None => {
            println!(
                "{:<38} {:>10}  {:<17} {:>10} {:>9}  wanted",
                "what", "windlass", "beside", "it takes", "ratio"
            );
            let program = std::env::current_exe().unwrap();
            for (name, _) in SUBJECTS {
                assert!(Command::new(&program).arg(name).status().unwrap().success(), "{name} failed");
            }
        }
    }
}
