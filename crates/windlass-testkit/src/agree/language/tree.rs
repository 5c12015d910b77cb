//! Our tree and PowerShell's in one form.

use std::fmt::Write;

use serde_json::Value;
use windlass_command::{
    Attribute, Block, Chain, Command, CommandElement, Compound, CompoundKind, Element, Expression,
    ExpressionKind, Invocation, Node as Part, Operator, Part as StringPart, Pipeline, Quoting, Redirection,
    RedirectionTarget, ScriptBlock, ScriptBody, Span, Statement,
};

/// A node: its kind, place (in UTF-16 units), values and children.
struct Node {
    kind: &'static str,
    span: Span,
    values: String,
    children: Vec<Node>,
}

/// Compares our tree of `text` with the recorded one.
pub(super) fn compare(text: &str, ours: &ScriptBlock, theirs: &Value) -> Result<(), String> {
    let units = units(text);
    let root = body(ours);
    let mut mine = String::new();
    // The root is the only block of the text.
    if let [root] = root.as_slice() {
        print(root, &units, 0, &mut mine);
    }
    let mut recorded = String::new();
    print_recorded(theirs, 0, &mut recorded);
    if mine == recorded {
        return Ok(());
    }
    let first = recorded
        .lines()
        .chain(std::iter::repeat("nothing"))
        .zip(mine.lines().chain(std::iter::repeat("nothing")))
        .find(|(theirs, ours)| theirs != ours);
    let (theirs, ours) = first.unwrap_or_default();
    Err(format!("{}, ours {}", theirs.trim(), ours.trim()))
}

/// The number of UTF-16 units before each byte.
fn units(text: &str) -> Vec<usize> {
    let mut units = Vec::with_capacity(text.len() + 1);
    let mut count = 0;
    for c in text.chars() {
        units.extend(std::iter::repeat_n(count, c.len_utf8()));
        count += c.len_utf16();
    }
    units.push(count);
    units
}

fn print(node: &Node, units: &[usize], depth: usize, out: &mut String) {
    let at = |offset: usize| units.get(offset).copied().unwrap_or(usize::MAX);
    let (start, end) = (at(node.span.start), at(node.span.end));
    let _ = writeln!(out, "{:depth$}{} [{start},{end}] {}", "", node.kind, node.values);
    node.children.iter().for_each(|child| print(child, units, depth + 1, out));
}

fn print_recorded(node: &Value, depth: usize, out: &mut String) {
    let kind = node["k"].as_str().unwrap_or("?");
    let mut values = String::new();
    let mut add = |name: &str| {
        if let Some(value) = node.get(name).filter(|v| !v.is_null()) {
            let _ = write!(values, "{name}={value} ");
        }
    };
    let names: &[&str] = match kind {
        "StringConstantExpression" | "ExpandableStringExpression" => &["q", "v"],
        "ConstantExpression" => &["t", "v"],
        "VariableExpression" => &["v", "splat"],
        "CommandParameter" => &["param"],
        "Command" | "UnaryExpression" | "BinaryExpression" | "AssignmentStatement" => &["op"],
        "FileRedirection" => &["from", "append"],
        "MergingRedirection" => &["from", "to"],
        "Pipeline" => &["background"],
        _ => &[],
    };
    names.iter().for_each(|name| add(name));
    let _ = writeln!(out, "{:depth$}{kind} [{},{}] {values}", "", node["s"], node["e"]);
    if let Some(argument) = node.get("argument").filter(|a| !a.is_null()) {
        print_recorded(argument, depth + 1, out);
    }
    for child in node["c"].as_array().into_iter().flatten() {
        print_recorded(child, depth + 1, out);
    }
}

fn leaf(kind: &'static str, span: Span, values: String) -> Node {
    Node { kind, span, values, children: Vec::new() }
}

fn branch(kind: &'static str, span: Span, children: Vec<Node>) -> Node {
    Node { kind, span, values: String::new(), children }
}

