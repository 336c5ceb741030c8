#!/bin/sh
# mypy sees the folders under their installed names through a tree of links.
set -e
tree=build/typed/truncmac
rm -rf "$tree"
mkdir -p "$tree"
for file in truncmac/*; do ln -s "$PWD/$file" "$tree/"; done
for folder in golden model sim; do ln -s "$PWD/$folder" "$tree/$folder"; done
MYPYPATH=build/typed exec "$1" -m mypy -p truncmac
