//! Scripts within the language of the endpoint: commands, literals and pipelines.

use windlass_clixml::{Base, PsObject, PsValue};
use windlass_command::{
    Assignment, CommandElement, Element, Expression, ExpressionKind, Language, Number, ParseError,
    ParseErrorKind, Part, Pipeline, Script, Span, Statement, parse,
};
use windlass_core::Secret;
use windlass_psrp::host::{HostMethod, HostReply};
use windlass_psrp::payload::UserEvent;
use windlass_psrp::{ErrorCategory, ErrorRecord, InvocationInfo};

use super::bind::Argument;
use super::cmdlet::{Halt, Outcome, Stage};
use super::compare::is_number;
use super::context::Context;
use super::engine::{Given, command_slot, value_slot};
use super::failure::{Failure, exceptions};
use super::pipeline::{self, Input, MOST_STAGES};
use super::record::{Emission, Sink};
use super::text::text;

/// A script as one command of a pipeline: it runs when all its input is there, as `$input` holds it.
pub(crate) struct ScriptStage {
    source: String,
    script: Script,
    input: Vec<PsValue>,
}

impl ScriptStage {
    /// Reads a script.
    ///
    /// # Errors
    /// What PowerShell's parser would say, or that the text is outside the language.
    pub(crate) fn new(source: &str) -> Result<Self, Box<Failure>> {
        match parse(source, Language::ENDPOINT) {
            Ok(script) if asks_the_engine(&script) => Err(Box::new(not_allowed(source))),
            Ok(script) => Ok(Self::parsed(source, script)),
            Err(error) => Err(Box::new(refusal(source, &error))),
        }
    }

    /// A script that was read already.
    pub(crate) fn parsed(source: &str, script: Script) -> Self {
        Self { source: source.to_owned(), script, input: Vec::new() }
    }
}

impl Stage for ScriptStage {
    fn process(&mut self, _cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        self.input.extend(input);
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        let input = PsValue::list(std::mem::take(&mut self.input));
        let run = Run { source: &self.source, input };
        for statement in &self.script.statements {
            match run.statement(statement, cx) {
                // An error ends its statement, not the script, unless it shall.
                Err(Halt::Failed(record)) => cx.error_record(*record)?,
                other => other?,
            }
        }
        Ok(())
    }
}

/// What a text is refused with.
fn refusal(source: &str, error: &ParseError) -> Failure {
    if let ParseErrorKind::Syntax { id, .. } = &error.kind {
        let exception = if error.incomplete { exceptions::INCOMPLETE_PARSE } else { exceptions::PARSE };
        let message = error.to_string();
        let mut failure = Failure::new(exception, id, ErrorCategory::ParserError, message).with_bare_id();
        failure.details = Some(format!("The endpoint cannot read the command: {}", failure.message));
        return failure;
    }
    let mut failure = not_allowed(source);
    failure.details = Some(format!("The endpoint refuses the command: {} ({error})", failure.message));
    failure
}

/// What a text is refused with that the endpoint's language does not allow.
fn not_allowed(source: &str) -> Failure {
    let message = "The syntax is not supported by this runspace. This can occur if the runspace is in \
                   no-language mode.";
    Failure::new(exceptions::PARSE, "ScriptsNotAllowed", ErrorCategory::ParserError, message)
        .about(source)
        .with_bare_id()
}

/// Whether a script asks for `$ExecutionContext`: clients tell by the refusal that there is no script here.
fn asks_the_engine(script: &Script) -> bool {
    script.statements.iter().any(|statement| {
        let Statement::Pipeline(pipeline) = statement else { return false };
        let mut expression = pipeline.as_expression();
        while let Some(ExpressionKind::Member(member)) = expression.map(|expression| &expression.kind) {
            expression = Some(&member.target);
        }
        expression.is_some_and(|expression| match &expression.kind {
            ExpressionKind::Variable(variable) => variable.path.eq_ignore_ascii_case("executioncontext"),
            _ => false,
        })
    })
}

