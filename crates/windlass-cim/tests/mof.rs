//! MOF, read and printed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

#[path = "../../windlass-testkit/tests/support/skipped.rs"]
mod skipped;

use skipped::skipped;
use windlass_cim::mof::{self, MofPrinter, print_class, print_instance};
use windlass_cim::{CimClass, CimType, CimValue, ClassStore, DataType, ObjectPath, Schema};

const SCHEMA: &str = r#"
// A schema that uses everything.
#pragma namespace("root/test")
#pragma locale("en_US")
Qualifier Owner : string = NULL, Scope(class, property), Flavor(DisableOverride, ToSubclass);

[Abstract, Owner("me"), Description("first " "second\n") : ToInstance]
class Test_Base
{
  [Key, MaxLen(64)] string Id;
  [Values{"a", "b"}, ValueMap{"1", "2"}] uint16 State = 0x1F;
};

/* derived */
[Association]
class Test_All as $All : Test_Base
{
  boolean b = TRUE;
  sint8 s8 = -128;
  uint64 u64 = 18446744073709551615;
  real32 r32 = 1.5e3;
  char16 c = 'x';
  datetime d = "20240131235959.000000+060";
  uint8 list[] = {1, 0x2, 101b};
  string sized[4] = {"x", "y"};
  Test_Base ref Antecedent;
  [EmbeddedInstance("Test_Base")] string inner;
  [EmbeddedObject] string any[];
  Test_Base direct;
  [Static] uint32 Run([In] string arg, [In, Out] Test_Base ref target, [Out] real64 r[]);
  void Stop();
};

instance of Test_All as $X
{
  Id = "one";
  s8 = 7;
  list = {1, 2, NULL};
  d = "00000001000000.000000:000";
  inner = instance of Test_Base { Id = "two"; };
};

instance of Test_All
{
  Id = "three";
  Antecedent = $X;
  any = {instance of Test_Base { Id = "four"; }, instance of Other { z = -1; }};
};

instance of Unknown { [key] k = 5; text = "a" "b"; list = {"x"}; nothing = NULL; };
"#;

#[test]
fn everything_is_read() {
    let file = mof::parse(SCHEMA).unwrap();
    assert_eq!(file.namespace, Some("root/test".into()));
    let [base, all] = file.classes.as_slice() else { panic!("{} classes", file.classes.len()) };
    assert!(base.is_abstract());
    assert!(!base.qualifiers.get("owner").unwrap().flavor.overridable);
    let description = base.qualifiers.get("description").unwrap();
    assert_eq!(description.value, "first second\n".into());
    assert!(description.flavor.to_instance && description.flavor.translatable);
    assert!(base.property("id").unwrap().is_key());
    assert_eq!(base.property("State").unwrap().default, 31_u16.into());
    let decl = |name: &str| all.property(name).unwrap();
    assert_eq!(decl("s8").default, (-128_i8).into());
    assert_eq!(decl("u64").default, u64::MAX.into());
    assert_eq!(decl("c").default, CimValue::Char16(120));
    assert_eq!(decl("list").default, vec![1_u8, 2, 5].into());
    assert_eq!(decl("sized").data_type.array_size, Some(4));
    assert_eq!(decl("Antecedent").data_type, DataType::reference("Test_Base"));
    assert_eq!(decl("inner").data_type, DataType::instance("Test_Base"));
    assert_eq!(decl("direct").data_type, DataType::instance("Test_Base"));
    assert_eq!(decl("any").data_type, DataType::array(CimType::Object));
    let run = all.method("Run").unwrap();
    assert!(run.is_static());
    assert_eq!(run.inputs().count(), 2);
    assert_eq!(run.parameter("r").unwrap().data_type, DataType::array(CimType::Real64));
    assert_eq!(all.method("Stop").unwrap().return_type, None);

    let [one, three, unknown] = file.instances.as_slice() else { panic!() };
    assert_eq!(one.get("s8"), Some(&7_i8.into()));
    assert!(one.property("id").unwrap().is_key, "keys are inherited");
    assert_eq!(one.get("inner").unwrap().as_instance().unwrap().get("Id"), Some(&"two".into()));
    let path: ObjectPath = "Test_All.Id=\"one\"".parse().unwrap();
    assert_eq!(three.get("Antecedent"), Some(&path.into()));
    assert_eq!(three.get("any").unwrap().items().len(), 2);
    assert_eq!(unknown.get("k"), Some(&5_u64.into()));
    assert!(unknown.property("k").unwrap().is_key);
    assert_eq!(unknown.get("text"), Some(&"ab".into()));
}

