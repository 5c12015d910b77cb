//! Evaluating conditions and projections.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Comparison, Condition, LikePattern, Operand, Projection, PropertyPath, Select};
use crate::class::CimClass;
use crate::error::Error;
use crate::instance::CimInstance;
use crate::name::CimName;
use crate::schema::Schema;
use crate::value::CimValue;

/// How many steps an evaluation may still take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    left: usize,
    limit: usize,
}

impl Work {
    /// At most `limit` steps: comparisons, and characters of texts compared.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { left: limit, limit }
    }

    fn spend(&mut self, steps: usize) -> Result<(), Error> {
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.exhausted()),
        }
    }

    fn exhausted(&self) -> Error {
        Error::Limit { what: "steps in evaluating a query", limit: self.limit }
    }
}

impl Default for Work {
    /// A million steps.
    fn default() -> Self {
        Self::new(1_000_000)
    }
}

/// Something that a condition is asked about: an instance, or a class in a schema query.
pub trait Subject {
    /// The name of its class, or its own.
    fn class_name(&self) -> &CimName;

    /// The value of a property, system properties included; `None` where there is none.
    fn value(&self, name: &str) -> Option<Cow<'_, CimValue>>;

    /// Whether it is of a class or derives from it.
    fn is_a(&self, class: &str, schema: &dyn Schema) -> bool {
        schema.is_a(self.class_name(), class)
    }
}

impl Subject for CimInstance {
    fn class_name(&self) -> &CimName {
        &self.class_name
    }

    fn value(&self, name: &str) -> Option<Cow<'_, CimValue>> {
        match self.get(name) {
            Some(value) => Some(Cow::Borrowed(value)),
            None => self.system_property(name).map(Cow::Owned),
        }
    }

    fn is_a(&self, class: &str, schema: &dyn Schema) -> bool {
        self.class.as_ref().is_some_and(|own| own.is_a(class)) || schema.is_a(&self.class_name, class)
    }
}

impl Subject for CimClass {
    fn class_name(&self) -> &CimName {
        &self.name
    }

    fn value(&self, name: &str) -> Option<Cow<'_, CimValue>> {
        self.system_property(name).map(Cow::Owned)
    }

    fn is_a(&self, class: &str, schema: &dyn Schema) -> bool {
        self.is_a(class) || schema.is_a(&self.name, class)
    }
}

impl Select {
    /// Whether the condition holds for an instance or class. The class named after `FROM` is not
    /// looked at.
    ///
    /// Absent and null are the same. As in Microsoft's servers, null equals null alone and differs
    /// from everything else, nothing is less or greater than null, and `NOT` turns any answer
    /// around. Strings compare without regard to case, and as numbers, booleans or datetimes with
    /// such; what cannot be compared is unequal.
    ///
    /// # Errors
    /// When it takes more work than allowed.
    pub fn matches(
        &self,
        subject: &dyn Subject,
        schema: &dyn Schema,
        work: &mut Work,
    ) -> Result<bool, Error> {
        self.condition.as_ref().map_or(Ok(true), |condition| condition.holds(subject, schema, work))
    }

    /// The instance with the selected properties alone, in its own order.
    #[must_use]
    pub fn project(&self, mut instance: CimInstance) -> CimInstance {
        if let Projection::Columns(columns) = &self.projection {
            let class_name = instance.class_name.clone();
            instance.properties.retain(|property| {
                columns.iter().any(|column| match column.names() {
                    [class, name, ..] if *class == class_name => *name == property.name,
                    [name, ..] => *name == property.name,
                    [] => false,
                })
            });
        }
        instance
    }
}

