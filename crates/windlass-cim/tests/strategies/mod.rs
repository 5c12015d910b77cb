//! Arbitrary CIM data.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use windlass_cim::datetime::{Interval, OpenFields, PointInTime};
use windlass_cim::wql::{
    Associators, Comparison, Condition, Group, Literal, Operand, Projection, PropertyPath, Query, References,
    ResultMode, Select,
};
use windlass_cim::{
    CimArray, CimClass, CimDateTime, CimInstance, CimProperty, CimType, CimValue, DataType, Flavor,
    KeyBinding, Keys, MethodDecl, NamedList, ObjectPath, ParameterDecl, PropertyDecl, Qualifier,
};

/// A name that is no keyword of WQL or MOF.
pub(crate) fn name() -> impl Strategy<Value = String> {
    "[A-Za-z_][A-Za-z0-9_]{0,6}[xyzXYZ0-9]"
}

/// Text that XML can hold.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let ordinary = prop_oneof![
        4 => proptest::char::range(' ', '~'),
        1 => proptest::char::range('\u{a0}', '\u{d7ff}'),
        1 => proptest::char::range('\u{1f600}', '\u{1f64f}'),
        1 => prop_oneof![Just('\n'), Just('\r'), Just('\t'), Just('\''), Just('"'), Just('\\'), Just('%')],
    ];
    vec(ordinary, 0..12).prop_map(|chars| chars.into_iter().collect())
}

fn open_fields() -> impl Strategy<Value = OpenFields> {
    use OpenFields as F;
    let fields = [F::YEAR, F::MONTH, F::DAY, F::HOUR, F::MINUTE, F::SECOND, F::OFFSET];
    prop_oneof![
        2 => Just(F::NONE),
        1 => (proptest::sample::subsequence(fields.to_vec(), 0..=7), 0_u8..=6).prop_map(|(fields, digits)| {
            let open = fields.into_iter().fold(F::NONE, OpenFields::union);
            open.with_microsecond_digits(digits)
        }),
    ]
}

fn kept(value: u32, open: OpenFields, field: OpenFields) -> u32 {
    if open.contains(field) { 0 } else { value }
}

fn small(value: u32) -> u8 {
    u8::try_from(value).unwrap()
}

pub(crate) fn datetime() -> impl Strategy<Value = CimDateTime> {
    let time = (0_u32..24, 0_u32..60, 0_u32..60, 0_u32..1_000_000);
    let point = (0_u16..10_000, 1_u32..13, 1_u32..29, time.clone(), -999_i16..1_000, open_fields());
    let point = point.prop_map(|(year, month, day, (h, m, s, micros), offset, open)| {
        let factor = 10_u32.pow(u32::from(open.microsecond_digits()));
        CimDateTime::Point(PointInTime {
            year: u16::try_from(kept(year.into(), open, OpenFields::YEAR)).unwrap(),
            month: small(kept(month, open, OpenFields::MONTH)),
            day: small(kept(day, open, OpenFields::DAY)),
            hour: small(kept(h, open, OpenFields::HOUR)),
            minute: small(kept(m, open, OpenFields::MINUTE)),
            second: small(kept(s, open, OpenFields::SECOND)),
            microsecond: micros / factor * factor,
            utc_offset: if open.contains(OpenFields::OFFSET) { 0 } else { offset },
            open,
        })
    });
    let interval = (0_u32..100_000_000, time, open_fields()).prop_map(|(days, (h, m, s, micros), open)| {
        use OpenFields as F;
        let known = [F::DAY, F::HOUR, F::MINUTE, F::SECOND].into_iter().filter(|f| open.contains(*f));
        let open = known.fold(F::NONE, F::union).with_microsecond_digits(open.microsecond_digits());
        let factor = 10_u32.pow(u32::from(open.microsecond_digits()));
        CimDateTime::Interval(Interval {
            days: kept(days, open, F::DAY),
            hours: small(kept(h, open, F::HOUR)),
            minutes: small(kept(m, open, F::MINUTE)),
            seconds: small(kept(s, open, F::SECOND)),
            microseconds: micros / factor * factor,
            open,
        })
    });
    prop_oneof![point, interval]
}