fn json(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// What a script block holds: its parameters and named blocks.
fn body(script: &ScriptBlock) -> Vec<Node> {
    match &script.body {
        ScriptBody::Plain(block) => vec![branch("NamedBlock", block.span, statements(block))],
        ScriptBody::Named(blocks) => {
            let order = ["dynamicparam", "begin", "process", "end", "clean"];
            let named = |name: &&str| blocks.iter().find(|block| block.name == *name);
            order
                .iter()
                .filter_map(named)
                .map(|named| branch("NamedBlock", named.span, statements(&named.block)))
                .collect()
        }
    }
}

fn script_block(script: &ScriptBlock) -> Node {
    let mut children: Vec<Node> = script.parameters.iter().map(compound).collect();
    children.extend(body(script));
    branch("ScriptBlock", script.span, children)
}

fn statements(block: &Block) -> Vec<Node> {
    block.traps.iter().map(compound).chain(block.statements.iter().map(statement)).collect()
}

fn statement(statement: &Statement) -> Node {
    match statement {
        Statement::Pipeline(line) => pipeline(line),
        Statement::Chain(line) => chain(line),
        Statement::Assignment(assignment) => {
            // A lone expression is assigned without the pipeline around it.
            let value = match &*assignment.value {
                Statement::Pipeline(line) if !line.background => match line.elements.as_slice() {
                    [only @ Element::Expression(_)] => element(only),
                    _ => pipeline(line),
                },
                other => self::statement(other),
            };
            Node {
                kind: "AssignmentStatement",
                span: assignment.span,
                values: format!("op=\"{:?}\" ", assignment.operator),
                children: vec![expression(&assignment.target), value],
            }
        }
        Statement::Compound(part) => compound(part),
        _ => leaf("?", statement.span(), String::new()),
    }
}

fn pipeline(line: &Pipeline) -> Node {
    Node {
        kind: "Pipeline",
        span: line.span,
        values: format!("background={} ", line.background),
        children: line.elements.iter().map(element).collect(),
    }
}

fn chain(line: &Chain) -> Node {
    line.rest.iter().fold(pipeline(&line.first), |left, (_, right)| {
        branch("PipelineChain", left.span.to(right.span), vec![left, pipeline(right)])
    })
}

fn element(element: &Element) -> Node {
    match element {
        Element::Command(line) => command(line),
        Element::Expression(part) => {
            let mut children = vec![expression(&part.expression)];
            children.extend(part.redirections.iter().map(redirection));
            branch("CommandExpression", part.span, children)
        }
    }
}

fn command(line: &Command) -> Node {
    let mut children: Vec<Node> = line
        .elements
        .iter()
        .map(|element| match element {
            CommandElement::Parameter(parameter) => Node {
                kind: "CommandParameter",
                span: parameter.span,
                values: format!("param={} ", json(&parameter.name)),
                children: parameter.argument.iter().map(expression).collect(),
            },
            CommandElement::Argument(argument) => expression(argument),
        })
        .collect();
    children.extend(line.redirections.iter().map(redirection));
    let op = match line.invocation {
        Invocation::Plain => "Unknown",
        Invocation::Dot => "Dot",
        Invocation::Ampersand => "Ampersand",
    };
    Node { kind: "Command", span: line.span, values: format!("op=\"{op}\" "), children }
}

fn stream(number: u8) -> &'static str {
    ["All", "Output", "Error", "Warning", "Verbose", "Debug", "Information"]
        .get(usize::from(number))
        .copied()
        .unwrap_or("?")
}

fn redirection(part: &Redirection) -> Node {
    let from = stream(part.from);
    match &part.target {
        RedirectionTarget::Stream(to) => {
            let values = format!("from=\"{from}\" to=\"{}\" ", stream(*to));
            leaf("MergingRedirection", part.span, values)
        }
        RedirectionTarget::File { name, append } => Node {
            kind: "FileRedirection",
            span: part.span,
            values: format!("from=\"{from}\" append={append} "),
            children: vec![expression(name)],
        },
    }
}

fn quoting(quoting: Quoting) -> &'static str {
    match quoting {
        Quoting::BareWord => "BareWord",
        Quoting::Single => "SingleQuoted",
        Quoting::Double => "DoubleQuoted",
        Quoting::SingleHere => "SingleQuotedHereString",
        Quoting::DoubleHere => "DoubleQuotedHereString",
    }
}

fn block_of_statements(block: &Block) -> Node {
    branch("StatementBlock", block.span, statements(block))
}

fn expression(part: &Expression) -> Node {
    let span = part.span;
    match &part.kind {
        ExpressionKind::String { value, quoting: q } => {
            leaf("StringConstantExpression", span, format!("q=\"{}\" v={} ", quoting(*q), json(value)))
        }
        ExpressionKind::Expandable { parts, quoting: q } => {
            let value: String = parts
                .iter()
                .map(|part| match part {
                    StringPart::Text(text) => text.as_str(),
                    StringPart::Expression { source, .. } => source,
                })
                .collect();
            let children = parts
                .iter()
                .filter_map(|part| match part {
                    StringPart::Text(_) => None,
                    StringPart::Expression { expression: inner, .. } => Some(expression(inner)),
                })
                .collect();
            let values = format!("q=\"{}\" v={} ", quoting(*q), json(&value));
            Node { kind: "ExpandableStringExpression", span, values, children }
        }
        ExpressionKind::Number(number) => {
            let values = format!("t=\"{}\" v={} ", number.type_name(), json(&number.to_string()));
            leaf("ConstantExpression", span, values)
        }
        ExpressionKind::Variable(variable) => {
            let values = format!("v={} splat={} ", json(&variable.path), variable.splat);
            leaf("VariableExpression", span, values)
        }
        ExpressionKind::Unary(operator, operand) => operation("UnaryExpression", *operator, span, &[operand]),
        ExpressionKind::Binary(operator, both) => {
            operation("BinaryExpression", *operator, span, &[&both.0, &both.1])
        }
        _ => branch(kind_name(&part.kind), span, children(&part.kind)),
    }
}

