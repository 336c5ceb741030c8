#!/bin/sh
# Builds the site with the Python that is named; warnings are errors.
set -e
sources=build/sources/truncmac # the folders under their installed names
rm -rf "$sources"
mkdir -p "$sources"
for file in truncmac/*; do ln -s "$PWD/$file" "$sources/"; done
for folder in golden hw model sim; do ln -s "$PWD/$folder" "$sources/$folder"; done
NO_MKDOCS_2_WARNING=1 "$1" -m mkdocs build --quiet --strict
