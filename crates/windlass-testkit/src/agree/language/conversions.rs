//! Conversions of values to types.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use windlass_command::convert::{self, Context, DateTimeKind, Type};
use windlass_command::{Element, Expression, ExpressionKind, Number, Statement};

use crate::agree::KindReport;

/// Types that no parameter of ours has, and why conversion to them is not offered.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("ipaddress", "no parameter has it; computers are named by strings"),
    ("regex", ".NET's dialect of regular expressions"),
    ("type", "a name is looked up in .NET's assemblies"),
    ("xml", "no parameter has it"),
];

pub(super) fn compare(cases: &[Value]) -> KindReport {
    let mut report = KindReport::new("language/conversions");
    let context = Context { today: today(cases), utc_offset: berlin };
    let mut skipped: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases {
        let (source, to) =
            (case["value"].as_str().unwrap_or_default(), case["type"].as_str().unwrap_or_default());
        if UNSUPPORTED.iter().any(|(name, _)| *name == to) {
            *skipped.entry(to).or_default() += 1;
            continue;
        }
        let outcome = match (value(source), Type::from_name(to)) {
            (Some(value), Some(kind)) => compare_one(&convert::convert(&value, &kind, &context), case),
            (None, _) => Err("the value is not understood".to_owned()),
            (_, None) => Err("the type is not known".to_owned()),
        };
        report.count(&format!("{source} to {to}"), outcome);
    }
    let skipped: Vec<String> = skipped
        .iter()
        .filter_map(|(name, count)| {
            let (_, reason) = UNSUPPORTED.iter().find(|(unsupported, _)| unsupported == name)?;
            Some(format!("{name} ({count}): {reason}"))
        })
        .collect();
    report.note = Some(format!("types not supported: {}", skipped.join("; ")));
    report
}

fn compare_one(ours: &Result<convert::Value, convert::ConvertError>, case: &Value) -> Result<(), String> {
    match (ours, case.get("refused")) {
        (Err(_), Some(_)) => Ok(()),
        (Err(_), None) => Err(format!("refused, theirs {}", case["result"])),
        (Ok(value), Some(_)) => Err(format!("accepted as {}, though refused", describe(value))),
        (Ok(value), None) => {
            let ours = describe(value);
            let theirs = &case["result"];
            if same(&ours, theirs) { Ok(()) } else { Err(format!("{theirs}, ours {ours}")) }
        }
    }
}

/// Whether all that we say of a value is what the recording says.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            ours.iter().all(|(key, value)| theirs.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| same(a, b))
        }
        _ => ours == theirs,
    }
}

fn describe(value: &convert::Value) -> Value {
    use convert::Value as V;
    match value {
        V::Null => Value::Null,
        V::Bool(on) => json!({"t": "System.Boolean", "v": on}),
        V::Switch(_) => json!({"t": "System.Management.Automation.SwitchParameter"}),
        V::Char(unit) => json!({"t": "System.Char", "v": unit}),
        V::Number(Number::Double(n)) => {
            json!({"t": "System.Double", "bits": format!("{:016x}", n.to_bits())})
        }
        V::Number(number) => json!({"t": number.type_name(), "v": number.to_string()}),
        V::String(text) => json!({"t": "System.String", "v": text}),
        V::DateTime(time) => {
            let kind = match time.kind {
                DateTimeKind::Unspecified => "Unspecified",
                DateTimeKind::Utc => "Utc",
                DateTimeKind::Local => "Local",
            };
            json!({"t": "System.DateTime", "v": time.to_string(), "kind": kind})
        }
        V::TimeSpan(ticks) => json!({"t": "System.TimeSpan", "v": ticks.to_string()}),
        V::Version(parts) => {
            let parts: Vec<String> = parts.iter().map(u32::to_string).collect();
            json!({"t": "System.Version", "v": parts.join(".")})
        }
        V::Guid(bytes) => {
            let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
            let part = |range| hex.get(range).unwrap_or_default();
            let (a, b, c) = (part(0..8), part(8..12), part(12..16));
            json!({"t": "System.Guid", "v": format!("{a}-{b}-{c}-{}-{}", part(16..20), part(20..32))})
        }
        V::Uri(text) => json!({"t": "System.Uri", "v": text}),
        V::Culture(_) => json!({"t": "System.Globalization.CultureInfo"}),
        V::Enum(kind, value) => json!({"t": kind.name, "v": kind.text(*value), "n": value.to_string()}),
        V::Array(items) => json!({"items": items.iter().map(describe).collect::<Vec<_>>()}),
        V::Hashtable(entries) => {
            let entries: Vec<Value> =
                entries.iter().map(|(k, v)| json!([describe(k), describe(v)])).collect();
            json!({"t": "System.Collections.Hashtable", "entries": entries})
        }
        V::ScriptBlock(text) => json!({"t": "System.Management.Automation.ScriptBlock", "v": text}),
        _ => json!({"t": "?"}),
    }
}

/// The value that an expression of the recordings stands for.
fn value(source: &str) -> Option<convert::Value> {
    let block = windlass_command::parse_script_block(source).ok()?;
    let windlass_command::ScriptBody::Plain(body) = &block.body else { return None };
    single(body.statements.as_slice())
}

fn single(statements: &[Statement]) -> Option<convert::Value> {
    let [Statement::Pipeline(line)] = statements else { return None };
    let [Element::Expression(element)] = line.elements.as_slice() else { return None };
    expression(&element.expression)
}

fn expression(part: &Expression) -> Option<convert::Value> {
    use convert::Value as V;
    Some(match &part.kind {
        ExpressionKind::String { value, .. } => V::String(value.clone()),
        ExpressionKind::Number(number) => V::Number(number.clone()),
        ExpressionKind::Variable(variable) => match variable.path.as_str() {
            "null" => V::Null,
            "true" => V::Bool(true),
            "false" => V::Bool(false),
            _ => return None,
        },
        ExpressionKind::Array(items) => V::Array(items.iter().map(expression).collect::<Option<_>>()?),
        ExpressionKind::ArrayExpression(block) => match block.statements.as_slice() {
            [] => V::Array(Vec::new()),
            statements => match single(statements)? {
                array @ V::Array(_) => array,
                item => V::Array(vec![item]),
            },
        },
        ExpressionKind::Hashtable(entries) => {
            let entries = entries
                .iter()
                .map(|(key, item)| Some((expression(key)?, single(std::slice::from_ref(item))?)));
            V::Hashtable(entries.collect::<Option<_>>()?)
        }
        // The recorder wrote its script block with a space on either side.
        ExpressionKind::ScriptBlock(block) => V::ScriptBlock(format!(" {} ", block.source.trim())),
        _ => return None,
    })
}

/// The day of the recording, seen where a time without a date was converted.
fn today(cases: &[Value]) -> (u16, u8, u8) {
    let seen = cases.iter().find(|case| case["value"] == "\"00:00:05\"" && case["type"] == "datetime");
    let mut parts = seen
        .and_then(|case| case["result"]["v"].as_str())
        .and_then(|text| text.get(..10))
        .into_iter()
        .flat_map(|date| date.split('-'));
    let mut next = || parts.next()?.parse::<u16>().ok();
    let small = |n: Option<u16>| n.and_then(|n| u8::try_from(n).ok());
    match (next(), small(next()), small(next())) {
        (Some(year), Some(month), Some(day)) => (year, month, day),
        _ => (2026, 11, 22),
    }
}

/// The time zone of the recordings, as far as their values need it: all lie in winter.
fn berlin(_utc: i64) -> i32 {
    60
}
