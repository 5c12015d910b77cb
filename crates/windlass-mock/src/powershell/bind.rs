//! Binding of arguments to parameters, as PowerShell does it.

use windlass_clixml::PsValue;
use windlass_psrp::ErrorCategory;

use super::command::{Check, CommandInfo, ParameterInfo};
use super::convert::{ConversionError, convert};
use super::failure::{Failure, exceptions};
use super::kind::{Kind, Scalar};
use super::preference::{COMMON_PARAMETERS, CommonParameter, Preferences};
use super::text::text;

/// An argument as the caller gave it.
#[derive(Debug, Clone)]
pub(crate) enum Argument {
    /// `-Name`, with a value where it was given together with the name.
    Named(String, Option<PsValue>),
    /// A value by position.
    Positional(PsValue),
}

/// The arguments of one call, bound to parameters and converted to what these take.
#[derive(Debug, Clone, Default)]
pub struct Bound {
    values: Vec<(String, PsValue)>,
    set: String,
    pub(crate) preferences: Preferences,
    /// Variables that are to get a copy of streams: `-OutVariable` and its like.
    pub(crate) copies: Vec<(&'static str, String)>,
}

impl Bound {
    /// Binds values by name alone.
    ///
    /// # Errors
    /// A name or a value does not fit the command.
    pub fn by_name(
        info: &CommandInfo,
        values: impl IntoIterator<Item = (String, PsValue)>,
    ) -> Result<Self, Box<Failure>> {
        let arguments = values.into_iter().map(|(name, value)| Argument::Named(name, Some(value)));
        bind(info, arguments.collect(), false)
    }

    /// The value of a parameter, if it was given.
    pub fn get(&self, name: &str) -> Option<&PsValue> {
        self.values.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The parameters that were given, with their values.
    pub fn arguments(&self) -> impl Iterator<Item = (&str, &PsValue)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether a parameter was given.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether a switch is on.
    pub fn switch(&self, name: &str) -> bool {
        self.get(name).and_then(PsValue::as_bool).unwrap_or(false)
    }

    /// The text of a parameter.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_null()).map(text)
    }

    /// The number of a parameter.
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(PsValue::as_i64)
    }

    /// A parameter that counts something; never negative.
    pub fn count(&self, name: &str) -> Option<usize> {
        self.integer(name).map(|value| usize::try_from(value).unwrap_or_default())
    }

    /// The values of a parameter that takes several; empty where it was not given.
    pub fn list(&self, name: &str) -> Vec<PsValue> {
        match self.get(name) {
            None | Some(PsValue::Null) => Vec::new(),
            Some(value) => match value.items() {
                Some(items) => items.to_vec(),
                None => vec![value.clone()],
            },
        }
    }

    /// The texts of a parameter that takes several; empty where it was not given.
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).iter().map(text).collect()
    }

    /// The name of the parameter set; empty where the command's declaration gives none.
    pub fn set(&self) -> &str {
        &self.set
    }

    /// These arguments with what an object of the pipeline gives: the object itself goes to the parameter
    /// that takes input and fits best, its properties go to the parameters of their names.
    ///
    /// # Errors
    /// The object fits no parameter.
    pub fn with_input(&self, info: &CommandInfo, input: &PsValue) -> Result<Self, Box<Failure>> {
        let mut bound = self.clone();
        let free: Vec<&ParameterInfo> =
            info.parameters().iter().filter(|parameter| !self.has(&parameter.name)).collect();
        let fits = |parameter: &&&ParameterInfo| {
            let same_set = self.set.is_empty()
                || !self.values.iter().any(|(name, _)| {
                    let other = info.parameter(name);
                    other.is_some_and(|other| {
                        !parameter.places.iter().any(|place| other.place(place.set).is_some())
                    })
                });
            parameter.pipeline && same_set
        };
        let exact = free.iter().filter(fits).find(|parameter| is_exactly(input, parameter.kind));
        if let Some(parameter) = exact {
            bound.values.push((parameter.name.clone(), convert_or_none(input, parameter)?));
            return Ok(bound);
        }
        let mut found = false;
        for parameter in free.iter().filter(|parameter| parameter.pipeline_by_name) {
            let names = std::iter::once(&parameter.name).chain(&parameter.aliases);
            let value = names.into_iter().find_map(|name| input.get(name)).filter(|value| !value.is_null());
            if let Some(value) = value
                && let Ok(value) = convert(value.clone(), parameter.kind)
            {
                bound.values.push((parameter.name.clone(), value));
                found = true;
            }
        }
        if found {
            return Ok(bound);
        }
        let converted = free.iter().filter(fits).find_map(|parameter| {
            Some((parameter.name.clone(), convert(input.clone(), parameter.kind).ok()?))
        });
        match converted {
            Some(value) => {
                bound.values.push(value);
                Ok(bound)
            }
            None => Err(binding(
                "InputObjectNotBound",
                "The input object cannot be bound to any parameters for the command either because the command \
                 does not take pipeline input or the input and its properties do not match any of the parameters \
                 that take pipeline input."
                    .to_owned(),
            )),
        }
    }

    /// All parameters that were given, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &PsValue)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Binds arguments.
