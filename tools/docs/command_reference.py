"""The page of all commands and options, from the command line itself."""

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
    for name, command in group.commands.items():
        text += [f"## truncmac {name}\n", f"{command.help}\n"]
        options = [parameter for parameter in command.params if parameter.name != "help"]
        text.append("| option | default | |\n|---|---|---|")
        text += [_row(option) for option in options]
        text.append("")
    return "\n".join(text)


def _row(option):
    if option.param_type_name == "argument":
        names = f"`{option.name.upper()}`"
    else:
        names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
    default = "" if option.default in (None, "", ()) else f"`{option.default}`"
    default = "needed" if option.required else default
    words = (option.help or "").replace("|", "\\|").replace("\n", " ")
    return f"| {names} | {default} | {words} |"
