#!/usr/bin/env python3
"""The embedded host calls pypsrp's host: prompts, secrets, colours; and what a pool can do beside pipelines.

Takes the arguments of pypsrp_client.py; the host answers as pypsrp_host.json says. Prints one line a case.
"""
import threading
import time

import pypsrp.powershell
from pypsrp_peer import case, check, main, options, run

from pypsrp.complex_objects import (
    Color,
    CommandType,
    Coordinates,
    ObjectMeta,
    PSCredential,
    Size,
)
from pypsrp.exceptions import InvalidPSRPOperation
from pypsrp.host import PSHost, PSHostRawUserInterface, PSHostUserInterface
from pypsrp.powershell import PowerShell, PSInvocationState

WORD = 'pässwörd \U0001f511'


class Screen(PSHostUserInterface):
    """Answers every prompt and keeps what was asked and written."""

    def __init__(self, raw_ui=None):
        super().__init__(raw_ui)
        self.calls = []

    def note(self, *call):
        self.calls.append(call)

    def ReadLine(self, runspace, pipeline):
        return 'a line'

    def ReadLineAsSecureString(self, runspace, pipeline):
        runspace.exchange_keys()
        return runspace.serialize(WORD, ObjectMeta('SS'))

    def Prompt(self, runspace, pipeline, caption, message, description):
        fields = [field.extended_properties for field in description]
        self.note('Prompt', [(field['name'], field['parameterTypeFullName']) for field in fields])
        answers = {}
        for field in fields:
            secret = field['parameterTypeFullName'].endswith('SecureString')
            if secret:
                runspace.exchange_keys()
            answers[field['name']] = runspace.serialize(WORD, ObjectMeta('SS')) if secret else 'an answer'
        return answers

    def PromptForCredential1(self, runspace, pipeline, caption, message, user_name, target_name):
        self.note('PromptForCredential1', caption, message, user_name)
        runspace.exchange_keys()
        return PSCredential(username=user_name or 'somebody', password=WORD)

    def PromptForChoice(self, runspace, pipeline, caption, message, choices, default_choice):
        labels = [choice.extended_properties['label'] for choice in choices]
        self.note('PromptForChoice', caption, message, labels, default_choice)
        return 2

    def Write2(self, runspace, pipeline, foreground_color, background_color, value):
        self.note('Write2', foreground_color, background_color, value)

    def WriteLine2(self, runspace, pipeline, value):
        self.note('WriteLine2', value)

    def WriteLine3(self, runspace, pipeline, foreground_color, background_color, value):
        self.note('WriteLine3', foreground_color, background_color, value)

    def WriteProgress(self, runspace, pipeline, source_id, record):
        # pypsrp hands the record on as XML.
        self.note('WriteProgress', source_id, '<S N="Activity">work</S>' in record)


class Program(PSHost):
    def __init__(self, ui):
        super().__init__(None, None, False, 'interop', None, ui, '1.2.3')
        self.exit_code = None

    def SetShouldExit(self, runspace, pipeline, exit_code):
        self.exit_code = exit_code


def raw_screen():
    size = Size(width=80, height=25)
    return PSHostRawUserInterface(
        'a title', 25, Color(value=Color.GREEN), Color(value=Color.BLUE), Coordinates(x=1, y=2),
        Coordinates(x=0, y=0), size, size, size, size)


def prompting(peer, script, raw_ui=None, keys=False):
    """Runs a script with a host; gives the pipeline and the host."""
    host = Program(Screen(raw_ui))
    with peer.pool(host=host) as pool:
        if keys:
            pool.exchange_keys()
        return run(pool, lambda ps: ps.add_script(script)), host


@case
def lines_are_read(peer):
    shell, _ = prompting(peer, 'Read-Host')
    check(list(shell.output), ['a line'])
    shell, host = prompting(peer, 'Read-Host "Your name"')
    check(list(shell.output), ['an answer'])
    check(host.ui.calls, [('Prompt', [('Your name', 'System.String')])])


@case
def lines_are_read_unseen(peer):
    shell, _ = prompting(peer, 'Read-Host -AsSecureString')
    check(list(shell.output), [WORD])
    shell, _ = prompting(peer, 'Read-Host -AsSecureString | ConvertFrom-SecureString -AsPlainText')
    check(list(shell.output), [WORD])
    shell, host = prompting(peer, 'Read-Host "Word" -MaskInput')
    check(list(shell.output), [WORD])
    check(host.ui.calls, [('Prompt', [('Word', 'System.Security.SecureString')])])