///
/// `takes_input` says whether objects come through the pipeline; then a mandatory parameter that takes
/// them need not be given.
pub(crate) fn bind(
    info: &CommandInfo,
    arguments: Vec<Argument>,
    takes_input: bool,
) -> Result<Bound, Box<Failure>> {
    let sets = (0..info.set_count()).collect();
    let mut binder = Binder { info, bound: Bound::default(), sets, positional: Vec::new() };
    binder.bind_named(arguments)?;
    binder.bind_positional()?;
    binder.bound.set = binder.check_mandatory(takes_input)?;
    Ok(binder.bound)
}

/// Whether a value is of a parameter's type as it is.
fn is_exactly(value: &PsValue, kind: Kind) -> bool {
    let one = |value: &PsValue| match (kind.scalar(), value.unwrapped()) {
        (Scalar::String, value) => value.as_str().is_some() && !matches!(value, PsValue::Uri(_)),
        (Scalar::Uri, PsValue::Uri(_)) | (Scalar::Guid, PsValue::Guid(_)) => true,
        (Scalar::Int32, PsValue::I32(_)) | (Scalar::UInt32, PsValue::U32(_)) => true,
        (Scalar::Object | Scalar::PsObject, _) => true,
        (Scalar::Typed(_), value) => convert(value.clone(), Kind::One(kind.scalar())).is_ok(),
        _ => false,
    };
    match (kind, value.items()) {
        (Kind::Many(_), Some(items)) => items.iter().all(one),
        _ => one(value),
    }
}

fn convert_or_none(value: &PsValue, parameter: &ParameterInfo) -> Result<PsValue, Box<Failure>> {
    convert(value.clone(), parameter.kind).map_err(|why| cannot_convert(Found::Own(parameter), value, &why))
}

/// How well a value fits a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Not,
    Converted,
    AsItIs,
}

struct Binder<'a> {
    info: &'a CommandInfo,
    bound: Bound,
    /// The parameter sets that are still possible; the default comes first.
    sets: Vec<usize>,
    positional: Vec<PsValue>,
}

#[derive(Clone, Copy)]
enum Found<'a> {
    Own(&'a ParameterInfo),
    Common(&'static CommonParameter),
}

impl Found<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Own(parameter) => &parameter.name,
            Self::Common(parameter) => parameter.name,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Own(parameter) => parameter.kind,
            Self::Common(parameter) => parameter.kind,
        }
    }
}

impl<'a> Binder<'a> {
    fn bind_named(&mut self, arguments: Vec<Argument>) -> Result<(), Box<Failure>> {
        let mut arguments = arguments.into_iter().peekable();
        while let Some(argument) = arguments.next() {
            let (name, mut value) = match argument {
                Argument::Positional(value) => {
                    self.positional.push(value);
                    continue;
                }
                Argument::Named(name, value) => (name, value),
            };
            let found = self.find(&name)?;
            if value.is_none() && found.kind() != Kind::Switch {
                match arguments.next_if(|next| matches!(next, Argument::Positional(_))) {
                    Some(Argument::Positional(next)) => value = Some(next),
                    _ => return Err(missing_argument(found)),
                }
            }
            self.set(found, &value.unwrap_or(PsValue::Null))?;
        }
        Ok(())
    }

