//! `Get-Command`, `Get-Help`, `Get-Member`, `Get-FormatData` and `Exit-PSSession`.

use std::sync::Arc;

use windlass_clixml::{Base, PsObject, PsValue, TypeNames, Version};
use windlass_psrp::{CommandTypes, ErrorCategory, Visibility};

use super::{CORE, UTILITY, declare};
use crate::powershell::CommandInfo;
use crate::powershell::bind::Bound;
use crate::powershell::cmdlet::{Cmdlet, Outcome, Stage, function, stage};
use crate::powershell::command::ParameterInfo;
use crate::powershell::context::Context;
use crate::powershell::failure::{Failure, exceptions};
use crate::powershell::kind::Kind;
use crate::powershell::preference::COMMON_PARAMETERS;
use crate::powershell::text::{full_type_name, text};
use crate::powershell::wildcard::Wildcard;

pub(super) fn all() -> Vec<Arc<dyn Cmdlet>> {
    vec![
        function(
            declare(
                "Get-Command",
                CORE,
                "GetCommandCommand",
                &[
                    "[[-Name] <string[]>] [[-ArgumentList] <Object[]>] [-Module <string[]>] [-CommandType <Object>] \
                     [-TotalCount <int>] [-Syntax] [-All] [-ListImported] [-ParameterName <string[]>] \
                     [-ShowCommandInfo] [-FullyQualifiedModule <Object[]>]",
                    "[[-ArgumentList] <Object[]>] [-Verb <string[]>] [-Noun <string[]>] [-Module <string[]>] \
                     [-TotalCount <int>] [-Syntax] [-All] [-ListImported] [-ParameterName <string[]>]",
                ],
            )
            .alias("gcm")
            .pipeline("Name")
            .parameter_alias("CommandType", "Type")
            .parameter_alias("Module", "PSSnapin")
            .parameter_alias("ArgumentList", "Args")
            .synopsis("Tells the commands of this endpoint."),
            get_command,
        ),
        function(
            declare(
                "Get-Help",
                CORE,
                "GetHelpCommand",
                &["[[-Name] <string>] [-Full] [-Detailed] [-Examples] [-Parameter <string[]>] [-Category <string[]>] [-Online] [-ShowWindow]"],
            )
            .alias("help")
            .synopsis("Tells what a command does and which parameters it takes."),
            get_help,
        ),
        stage(
            declare(
                "Get-Member",
                UTILITY,
                "GetMemberCommand",
                &["[[-Name] <string[]>] [-InputObject <psobject>] [-MemberType <string>] [-View <string>] [-Static] [-Force]"],
            )
            .alias("gm")
            .pipeline("InputObject")
            .synopsis("Tells the properties of objects."),
            |call| Ok(GetMember { call, seen: Vec::new() }),
        ),
        function(
            declare(
                "Get-FormatData",
                UTILITY,
                "GetFormatDataCommand",
                &["[[-TypeName] <string[]>] [-PowerShellVersion <Object>]"],
            )
            .synopsis("Tells how objects are displayed: clients know that by themselves."),
            |_, _, _| Ok(()),
        ),
        function(
            declare("Exit-PSSession", CORE, "ExitPSSessionCommand", &[""])
                .alias("exsn")
                .synopsis("Leaves an interactive session."),
            |_, cx, _| cx.exit_session(),
        ),
    ]
}

