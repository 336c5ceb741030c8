"""What a C program sees of a header."""

import shutil
import subprocess


def numbers_of(header, names, folder):
    """The numbers that a C program prints for names of a header, compiled without a warning."""
    (folder / "registers.h").write_text(header)
    prints = "".join(f'printf("%u\\n", {name});' for name in names)
    source = '#include <stdio.h>\n#include "registers.h"\nint main(void) {' + prints + "return 0;}"
    (folder / "main.c").write_text(source)
    compiler = shutil.which("gcc") or shutil.which("cc")
    command = [compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main"]
    subprocess.run(command, cwd=folder, check=True)
    output = subprocess.run([folder / "main"], capture_output=True, check=True).stdout
    return list(map(int, output.split()))