impl Condition {
    /// Whether it holds, see [`Select::matches`]. The nesting of calls is that of the condition,
    /// which the parser bounds.
    ///
    /// # Errors
    /// When it takes more work than allowed.
    pub fn holds(&self, subject: &dyn Subject, schema: &dyn Schema, work: &mut Work) -> Result<bool, Error> {
        work.spend(1)?;
        match self {
            Self::And(all) => {
                for condition in all {
                    if !condition.holds(subject, schema, work)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(all) => {
                for condition in all {
                    if condition.holds(subject, schema, work)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(inner) => Ok(!inner.holds(subject, schema, work)?),
            Self::IsNull(property, negated) => Ok(find(property, subject).is_null() != *negated),
            Self::Isa(property, class) => Ok(isa(property, class, subject, schema)),
            Self::Compare(left, comparison, right) => {
                let (left, right) = (operand(left, subject), operand(right, subject));
                compare(&left, *comparison, &right, work)
            }
        }
    }
}

fn operand<'a>(operand: &'a Operand, subject: &'a dyn Subject) -> Cow<'a, CimValue> {
    match operand {
        Operand::Property(property) => find(property, subject),
        Operand::Literal(literal) => Cow::Borrowed(literal.value()),
    }
}

impl PropertyPath {
    /// The value that it names in an instance or class; null where there is none.
    pub fn value<'a>(&self, subject: &'a dyn Subject) -> Cow<'a, CimValue> {
        find(self, subject)
    }
}

/// The value of a property, null where it is absent.
fn find<'a>(property: &PropertyPath, subject: &'a dyn Subject) -> Cow<'a, CimValue> {
    let null = Cow::Owned(CimValue::Null);
    let names = match property.names() {
        [class, rest @ ..] if !rest.is_empty() && class == subject.class_name() => rest,
        names => names,
    };
    let Some((first, rest)) = names.split_first() else { return null };
    let Some(value) = subject.value(first) else { return null };
    match (rest.is_empty(), value) {
        (true, value) => value,
        (false, Cow::Borrowed(CimValue::Instance(embedded))) => inside(embedded, rest).unwrap_or(null),
        (false, _) => null,
    }
}

/// The value of a property of an embedded instance.
fn inside<'a>(instance: &'a CimInstance, names: &[CimName]) -> Option<Cow<'a, CimValue>> {
    let mut instance = instance;
    let (last, outer) = names.split_last()?;
    for name in outer {
        instance = instance.get(name)?.as_instance()?;
    }
    instance.value(last)
}

/// `__THIS` is the subject; any other property holds an embedded instance, or the name of a class.
fn isa(property: &PropertyPath, class: &str, subject: &dyn Subject, schema: &dyn Schema) -> bool {
    if property.is("__this") {
        return subject.is_a(class, schema);
    }
    match &*find(property, subject) {
        CimValue::Instance(embedded) => Subject::is_a(&**embedded, class, schema),
        CimValue::Class(embedded) => Subject::is_a(&**embedded, class, schema),
        CimValue::Reference(path) => schema.is_a(&path.class_name, class),
        CimValue::String(name) => schema.is_a(name, class),
        _ => false,
    }
}