/// One run of a script.
struct Run<'a> {
    source: &'a str,
    input: PsValue,
}

impl Run<'_> {
    fn statement(&self, statement: &Statement, cx: &mut Context<'_>) -> Outcome {
        match statement {
            Statement::Pipeline(pipeline) => self.pipeline(pipeline, cx),
            Statement::Assignment(assignment) => self.assign(assignment, cx),
            _ => Err(self.outside(statement.span(), cx)),
        }
    }

    /// Several variables get a value each; the last gets what is left, and null where nothing is.
    fn assign(&self, assignment: &Assignment, cx: &mut Context<'_>) -> Outcome {
        let (Some(targets), Some(variables)) = (assignment.variables(), cx.runspace.variables()) else {
            return Err(self.outside(assignment.span, cx));
        };
        let values = self.collect(&assignment.value, cx)?;
        if let ([target], true) = (targets.as_slice(), values.is_empty()) {
            variables.forget(&target.path);
            return Ok(());
        }
        let mut values = values.into_iter();
        let count = targets.len();
        for (place, target) in targets.into_iter().enumerate() {
            let value = if place + 1 == count {
                folded(values.by_ref().collect())
            } else {
                values.next().unwrap_or_default()
            };
            variables.set(&target.path, value);
        }
        Ok(())
    }

    fn pipeline(&self, pipeline: &Pipeline, cx: &mut Context<'_>) -> Outcome {
        if let Some(expression) = pipeline.as_expression() {
            let value = self.flowing(expression, cx)?;
            return cx.write_each(value);
        }
        let count = pipeline.elements.len();
        if count > MOST_STAGES {
            return Err(self.outside(pipeline.span, cx));
        }
        let mut slots = Vec::with_capacity(count);
        for (place, element) in pipeline.elements.iter().enumerate() {
            slots.push(match element {
                Element::Expression(element) => {
                    value_slot(self.flowing(&element.expression, cx)?, cx.runspace, place)
                }
                Element::Command(command) => {
                    let Some(name) = command.name() else { return Err(self.outside(command.span, cx)) };
                    let given = Given {
                        name,
                        arguments: self.arguments(command.arguments(), cx)?,
                        merge: cx.call.merge,
                        takes_input: place > 0,
                        place: self.place(name, command.span, place, count),
                        with_invocation: cx.call.with_invocation,
                        preferences: cx.call.preferences,
                        position: place,
                    };
                    command_slot(given, cx.runspace)?
                }
            });
        }
        let runspace = cx.runspace;
        pipeline::run(&mut slots, Input::None, &mut Through(cx), runspace)
    }

    fn arguments(&self, elements: &[CommandElement], cx: &mut Context<'_>) -> Result<Vec<Argument>, Halt> {
        let mut arguments = Vec::with_capacity(elements.len());
        let mut only_positional = false;
        for element in elements {
            match element {
                CommandElement::Parameter(parameter) if parameter.name == "-" => only_positional = true,
                CommandElement::Parameter(parameter) if only_positional => {
                    arguments.push(Argument::Positional(format!("-{}", parameter.name).into()));
                }
                CommandElement::Parameter(parameter) => {
                    let value = match &parameter.argument {
                        Some(argument) => Some(self.value(argument, cx)?),
                        None => None,
                    };
                    arguments.push(Argument::Named(parameter.name.clone(), value));
                }
                CommandElement::Argument(argument) => {
                    arguments.push(Argument::Positional(self.value(argument, cx)?));
                }
            }
        }
        Ok(arguments)
    }

    /// What an expression gives to the next command: nothing where a pipeline in parentheses had no output, nor out
    /// of a variable that took such an output, where null would be one value.
    fn flowing(&self, expression: &Expression, cx: &mut Context<'_>) -> Result<PsValue, Halt> {
        match &expression.kind {
            ExpressionKind::Paren(statement) => {
                let values = self.collect(statement, cx)?;
                Ok(if values.is_empty() { PsValue::list([]) } else { folded(values) })
            }
            ExpressionKind::Variable(variable) if self.is_empty(&variable.path, cx) => Ok(PsValue::list([])),
            _ => self.value(expression, cx),
        }
    }

    fn is_empty(&self, path: &str, cx: &Context<'_>) -> bool {
        !path.eq_ignore_ascii_case("input") && cx.runspace.variable(path).is_none()
    }

    /// The value of an expression. The parser bounds how deep expressions nest.
    fn value(&self, expression: &Expression, cx: &mut Context<'_>) -> Result<PsValue, Halt> {
        Ok(match &expression.kind {
            ExpressionKind::String { value, .. } => value.as_str().into(),
            ExpressionKind::Number(number) => self.number(number, expression.span, cx)?,
            ExpressionKind::Variable(variable) => self.variable(&variable.path, cx),
            ExpressionKind::Expandable { parts, .. } => {
                let mut out = String::new();
                for part in parts {
                    match part {
                        Part::Text(piece) => out.push_str(piece),
                        Part::Expression { expression, .. } => {
                            out.push_str(&text(&self.value(expression, cx)?));
                        }
                    }
                }
                out.into()
            }
            ExpressionKind::Array(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.value(item, cx)).collect();
                PsValue::list(items?)
            }
            ExpressionKind::ArrayExpression(block) => {
                let mut items = Vec::new();
                for statement in &block.statements {
                    items.extend(self.collect(statement, cx)?);
                }
                PsValue::list(items)
            }
            ExpressionKind::Paren(statement) => folded(self.collect(statement, cx)?),
            ExpressionKind::Hashtable(entries) => {
                let mut pairs = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let key = self.value(key, cx)?;
                    pairs.push((key, folded(self.collect(value, cx)?)));
                }
                PsObject::typed(["System.Collections.Hashtable", "System.Object"])
                    .with_base(Base::Dictionary(pairs))
                    .into()
            }
            ExpressionKind::ScriptBlock(block) => PsValue::ScriptBlock(block.source.as_str().into()),
            ExpressionKind::Member(member) => {
                let target = self.value(&member.target, cx)?;
                let name = text(&self.value(&member.member, cx)?);
                property(&target, &name)
            }
            ExpressionKind::Index(index) => {
                let target = self.value(&index.target, cx)?;
                element(&target, &self.value(&index.index, cx)?)
            }
            _ => return Err(self.outside(expression.span, cx)),
        })
    }

    fn variable(&self, path: &str, cx: &Context<'_>) -> PsValue {
        if path.eq_ignore_ascii_case("input") {
            return self.input.clone();
        }
        cx.runspace.variable(path).unwrap_or_default()
    }

    fn number(&self, number: &Number, span: Span, cx: &Context<'_>) -> Result<PsValue, Halt> {
        number_value(number).ok_or_else(|| self.outside(span, cx))
    }

    /// Runs a statement and keeps what it writes.
    fn collect(&self, statement: &Statement, cx: &mut Context<'_>) -> Result<Vec<PsValue>, Halt> {
        let Statement::Pipeline(pipeline) = statement else { return Err(self.outside(statement.span(), cx)) };
        if let Some(expression) = pipeline.as_expression() {
            let value = self.flowing(expression, cx)?;
            return Ok(match value.items() {
                Some(items) => items.to_vec(),
                None => vec![value],
            });
        }
        let (call, runspace) = (cx.call, cx.runspace);
        let mut kept = Kept { values: Vec::new(), outer: Through(cx) };
        let mut inner = Context { call, downstream: &mut [], sink: &mut kept, runspace };
        self.pipeline(pipeline, &mut inner)?;
        Ok(kept.values)
    }

    /// Where a command of the script stands, as records tell it.
    fn place(&self, name: &str, span: Span, position: usize, length: usize) -> InvocationInfo {
        let before = self.source.get(..span.start).unwrap_or_default();
        let line_number = before.matches('\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let line = self.source.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let here = span.text(self.source).unwrap_or_default();
        let width = here.lines().next().unwrap_or_default().chars().count().max(1);
        let (blanks, marks) = (" ".repeat(column - 1), "~".repeat(width));
        let number = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
        InvocationInfo {
            invocation_name: name.into(),
            line: line.into(),
            offset_in_line: number(column),
            script_line_number: number(line_number),
            pipeline_length: number(length),
            pipeline_position: number(position + 1),
            expecting_input: position > 0,
            position_message: format!("At line:{line_number} char:{column}\n+ {line}\n+ {blanks}{marks}")
                .into(),
            ..InvocationInfo::default()
        }
    }

    fn outside(&self, span: Span, cx: &Context<'_>) -> Halt {
        cx.fail(not_allowed(span.text(self.source).unwrap_or(self.source)))
    }
}