#[allow(clippy::needless_pass_by_value, reason = "the signature of commands")]
fn get_command(call: &Bound, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
    let names = match &input {
        Some(value) => vec![text(value)],
        None => call.texts("Name"),
    };
    let filter = Filter::new(call);
    let mut left = call.count("TotalCount").unwrap_or(usize::MAX);
    let commands = cx.runspace().commands().clone();
    let mut write = |cx: &mut Context<'_>, found: PsObject, command: &dyn Cmdlet| -> Outcome {
        if left == 0 {
            return Ok(());
        }
        left -= 1;
        match call.switch("Syntax") {
            true => command.info().syntax().try_for_each(|line| cx.write(line)),
            false => cx.write(found),
        }
    };
    let patterns: Vec<(String, Wildcard)> = match names.is_empty() {
        true => vec![("*".to_owned(), Wildcard::new("*", false))],
        false => names.into_iter().map(|name| (name.clone(), Wildcard::new(&name, false))).collect(),
    };
    for (name, pattern) in patterns {
        let mut found = false;
        if filter.aliases && (!pattern.is_plain() || call.has("CommandType"))
            || commands.find(&name).is_some_and(|command| !command.info().name().eq_ignore_ascii_case(&name))
        {
            for (alias, command) in commands.aliases() {
                if filter.aliases && pattern.matches(alias) && filter.takes(command.info()) {
                    found = true;
                    write(cx, alias_object(alias, command.info()), command.as_ref())?;
                }
            }
        }
        if filter.cmdlets {
            for command in commands.iter() {
                if pattern.matches(command.info().name()) && filter.takes(command.info()) {
                    found = true;
                    write(cx, cmdlet_object(command.info()), command.as_ref())?;
                }
            }
        }
        if !found && pattern.is_plain() && filter.cmdlets {
            cx.error(Failure::command_not_found(&name))?;
        }
    }
    Ok(())
}

/// Which commands `Get-Command` tells.
struct Filter {
    aliases: bool,
    cmdlets: bool,
    modules: Vec<Wildcard>,
    verbs: Vec<Wildcard>,
    nouns: Vec<Wildcard>,
    parameters: Vec<Wildcard>,
}

impl Filter {
    fn new(call: &Bound) -> Self {
        let patterns =
            |name| call.texts(name).iter().map(|text| Wildcard::new(text, false)).collect::<Vec<_>>();
        let types = call.get("CommandType").map(|value| match value.unwrapped() {
            PsValue::String(names) => names.split(',').filter_map(|name| command_type(name.trim())).sum(),
            other => other.as_i32().unwrap_or(CommandTypes::ALL.0),
        });
        let types = CommandTypes(types.unwrap_or(CommandTypes::ALL.0));
        let (verbs, nouns) = (patterns("Verb"), patterns("Noun"));
        Self {
            // Without a type, aliases are told only by their own name; a verb or noun asks for cmdlets.
            aliases: types.contains(CommandTypes::ALIAS) && verbs.is_empty() && nouns.is_empty(),
            cmdlets: types.contains(CommandTypes::CMDLET),
            modules: patterns("Module"),
            verbs,
            nouns,
            parameters: patterns("ParameterName"),
        }
    }

    fn takes(&self, info: &CommandInfo) -> bool {
        let (verb, noun) = info.name().split_once('-').unwrap_or((info.name(), ""));
        let any = |patterns: &[Wildcard], text: &str| {
            patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(text))
        };
        any(&self.modules, info.module())
            && any(&self.verbs, verb)
            && any(&self.nouns, noun)
            && (self.parameters.is_empty()
                || info.parameters().iter().any(|parameter| {
                    let mut names = parameter.aliases.iter().chain([&parameter.name]);
                    names.any(|name| any(&self.parameters, name))
                }))
    }
}

fn command_type(name: &str) -> Option<i32> {
    crate::powershell::kind::COMMAND_TYPES.parse(name).map(|(_, code)| code)
}

/// A command as `Get-Command` tells it.
pub(crate) fn cmdlet_object(info: &CommandInfo) -> PsObject {
    let syntax: String = info.syntax().map(|line| format!("\n{line}\n")).collect();
    let (verb, noun) = info.name().split_once('-').unwrap_or((info.name(), ""));
    let version = Version::parse("7.0.0.0").map_or(PsValue::Null, PsValue::Version);
    PsObject::typed([
        "System.Management.Automation.CmdletInfo",
        "System.Management.Automation.CommandInfo",
        "System.Object",
    ])
    .with_to_string(info.name())
    .with_adapted("Verb", verb)
    .with_adapted("Noun", noun)
    .with_adapted("HelpFile", "")
    .with_adapted("PSSnapIn", PsValue::Null)
    .with_adapted("Version", version)
    .with_adapted("ImplementingType", info.implementing_type())
    .with_adapted("Definition", syntax)
    .with_adapted("DefaultParameterSet", PsValue::Null)
    .with_adapted("OutputType", output_types(info))
    .with_adapted("Options", "None")
    .with_adapted("Name", info.name())
    .with_adapted("CommandType", CommandTypes::CMDLET)
    .with_adapted("Source", info.module())
    .with_adapted("Visibility", Visibility::Public)
    .with_adapted("ModuleName", info.module())
    .with_adapted("Module", PsValue::Null)
    .with_adapted("RemotingCapability", "PowerShell")
    .with_adapted("Parameters", parameters(info))
    .with_adapted(
        "ParameterSets",
        PsObject::typed(["System.Object[]", "System.Array", "System.Object"])
            .with_base(Base::List(info.syntax().map(PsValue::from).collect())),
    )
    .with("HelpUri", "")
    .with("DLL", "")
    .with("ResolvedCommandName", PsValue::Null)
}