pub(crate) fn scalar_type() -> impl Strategy<Value = CimType> {
    let types = CimType::ALL.into_iter().filter(|t| !t.is_embedded());
    proptest::sample::select(types.collect::<Vec<_>>())
}

/// A scalar of a type other than embedded ones.
pub(crate) fn scalar(cim_type: CimType) -> BoxedStrategy<CimValue> {
    match cim_type {
        CimType::Boolean => any::<bool>().prop_map(CimValue::from).boxed(),
        CimType::UInt8 => any::<u8>().prop_map(CimValue::from).boxed(),
        CimType::SInt8 => any::<i8>().prop_map(CimValue::from).boxed(),
        CimType::UInt16 => any::<u16>().prop_map(CimValue::from).boxed(),
        CimType::SInt16 => any::<i16>().prop_map(CimValue::from).boxed(),
        CimType::UInt32 => any::<u32>().prop_map(CimValue::from).boxed(),
        CimType::SInt32 => any::<i32>().prop_map(CimValue::from).boxed(),
        CimType::UInt64 => any::<u64>().prop_map(CimValue::from).boxed(),
        CimType::SInt64 => any::<i64>().prop_map(CimValue::from).boxed(),
        CimType::Real32 => any::<f32>().prop_map(CimValue::from).boxed(),
        CimType::Real64 => any::<f64>().prop_map(CimValue::from).boxed(),
        CimType::Char16 => any::<u16>().prop_map(CimValue::Char16).boxed(),
        CimType::DateTime => datetime().prop_map(CimValue::from).boxed(),
        CimType::Reference => path(text().boxed()).prop_map(CimValue::from).boxed(),
        _ => text().prop_map(CimValue::from).boxed(),
    }
}

/// A value of a type, an array where `is_array` says so, or null.
pub(crate) fn value(cim_type: CimType, is_array: bool) -> BoxedStrategy<CimValue> {
    if is_array {
        let items = vec(scalar(cim_type), 1..5);
        let array = items.prop_map(move |items| CimArray::from_values(cim_type, items).unwrap().into());
        prop_oneof![5 => array, 1 => Just(CimValue::Null)].boxed()
    } else {
        prop_oneof![5 => scalar(cim_type), 1 => Just(CimValue::Null)].boxed()
    }
}

/// A path whose keys are strings from `texts`.
pub(crate) fn path(texts: BoxedStrategy<String>) -> impl Strategy<Value = ObjectPath> {
    let keys = vec((name(), texts), 1..4).prop_map(|keys| {
        let binding = |(name, text): (String, String)| KeyBinding { name: name.into(), value: text.into() };
        keys.into_iter().map(binding).collect::<NamedList<_>>()
    });
    (name(), name(), keys).prop_map(|(namespace, class, keys)| ObjectPath {
        server: None,
        namespace: Some(format!("root/{namespace}").into()),
        class_name: class.into(),
        keys: Keys::Bindings(keys),
    })
}

/// A path of any form, with keys of every type that a path can tell.
pub(crate) fn any_path() -> impl Strategy<Value = ObjectPath> {
    let value = prop_oneof![
        text().prop_map(CimValue::from),
        any::<u64>().prop_map(CimValue::from),
        (i64::MIN..0).prop_map(CimValue::from),
        any::<bool>().prop_map(CimValue::from),
        Just(CimValue::Null),
    ];
    let bindings = vec((name(), value.clone()), 1..4).prop_map(|keys| {
        let binding = |(name, value): (String, CimValue)| KeyBinding { name: name.into(), value };
        Keys::Bindings(keys.into_iter().map(binding).collect())
    });
    let unnamed =
        value.prop_map(|value| Keys::Bindings([KeyBinding { name: "".into(), value }].into_iter().collect()));
    let keys = prop_oneof![1 => Just(Keys::Class), 1 => Just(Keys::Singleton), 1 => unnamed, 4 => bindings];
    let place = option::of((option::of("[a-z0-9.-]{1,10}"), name()));
    (place, name(), keys).prop_map(|(place, class, keys)| {
        let (server, namespace) = place.map_or((None, None), |(s, n)| (s, Some(format!("root/{n}").into())));
        ObjectPath { server, namespace, class_name: class.into(), keys }
    })
}