/// The value of a number as it was written; none for numbers that no type here holds.
pub fn number_value(number: &Number) -> Option<PsValue> {
    Some(match number {
        Number::Byte(value) => (*value).into(),
        Number::SByte(value) => (*value).into(),
        Number::Int16(value) => (*value).into(),
        Number::UInt16(value) => (*value).into(),
        Number::Int32(value) => (*value).into(),
        Number::UInt32(value) => (*value).into(),
        Number::Int64(value) => (*value).into(),
        Number::UInt64(value) => (*value).into(),
        Number::Double(value) => (*value).into(),
        Number::Decimal(value) => windlass_clixml::Decimal::parse(&value.to_string())?.into(),
        _ => return None,
    })
}

/// What several values are as one: nothing is null, one is itself, more are a list.
fn folded(mut values: Vec<PsValue>) -> PsValue {
    match (values.len(), values.pop()) {
        (_, None) => PsValue::Null,
        (1, Some(only)) => only,
        (_, Some(last)) => PsValue::list(values.into_iter().chain([last])),
    }
}

/// A property of a value, or the value under a key of a dictionary.
pub(crate) fn property(target: &PsValue, name: &str) -> PsValue {
    if let Some(value) = target.entry(name).or_else(|| target.get(name)) {
        return value.clone();
    }
    let count = |count: usize| PsValue::from(i32::try_from(count).unwrap_or(i32::MAX));
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    match target.unwrapped() {
        PsValue::String(text) if is("Length") => count(text.units().count()),
        PsValue::DateTime(at) => {
            let civil = at.civil();
            let part = |value: u32| PsValue::from(i32::try_from(value).unwrap_or_default());
            match name.to_ascii_lowercase().as_str() {
                "year" => civil.year.into(),
                "month" => part(civil.month),
                "day" => part(civil.day),
                "hour" => part(civil.hour),
                "minute" => part(civil.minute),
                "second" => part(civil.second),
                _ => PsValue::Null,
            }
        }
        PsValue::Version(version) => {
            let part = |value: Option<u32>| {
                PsValue::from(value.and_then(|value| i32::try_from(value).ok()).unwrap_or(-1))
            };
            match name.to_ascii_lowercase().as_str() {
                "major" => part(Some(version.major())),
                "minor" => part(Some(version.minor())),
                "build" => part(version.build()),
                "revision" => part(version.revision()),
                _ => PsValue::Null,
            }
        }
        PsValue::Bytes(bytes) if is("Length") || is("Count") => count(bytes.len()),
        other => match (other.items(), other.entries()) {
            (Some(items), _) if is("Count") || is("Length") => count(items.len()),
            // A property that a list lacks is that of its items.
            (Some(items), _) => {
                let found = items.iter().filter_map(|item| item.get(name).cloned());
                let mut found: Vec<_> = found.collect();
                match (found.len(), found.pop()) {
                    (_, None) => PsValue::Null,
                    (1, Some(only)) => only,
                    (_, Some(last)) => PsValue::list(found.into_iter().chain([last])),
                }
            }
            (_, Some(entries)) if is("Count") => count(entries.len()),
            (_, Some(entries)) if is("Keys") => PsValue::list(entries.iter().map(|(key, _)| key.clone())),
            (_, Some(entries)) if is("Values") => {
                PsValue::list(entries.iter().map(|(_, value)| value.clone()))
            }
            _ if is("Count") || is("Length") => 1.into(),
            _ => PsValue::Null,
        },
    }
}

