"""The page of all commands and options, from the command line itself."""

import inspect
from typing import Literal, get_args, get_origin

import typer.main

from truncmac.cli import app


def command_reference():
    """Markdown: for each command its usage, help, and options."""
    group = typer.main.get_command(app)
    text = [
        "# Commands\n",
        f"{group.help}\n",
        "`truncmac COMMAND --help` shows the same. [Exit codes, JSON and "
        "completion](exit-codes.md) are alike for all.\n",
    ]
    callbacks = [command.callback for command in app.registered_commands]
    for (name, command), callback in zip(group.commands.items(), callbacks, strict=True):
        text += [f"## truncmac {name}\n", f"{command.help}\n"]
        options = [parameter for parameter in command.params if parameter.name != "help"]
        text.append("| option | default | |\n|---|---|---|")
        choices = _choices(callback)
        text += [_row(option, choices.get(option.name, ())) for option in options]
        text.append("")
    return "\n".join(text)


def _choices(callback):
    """Words of each parameter of a command that takes one of a fixed choice."""
    found = {}
    for name, parameter in inspect.signature(callback).parameters.items():
        kind, *_ = get_args(parameter.annotation) or [None]
        fixed = [part for part in (kind, *get_args(kind)) if get_origin(part) is Literal]
        if fixed:
            found[name] = get_args(fixed[0])
    return found


def _row(option, choices):
    if option.param_type_name == "argument":
        names = f"`{option.name.upper()}`"
    else:
        names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    default = "" if option.default in (None, "", ()) else f"`{option.default}`"
    default = "needed" if option.required else default
    words = (option.help or "").replace("|", "\\|").replace("\n", " ")
    if choices:
        words += f" One of {', '.join(f'`{choice}`' for choice in choices)}."
    return f"| {names} | {default} | {words} |"