fn alias_object(alias: &str, info: &CommandInfo) -> PsObject {
    PsObject::typed([
        "System.Management.Automation.AliasInfo",
        "System.Management.Automation.CommandInfo",
        "System.Object",
    ])
    .with_to_string(alias)
    .with_adapted("HelpUri", "")
    .with_adapted("ResolvedCommand", info.name())
    .with_adapted("ReferencedCommand", info.name())
    .with_adapted("Definition", info.name())
    .with_adapted("Options", "ReadOnly")
    .with_adapted("Description", "")
    .with_adapted("OutputType", output_types(info))
    .with_adapted("Name", alias)
    .with_adapted("CommandType", CommandTypes::ALIAS)
    .with_adapted("Source", info.module())
    .with_adapted("Version", PsValue::Null)
    .with_adapted("Visibility", Visibility::Public)
    .with_adapted("ModuleName", info.module())
    .with_adapted("Module", PsValue::Null)
    .with_adapted("RemotingCapability", "PowerShell")
    .with_adapted("Parameters", parameters(info))
    .with("ResolvedCommandName", info.name())
    .with("DisplayName", format!("{alias} -> {}", info.name()))
    .with("ReferencedCommand", info.name())
}

const AUTOMATION: &str =
    "System.Management.Automation, Version=7.6.5.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35";
const PRIVATE_CORE: &str =
    "System.Private.CoreLib, Version=10.0.0.0, Culture=neutral, PublicKeyToken=7cec85d7bea7798e";

fn output_types(info: &CommandInfo) -> PsObject {
    let collection = format!(
        "System.Collections.ObjectModel.ReadOnlyCollection`1[[System.Management.Automation.PSTypeName, {AUTOMATION}]]"
    );
    let items = info.output_types().iter().map(PsValue::from).collect();
    PsObject::typed([collection.as_str(), "System.Object"]).with_base(Base::List(items))
}

fn parameters(info: &CommandInfo) -> PsObject {
    let dictionary = format!(
        "System.Collections.Generic.Dictionary`2[[System.String, {PRIVATE_CORE}],\
         [System.Management.Automation.ParameterMetadata, {AUTOMATION}]]"
    );
    let own = info.parameters().iter().map(|ParameterInfo { name, kind, aliases, .. }| {
        (PsValue::from(name), parameter(name, *kind, aliases.iter().map(String::as_str)))
    });
    let common = COMMON_PARAMETERS
        .iter()
        .map(|common| (common.name.into(), parameter(common.name, common.kind, [common.alias].into_iter())));
    PsObject::typed([dictionary.as_str(), "System.Object"])
        .with_base(Base::Dictionary(own.chain(common).collect()))
}

fn parameter<'a>(name: &str, kind: Kind, aliases: impl Iterator<Item = &'a str>) -> PsValue {
    let collection = format!("System.Collections.ObjectModel.Collection`1[[System.String, {PRIVATE_CORE}]]");
    PsObject::new("System.Management.Automation.ParameterMetadata")
        .with_to_string("System.Management.Automation.ParameterMetadata")
        .with_adapted("Name", name)
        .with_adapted("ParameterType", kind.type_name())
        .with_adapted(
            "Aliases",
            PsObject::typed([collection.as_str(), "System.Object"])
                .with_base(Base::List(aliases.map(PsValue::from).collect())),
        )
        .with_adapted("IsDynamic", false)
        .with_adapted("SwitchParameter", kind == Kind::Switch)
        .into()
}

