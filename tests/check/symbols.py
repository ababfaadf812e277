"""A plugin sees nothing of gale but gale_ symbols, and gale nothing of its libraries' names."""
import os
import re
import subprocess

PROGRAM = "build/gale"
OURS = re.compile(r"gale_\w+(?:@@?GALE_\d+)?$")
NODE = re.compile(r"GALE_\d+(?:@@?GALE_\d+)?$")
# Data of the C library that the linker copies into a program (stderr@GLIBC_2.2.5).
COPIED = re.compile(r"\w+@@?GLIBC(?:XX)?_[\d.]+$")


def check_symbols():
    if not os.path.isfile(PROGRAM):
        yield PROGRAM + " is not built"
        return
    listing = subprocess.run(["nm", "-D", "--defined-only", PROGRAM], capture_output=True,
                             text=True, check=True).stdout
    names = [line.split()[-1] for line in listing.splitlines()]
    for name in names:
        if not any(pattern.match(name) for pattern in (OURS, NODE, COPIED)):
            yield name + " is exported"
    if not any(name.startswith("gale_") for name in names):
        yield "no gale_ symbol is exported: plugins could not be linked"


CHECKS = {"exported-symbols": check_symbols}