@case
def credentials_are_asked_for(peer):
    shell, host = prompting(peer, 'Get-Credential bob -Message "Who?"')
    credential, = shell.output
    check((credential.username, credential.password), ('bob', WORD))
    check(host.ui.calls, [('PromptForCredential1', 'PowerShell credential request', 'Who?', 'bob')])


@case
def secrets_go_both_ways(peer):
    with peer.pool() as pool:
        pool.exchange_keys()
        secret = pool.serialize(WORD, ObjectMeta('SS'))
        shell = run(pool, lambda ps: ps.add_cmdlet('ConvertFrom-SecureString')
                    .add_parameter('SecureString', secret).add_parameter('AsPlainText', True))
        check(list(shell.output), [WORD])
        shell = run(pool, lambda ps: ps.add_cmdlet('ConvertTo-SecureString').add_argument(WORD)
                    .add_parameter('AsPlainText', True).add_parameter('Force', True))
        check(list(shell.output), [WORD])
        credential = PSCredential(username='carol', password=WORD)
        shell = run(pool, lambda ps: ps.add_cmdlet('Write-Output').add_argument(credential))
        check((shell.output[0].username, shell.output[0].password), ('carol', WORD))


@case
def choices_are_made(peer):
    shell, host = prompting(peer, 'choose')
    check(list(shell.output), [2])
    check(host.ui.calls, [('PromptForChoice', 'cap', 'msg', ['&Yes', '&No', '&Maybe'], 1)])


@case
def text_is_written_in_colours(peer):
    script = 'Write-Host "one" -ForegroundColor Cyan; Write-Host "two" -NoNewline -BackgroundColor Red'
    shell, host = prompting(peer, script, raw_screen())
    check(host.ui.calls, [('WriteLine3', 11, 9, 'one'), ('Write2', 10, 12, 'two')])
    check([record.message_data.adapted_properties['Message'] for record in shell.streams.information],
          ['one', 'two'])
    _, host = prompting(peer, 'Write-Host plain')
    check(host.ui.calls, [('WriteLine2', 'plain')])


@case
def progress_is_shown(peer):
    shell, host = prompting(peer, 'Write-Progress -Activity work -PercentComplete 10')
    check(host.ui.calls, [('WriteProgress', 0, True)])
    check([record.activity for record in shell.streams.progress], ['work'])


@case
def the_client_is_asked_to_end(peer):
    _, host = prompting(peer, 'leave')
    check(host.exit_code, 3)


@case
def the_screen_is_asked_for(peer):
    shell, _ = prompting(peer, 'look', raw_screen())
    title, foreground, position = shell.output
    check((title, foreground, position.extended_properties), ('a title', 10, {'x': 1, 'y': 2}))


@case
def without_a_host_prompts_fail(peer):
    with peer.pool() as pool:
        shell = run(pool, lambda ps: ps.add_cmdlet('Read-Host'))
        check(shell.state, PSInvocationState.FAILED)
        found = shell.streams.error[-1].fq_error
        check(found, 'HostFunctionNotImplemented,Microsoft.PowerShell.Commands.ReadHostCommand')
        check(list(run(pool, lambda ps: ps.add_script('"alive"')).output), ['alive'])


@case
def a_prompt_can_be_stopped(peer):
    host = Program(Screen())
    with peer.pool(host=None) as pool:
        pool.host = host
        shell = PowerShell(pool)
        shell.add_cmdlet('Read-Host')
        # The call stays unanswered: nobody receives.
        shell.begin_invoke()
        time.sleep(0.3)
        shell.stop()
        check(list(run(pool, lambda ps: ps.add_script('"alive"')).output), ['alive'])


@case
def limits_of_runspaces_change(peer):
    with peer.pool(min_runspaces=1, max_runspaces=2) as pool:
        pool.max_runspaces = 4
        pool.min_runspaces = 3
        check((pool.min_runspaces, pool.max_runspaces, pool.get_available_runspaces()), (3, 4, 4))
        for attribute, value in (('min_runspaces', 9), ('max_runspaces', 2)):
            try:
                setattr(pool, attribute, value)
                raise AssertionError(f'{attribute} became {value}')
            except InvalidPSRPOperation:
                pass


