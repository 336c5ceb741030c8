#!/bin/sh
# Installs the programs that tests run, where it may; else says how, and fails only under CI.
missing() {
    for program in iverilog chromium sta berkeley-abc; do
        command -v "$program" >/dev/null 2>&1 || echo "$program"
    done
}
[ -z "$(missing)" ] && exit 0
packages=$(missing | sed 's/^sta$/opensta/' | tr '\n' ' ') # the others are named as their package
install="apt-get update -qq && apt-get install -y -qq -o DPkg::Lock::Timeout=300 --no-install-recommends $packages"
if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then
        echo "Installing $packages..."
        why=$(sh -c "$install" 2>&1)
    elif sudo -n true 2>/dev/null; then
        echo "Installing $packages..."
        why=$(sudo -n sh -c "$install" 2>&1)
    fi
fi
[ -z "$(missing)" ] && exit 0
[ -n "$why" ] && echo "$why" | tail -n 3 >&2
echo "Missing for the tests: $(missing | tr '\n' ' ')" >&2
echo "Install them with: sudo apt-get install $packages" >&2
[ -z "$CI" ]
