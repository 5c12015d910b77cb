//! Prints the name of every oracle; called by `cargo xtask fuzz`.
#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

fn main() {
    for (name, _) in windlass_testkit::oracles::ORACLES {
        println!("{name}");
    }
}