/// An element of a list by its number (negative: from the end), or of a dictionary by its key.
fn element(target: &PsValue, index: &PsValue) -> PsValue {
    if let Some(entries) = target.entries() {
        let same =
            |key: &PsValue| key == index || (is_text(key) && text(key).eq_ignore_ascii_case(&text(index)));
        return entries.iter().find(|(key, _)| same(key)).map(|(_, value)| value.clone()).unwrap_or_default();
    }
    let Some(place) = index.as_i64().filter(|_| is_number(index)) else { return PsValue::Null };
    let count = target.items().map_or(1, <[_]>::len);
    let from_end = i64::try_from(count).unwrap_or(i64::MAX).saturating_add(place);
    let place = usize::try_from(if place < 0 { from_end } else { place });
    let Ok(place) = place else { return PsValue::Null };
    match (target.items(), target.as_str()) {
        (Some(items), _) => items.get(place).cloned().unwrap_or_default(),
        (None, Some(text)) => text.encode_utf16().nth(place).map(PsValue::Char).unwrap_or_default(),
        (None, None) if place == 0 => target.clone(),
        (None, None) => PsValue::Null,
    }
}

fn is_text(value: &PsValue) -> bool {
    value.as_str().is_some()
}

/// A nested pipeline's way out: its output goes to the next command of the outer one.
struct Through<'c, 'p>(&'c mut Context<'p>);