fn compare(left: &CimValue, by: Comparison, right: &CimValue, work: &mut Work) -> Result<bool, Error> {
    if let Comparison::Like = by {
        return like(left, right, work);
    }
    work.spend(text_length(left).min(text_length(right)))?;
    if left.is_null() || right.is_null() {
        let both = left.is_null() && right.is_null();
        return Ok(match by {
            Comparison::Eq => both,
            Comparison::Ne => !both,
            _ => false,
        });
    }
    let order = left.query_cmp(right);
    Ok(match by {
        Comparison::Eq | Comparison::Like => order == Some(Ordering::Equal),
        Comparison::Ne => order != Some(Ordering::Equal),
        Comparison::Lt => order == Some(Ordering::Less),
        Comparison::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Comparison::Gt => order == Some(Ordering::Greater),
        Comparison::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

fn like(value: &CimValue, pattern: &CimValue, work: &mut Work) -> Result<bool, Error> {
    let (Some(text), Some(pattern)) = (value.to_text(), pattern.to_text()) else {
        return Ok(value.is_null() && pattern.is_null());
    };
    work.spend(text.len() + pattern.len())?;
    LikePattern::new(&pattern).matches(&text, &mut work.left).ok_or_else(|| work.exhausted())
}

fn text_length(value: &CimValue) -> usize {
    value.as_str().map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use super::super::{Query, parse};
    use super::*;
    use crate::schema::{ClassStore, NoSchema};

    fn select(text: &str) -> Select {
        match parse(&format!("SELECT * FROM X WHERE {text}")) {
            Ok(Query::Select(select)) => select,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn schema() -> ClassStore {
        let mut store = ClassStore::new();
        for (name, parent) in [("CIM_Process", None), ("Win32_Process", Some("CIM_Process"))] {
            let mut class = CimClass::new(name);
            class.derivation.extend(parent.map(CimName::from));
            store.add(class).unwrap();
        }
        store
    }

    #[test]
    fn conditions() {
        let process = CimInstance::new("Win32_Process")
            .with("Name", "svchost.exe")
            .with("Id", 500_u32)
            .with("Load", 0.5_f64)
            .with("Ready", true)
            .with("Path", CimValue::Null)
            .with("Started", "20240101120000.000000+000".parse::<crate::CimDateTime>().unwrap());
        let event = CimInstance::new("__InstanceCreationEvent").with("TargetInstance", process.clone());
        let schema = schema();
        for (text, expected) in [
            ("Name = 'SVCHOST.EXE'", true),
            ("name like 'svc%'", true),
            ("name not like 'svc%'", false),
            ("Win32_Process.Name = 'svchost.exe'", true),
            ("Id = 500", true),
            ("Id = '500'", true),
            ("500 = Id", true),
            ("Id > 499 and Id < 501", true),
            ("Id >= 501 or Id <= 499", false),
            ("Id <> 500", false),
            ("not (Id <> 500)", true),
            ("Load < 1", true),
            ("Load = 0.5", true),
            ("Ready = TRUE", true),
            ("Ready = 'true' and Ready <> FALSE", true),
            ("Path is null", true),
            ("Path = NULL", true),
            ("Path <> 'a'", true),
            ("Path <> NULL", false),
            ("Path < 'a'", false),
            ("not Path < 'a'", true),
            ("Path like '%'", false),
            ("Nothing is null", true),
            ("Name is not null", true),
            ("Name > 5", false),
            ("Started >= '20240101000000.000000+000'", true),
            ("Started < '2024-01-01T13:00:00+01:00'", false),
            ("__CLASS = 'Win32_Process'", true),
            ("__THIS ISA 'CIM_Process'", true),
            ("__THIS ISA CIM_Service", false),
            ("Name = Name", true),
        ] {
            let holds = select(text).matches(&process, &schema, &mut Work::default()).unwrap();
            assert_eq!(holds, expected, "{text}");
        }
        for (text, expected) in [
            ("TargetInstance ISA 'CIM_Process'", true),
            ("TargetInstance ISA 'Win32_Service'", false),
            ("TargetInstance.Id = 500", true),
            ("TargetInstance.Id.x = 500", false),
            ("TargetInstance.__CLASS = 'Win32_Process'", true),
        ] {
            let holds = select(text).matches(&event, &schema, &mut Work::default()).unwrap();
            assert_eq!(holds, expected, "{text}");
        }
    }

    #[test]
    fn schema_queries_ask_classes() {
        let schema = schema();
        let class = schema.class("Win32_Process").unwrap();
        for (text, expected) in [
            ("__THIS ISA 'CIM_Process'", true),
            ("__CLASS LIKE 'Win32%' AND __SUPERCLASS = 'CIM_Process'", true),
            ("NOT __class < \"Win32\" AND NOT __this ISA \"Win32_Account\"", true),
            ("__SUPERCLASS IS NULL", false),
        ] {
            assert_eq!(
                select(text).matches(&*class, &schema, &mut Work::default()).unwrap(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn projections_keep_the_order_of_the_instance() {
        let instance = CimInstance::new("X").with("a", 1_u8).with("b", 2_u8).with("c", 3_u8);
        let Ok(Query::Select(select)) = parse("SELECT C, x.A FROM X") else { panic!() };
        let projected = select.project(instance);
        assert_eq!(projected.properties.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn work_is_bounded() {
        let instance = CimInstance::new("X").with("a", "a".repeat(3_000));
        let hostile = select(&format!("a LIKE '%{}b'", "a".repeat(1_000)));
        let error = hostile.matches(&instance, &NoSchema, &mut Work::new(100_000)).unwrap_err();
        assert!(error.to_string().contains("100000 steps"), "{error}");
        let many = select(&vec!["b = 1"; 100].join(" OR "));
        assert!(many.matches(&instance, &NoSchema, &mut Work::new(50)).is_err());
    }
}
