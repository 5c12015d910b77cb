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

fn main() {
    println!("{:<38} {:>10}  {:<17} {:>10} {:>9}  wanted", "what", "windlass", "beside", "it takes", "ratio");
    clixml::run();
    fragments::run();
    ntlm::run();
    kerberos::run();
    receive::run();
}
