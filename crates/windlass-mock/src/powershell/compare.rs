//! How PowerShell compares values: the left one says how.

use std::cmp::Ordering;

use windlass_clixml::PsValue;

use super::text::text;

/// The order of two values; `None` where they cannot be compared.
///
/// Numbers are compared as numbers, also with a text that is one; times with times; everything else by
/// its text, without regard to case unless `case_sensitive`.
pub(crate) fn compare(left: &PsValue, right: &PsValue, case_sensitive: bool) -> Option<Ordering> {
    let (left, right) = (left.unwrapped(), right.unwrapped());
    match (left, right) {
        (PsValue::Null, PsValue::Null) => Some(Ordering::Equal),
        (PsValue::Null, _) => Some(Ordering::Less),
        (_, PsValue::Null) => Some(Ordering::Greater),
        (PsValue::Bool(left), right) => Some(left.cmp(&is_true(right))),
        (PsValue::DateTime(left), PsValue::DateTime(right)) => {
            Some(left.to_utc().ticks().cmp(&right.to_utc().ticks()))
        }
        (PsValue::TimeSpan(left), PsValue::TimeSpan(right)) => Some(left.cmp(right)),
        (PsValue::Version(left), PsValue::Version(right)) => {
            let parts = |version: &windlass_clixml::Version| {
                (version.major(), version.minor(), version.build(), version.revision())
            };
            Some(parts(left).cmp(&parts(right)))
        }
        _ if is_number(left) => compare_numbers(left, right),
        _ => Some(compare_text(&text(left), &text(right), case_sensitive)),
    }
}

/// Whether two values are equal to PowerShell's `-eq`.
pub(crate) fn equal(left: &PsValue, right: &PsValue, case_sensitive: bool) -> bool {
    if left.is_null() || right.is_null() {
        return left.is_null() && right.is_null();
    }
    compare(left, right, case_sensitive) == Some(Ordering::Equal)
}

/// Whether a value counts as true.
pub(crate) fn is_true(value: &PsValue) -> bool {
    match value.unwrapped() {
        PsValue::Null => false,
        PsValue::Bool(value) => *value,
        PsValue::String(text) => !text.is_empty(),
        other if is_number(other) => other.as_f64() != Some(0.0),
        other => match other.items() {
            Some([]) => false,
            Some([only]) if only.as_object().is_none() => is_true(only),
            _ => true,
        },
    }
}

/// Whether a value is a number.
pub(crate) fn is_number(value: &PsValue) -> bool {
    matches!(
        value,
        PsValue::U8(_)
            | PsValue::I8(_)
            | PsValue::U16(_)
            | PsValue::I16(_)
            | PsValue::U32(_)
            | PsValue::I32(_)
            | PsValue::U64(_)
            | PsValue::I64(_)
            | PsValue::F32(_)
            | PsValue::F64(_)
            | PsValue::Decimal(_)
    )
}

fn compare_numbers(left: &PsValue, right: &PsValue) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return Some(left.cmp(&right));
    }
    let right = match right {
        PsValue::Bool(value) => f64::from(u8::from(*value)),
        PsValue::String(text) => text.trim().parse().ok()?,
        other => other.as_f64()?,
    };
    left.as_f64()?.partial_cmp(&right)
}

/// Compares texts as a culture would: letters before their case.
fn compare_text(left: &str, right: &str, case_sensitive: bool) -> Ordering {
    let folded = left.chars().flat_map(char::to_lowercase).cmp(right.chars().flat_map(char::to_lowercase));
    // Lower case sorts before upper case.
    if case_sensitive { folded.then_with(|| right.cmp(left)) } else { folded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_left_value_says_how() {
        assert!(equal(&5.into(), &"5.0".into(), false));
        assert!(!equal(&"5".into(), &PsValue::F64(5.5), false));
        assert!(equal(&"PWSH".into(), &"pwsh".into(), false));
        assert!(!equal(&"PWSH".into(), &"pwsh".into(), true));
        assert_eq!(compare(&10.into(), &9_i64.into(), false), Some(Ordering::Greater));
        assert_eq!(compare(&"10".into(), &9.into(), false), Some(Ordering::Less));
        assert_eq!(compare(&5.into(), &"x".into(), false), None);
        assert!(!equal(&PsValue::Null, &0.into(), false));
    }

    #[test]
    fn truth_is_that_of_powershell() {
        for (value, expected) in [
            (PsValue::Null, false),
            ("".into(), false),
            ("False".into(), true),
            (0.into(), false),
            (PsValue::list([]), false),
            (PsValue::list([0.into()]), false),
            (PsValue::list([0.into(), 0.into()]), true),
        ] {
            assert_eq!(is_true(&value), expected, "{value:?}");
        }
    }
}
