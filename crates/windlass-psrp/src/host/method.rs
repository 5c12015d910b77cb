//! The 56 methods of a host ([MS-PSRP] 2.2.3.17).

use std::fmt;

use windlass_clixml::{ProgressRecord, PsString, PsValue, ps_enum};

use super::arguments::{Argument, Reader};
use super::types::{BufferCell, BufferContents, Choice, Coordinates, FieldDescription, Rectangle, Size};
use crate::enums::ConsoleColor;
use crate::error::PsrpError;
use crate::fields::FromProperty;

macro_rules! methods {
    ($($(#[$doc:meta])* $id:literal $name:ident = $text:literal $({ $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })? $(-> $reply:ident)?;)*) => {
        /// Which method of the host is called.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum HostMethodId { $($(#[$doc])* $name,)* }

        impl HostMethodId {
            /// Every method, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number on the wire.
            pub const fn code(self) -> i32 {
                match self { $(Self::$name => $id,)* }
            }

            /// The method of that number.
            pub const fn from_code(code: i32) -> Option<Self> {
                match code { $($id => Some(Self::$name),)* _ => None }
            }

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether the caller waits for an answer.
            pub const fn expects_reply(self) -> bool {
                match self { $(Self::$name => methods!(@reply $($reply)?),)* }
            }
        }

        /// A method of the host with its arguments.
        #[derive(Debug, Clone, PartialEq)]
        pub enum HostMethod { $($(#[$doc])* $name $({ $($(#[$field_doc])* $field: $type,)* })?,)* }

        impl HostMethod {
            /// Which method it is.
            pub const fn id(&self) -> HostMethodId {
                match self { $(Self::$name { .. } => HostMethodId::$name,)* }
            }

            /// The arguments as they travel.
            pub fn arguments(&self) -> Vec<PsValue> {
                match self { $(Self::$name $({ $($field,)* })? => vec![$($(Argument::to_value($field),)*)?],)* }
            }

            /// Reads the arguments of a method.
            ///
            /// # Errors
            /// When there are too few, too many, or one has the wrong type.
            pub fn from_arguments(id: HostMethodId, arguments: &[PsValue]) -> Result<Self, PsrpError> {
                let mut reader = Reader::new(id, arguments);
                let method = match id { $(HostMethodId::$name => Self::$name $({ $($field: reader.next()?,)* })?,)* };
                reader.finish()?;
                Ok(method)
            }
        }
    };
    (@reply) => { false };
    (@reply $reply:ident) => { true };
}

methods! {
    /// The host's name.
    1 GetName = "GetName" -> Text;
    /// The host's version.
    2 GetVersion = "GetVersion" -> Version;
    /// The host's id.
    3 GetInstanceId = "GetInstanceId" -> Guid;
    /// The culture that values are formatted in.
    4 GetCurrentCulture = "GetCurrentCulture" -> Text;
    /// The culture of the user interface.
    5 GetCurrentUICulture = "GetCurrentUICulture" -> Text;
    /// The script wants the client to end.
    6 SetShouldExit = "SetShouldExit" {
        /// With this status.
        exit_code: i32,
    };
    /// Suspends the pipeline for a prompt of its own.
    7 EnterNestedPrompt = "EnterNestedPrompt";
    /// Ends that prompt.
    8 ExitNestedPrompt = "ExitNestedPrompt";
    /// A program that writes to the console itself starts.
    9 NotifyBeginApplication = "NotifyBeginApplication";
    /// It has ended.
    10 NotifyEndApplication = "NotifyEndApplication";
    /// Reads a line.
    11 ReadLine = "ReadLine" -> Text;
    /// Reads a line that is not shown.
    12 ReadLineAsSecureString = "ReadLineAsSecureString" -> Secret;
    /// Writes text.
    13 Write1 = "Write1" {
        /// The text.
        value: PsString,
    };
    /// Writes text in colour.
    14 Write2 = "Write2" {
        /// The colour of the text.
        foreground: ConsoleColor,
        /// The colour behind it.
        background: ConsoleColor,
        /// The text.
        value: PsString,
    };
    /// Ends the line.
    15 WriteLine1 = "WriteLine1";
    /// Writes a line.
    16 WriteLine2 = "WriteLine2" {
        /// The text.
        value: PsString,
    };
    /// Writes a line in colour.
    17 WriteLine3 = "WriteLine3" {
        /// The colour of the text.
        foreground: ConsoleColor,
        /// The colour behind it.
        background: ConsoleColor,
        /// The text.
        value: PsString,
    };
    /// Writes a line of the error stream.
    18 WriteErrorLine = "WriteErrorLine" {
        /// The text.
        value: PsString,
    };
    /// Writes a line of the debug stream.
    19 WriteDebugLine = "WriteDebugLine" {
        /// The text.
        message: PsString,
    };
    /// Shows progress.
    20 WriteProgress = "WriteProgress" {
        /// Which source of progress.
        source_id: i64,
        /// How far it is.
        record: ProgressRecord,
    };
    /// Writes a line of the verbose stream.
    21 WriteVerboseLine = "WriteVerboseLine" {
        /// The text.
        message: PsString,
    };
    /// Writes a line of the warning stream.
    22 WriteWarningLine = "WriteWarningLine" {
        /// The text.
        message: PsString,
    };
    /// Asks for several values.
    23 Prompt = "Prompt" {
        /// The heading.
        caption: PsString,
        /// What it is about.
        message: PsString,
        /// The fields to fill in.
        descriptions: Vec<FieldDescription>,
    } -> Fields;
    /// Asks for a user and a password.
    24 PromptForCredential1 = "PromptForCredential1" {
        /// The heading.
        caption: PsString,
        /// What it is about.
        message: PsString,
        /// The user, where known.
        user_name: PsString,
        /// What the credential is for.
        target_name: PsString,
    } -> Credential;
    /// Asks for a user and a password of certain kinds.
    25 PromptForCredential2 = "PromptForCredential2" {
        /// The heading.
        caption: PsString,
        /// What it is about.
        message: PsString,
        /// The user, where known.
        user_name: PsString,
        /// What the credential is for.
        target_name: PsString,
        /// 1 generic, 2 domain, 3 both.
        allowed_types: i32,
        /// 0 none, 1 check the user's name, 2 always ask, 3 the user cannot be changed.
        options: i32,
    } -> Credential;
    /// Asks to choose one.
    26 PromptForChoice = "PromptForChoice" {
        /// The heading.
        caption: PsString,
        /// What it is about.
        message: PsString,
        /// What can be chosen.
        choices: Vec<Choice>,
        /// What is chosen by default, from 0; -1 for none.
        default_choice: i32,
    } -> Choice;
    /// The colour of text.
    27 GetForegroundColor = "GetForegroundColor" -> Color;
    /// Sets the colour of text.
    28 SetForegroundColor = "SetForegroundColor" {
        /// The colour.
        color: ConsoleColor,
    };
    /// The colour behind text.
    29 GetBackgroundColor = "GetBackgroundColor" -> Color;
    /// Sets the colour behind text.
    30 SetBackgroundColor = "SetBackgroundColor" {
        /// The colour.
        color: ConsoleColor,
    };
    /// Where the cursor is.
    31 GetCursorPosition = "GetCursorPosition" -> Coordinates;
    /// Moves the cursor.
    32 SetCursorPosition = "SetCursorPosition" {
        /// Where to.
        position: Coordinates,
    };
    /// Where the window is in the buffer.
    33 GetWindowPosition = "GetWindowPosition" -> Coordinates;
    /// Moves the window.
    34 SetWindowPosition = "SetWindowPosition" {
        /// Where to.
        position: Coordinates,
    };
    /// How large the cursor is, in percent of a character.
    35 GetCursorSize = "GetCursorSize" -> Number;
    /// Sets the size of the cursor.
    36 SetCursorSize = "SetCursorSize" {
        /// In percent of a character.
        size: i32,
    };
    /// How large the buffer is.
    37 GetBufferSize = "GetBufferSize" -> Size;
    /// Sets the size of the buffer.
    38 SetBufferSize = "SetBufferSize" {
        /// The size.
        size: Size,
    };
    /// How large the window is.
    39 GetWindowSize = "GetWindowSize" -> Size;
    /// Sets the size of the window.
    40 SetWindowSize = "SetWindowSize" {
        /// The size.
        size: Size,
    };
    /// The title of the window.
    41 GetWindowTitle = "GetWindowTitle" -> Text;
    /// Sets the title of the window.
    42 SetWindowTitle = "SetWindowTitle" {
        /// The title.
        title: PsString,
    };
    /// How large the window can get with this buffer.
    43 GetMaxWindowSize = "GetMaxWindowSize" -> Size;
    /// How large the window can get.
    44 GetMaxPhysicalWindowSize = "GetMaxPhysicalWindowSize" -> Size;
    /// Whether a key waits to be read.
    45 GetKeyAvailable = "GetKeyAvailable" -> Flag;
    /// Reads a key.
    46 ReadKey = "ReadKey" {
        /// 1 Ctrl-C is a key too, 2 do not show it, 4 when pressed, 8 when released.
        options: i32,
    } -> Key;
    /// Forgets keys that wait to be read.
    47 FlushInputBuffer = "FlushInputBuffer";
    /// Fills a part of the screen.
    48 SetBufferContents1 = "SetBufferContents1" {
        /// Which part.
        rectangle: Rectangle,
        /// With what.
        fill: BufferCell,
    };
    /// Writes to a part of the screen.
    49 SetBufferContents2 = "SetBufferContents2" {
        /// Its top left corner.
        origin: Coordinates,
        /// What to write.
        contents: BufferContents,
    };
    /// Reads a part of the screen.
    50 GetBufferContents = "GetBufferContents" {
        /// Which part.
        rectangle: Rectangle,
    } -> Contents;
    /// Moves a part of the screen.
    51 ScrollBufferContents = "ScrollBufferContents" {
        /// Which part.
        source: Rectangle,
        /// Where its top left corner goes.
        destination: Coordinates,
        /// Nothing outside this changes.
        clip: Rectangle,
        /// What is left behind.
        fill: BufferCell,
    };
    /// Switches to another runspace, which no client can be made to do.
    52 PushRunspace = "PushRunspace" {
        /// The runspace.
        runspace: PsValue,
    };
    /// Switches back.
    53 PopRunspace = "PopRunspace";
    /// Whether another runspace was switched to.
    54 GetIsRunspacePushed = "GetIsRunspacePushed" -> Flag;
    /// The runspace that was switched to.
    55 GetRunspace = "GetRunspace" -> Any;
    /// Asks to choose any number.
    56 PromptForChoiceMultipleSelection = "PromptForChoiceMultipleSelection" {
        /// The heading.
        caption: PsString,
        /// What it is about.
        message: PsString,
        /// What can be chosen.
        choices: Vec<Choice>,
        /// What is chosen by default, from 0.
        default_choices: Vec<i32>,
    } -> Choices;
}

impl fmt::Display for HostMethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<HostMethodId> for PsValue {
    fn from(id: HostMethodId) -> Self {
        ps_enum("System.Management.Automation.Remoting.RemoteHostMethodId", id.name(), id.code())
    }
}

impl FromProperty for HostMethodId {
    const EXPECTED: &'static str = "a RemoteHostMethodId";

    fn from_property(value: &PsValue) -> Option<Self> {
        match value.unwrapped() {
            PsValue::I32(code) => Self::from_code(*code),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_56_methods_numbered_from_1() {
        let codes: Vec<i32> = HostMethodId::ALL.iter().map(|id| id.code()).collect();
        assert_eq!(codes, (1..=56).collect::<Vec<_>>());
        assert!(HostMethodId::ALL.iter().all(|&id| HostMethodId::from_code(id.code()) == Some(id)));
        assert_eq!(HostMethodId::from_code(0), None);
        assert_eq!(HostMethodId::ALL.iter().filter(|id| id.expects_reply()).count(), 27);
    }
}