    /// The parameter of this name, or the only one whose name begins like this.
    fn find(&self, name: &str) -> Result<Found<'a>, Box<Failure>> {
        let name = name.trim_start_matches(['-', '\u{2013}']).trim_end_matches(':');
        let begins =
            |whole: &str| whole.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
        if let Some(own) = self.info.parameters().iter().find(|parameter| parameter.is_called(name)) {
            return Ok(Found::Own(own));
        }
        let is_common = |common: &&CommonParameter| {
            common.name.eq_ignore_ascii_case(name) || common.alias.eq_ignore_ascii_case(name)
        };
        if let Some(common) = COMMON_PARAMETERS.iter().find(is_common) {
            return Ok(Found::Common(common));
        }
        let own = self.info.parameters().iter().filter(|parameter| {
            begins(&parameter.name) || parameter.aliases.iter().any(|alias| begins(alias))
        });
        let common = COMMON_PARAMETERS.iter().filter(|common| begins(common.name) || begins(common.alias));
        let found: Vec<Found<'a>> = own.map(Found::Own).chain(common.map(Found::Common)).collect();
        match found.as_slice() {
            [only] if !name.is_empty() => Ok(*only),
            [] | [_] => Err(binding(
                "NamedParameterNotFound",
                format!("A parameter cannot be found that matches parameter name '{name}'."),
            )),
            several => {
                let matches: String = several.iter().map(|found| format!(" -{}", found.name())).collect();
                Err(binding(
                    "AmbiguousParameter",
                    format!(
                        "Parameter cannot be processed because the parameter name '{name}' is ambiguous. \
                         Possible matches include:{matches}."
                    ),
                ))
            }
        }
    }

    fn set(&mut self, found: Found<'a>, value: &PsValue) -> Result<(), Box<Failure>> {
        let name = found.name();
        if self.bound.has(name) {
            return Err(binding(
                "ParameterAlreadyBound",
                format!(
                    "Cannot bind parameter because parameter '{name}' is specified more than once. To provide \
                     multiple values to parameters that can accept multiple values, use the array syntax. For \
                     example, \"-parameter value1,value2,value3\"."
                ),
            ));
        }
        let converted =
            convert(value.clone(), found.kind()).map_err(|why| cannot_convert(found, value, &why))?;
        match found {
            Found::Common(common) => {
                self.bound.preferences.set(common, &converted);
                if common.name.ends_with("Variable") {
                    self.bound.copies.push((common.name, text(&converted)));
                }
            }
            Found::Own(parameter) => {
                check_range(parameter, &converted)?;
                check_content(parameter, &converted)?;
                self.sets.retain(|set| parameter.place(*set).is_some());
                if self.sets.is_empty() {
                    return Err(ambiguous_set());
                }
            }
        }
        self.bound.values.push((name.to_owned(), converted));
        Ok(())
    }

    /// Gives what has no name to the parameters in the order of their positions.
    fn bind_positional(&mut self) -> Result<(), Box<Failure>> {
        let mut arguments = std::mem::take(&mut self.positional).into_iter();
        while let Some(argument) = arguments.next() {
            let Some(parameter) = self.next_positional(&argument) else {
                return Err(binding(
                    "PositionalParameterNotFound",
                    format!(
                        "A positional parameter cannot be found that accepts argument '{}'.",
                        text(&argument)
                    ),
                ));
            };
            let value = if parameter.remaining && arguments.len() > 0 {
                PsValue::list(std::iter::once(argument).chain(arguments.by_ref()))
            } else {
                argument
            };
            self.set(Found::Own(parameter), &value)?;
        }
        Ok(())
    }

    /// The parameter that takes the next argument: at the first position that is still free, the one
    /// whose type it fits best, else the one of the first parameter set.
    fn next_positional(&self, argument: &PsValue) -> Option<&'a ParameterInfo> {
        let mut best: Option<(usize, Fit, &'a ParameterInfo)> = None;
        for set in &self.sets {
            let free = self.info.parameters().iter().filter(|parameter| !self.bound.has(&parameter.name));
            let candidates = free.filter_map(|parameter| Some((parameter.place(*set)?.position?, parameter)));
            let Some((position, parameter)) = candidates.min_by_key(|(position, _)| *position) else {
                continue;
            };
            let is_block = matches!(argument, PsValue::ScriptBlock(_));
            let fits = if (parameter.kind.scalar() == Scalar::ScriptBlock) != is_block {
                Fit::Not
            } else if is_exactly(argument, parameter.kind) {
                Fit::AsItIs
            } else if convert(argument.clone(), parameter.kind).is_ok() {
                Fit::Converted
            } else {
                Fit::Not
            };
            let better = match best {
                None => true,
                Some((known, known_fits, _)) => fits > known_fits || (known_fits == fits && position < known),
            };
            if better {
                best = Some((position, fits, parameter));
            }
        }
        best.map(|(_, _, parameter)| parameter)
    }

    /// At least one parameter set must have all that it needs.
    fn check_mandatory(&self, takes_input: bool) -> Result<String, Box<Failure>> {
        let missing = |set: &usize| -> Vec<&str> {
            let needed = self.info.parameters().iter().filter(|parameter| {
                let mandatory = parameter.place(*set).is_some_and(|place| place.mandatory);
                mandatory && !(takes_input && parameter.pipeline) && !self.bound.has(&parameter.name)
            });
            needed.map(|parameter| parameter.name.as_str()).collect()
        };
        if let Some(set) = self.sets.iter().find(|set| missing(set).is_empty()) {
            return Ok(self.info.set_names().get(*set).cloned().unwrap_or_default());
        }
        let names = self.sets.first().map(missing).unwrap_or_default();
        if self.sets.len() > 1 && !self.sets.contains(&0) {
            return Err(ambiguous_set());
        }
        Err(binding(
            "MissingMandatoryParameter",
            format!(
                "Cannot process command because of one or more missing mandatory parameters: {}.",
                names.join(" ")
            ),
        ))
    }
}

