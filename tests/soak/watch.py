"""What the instance holds, sample by sample, and whether that is level.

Each quarter of the time ends calm: no event for a while, one generation, every worker's memory its
own. The calm of the second and of the last quarter are compared, and within each calm the growth of
every process."""
import os
import re
import time
from pathlib import Path
from statistics import mean, median


def memory(pid):
    """The proportional set size in KiB: what is shared counts once."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def files_below(folder):
    return sum(len(names) for _, _, names in os.walk(folder))


class Sample:
    def __init__(self, stage, quarter, is_calm):
        gale = stage.gale
        self.at, self.quarter, self.is_calm = time.monotonic(), quarter, is_calm
        workers = [w["pid"] for g in gale.status()["generations"] for w in g["workers"]]
        self.memory = {}
        self.descriptors = {"master": descriptors(gale.pid), "workers": 0}
        for pid in workers:
            try:
                self.memory[pid] = memory(pid)
                self.descriptors["workers"] += descriptors(pid)
            except OSError:
                pass  # it has gone meanwhile
        self.memory[gale.pid] = memory(gale.pid)
        self.figures = {
            "memory of the master, KiB": self.memory[gale.pid],
            "memory of the workers, KiB": sum(self.memory.values()) - self.memory[gale.pid],
            "descriptors of the master": self.descriptors["master"],
            "descriptors of the workers": self.descriptors["workers"],
            "processes": 1 + len(gale.members()),
            "temporary files": files_below(stage.temporary),
            "copies of plugins": files_below(stage.folder / "state"),
        }

    def line(self):
        return "  ".join(f"{name.replace(' of the ', ' ')} {value:,}"
                         for name, value in self.figures.items())


# How much more the last quarter may have: a share, and besides that so much.
ALLOWED = {"memory": (0.10, 1024), "memory asan": (0.15, 6 * 1024), "descriptors": (0.05, 8),
           "processes": (0, 1), "temporary files": (0, 3), "copies": (0, 1)}


def limit(name, before, is_asan):
    kind = next(k for k in ALLOWED if name.startswith(k))
    share, more = ALLOWED["memory asan" if is_asan and kind == "memory" else kind]
    return before * (1 + share) + more


def compare(samples, is_asan):
    """(lines, problems): the calm of the second and of the last quarter."""
    lines, problems = [], []
    calm = {q: [s for s in samples if s.is_calm and s.quarter == q] for q in (1, 3)}
    if not all(calm.values()):
        return [], ["there are no two calm times to compare"]
    for name in samples[0].figures:
        before, after = (median(s.figures[name] for s in calm[q]) for q in (1, 3))
        lines.append(f"{name}: {before:,.0f} in the second quarter, {after:,.0f} in the last")
        if after > limit(name, before, is_asan):
            problems.append(f"{name} grew from {before:,.0f} to {after:,.0f}")
    return lines, problems


def growth(samples, is_asan):
    """(lines, problems): each process that lived through the last calm."""
    calm = [s for s in samples if s.is_calm and s.quarter == 3]
    third = len(calm) // 3
    if not third:
        return [], []
    lines, problems = [], []
    for pid in set.intersection(*(set(s.memory) for s in calm)):
        before, after = (mean(s.memory[pid] for s in part) for part in (calm[:third], calm[-third:]))
        lines.append(f"process {pid} in the last calm: {before:,.0f} KiB, then {after:,.0f}")
        if after > limit("memory", before, is_asan):
            problems.append(f"the memory of process {pid} grew from {before:,.0f} to {after:,.0f}")
    return lines, problems
