#!/bin/sh
# Installs Icarus Verilog where it may; else says how, and fails only under CI.
command -v iverilog >/dev/null 2>&1 && exit 0
install="apt-get update -qq && apt-get install -y -qq iverilog"
if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then
        echo "Installing Icarus Verilog ..."
        sh -c "$install" >/dev/null 2>&1
    elif sudo -n true 2>/dev/null; then
        echo "Installing Icarus Verilog ..."
        sudo -n sh -c "$install" >/dev/null 2>&1
    fi
fi
command -v iverilog >/dev/null 2>&1 && exit 0
echo "Icarus Verilog is missing. Install it with: sudo apt-get install iverilog" >&2
[ -z "$CI" ]