pub(crate) fn data_type() -> impl Strategy<Value = DataType> {
    let plain = scalar_type().prop_filter("references name a class", |t| *t != CimType::Reference);
    let element = prop_oneof![
        6 => plain.prop_map(DataType::scalar),
        1 => name().prop_map(DataType::reference),
    ];
    (element, any::<bool>(), option::of(1_u32..100)).prop_map(|(data_type, is_array, size)| DataType {
        is_array,
        array_size: size.filter(|_| is_array),
        ..data_type
    })
}

fn qualifiers() -> impl Strategy<Value = NamedList<Qualifier>> {
    let value = prop_oneof![
        Just(CimValue::Boolean(true)),
        any::<i32>().prop_map(CimValue::from),
        text().prop_map(CimValue::from),
        vec(text(), 1..4).prop_map(CimValue::from),
    ];
    let flavor = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let qualifier = (name(), value, flavor).prop_map(|(name, value, (a, b, c, d))| Qualifier {
        flavor: Flavor { overridable: a, to_subclass: b, to_instance: c, translatable: d },
        ..Qualifier::new(name, value)
    });
    vec(qualifier, 0..3).prop_map(|list| list.into_iter().collect())
}

/// A class whose properties start with values that are finite and no references.
pub(crate) fn class() -> impl Strategy<Value = CimClass> {
    let property = (name(), data_type(), qualifiers()).prop_flat_map(|(name, data_type, qualifiers)| {
        let default = match data_type.element {
            CimType::Reference => Just(CimValue::Null).boxed(),
            element => value(element, data_type.is_array).prop_filter("finite", is_finite).boxed(),
        };
        (Just(name), Just(data_type), Just(qualifiers), default)
    });
    let property = property.prop_map(|(name, data_type, qualifiers, default)| PropertyDecl {
        qualifiers,
        default,
        ..PropertyDecl::new(name, data_type)
    });
    let parameter = (name(), data_type(), qualifiers()).prop_map(|(name, data_type, qualifiers)| {
        ParameterDecl { qualifiers, ..ParameterDecl::new(name, data_type) }
    });
    let method = (name(), option::of(scalar_type()), vec(parameter, 0..3), qualifiers()).prop_map(
        |(name, return_type, parameters, qualifiers)| MethodDecl {
            return_type: return_type.filter(|t| *t != CimType::Reference).map(DataType::scalar),
            parameters: parameters.into_iter().collect(),
            qualifiers,
            ..MethodDecl::new(name, CimType::UInt8)
        },
    );
    let parts = (vec(property, 0..6), vec(method, 0..3), qualifiers());
    (name(), option::of(name()), parts).prop_map(|(name, superclass, (properties, methods, qualifiers))| {
        let mut class = CimClass::new(name);
        class.derivation.extend(superclass.map(Into::into));
        class.properties.extend(properties);
        class.methods.extend(methods);
        class.qualifiers = qualifiers;
        class
    })
}

pub(crate) fn is_finite(value: &CimValue) -> bool {
    value.items().iter().all(|item| item.as_f64().is_none_or(f64::is_finite))
}