fn binding(id: &str, message: String) -> Box<Failure> {
    Box::new(Failure::new(exceptions::PARAMETER_BINDING, id, ErrorCategory::InvalidArgument, message))
}

fn missing_argument(found: Found<'_>) -> Box<Failure> {
    binding(
        "MissingArgument",
        format!(
            "Missing an argument for parameter '{}'. Specify a parameter of type '{}' and try again.",
            found.name(),
            found.kind().type_name()
        ),
    )
}

fn ambiguous_set() -> Box<Failure> {
    binding(
        "AmbiguousParameterSet",
        "Parameter set cannot be resolved using the specified named parameters. One or more parameters issued \
         cannot be used together or an insufficient number of parameters were provided."
            .to_owned(),
    )
}

fn cannot_convert(found: Found<'_>, value: &PsValue, why: &ConversionError) -> Box<Failure> {
    let (name, wanted) = (found.name(), found.kind().type_name());
    match why {
        ConversionError::Because(reason) => binding(
            "CannotConvertArgumentNoMessage",
            format!(
                "Cannot bind parameter '{name}'. Cannot convert value \"{}\" to type \"{wanted}\". Error: \
                 \"{reason}\"",
                text(value)
            ),
        ),
        ConversionError::NoConversion => binding(
            "CannotConvertArgumentNoMessage",
            format!(
                "Cannot bind parameter '{name}'. Cannot convert the \"{}\" value of type \"{}\" to type \
                 \"{wanted}\".",
                text(value),
                super::text::full_type_name(value)
            ),
        ),
    }
}

fn check_range(parameter: &ParameterInfo, value: &PsValue) -> Result<(), Box<Failure>> {
    let Some((least, most)) = parameter.range else { return Ok(()) };
    let single = std::slice::from_ref(value);
    for value in value.items().unwrap_or(single) {
        let number = value.as_f64().unwrap_or_default();
        let bound = |bound: i64| PsValue::from(bound).as_f64().unwrap_or_default();
        let (than, limit, rule) = if number < bound(least) {
            ("less than the minimum", least, "greater")
        } else if number > bound(most) {
            ("greater than the maximum", most, "less")
        } else {
            continue;
        };
        return Err(Box::new(Failure::new(
            exceptions::PARAMETER_VALIDATION,
            "ParameterArgumentValidationError",
            ErrorCategory::InvalidData,
            format!(
                "Cannot validate argument on parameter '{}'. The {} argument is {than} allowed range of {limit}. \
                 Supply an argument that is {rule} than or equal to {limit} and then try the command again.",
                parameter.name,
                text(value)
            ),
        )));
    }
    Ok(())
}

