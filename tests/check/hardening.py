"""What the Makefile built for release defends itself: read from the files, not from the flags."""
import glob
import os
import platform
import re
import subprocess

PROGRAM = "build/gale"
# The compiler writes its options into what it says for debuggers.
OPTIONS = {"-fstack-protector-strong": "stack protector", "-fstack-clash-protection": "stack clash"}
OUR_SOURCES = re.compile(r"(container|adapters|plugins)/")


def read(*options):
    return subprocess.run(["readelf", "-W", *options], capture_output=True, text=True,
                          check=True).stdout


def faults_of_segments(path):
    segments = read("-l", path)
    stack = re.search(r"GNU_STACK .* (\S+) +0x", segments)
    if "GNU_RELRO" not in segments:
        yield "has no RELRO"
    if not stack or "E" in stack.group(1):
        yield "has an executable stack"
    if re.search(r"LOAD .* RWE ", segments):
        yield "has memory that can be written and run"


def faults_of_loading(path):
    dynamic = read("-d", path)
    if "BIND_NOW" not in dynamic and not re.search(r"FLAGS_1\).*\bNOW\b", dynamic):
        yield "is bound late, so its table of functions can be written"
    for word, fault in (("TEXTREL", "changes its code when it is loaded"),
                        ("RPATH", "finds libraries where it was built"),
                        ("RUNPATH", "finds libraries where it was built")):
        if re.search(r"\((%s)\)" % word, dynamic):
            yield fault
    if path == PROGRAM and not re.search(r"FLAGS_1\).*\bPIE\b", dynamic):
        yield "is not position-independent"


def faults_of_options(path):
    """Every unit of ours was compiled with them."""
    units = read("--debug-dump=info", "--dwarf-depth=1", path)
    pairs = re.findall(r"DW_AT_producer\s*:.*?(GNU \S+ .*|clang .*)\n\s*<\w+>\s+DW_AT_language.*\n"
                       r"\s*<\w+>\s+DW_AT_name\s*:.*?(\S+)\n", units)
    ours = [(producer, name) for producer, name in pairs if OUR_SOURCES.search(name)]
    if not ours:
        yield "says nothing of how it was compiled"
    for option, what in OPTIONS.items():
        for producer, name in ours:
            if producer.startswith("GNU C") and option not in producer:
                yield "was compiled without %s: %s" % (what, name)


def faults_of_code(path):
    """What the linker made of it, which as a whole optimizes once more: large frames are probed page
    by page."""
    if path != PROGRAM or platform.machine() != "x86_64":
        return
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], capture_output=True,
                          text=True, check=True).stdout
    if not re.search(r"sub +\$0x1000,%rsp\n[^\n]*or[ql] +\$0x0,(0x\w+)?\(%rsp\)", code):
        yield "jumps over guards of stacks"
    checked = len(re.findall(r"call.*<__stack_chk_fail@plt>", code))
    if checked < 50:
        yield "checks the stacks of %d functions" % checked


def faults_of_functions(path):
    names = subprocess.run(["nm", "-D", "--undefined-only", path], capture_output=True, text=True,
                           check=True).stdout
    if path == PROGRAM and "__stack_chk_fail" not in names:
        yield "checks no stack"
    if path == PROGRAM and not re.search(r"__(memcpy|snprintf|read)_chk", names):
        yield "is not fortified"
    # Tasks switch stacks without telling a shadow stack: whoever has one must not be told to use it.
    if "SHSTK" in read("-n", path):
        yield "asks for a shadow stack, which tasks do not keep"


def check_hardening():
    if not os.path.isfile(PROGRAM):
        yield PROGRAM + " is not built"
        return
    if platform.machine() not in ("x86_64", "aarch64"):
        return
    for path in [PROGRAM, *sorted(glob.glob("build/plugins/*.so"))]:
        for find in (faults_of_segments, faults_of_loading, faults_of_options,
                     faults_of_functions, faults_of_code):
            for fault in find(path):
                yield "%s %s" % (path, fault)


CHECKS = {"hardening": check_hardening}
