//! A decoder that has read other messages reads the next one as a new decoder does.
#![allow(clippy::unwrap_used, missing_docs, reason = "test code")]

use proptest::prelude::*;
use windlass_clixml::{Decoder, Limits, PsValue, decode, encode};

/// Parts of objects, with names that differ little and come again.
fn members(depth: u32) -> BoxedStrategy<String> {
    let name = prop::sample::select(vec!["a", "A", "b", "_x0061_", "c", "N&amp;", ""]);
    let leaf = (name.clone(), 0..7).prop_map(|(name, form)| match form {
        0 => format!("<S N=\"{name}\">t</S>"),
        1 => format!("<S N=\"{name}\">&lt;_x0041_</S>"),
        2 => format!("<I32 N=\"{name}\">-7</I32>"),
        3 => format!("<I32 N=\"{name}\">8</I32>"),
        4 => format!("<Nil N=\"{name}\" />"),
        5 => format!("<B N=\"{name}\">true</B >"),
        _ => format!("<Version N=\"{name}\">1.2</Version>"),
    });
    if depth == 0 {
        return prop::collection::vec(leaf, 0..4).prop_map(|all| all.concat()).boxed();
    }
    let inner = (name.clone(), members(depth - 1), 0..7).prop_map(|(name, inner, form)| match form {
        0 => format!("<Obj N=\"{name}\"><MS>{inner}</MS></Obj>"),
        1 => format!("<MS N=\"{name}\">{inner}</MS>"),
        2 => format!("<Obj N=\"{name}\"><TN><T>t</T></TN><MS>{inner}</MS><MS>{inner}</MS></Obj>"),
        3 => format!("<Obj N=\"{name}\"><LST>{inner}</LST></Obj>"),
        4 => format!("<Obj N=\"{name}\" RefId=\"1\"><TN RefId=\"1\"><T>u_</T></TN><MS>{inner}</MS></Obj>"),
        5 => format!("<Obj N=\"{name}\" RefId=\"2\"><MS>{inner}</MS><Props>{inner}</Props></Obj>"),
        _ => {
            format!("<Obj N=\"{name}\" RefId=\"3\"><LST><Obj RefId=\"4\"><MS>{inner}</MS></Obj></LST></Obj>")
        }
    });
    let number = prop::sample::select(vec!["I32", "I64", "S", "Version"]);
    let value = (name, number, 0..6).prop_map(|(name, number, types)| {
        format!(
            "<Obj N=\"{name}\" RefId=\"5\"><TNRef RefId=\"{}\" /><ToString>_{name}</ToString><{number}>1</{number}></Obj>",
            // There is no list with this id, or there may be.
            types / 5
        )
    });
    prop::collection::vec(prop_oneof![8 => leaf, 2 => inner, 3 => value], 0..6)
        .prop_map(|all| all.concat())
        .boxed()
}

fn message(members: &str) -> String {
    format!("<Obj RefId=\"0\"><TN RefId=\"0\"><T>t</T></TN><Props>{members}</Props></Obj>")
}

proptest! {
    #[test]
    fn what_was_read_before_changes_nothing(parts in prop::collection::vec(members(2), 1..6)) {
        let mut decoder = Decoder::default();
        let limits = Limits::default();
        for part in parts.iter().cycle().take(3 * parts.len()) {
            let message = message(part);
            let (fresh, again) = (decode(&message, &limits), decoder.decode(&message, &limits));
            prop_assert_eq!(fresh.as_ref().map(encode), again.as_ref().map(encode), "{}", message);
        }
    }

    /// Blanks that no writer writes mean nothing, but all has to be read in the longer way.
    #[test]
    fn blanks_in_tags_change_nothing(parts in prop::collection::vec(members(2), 1..4)) {
        let mut decoder = Decoder::default();
        let limits = Limits::default();
        for part in parts.iter().cycle().take(2 * parts.len()) {
            let message = message(part);
            let blanks = message.replace('>', " >").replace("/ >", "/>");
            let (short, long) = (decoder.decode(&message, &limits), decode(&blanks, &limits));
            prop_assert_eq!(short.map(|value| encode(&value)).ok(), long.map(|value| encode(&value)).ok(), "{}", message);
        }
    }
}

/// A tag that is too long to be remembered is not taken for the one before it.
#[test]
fn names_of_any_length_are_their_own() {
    for letters in ["x", "\u{44f}"] {
        let long = letters.repeat(1100);
        let first = format!("<Obj><MS><S N=\"{long}\">1</S></MS></Obj>");
        let second = format!("<Obj><MS><S N=\"a\">1</S><S N=\"{long}\">2</S><S N=\"b\">3</S></MS></Obj>");
        let mut decoder = Decoder::default();
        let cases: [(&str, &[(&str, &str)]); 2] =
            [(&first, &[(&long, "1")]), (&second, &[("a", "1"), (&long, "2"), ("b", "3")])];
        for (message, expected) in cases {
            let value = decoder.decode(message, &Limits::default()).unwrap();
            let extended = &value.as_object().unwrap().extended;
            assert_eq!(extended.len(), expected.len());
            for (name, text) in expected {
                assert_eq!(value.get(name), Some(&PsValue::from(*text)), "{name}");
            }
        }
    }
}

/// XML allows no NUL anywhere: it does not end a name that is known.
#[test]
fn a_name_with_a_nul_is_no_name() {
    for message in [
        "<S\0>x</S\0>",
        "<Obj\0></Obj\0>",
        "<Obj><MS><S\0 N=\"a\">x</S\0></MS></Obj>",
        "<Obj><MS\0></MS\0></Obj>",
    ] {
        assert!(decode(message, &Limits::default()).is_err(), "{message:?}");
    }
}
