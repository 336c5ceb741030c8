#!/bin/sh
# abc.sh -c COMMANDS: ABC, as Debian or Yosys installs it. Debian's does not know pdr's -l.
for abc in berkeley-abc yosys-abc abc; do
    command -v "$abc" >/dev/null 2>&1 && exec "$abc" -c "$(printf %s "$2" | sed 's/ -v -l;/;/')"
done
echo "ABC is missing: install it with: sudo apt-get install berkeley-abc" >&2
exit 127