fn get_help(call: &Bound, cx: &mut Context<'_>, _input: Option<PsValue>) -> Outcome {
    let commands = cx.runspace().commands().clone();
    let name = call.text("Name");
    let pattern = Wildcard::new(name.as_deref().unwrap_or("*"), false);
    let Some(name) = name.filter(|_| pattern.is_plain()) else {
        let mut found = commands.iter().filter(|command| pattern.matches(command.info().name()));
        return found.try_for_each(|command| cx.write(short_help(command.info())));
    };
    match commands.find(&name) {
        Some(command) => cx.write(help_object(command.info())),
        None => cx.error(
            Failure::new(
                exceptions::ARGUMENT,
                "HelpNotFound",
                ErrorCategory::ResourceUnavailable,
                format!("Get-Help could not find {name} in a help file in this session."),
            )
            .about(name),
        ),
    }
}

/// One of several commands, shown as a row of a table.
fn short_help(info: &CommandInfo) -> PsObject {
    let mut object = help_object(info);
    object.type_names = TypeNames::new(["HelpInfoShort"]);
    object
}

fn help_object(info: &CommandInfo) -> PsObject {
    let syntax = info.syntax().collect::<Vec<_>>().join("\n");
    PsObject::typed([
        "MamlCommandHelpInfo",
        "HelpInfo",
        "System.Management.Automation.PSCustomObject",
        "System.Object",
    ])
    .with("Name", info.name())
    .with("Category", "Cmdlet")
    .with("Synopsis", info.help())
    .with("Syntax", syntax)
    .with("ModuleName", info.module())
    .with("Aliases", info.aliases().join(", "))
}

struct GetMember {
    call: Bound,
    seen: Vec<String>,
}

impl Stage for GetMember {
    fn process(&mut self, cx: &mut Context<'_>, input: Option<PsValue>) -> Outcome {
        let Some(value) = input.or_else(|| self.call.get("InputObject").cloned()) else { return Ok(()) };
        let type_name = full_type_name(&value).to_owned();
        if self.seen.contains(&type_name) {
            return Ok(());
        }
        let wanted: Vec<_> = self.call.texts("Name").iter().map(|name| Wildcard::new(name, false)).collect();
        let Some(object) = value.as_object() else {
            self.seen.push(type_name);
            return Ok(());
        };
        let own = object.adapted.iter().map(|property| (property, "Property"));
        let added = object.extended.iter().map(|property| (property, "NoteProperty"));
        let mut members: Vec<_> = own.chain(added).collect();
        members.sort_by_key(|(property, kind)| (*kind, property.name.to_lowercase()));
        for (property, kind) in members {
            if !wanted.is_empty() && !wanted.iter().any(|pattern| pattern.matches(&property.name)) {
                continue;
            }
            let value_type = full_type_name(&property.value);
            let value_type = if value_type.is_empty() { "object" } else { value_type };
            let definition = match kind {
                "Property" => format!("{value_type} {} {{get;}}", property.name),
                _ => format!("{value_type} {}={}", property.name, text(&property.value)),
            };
            cx.write(
                PsObject::new("Microsoft.PowerShell.Commands.MemberDefinition")
                    .with_to_string(definition.as_str())
                    .with_adapted("TypeName", type_name.as_str())
                    .with_adapted("Name", property.name.clone())
                    .with_adapted("MemberType", kind)
                    .with_adapted("Definition", definition),
            )?;
        }
        self.seen.push(type_name);
        Ok(())
    }

    fn end(&mut self, cx: &mut Context<'_>) -> Outcome {
        if !self.seen.is_empty() {
            return Ok(());
        }
        cx.error(Failure::new(
            exceptions::INVALID_OPERATION,
            "NoObjectInGetMember",
            ErrorCategory::CloseError,
            "You must specify an object for the Get-Member cmdlet.",
        ))
    }
}
