//! The command language, wildcards and conversions.

use windlass_command::convert::{self, Context, Type, Value};
use windlass_command::wildcard::{self, Pattern};
use windlass_command::{Language, ParseErrorKind, parse, parse_script_block};

/// Every place that is named lies in the text, what the host accepts the console accepts, and a
/// statement read apart is accepted too.
pub(super) fn command_language(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let endpoint = parse(&text, Language::ENDPOINT);
    let console = parse(&text, Language::CONSOLE);
    let whole = parse_script_block(&text);
    if endpoint.is_ok() {
        assert!(console.is_ok(), "the console has all that an endpoint has");
    }
    match &console {
        Ok(script) => {
            assert!(whole.is_ok(), "a language is a part of the whole");
            for statement in &script.statements {
                let slice = statement.span().text(&text).expect("a statement lies in the text");
                // Behind another one: at the very beginning `process` and `param` are keywords.
                let apart = parse(&format!("0;{slice}"), Language::CONSOLE);
                assert!(apart.is_ok(), "a statement stands apart: {slice:?}");
            }
        }
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end <= text.len(), "{error:?}");
            assert!(text.is_char_boundary(error.span.start) && text.is_char_boundary(error.span.end));
            if !matches!(error.kind, ParseErrorKind::Outside(_)) {
                assert!(whole.is_err(), "only a language refuses what is well formed");
            }
        }
    }
}

/// Pattern and text, parted by a line feed.
pub(super) fn wildcards(data: &[u8]) {
    let input = String::from_utf8_lossy(data);
    let (pattern, text) = input.split_once('\n').unwrap_or((&input, ""));
    let itself = Pattern::case_sensitive(&wildcard::escape(text));
    if let Ok(itself) = itself {
        assert!(itself.matches(text), "an escaped text matches itself");
    }
    let Ok(matcher) = Pattern::new(pattern) else { return };
    if matcher.matches(text) {
        // A backtick at the end would escape the star that is added.
        if !pattern.ends_with('`') {
            let wider = Pattern::new(&format!("*{pattern}*")).expect("stars make no pattern bad");
            assert!(wider.matches(text) && wider.matches(&format!("x{text}y")));
        }
        if let Some(literal) = matcher.literal() {
            assert_eq!(literal.encode_utf16().count(), text.encode_utf16().count());
        }
    }
}

/// What a text converts to converts to the same from its own text.
pub(super) fn conversions(data: &[u8]) {
    let context = Context { today: (2026, 11, 22), utc_offset: |_| 60 };
    let text = String::from_utf8_lossy(data);
    let value = Value::String(text.into_owned());
    for name in [
        "char",
        "byte",
        "sbyte",
        "int16",
        "uint16",
        "int",
        "uint32",
        "long",
        "uint64",
        "double",
        "decimal",
        "datetime",
        "timespan",
        "version",
        "guid",
        "uri",
        "cultureinfo",
        "System.IO.FileAttributes",
        "System.DayOfWeek",
    ] {
        let kind = Type::from_name(name).expect("a known type");
        let Ok(converted) = convert::convert(&value, &kind, &context) else { continue };
        let Some(again) = convert::to_text(&converted) else { continue };
        // The kind of a time is not in its text, and neither is what is no number.
        if matches!(&converted, Value::DateTime(_)) || again == "NaN" {
            continue;
        }
        let again = convert::convert(&Value::String(again), &kind, &context);
        if kind == Type::Decimal {
            // Zeros at the end stay where commas stand in the text, and only there.
            assert!(again.is_ok());
        } else {
            assert_eq!(again.as_ref(), Ok(&converted), "{name}");
        }
    }
}