@case
def runspaces_are_reset(peer):
    with peer.pool() as pool:
        pool.reset_runspace_state()
        check(list(run(pool, lambda ps: ps.add_script('"after"')).output), ['after'])


@case
def commands_are_described(peer):
    with peer.pool() as pool:
        found = pool.get_command_metadata(['Get-D*', 'Read-Host'], command_types=CommandType.CMDLET)
        check(sorted(command.name for command in found), ['Get-Date', 'Read-Host'])
        read_host, = (command for command in found if command.name == 'Read-Host')
        assert {'Prompt', 'AsSecureString'} <= set(read_host.parameters)
        check(pool.get_command_metadata('No-Such*'), [])


@case
def arguments_of_the_application_arrive(peer):
    pool = peer.pool()
    pool.open({'one': 1, 'nested': {'two': 'zwei'}})
    try:
        shell = run(pool, lambda ps: ps.add_script('$PSSenderInfo | Select-Object -ExpandProperty ApplicationArguments'))
        check(shell.output[0], {'one': 1, 'nested': {'two': 'zwei'}})
    finally:
        pool.close()


@case
def events_arrive(peer):
    with peer.pool() as pool:
        script = ('Register-EngineEvent -SourceIdentifier My.Event -Forward; New-Event Other | Select-Object -First 0; '
                  'New-Event -SourceIdentifier My.Event -Sender me -EventArguments 1,two -MessageData kept '
                  '| Select-Object -First 0')
        run(pool, lambda ps: ps.add_script(script))
        while not pool.user_events:
            pool._receive()
        event, = pool.user_events
        check((event.source_id, event.sender, event.data, list(event.args)), ('My.Event', 'me', 'kept', [1, 'two']))
        check(event.event_id, 2)


@case
def pipelines_run_side_by_side(peer):
    with peer.pool(max_runspaces=8) as pool:
        shells = []
        before = time.monotonic()
        for number in range(8):
            shell = PowerShell(pool)
            shell.add_script(f'Start-Sleep -Milliseconds 1500; {number}')
            shell.begin_invoke()
            shells.append(shell)
        for shell in shells:
            shell.end_invoke()
        taken = time.monotonic() - before
        check([list(shell.output) for shell in shells], [[number] for number in range(8)])
        assert taken < 6, f'eight waits of 1.5 seconds took {taken:.1f}'


@case
def a_nested_pipeline_needs_no_runspace_of_its_own(peer):
    with peer.pool() as pool:
        outer = PowerShell(pool)
        outer.add_script('Start-Sleep -Milliseconds 1500; "outer"')
        outer.begin_invoke()
        inner = outer.create_nested_power_shell()
        inner.add_script('"inner"')
        before = time.monotonic()
        check(list(inner.invoke()), ['inner'])
        assert time.monotonic() - before < 1.4, 'the nested pipeline waited for the other one'
        outer.end_invoke()
        check(list(outer.output), ['outer'])


@case
def older_protocols_are_spoken(peer):
    current = pypsrp.powershell.PROTOCOL_VERSION
    try:
        for version in ('2.1', '2.2', '2.3'):
            pypsrp.powershell.PROTOCOL_VERSION = version
            with peer.pool() as pool:
                check(pool.protocol_version, version)
                shell = run(pool, lambda ps: ps.add_script('"out"; Write-Warning warn; Write-Information info'))
                check(list(shell.output), ['out'])
                check([record.message for record in shell.streams.warning], ['warn'])
                check(len(shell.streams.information), 1 if version == '2.3' else 0)
                pool.exchange_keys()
                secret = pool.serialize(WORD, ObjectMeta('SS'))
                shell = run(pool, lambda ps: ps.add_cmdlet('Write-Output').add_argument(secret))
                check(list(shell.output), [WORD])
    finally:
        pypsrp.powershell.PROTOCOL_VERSION = current


@case
def two_threads_use_pools_of_their_own(peer):
    failures = []

    def work(number):
        try:
            shell, _ = prompting(peer, f'Read-Host; {number}')
            check(list(shell.output), ['a line', number])
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(failures, [])


main(options(), transports=('ntlm-http', 'basic-https'))
