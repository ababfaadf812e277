"""Every header compiles alone; the public ones in every language that they promise."""
import concurrent.futures
import os
import subprocess

from source import files

INTERNAL = ["-D_GNU_SOURCE", "-Icontainer", "-Iinclude", "-I.", "-Wall", "-Wextra", "-Werror"]
PUBLIC = ["-Iinclude", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
C_STANDARDS = ["c99", "c11", "c17"]
CXX_STANDARDS = ["c++98", "c++11", "c++20"]


def compile_alone(path, language, options):
    compiler = os.environ.get("CXX", "g++") if language == "c++" else os.environ.get("CC", "gcc")
    result = subprocess.run(
        [compiler, "-x", language, "-fsyntax-only", *options, "-include", path, "-"],
        input="extern int something;\n", capture_output=True, text=True)
    if result.returncode == 0:
        return None
    errors = [line for line in result.stderr.splitlines() if "error" in line]
    return "%s as %s: %s" % (path, options[-1].replace("-std=", ""),
                             errors[0] if errors else result.stderr)


def run_all(jobs):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [reason for reason in pool.map(lambda job: compile_alone(*job), jobs) if reason]


def check_internal():
    headers = files("container", "adapters", endings=(".h",))
    return run_all([(path, "c", INTERNAL + ["-std=gnu17"]) for path in headers])


def check_public():
    jobs = []
    for path in files("include", endings=(".h", ".hpp")):
        if path.endswith(".h"):
            jobs += [(path, "c", PUBLIC + ["-std=" + standard]) for standard in C_STANDARDS]
        jobs += [(path, "c++", PUBLIC + ["-std=" + standard]) for standard in CXX_STANDARDS]
    return run_all(jobs)


CHECKS = {"headers-alone": check_internal, "public-headers-alone": check_public}