/// Checks against null, emptiness and a list of values.
fn check_content(parameter: &ParameterInfo, value: &PsValue) -> Result<(), Box<Failure>> {
    let refused = |message: String| {
        Err(Box::new(Failure::new(
            exceptions::PARAMETER_VALIDATION,
            "ParameterArgumentValidationError",
            ErrorCategory::InvalidData,
            message,
        )))
    };
    let name = &parameter.name;
    if parameter.check != Check::Any && value.is_null() {
        return refused(format!(
            "Cannot validate argument on parameter '{name}'. The argument is null. Provide a valid value for the \
             argument, and then try running the command again."
        ));
    }
    let single = std::slice::from_ref(value);
    let items = value.items().unwrap_or(single);
    let is_empty = |value: &PsValue| value.is_null() || value.as_str().is_some_and(str::is_empty);
    if parameter.check == Check::NotNullOrEmpty && (items.is_empty() || items.iter().any(is_empty)) {
        return refused(format!(
            "Cannot validate argument on parameter '{name}'. The argument is null or empty. Provide an argument \
             that is not null or empty, and then try the command again."
        ));
    }
    for value in items.iter().filter(|_| !parameter.only.is_empty()) {
        let shown = text(value);
        if !parameter.only.iter().any(|only| only.eq_ignore_ascii_case(&shown)) {
            let list = parameter.only.join(",");
            return refused(format!(
                "Cannot validate argument on parameter '{name}'. The argument \"{shown}\" does not belong to the \
                 set \"{list}\" specified by the ValidateSet attribute. Supply an argument that is in the set and \
                 then try the command again."
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, value: impl Into<PsValue>) -> Argument {
        Argument::Named(name.to_owned(), Some(value.into()))
    }

    fn info() -> CommandInfo {
        CommandInfo::new(
            "Get-X",
            &[
                "[[-Name] <string[]>] [[-Other] <int>] [-Force]",
                "-Id <int[]> [-Force]",
                "[-Block] <scriptblock>",
            ],
        )
        .unwrap()
        .range("Other", 0, 9)
        .parameter_alias("Id", "PID")
    }

    fn id(result: Result<Bound, Box<Failure>>) -> String {
        result.err().map_or_else(|| "bound".to_owned(), |failure| failure.id)
    }

    #[test]
    fn names_positions_and_switches_are_bound() {
        let arguments = vec![
            Argument::Positional("a".into()),
            Argument::Named("Fo".to_owned(), None),
            Argument::Positional("7".into()),
            named("verbose", PsValue::Null),
        ];
        let bound = bind(&info(), arguments, false).unwrap();
        assert_eq!(bound.texts("name"), ["a"]);
        assert_eq!((bound.integer("Other"), bound.switch("Force")), (Some(7), true));
        assert!(bound.preferences.verbose.is_some());
    }

    #[test]
    fn a_script_block_goes_where_one_is_wanted() {
        let bound =
            bind(&info(), vec![Argument::Positional(PsValue::ScriptBlock("1".into()))], false).unwrap();
        assert!(bound.has("Block"));
    }

    #[test]
    fn what_does_not_fit_is_named_as_powershell_names_it() {
        let positional = |value: i32| Argument::Positional(value.into());
        for (arguments, expected) in [
            (vec![named("Nothing", 1)], "NamedParameterNotFound"),
            (vec![Argument::Named("Name".into(), None)], "MissingArgument"),
            (vec![named("PID", 1), named("Name", 1)], "AmbiguousParameterSet"),
            (vec![named("Name", 1), named("name", 2)], "ParameterAlreadyBound"),
            (vec![named("Id", "x")], "CannotConvertArgumentNoMessage"),
            (vec![named("Other", 10)], "ParameterArgumentValidationError"),
            (vec![positional(1), positional(2), positional(3)], "PositionalParameterNotFound"),
            (vec![named("Information", 1)], "AmbiguousParameter"),
            (vec![named("Id", 1), named("Force", false)], "bound"),
        ] {
            assert_eq!(id(bind(&info(), arguments, false)), expected);
        }
        let needy = CommandInfo::new("Write-X", &["[-Message] <string>"]).unwrap().pipeline("Message");
        assert_eq!(id(bind(&needy, Vec::new(), false)), "MissingMandatoryParameter");
        assert_eq!(id(bind(&needy, Vec::new(), true)), "bound");
    }
}