impl Sink for Through<'_, '_> {
    fn emit(&mut self, emission: Emission) -> Outcome {
        match emission {
            Emission::Output(value) => self.0.write(value),
            other => self.0.emit(other),
        }
    }

    fn call_host(&mut self, method: HostMethod) -> Result<HostReply, Halt> {
        self.0.sink.call_host(method)
    }

    fn protect(&mut self, secret: &Secret) -> Result<PsValue, String> {
        self.0.sink.protect(secret)
    }

    fn reveal(&mut self, value: &PsValue) -> Result<Secret, String> {
        self.0.sink.reveal(value)
    }

    fn forward(&mut self, event: &UserEvent) -> Outcome {
        self.0.sink.forward(event)
    }

    fn silent_error(&mut self) {
        self.0.sink.silent_error();
    }
}

/// The way out of a pipeline in parentheses: output is kept.
struct Kept<'c, 'p> {
    values: Vec<PsValue>,
    outer: Through<'c, 'p>,
}

impl Sink for Kept<'_, '_> {
    fn emit(&mut self, emission: Emission) -> Outcome {
        match emission {
            Emission::Output(value) => {
                self.values.push(value);
                Ok(())
            }
            other => self.outer.emit(other),
        }
    }

    fn call_host(&mut self, method: HostMethod) -> Result<HostReply, Halt> {
        self.outer.call_host(method)
    }

    fn protect(&mut self, secret: &Secret) -> Result<PsValue, String> {
        self.outer.protect(secret)
    }

    fn reveal(&mut self, value: &PsValue) -> Result<Secret, String> {
        self.outer.reveal(value)
    }

    fn forward(&mut self, event: &UserEvent) -> Outcome {
        self.outer.forward(event)
    }

    fn silent_error(&mut self) {
        self.outer.silent_error();
    }
}

/// The record of a failure to find or start a command, told with its place in the script.
pub(crate) fn located(record: ErrorRecord, place: InvocationInfo, with_invocation: bool) -> ErrorRecord {
    if with_invocation { record.with_invocation(place) } else { record }
}
