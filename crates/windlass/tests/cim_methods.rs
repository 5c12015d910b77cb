//! Methods in every shape, against `root/test` of the embedded host.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

mod support;

use support::{host, nothing_left, over_https};
use windlass::model::{CimDateTime, CimInstance, CimStatus, CimValue, ObjectPath};
use windlass::{CimSession, ErrorKind, UriStyle};

fn input() -> CimInstance {
    CimInstance::new("")
}

#[tokio::test]
async fn methods_in_every_shape() {
    let host = host().start().await.unwrap();
    for style in [UriStyle::Wmi, UriStyle::Dmtf] {
        let builder = CimSession::builder("").target(over_https(&host)).skip_test_connection(true);
        let session = builder.namespace("root/test").uri_style(style).connect().await.unwrap();
        let class = ObjectPath::class("Test_Methods");

        // Types come from the schema, which is fetched once.
        let added =
            session.invoke(&class, "Add", &input().with("Left", "40").with("Right", 2_u8)).await.unwrap();
        assert_eq!(added.return_value, CimValue::UInt32(0));
        assert_eq!(added.output("Sum"), Some(&CimValue::SInt64(42)));
        assert_eq!(session.statistics().http_requests, 2);
        session.invoke(&class, "add", &input().with("Left", 1_i32).with("Right", 2_i32)).await.unwrap();
        assert_eq!(session.statistics().http_requests, 3);

        let pair = input().with("Left", "l").with("Right", CimValue::Null);
        let swapped = session.invoke(&class, "Swap", &pair).await.unwrap();
        assert_eq!(swapped.output("Right"), Some(&"l".into()));
        assert!(swapped.output("Left").is_none_or(CimValue::is_null));

        for texts in [vec![], vec!["only"], vec!["a", "", "c"]] {
            let texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
            let result = session.invoke(&class, "Reverse", &input().with("Texts", texts.clone())).await;
            let mut expected = texts.clone();
            expected.reverse();
            match (texts.is_empty(), result) {
                (false, Ok(result)) => assert_eq!(result.output("Reversed"), Some(&expected.into())),
                // An empty array leaves no trace in WS-CIM.
                (true, Err(error)) => assert!(error.to_string().contains("Texts"), "{error}"),
                (_, result) => panic!("{texts:?}: {result:?}"),
            }
        }

        let one = ObjectPath::class("Test_Methods").with_key("Id", "one");
        let two = ObjectPath::class("Test_Methods").with_key("Id", "two");
        session.invoke(&one, "Reset", &input()).await.unwrap();
        let counted = session.invoke(&one, "Increment", &input().with("By", 5_u32)).await.unwrap();
        assert_eq!(counted.output("Counter"), Some(&CimValue::UInt32(5)));
        assert_eq!(session.get(&one).await.unwrap().get("Counter"), Some(&CimValue::UInt32(5)));
        let greeting = session.invoke(&two, "Greet", &input().with("Name", "Ada & <Bob>")).await.unwrap();
        assert_eq!(greeting.return_value, "Hello Ada & <Bob> from two".into());
        let reset = session.invoke(&one, "Reset", &input()).await.unwrap();
        assert_eq!((reset.return_value, reset.outputs.len()), (CimValue::Null, 0));

        let found = session.invoke(&class, "Find", &input().with("Name", "second")).await.unwrap();
        let path = found.output("Found").unwrap().as_reference().unwrap();
        assert_eq!(session.get(path).await.unwrap().get("Count"), Some(&CimValue::UInt32(2)));
        let none = session.invoke(&class, "Find", &input().with("Name", "none")).await.unwrap();
        assert_eq!(none.return_value, CimValue::UInt32(2));
        session.close().await;
    }
    nothing_left(&host).await;
}

#[tokio::test]
async fn every_type_goes_and_comes() {
    let host = host().start().await.unwrap();
    for (style, typed) in [(UriStyle::Wmi, true), (UriStyle::Dmtf, true), (UriStyle::Wmi, false)] {
        let builder = CimSession::builder("").target(over_https(&host)).skip_test_connection(true);
        let builder = builder.namespace("root/test").uri_style(style).typed(typed);
        let session = builder.connect().await.unwrap();
        let class = ObjectPath::class("Test_Methods");
        let moment: CimDateTime = "20240229123456.123456+060".parse().unwrap();
        let period: CimDateTime = "00000012034556.000007:000".parse().unwrap();
        let item = CimInstance::new("Test_Item").with("Name", "in").with("Count", 5_u32);
        let other = ObjectPath::class("Test_Item").with_key("Name", "a \"b\"").in_namespace("root/test");
        let types = input()
            .with("Truth", true)
            .with("Unsigned8", u8::MAX)
            .with("Signed8", i8::MIN)
            .with("Unsigned16", u16::MAX)
            .with("Signed16", i16::MIN)
            .with("Unsigned32", u32::MAX)
            .with("Signed32", i32::MIN)
            .with("Unsigned64", u64::MAX)
            .with("Signed64", i64::MIN)
            .with("Real32", 0.1_f32)
            .with("Real64", 1.0e-300)
            .with("Character", CimValue::Char16(0x20ac))
            .with("Text", " <a> & \"b\"\r\n\u{e9} ")
            .with("Moment", moment)
            .with("Period", period)
            .with("Other", other.clone())
            .with("Inner", item.clone());
        let arrays = input()
            .with("Truths", CimValue::from(vec![true, false]))
            .with("Unsigned8s", vec![1_u8, 2])
            .with("Signed64s", vec![i64::MIN, 0])
            .with("Real64s", vec![0.5, -1.5])
            .with("Texts", vec!["a".to_owned(), String::new()])
            .with("Moments", vec![moment, moment])
            .with("Others", vec![other.clone(), other.clone()])
            .with("Inners", vec![item.clone(), item.clone()]);
        for (method, input) in [("EchoTypes", types), ("EchoArrays", arrays)] {
            let echoed = session.invoke(&class, method, &input).await.unwrap();
            assert_eq!(echoed.outputs.len(), input.properties.len(), "{method}");
            for property in &input.properties {
                let output = echoed.output(&property.name).unwrap();
                if !typed {
                    assert_eq!(output.items().len(), property.value.items().len(), "{}", property.name);
                    continue;
                }
                for (sent, came) in property.value.items().iter().zip(output.items()) {
                    match (sent, came) {
                        (CimValue::Instance(sent), CimValue::Instance(came)) => {
                            assert_eq!(sent.class_name, came.class_name);
                            assert_eq!(came.get("Count"), sent.get("Count"), "{method} {}", property.name);
                        }
                        (CimValue::Reference(sent), CimValue::Reference(came)) => {
                            assert_eq!(sent.key("Name"), came.key("Name"));
                        }
                        (sent, came) => assert_eq!(sent, came, "{method} {}", property.name),
                    }
                }
            }
        }
        session.close().await;
    }
    nothing_left(&host).await;
}

