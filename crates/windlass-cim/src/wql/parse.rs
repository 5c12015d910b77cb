//! Reading queries.

use std::time::Duration;

use super::lexer::{Lexer, Token};
use super::{
    Comparison, Condition, Group, Literal, Operand, Projection, PropertyPath, Query, QueryLimits, Select,
};
use crate::error::Error;
use crate::name::CimName;

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// When the text is not WQL, with the place, or exceeds a limit.
    pub fn parse(text: &str, limits: &QueryLimits) -> Result<Self, Error> {
        let mut parser = Parser::new(text, limits)?;
        let query = if parser.accept_word("select")? {
            Self::Select(parser.select()?)
        } else if parser.accept_word("associators")? {
            Self::Associators(parser.associators()?)
        } else if parser.accept_word("references")? {
            Self::References(parser.references()?)
        } else {
            return Err(parser.unexpected("SELECT, ASSOCIATORS OF or REFERENCES OF"));
        };
        parser.end()?;
        Ok(query)
    }
}

/// Reads what stands after `WHERE`, as `-Filter` takes it.
///
/// # Errors
/// When the text is no condition, with the place, or exceeds a limit.
pub fn parse_condition(text: &str, limits: &QueryLimits) -> Result<Condition, Error> {
    let mut parser = Parser::new(text, limits)?;
    let condition = parser.condition()?;
    parser.end()?;
    Ok(condition)
}