/// A class and an instance of it.
pub(crate) fn instance() -> impl Strategy<Value = (CimClass, CimInstance)> {
    vec((name(), scalar_type(), any::<bool>()), 1..8)
        .prop_flat_map(|declared| {
            let value =
                |(name, t, a): &(String, CimType, bool)| (Just((name.clone(), *t, *a)), value(*t, *a));
            declared.iter().map(value).collect::<Vec<_>>()
        })
        .prop_map(|properties| {
            let mut class = CimClass::new("Test_Class");
            let mut instance = CimInstance::new("Test_Class").in_namespace("root/test");
            for ((name, element, is_array), value) in properties {
                let data_type = DataType { is_array, ..DataType::scalar(element) };
                class.properties.insert(PropertyDecl::new(name.clone(), data_type));
                let property = CimProperty { value, ..CimProperty::null(name, element, is_array) };
                instance.properties.insert(property);
            }
            (class, instance)
        })
}

fn property_path() -> impl Strategy<Value = PropertyPath> {
    vec(name(), 1..3).prop_map(|names| PropertyPath::new(names).unwrap())
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::NULL),
        any::<bool>().prop_map(Literal::from),
        any::<u64>().prop_map(Literal::from),
        any::<i64>().prop_map(Literal::from),
        any::<f64>().prop_filter("finite", |r| r.is_finite()).prop_map(Literal::from),
        text().prop_map(Literal::from),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let comparison = proptest::sample::select(vec![
        Comparison::Eq,
        Comparison::Ne,
        Comparison::Lt,
        Comparison::Le,
        Comparison::Gt,
        Comparison::Ge,
        Comparison::Like,
    ]);
    let operands = prop_oneof![
        (property_path(), literal()).prop_map(|(p, l)| (Operand::Property(p), Operand::Literal(l))),
        (property_path(), literal()).prop_map(|(p, l)| (Operand::Literal(l), Operand::Property(p))),
        (property_path(), property_path()).prop_map(|(a, b)| (Operand::Property(a), Operand::Property(b))),
    ];
    let leaf = prop_oneof![
        4 => (operands, comparison).prop_map(|((l, r), c)| Condition::Compare(l, c, r)),
        1 => (property_path(), any::<bool>()).prop_map(|(p, not)| Condition::IsNull(p, not)),
        1 => (property_path(), name()).prop_map(|(p, class)| Condition::Isa(p, class.into())),
    ];
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Condition::And),
            vec(inner.clone(), 2..4).prop_map(Condition::Or),
            inner.prop_map(|c| Condition::Not(Box::new(c))),
        ]
    })
}

pub(crate) fn query() -> impl Strategy<Value = Query> {
    let duration = (0_u64..1_000_000, 0_u32..1_000_000_000)
        .prop_map(|(seconds, nanos)| std::time::Duration::new(seconds, nanos));
    let group = (duration.clone(), vec(property_path(), 0..3), option::of(condition()))
        .prop_map(|(within, by, having)| Group { within, by, having });
    let projection =
        prop_oneof![Just(Projection::All), vec(property_path(), 1..4).prop_map(Projection::Columns),];
    let select = (projection, name(), option::of(duration), option::of(condition()), option::of(group));
    let select = select.prop_map(|(projection, from, within, condition, group)| {
        Query::Select(Select { projection, from: from.into(), within, condition, group })
    });
    let mode = proptest::sample::select(vec![
        ResultMode::Instances,
        ResultMode::KeysOnly,
        ResultMode::ClassDefsOnly,
        ResultMode::SchemaOnly,
    ]);
    let names = vec(option::of(name().prop_map(Into::into)), 6);
    let associations =
        (any_path(), names, mode, any::<bool>()).prop_map(|(of, mut names, mode, references)| {
            let mut next = || names.pop().flatten();
            if references {
                return Query::References(References {
                    result_class: next(),
                    role: next(),
                    required_qualifier: next(),
                    mode,
                    ..References::of(of)
                });
            }
            Query::Associators(Associators {
                association_class: next(),
                result_class: next(),
                role: next(),
                result_role: next(),
                required_association_qualifier: next(),
                required_qualifier: next(),
                mode,
                ..Associators::of(of)
            })
        });
    prop_oneof![3 => select, 1 => associations]
}