#[tokio::test]
async fn calls_that_cannot_be_carried_out_say_why() {
    let host = host().start().await.unwrap();
    // Without types nothing is checked here: the host says what is wrong.
    let builder = CimSession::builder("").target(over_https(&host)).skip_test_connection(true).typed(false);
    let session = builder.namespace("root/test").connect().await.unwrap();
    let class = ObjectPath::class("Test_Methods");
    let one = ObjectPath::class("Test_Methods").with_key("Id", "one");
    let nobody = ObjectPath::class("Test_Methods").with_key("Id", "nobody");
    for (path, method, input, status, words) in [
        (&class, "Nothing", input(), CimStatus::METHOD_NOT_FOUND, "Nothing"),
        (&class, "Missing", input(), CimStatus::METHOD_NOT_AVAILABLE, ""),
        (&class, "Increment", input().with("By", 1_u32), CimStatus::INVALID_PARAMETER, "not static"),
        (&nobody, "Reset", input(), CimStatus::NOT_FOUND, ""),
        (&one, "Increment", input(), CimStatus::INVALID_PARAMETER, "By"),
        (&one, "Increment", input().with("By", "many"), CimStatus::INVALID_PARAMETER, "By"),
        (&one, "Increment", input().with("By", 1_u32).with("And", 1_u8), CimStatus::INVALID_PARAMETER, "And"),
        (&class, "Fail", input().with("Status", 2_u32), CimStatus::ACCESS_DENIED, ""),
        (
            &class,
            "Fail",
            input().with("Status", 1_u32).with("Message", "Broken."),
            CimStatus::FAILED,
            "Broken.",
        ),
    ] {
        let error = session.invoke(path, method, &input).await.unwrap_err();
        let (found, text) = error.cim_status().unwrap_or_else(|| panic!("{method}: {error}"));
        assert_eq!(found, status, "{method}: {error}");
        assert!(text.contains(words) && error.to_string().contains(words), "{method}: {text}; {error}");
    }
    session.close().await;
    nothing_left(&host).await;
}

#[tokio::test]
async fn parameters_that_do_not_fit_the_method_are_not_sent() {
    let host = host().start().await.unwrap();
    let builder = CimSession::builder("").target(over_https(&host)).skip_test_connection(true);
    let session = builder.namespace("root/test").connect().await.unwrap();
    let one = ObjectPath::class("Test_Methods").with_key("Id", "one");
    session.get_class("", "Test_Methods").await.unwrap();
    let before = session.statistics().http_requests;
    for (given, words) in [
        (input().with("By", "many"), ["`By`", "uint32"]),
        (input().with("By", -1_i32), ["`By`", "uint32"]),
        (input().with("By", vec![1_u32, 2]), ["`By`", "uint32"]),
        (input().with("By", CimInstance::new("Test_Item")), ["`By`", "uint32"]),
        (input().with("By", 1_u32).with("And", 1_u8), ["Increment", "And"]),
    ] {
        let error = session.invoke(&one, "increment", &given).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert!(words.iter().all(|word| error.to_string().contains(word)), "{words:?}: {error}");
    }
    assert_eq!(session.statistics().http_requests, before);
    // Texts of numbers are numbers.
    session.invoke(&one, "Increment", &input().with("By", "1")).await.unwrap();
    session.close().await;
    nothing_left(&host).await;
}

#[cfg(unix)]
#[tokio::test]
async fn programs_that_are_created_do_not_see_the_environment_of_the_host() {
    // Which cargo sets for tests.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let folder = std::env::temp_dir().join(format!("windlass-create-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (script, told) = (folder.join("script"), folder.join("told"));
    std::fs::write(&script, format!("env > {}", told.display())).unwrap();
    // Reading it ends when the program does.
    assert!(std::process::Command::new("mkfifo").arg(&told).status().unwrap().success());
    let host = host().allow_exec(true).start().await.unwrap();
    let session = CimSession::builder("").target(over_https(&host)).connect().await.unwrap();
    let line = format!("/bin/sh {}", script.display());
    let class = ObjectPath::class("Win32_Process");
    let created = session.invoke(&class, "Create", &input().with("CommandLine", line)).await.unwrap();
    assert_eq!(created.return_value, CimValue::UInt32(0));
    let told = tokio::task::spawn_blocking(move || std::fs::read_to_string(told)).await.unwrap().unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    session.close().await;
    let names: Vec<&str> = told.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    assert!(names.contains(&"PATH"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("CARGO")), "{names:?}");
}