/// A query read with one token in advance.
pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token<'a>,
    position: usize,
    limits: QueryLimits,
    depth: usize,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, limits: &QueryLimits) -> Result<Self, Error> {
        if text.len() > limits.length {
            return Err(Error::Limit { what: "bytes in a query", limit: limits.length });
        }
        let mut lexer = Lexer::new(text);
        let (token, position) = lexer.next()?;
        Ok(Self { lexer, token, position, limits: *limits, depth: 0, terms: 0 })
    }

    /// The token at hand; the next one takes its place.
    fn advance(&mut self) -> Result<Token<'a>, Error> {
        let (token, position) = self.lexer.next()?;
        self.position = position;
        Ok(std::mem::replace(&mut self.token, token))
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.token, Token::Word(w) if w.eq_ignore_ascii_case(word))
    }

    pub(super) fn accept_word(&mut self, word: &str) -> Result<bool, Error> {
        let found = self.is_word(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn expect_word(&mut self, word: &'static str) -> Result<(), Error> {
        if self.accept_word(word)? { Ok(()) } else { Err(self.unexpected(word)) }
    }

    fn accept(&mut self, token: &Token<'_>) -> Result<bool, Error> {
        let found = self.token == *token;
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn expect_equals(&mut self) -> Result<(), Error> {
        if self.accept(&Token::Operator("="))? { Ok(()) } else { Err(self.unexpected("=")) }
    }

    /// The text between braces; the token after them is at hand then.
    pub(super) fn braced(&mut self) -> Result<(&'a str, usize), Error> {
        if self.token != Token::Sign('{') {
            return Err(self.unexpected("{"));
        }
        let inner = self.lexer.braced()?;
        self.advance()?;
        Ok(inner)
    }

    pub(super) fn unexpected(&self, expected: &str) -> Error {
        let found = match &self.token {
            Token::Word(_) => "a word",
            Token::Text(_) => "a string",
            Token::Integer(_) | Token::Real(_) => "a number",
            Token::Operator(_) => "an operator",
            Token::Sign(_) => "a sign",
            Token::End => "the end",
        };
        Error::query(self.position, format!("expected {expected}, found {found}"))
    }

    fn end(&self) -> Result<(), Error> {
        if self.token == Token::End { Ok(()) } else { Err(self.unexpected("the end of the query")) }
    }

    pub(super) fn name(&mut self, expected: &'static str) -> Result<CimName, Error> {
        match self.token {
            Token::Word(word) => {
                self.advance()?;
                Ok(word.into())
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    fn count_term(&mut self) -> Result<(), Error> {
        self.terms += 1;
        if self.terms > self.limits.terms {
            return Err(Error::Limit { what: "terms in a query", limit: self.limits.terms });
        }
        Ok(())
    }

    fn select(&mut self) -> Result<Select, Error> {
        let projection = if self.accept(&Token::Sign('*'))? {
            Projection::All
        } else {
            Projection::Columns(self.property_list()?)
        };
        self.expect_word("FROM")?;
        let from = self.name("the name of a class")?;
        let within = if self.accept_word("within")? { Some(self.interval()?) } else { None };
        let condition = if self.accept_word("where")? { Some(self.condition()?) } else { None };
        let group = if self.accept_word("group")? { Some(self.group()?) } else { None };
        Ok(Select { projection, from, within, condition, group })
    }

    fn group(&mut self) -> Result<Group, Error> {
        self.expect_word("WITHIN")?;
        let within = self.interval()?;
        let by = if self.accept_word("by")? { self.property_list()? } else { Vec::new() };
        let having = if self.accept_word("having")? { Some(self.condition()?) } else { None };
        Ok(Group { within, by, having })
    }

    /// A number of seconds.
    fn interval(&mut self) -> Result<Duration, Error> {
        let position = self.position;
        match self.advance()? {
            Token::Integer(n) => u64::try_from(n).ok().map(Duration::from_secs),
            Token::Real(text) => parse_seconds(text),
            _ => None,
        }
        .ok_or_else(|| Error::query(position, "expected a number of seconds"))
    }

    fn property_list(&mut self) -> Result<Vec<PropertyPath>, Error> {
        let mut list = vec![self.property()?];
        while self.accept(&Token::Sign(','))? {
            list.push(self.property()?);
        }
        Ok(list)
    }

    fn property(&mut self) -> Result<PropertyPath, Error> {
        self.count_term()?;
        let position = self.position;
        let mut names = vec![self.name("the name of a property")?];
        while self.accept(&Token::Sign('.'))? {
            if names.len() >= self.limits.depth {
                return Err(Error::Limit { what: "names in a path", limit: self.limits.depth });
            }
            names.push(self.name("the name of a property")?);
        }
        Ok(PropertyPath::at(names, position))
    }

    /// `OR` binds least, then `AND`, then `NOT`.
    fn condition(&mut self) -> Result<Condition, Error> {
        let mut all = vec![self.conjunction()?];
        while self.accept_word("or")? {
            all.push(self.conjunction()?);
        }
        Ok(single_or(all, Condition::Or))
    }

    fn conjunction(&mut self) -> Result<Condition, Error> {
        let mut all = vec![self.negation()?];
        while self.accept_word("and")? {
            all.push(self.negation()?);
        }
        Ok(single_or(all, Condition::And))
    }

    fn negation(&mut self) -> Result<Condition, Error> {
        if self.accept_word("not")? {
            self.enter()?;
            let inner = self.negation()?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(inner)));
        }
        if self.accept(&Token::Sign('('))? {
            self.enter()?;
            let inner = self.condition()?;
            self.depth -= 1;
            if !self.accept(&Token::Sign(')'))? {
                return Err(self.unexpected(")"));
            }
            return Ok(inner);
        }
        self.comparison()
    }

    /// Goes one level deeper; the nesting of calls is bounded by this.
    fn enter(&mut self) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > self.limits.depth {
            return Err(Error::Limit { what: "levels in a query", limit: self.limits.depth });
        }
        Ok(())
    }

    fn comparison(&mut self) -> Result<Condition, Error> {
        let position = self.position;
        let left = self.operand()?;
        if let Operand::Property(property) = &left {
            if self.accept_word("is")? {
                let negated = self.accept_word("not")?;
                self.expect_word("NULL")?;
                return Ok(Condition::IsNull(property.clone(), negated));
            }
            if self.accept_word("isa")? {
                return Ok(Condition::Isa(property.clone(), self.class()?));
            }
        }
        let negated = self.accept_word("not")?;
        let comparison = match &self.token {
            Token::Word(word) if word.eq_ignore_ascii_case("like") => Comparison::Like,
            _ if negated => return Err(self.unexpected("LIKE")),
            Token::Operator("=") => Comparison::Eq,
            Token::Operator("<>" | "!=") => Comparison::Ne,
            Token::Operator("<") => Comparison::Lt,
            Token::Operator("<=") => Comparison::Le,
            Token::Operator(">") => Comparison::Gt,
            Token::Operator(">=") => Comparison::Ge,
            _ => return Err(self.unexpected("a comparison operator")),
        };
        self.advance()?;
        let right = self.operand()?;
        if let (Operand::Literal(_), Operand::Literal(_)) = (&left, &right) {
            return Err(Error::query(position, "expected a property on one side of the comparison"));
        }
        let condition = Condition::Compare(left, comparison, right);
        Ok(if negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    /// A class, quoted or not.
    fn class(&mut self) -> Result<CimName, Error> {
        let position = self.position;
        match &self.token {
            Token::Text(text) if CimName::is_identifier(text.trim()) => {
                let name = text.trim().into();
                self.advance()?;
                Ok(name)
            }
            Token::Text(_) => Err(Error::query(position, "expected the name of a class")),
            _ => self.name("the name of a class"),
        }
    }

    fn operand(&mut self) -> Result<Operand, Error> {
        let position = self.position;
        let literal = match &self.token {
            Token::Word(word) if word.eq_ignore_ascii_case("null") => Literal::NULL,
            Token::Word(word) if word.eq_ignore_ascii_case("true") => true.into(),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => false.into(),
            Token::Word(_) => return self.property().map(Operand::Property),
            Token::Text(text) => text.as_str().into(),
            Token::Integer(n) => Literal::integer(*n)
                .ok_or_else(|| Error::query(position, "expected an integer of 64 bits"))?,
            Token::Real(text) => match text.parse::<f64>() {
                Ok(real) => real.into(),
                Err(_) => return Err(self.unexpected("a number")),
            },
            _ => return Err(self.unexpected("a property or a constant")),
        };
        self.count_term()?;
        self.advance()?;
        Ok(Operand::Literal(literal))
    }
}

fn single_or(mut all: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            all.extend(last);
            join(all)
        }
    }
}

/// Seconds with a fraction, exact to the nanosecond where written without exponent.
fn parse_seconds(text: &str) -> Option<Duration> {
    match text.split_once('.') {
        Some((whole, fraction)) if !text.contains(['e', 'E']) => {
            let seconds = if whole.is_empty() { 0 } else { whole.parse().ok()? };
            let digits = fraction.get(..9).unwrap_or(fraction);
            let nanos: u32 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
            let missing = 9 - u32::try_from(digits.len()).ok()?;
            Some(Duration::new(seconds, nanos * 10_u32.pow(missing)))
        }
        _ => Duration::try_from_secs_f64(text.parse().ok()?).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn select(text: &str) -> Select {
        match parse(text) {
            Ok(Query::Select(select)) => select,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn queries_print_as_they_were_meant() {
        for (text, printed) in [
            ("select * from Win32_Process", "SELECT * FROM Win32_Process"),
            ("SELECT a,b.c FROM X where a=1", "SELECT a, b.c FROM X WHERE a = 1"),
            (
                "select * from X where a != \"x\" and b >= -1.5 or not c like 'a%'",
                "SELECT * FROM X WHERE a <> 'x' AND b >= -1.5 OR NOT c LIKE 'a%'",
            ),
            (
                "select * from X where (a=1 or b=2) and c=3",
                "SELECT * FROM X WHERE (a = 1 OR b = 2) AND c = 3",
            ),
            ("select * from X where a not like 'b'", "SELECT * FROM X WHERE NOT a LIKE 'b'"),
            (
                "select * from X where a is null and b IS not NULL",
                "SELECT * FROM X WHERE a IS NULL AND b IS NOT NULL",
            ),
            ("select * from X where 5 < a", "SELECT * FROM X WHERE 5 < a"),
            ("select * from X where a = b", "SELECT * FROM X WHERE a = b"),
            ("select * from X where a = NULL or b = true", "SELECT * FROM X WHERE a = NULL OR b = TRUE"),
            (
                "SELECT * FROM __InstanceCreationEvent WITHIN 0.5 WHERE TargetInstance ISA \"Win32_Process\"",
                "SELECT * FROM __InstanceCreationEvent WITHIN 0.5 WHERE TargetInstance ISA 'Win32_Process'",
            ),
            (
                "select * from E within 10 where x=1 group within 300 by TargetInstance.SourceName having NumberOfEvents > 5",
                "SELECT * FROM E WITHIN 10 WHERE x = 1 GROUP WITHIN 300 BY TargetInstance.SourceName HAVING NumberOfEvents > 5",
            ),
            (
                "SELECT * FROM meta_class WHERE NOT __class < \"Win32\" AND NOT __this ISA Win32_Account",
                "SELECT * FROM meta_class WHERE NOT __class < 'Win32' AND NOT __this ISA 'Win32_Account'",
            ),
        ] {
            let query = parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(query.to_string(), printed);
            assert_eq!(parse(printed).unwrap(), query);
        }
    }

    #[test]
    fn kinds() {
        assert!(select("select * from META_CLASS").is_schema());
        assert!(select("select * from E within 1").is_event());
        assert!(!select("select * from E").is_event());
        assert_eq!(select("select * from E within 0.25").within, Some(Duration::from_millis(250)));
        assert_eq!(select("select * from E within 1e2").within, Some(Duration::from_secs(100)));
    }

    #[test]
    fn bad_queries_say_where() {
        for (text, at, reason) in [
            ("", 0, "SELECT"),
            ("select from", 11, "FROM"),
            ("select * X", 9, "FROM"),
            ("select * from", 13, "a class"),
            ("select * from X where", 21, "a property or a constant"),
            ("select * from X where a", 23, "operator"),
            ("select * from X where a =", 25, "a property or a constant"),
            ("select * from X where (a = 1", 28, ")"),
            ("select * from X where a = 1)", 27, "end of the query"),
            ("select * from X where 1 = 2", 22, "property on one side"),
            ("select * from X where a isa 'b c'", 28, "a class"),
            ("select * from X where a is 5", 27, "NULL"),
            ("select * from X where a not = 5", 28, "LIKE"),
            ("select * from X within 'a'", 23, "seconds"),
            ("select * from X within -1", 23, "seconds"),
            ("select * from X where a = 'b", 26, "closing quote"),
            ("select a, from X", 15, "FROM"),
            ("delete from X", 0, "SELECT"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(&format!("position {at}:")), "{text}: {error}");
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn limits_hold() {
        let limits = QueryLimits { length: 200, depth: 3, terms: 4 };
        let parse = |text: &str| Query::parse(text, &limits);
        assert!(parse("select * from X where (((a=1)))").is_ok());
        assert!(parse("select * from X where ((((a=1))))").is_err());
        assert!(parse("select * from X where not not not not a=1").is_err());
        assert!(parse("select * from X where a=1 and b=1").is_ok());
        assert!(parse("select * from X where a=1 and b=1 and c=1").is_err());
        assert!(parse(&" ".repeat(201)).is_err());
        let deep = format!("select * from X where {}a=1", "(".repeat(10_000));
        assert!(super::super::parse(&deep).is_err());
    }
}