fn operation(kind: &'static str, operator: Operator, span: Span, operands: &[&Expression]) -> Node {
    let children = operands.iter().map(|operand| expression(operand)).collect();
    Node { kind, span, values: format!("op=\"{operator:?}\" "), children }
}

fn kind_name(kind: &ExpressionKind) -> &'static str {
    match kind {
        ExpressionKind::Using(_) => "UsingExpression",
        ExpressionKind::Array(_) => "ArrayLiteral",
        ExpressionKind::ArrayExpression(_) => "ArrayExpression",
        ExpressionKind::SubExpression(_) => "SubExpression",
        ExpressionKind::Paren(_) => "ParenExpression",
        ExpressionKind::Hashtable(_) => "Hashtable",
        ExpressionKind::ScriptBlock(_) => "ScriptBlockExpression",
        ExpressionKind::Member(_) => "MemberExpression",
        ExpressionKind::Invoke(..) => "InvokeMemberExpression",
        ExpressionKind::Index(_) => "IndexExpression",
        ExpressionKind::Ternary(_) => "TernaryExpression",
        ExpressionKind::Type(_) => "TypeExpression",
        ExpressionKind::Convert(_) => "ConvertExpression",
        ExpressionKind::Attributed(_) => "AttributedExpression",
        _ => "?",
    }
}

fn children(kind: &ExpressionKind) -> Vec<Node> {
    match kind {
        ExpressionKind::Using(inner) => vec![expression(inner)],
        ExpressionKind::Array(items) => items.iter().map(expression).collect(),
        ExpressionKind::ArrayExpression(block) | ExpressionKind::SubExpression(block) => {
            vec![block_of_statements(block)]
        }
        ExpressionKind::Paren(inner) => vec![statement(inner)],
        ExpressionKind::Hashtable(entries) => {
            entries.iter().flat_map(|(key, value)| [expression(key), statement(value)]).collect()
        }
        ExpressionKind::ScriptBlock(block) => vec![script_block(block)],
        ExpressionKind::Member(member) => vec![expression(&member.target), expression(&member.member)],
        ExpressionKind::Invoke(member, arguments) => {
            [&member.target, &member.member].into_iter().chain(arguments).map(expression).collect()
        }
        ExpressionKind::Index(index) => vec![expression(&index.target), expression(&index.index)],
        ExpressionKind::Ternary(all) => vec![expression(&all.0), expression(&all.1), expression(&all.2)],
        ExpressionKind::Convert(both) | ExpressionKind::Attributed(both) => {
            vec![attribute(&both.0), expression(&both.1)]
        }
        _ => Vec::new(),
    }
}

fn attribute(part: &Attribute) -> Node {
    let Some(arguments) = &part.arguments else { return leaf("TypeConstraint", part.span, String::new()) };
    let mut children: Vec<Node> = arguments.positional.iter().map(expression).collect();
    children.extend(
        arguments
            .named
            .iter()
            .map(|(_, value, span)| branch("NamedAttributeArgument", *span, vec![expression(value)])),
    );
    branch("Attribute", part.span, children)
}

fn compound(part: &Compound) -> Node {
    let kind = match part.kind {
        CompoundKind::If => "IfStatement",
        CompoundKind::While => "WhileStatement",
        CompoundKind::DoWhile => "DoWhileStatement",
        CompoundKind::DoUntil => "DoUntilStatement",
        CompoundKind::For => "ForStatement",
        CompoundKind::ForEach => "ForEachStatement",
        CompoundKind::Switch => "SwitchStatement",
        CompoundKind::Try => "TryStatement",
        CompoundKind::Catch => "CatchClause",
        CompoundKind::Trap => "TrapStatement",
        CompoundKind::Function => "FunctionDefinition",
        CompoundKind::Return => "ReturnStatement",
        CompoundKind::Throw => "ThrowStatement",
        CompoundKind::Exit => "ExitStatement",
        CompoundKind::Break => "BreakStatement",
        CompoundKind::Continue => "ContinueStatement",
        CompoundKind::Data => "DataStatement",
        CompoundKind::Class | CompoundKind::Enum => "TypeDefinition",
        CompoundKind::ClassMember => "FunctionMember",
        CompoundKind::Using => "UsingStatement",
        CompoundKind::ParamBlock => "ParamBlock",
        CompoundKind::Parameter => "Parameter",
        _ => "?",
    };
    let children = part.children.iter().map(|child| match child {
        Part::Statement(inner) => statement(inner),
        Part::Block(inner) => block_of_statements(inner),
        Part::Expression(inner) => expression(inner),
        Part::ScriptBlock(inner) => script_block(inner),
        Part::Attribute(inner) => attribute(inner),
        Part::Compound(inner) => compound(inner),
    });
    branch(kind, part.span, children.collect())
}