#[test]
fn what_is_printed_reads_back() {
    let file = mof::parse(SCHEMA).unwrap();
    let mut text = r#"Qualifier Owner : string = NULL, Flavor(DisableOverride);"#.to_owned();
    for class in &file.classes {
        text.push_str(&print_class(class));
    }
    for instance in &file.instances {
        text.push_str(&print_instance(instance));
    }
    let mut again = mof::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    again.namespace.clone_from(&file.namespace);
    for instance in &mut again.instances {
        instance.namespace.clone_from(&file.namespace);
    }
    assert_eq!(again, file, "{text}");
}

#[test]
fn inherited_elements_on_request() {
    let mut store = ClassStore::new();
    for class in mof::parse(SCHEMA).unwrap().classes {
        store.add(class).unwrap();
    }
    let all = store.class("Test_All").unwrap();
    assert!(!print_class(&all).contains("Id;"));
    let whole = MofPrinter { inherited: true, qualifiers: false }.class(&all);
    assert!(whole.contains("  [Key]\n  string Id;\n"), "{whole}");
    assert!(!whole.contains("MaxLen"));
}

#[test]
fn errors_name_line_and_column() {
    for (text, place, reason) in [
        ("class", "line 1, column 6", "the name of a class"),
        ("class A {\n  uint8 a\n};", "line 3, column 1", "`;`"),
        ("class A { uint8 a = 256; };", "line 1, column 21", "uint8"),
        ("class A { uint8 a; string A; };", "line 1, column 27", "declared before"),
        ("class A { void a; };", "line 1, column 17", "`(`"),
        ("class A { uint8 a[x]; };", "line 1, column 19", "`]`"),
        ("[Key : Wrong] class A {};", "line 1, column 8", "a flavor"),
        ("[Key, KEY] class A {};", "line 1, column 7", "declared before"),
        ("instance of A { a = $B; };", "line 1, column 21", "an alias given before"),
        ("class A { uint8 a; }; instance of A { b = 1; };", "line 1, column 39", "no property `b`"),
        ("instance of A { a = {1, \"x\"}; };", "line 1, column 29", "one type"),
        ("#pragma include(\"x\")", "line 1, column 2", "not included"),
        ("#pragma namespace(\"a:b\")", "line 1, column 2", "a namespace"),
        ("junk", "line 1, column 1", "class, instance"),
    ] {
        let error = mof::parse(text).unwrap_err().to_string();
        assert!(error.contains(place) && error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn hostile_texts_are_refused() {
    let deep = format!("instance of A {{ a = {}", "instance of A { a = ".repeat(5_000));
    assert!(mof::parse(&deep).is_err());
    let many: String = (0..3_000).map(|i| format!("uint8 p{i};")).collect();
    assert!(mof::parse(&format!("class A {{ {many} }};")).is_err());
    let circle = "class A : B { }; class B : A { }; instance of A { x = 1; };";
    assert!(mof::parse(circle).is_err());
}

/// The MOF that another decoder printed for objects of Windows.
#[test]
fn mof_of_another_printer() {
    let Some(fixtures) = std::env::var_os("WINDLASS_FIXTURES") else {
        skipped("WINDLASS_FIXTURES is not set");
        return;
    };
    let dir = std::path::Path::new(&fixtures).join("wmio");
    let mut seen = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "mof") {
            continue;
        }
        // That printer leaves out the brackets of arrays and contradicts itself in their values.
        let text = std::fs::read_to_string(&path).unwrap().replace("uint32 Array;", "uint32 Array[];");
        let file = mof::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        seen += file.classes.len();
        for class in &file.classes {
            let printed = print_class(class);
            let mut again = mof::parse(&printed).unwrap_or_else(|e| panic!("{e}\n{printed}"));
            let again = again.classes.pop().unwrap();
            let derivation = class.derivation.clone();
            assert_eq!(CimClass { derivation, ..again }, *class, "{printed}");
        }
        if path.ends_with("wmio_win32_process.mof") {
            let process = file.classes.last().unwrap();
            assert_eq!(process.name, "Win32_Process");
            assert_eq!(process.derivation.len(), 3);
            let create = process.method("Create").unwrap();
            assert_eq!(create.inputs().count(), 3);
            assert_eq!(create.parameter("ProcessStartupInformation").unwrap().data_type, {
                DataType::instance("Win32_ProcessStartup")
            });
        }
    }
    assert!(seen >= 8, "{seen} classes");
}
