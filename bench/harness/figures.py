"""figures.py - a row of the benchmark: its tables, ratios within a round, and whether aims are met.

A table is {contender: [figures of round 1, of round 2, ...]}. What is compared are ratios of two
contenders in the same round; their median counts, and the least and the greatest say how much it is
worth.
"""
import statistics
import sys

# key: (what it says, digits, whether more is better)
UNITS = {
    "us": ("us CPU/request", 2, False),
    "rate": ("requests/s", 0, True),
    "mb_s": ("MB/s", 0, True),
    "us_mb": ("us CPU/MB", 0, False),
    "ms": ("ms", 1, False),
    "bytes": ("bytes each", 0, False),
    "kb": ("KB", 0, False),
    "rss": ("RSS KB", 0, False),
    "p50": ("p50 us", 0, False),
    "p99": ("p99 us", 0, False),
    "p999": ("p99.9 us", 0, False),
    "max": ("max us", 0, False),
    "errors": ("errors", 0, False),
    "turn": ("longest turn ms", 0, False),
}


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratios(table, metric, of, to):
    """Who did nothing at all in a round is infinitely far off."""
    return spread([a[metric] / b[metric] if b[metric] else float("inf")
                   for a, b in zip(table[of], table[to])])


class Row:
    """What one row of the benchmark found; becomes an entry of results.json."""

    def __init__(self, name, title, rounds, seconds):
        self.name, self.title, self.rounds, self.seconds = name, title, rounds, seconds
        self.tables, self.aims, self.notes = [], [], []

    # ---- measuring ----

    def measure(self, contenders, measure, rounds=None, warm=True):
        """Runs measure(contender) in interleaved rounds on contenders that are started."""
        table = {c.name: [] for c in contenders}
        for c in contenders if warm else ():  # a round that does not count
            measure(c)
        for i in range(rounds or self.rounds):
            if sys.stderr.isatty():
                print(f"\r{self.name}: round {i + 1} of {rounds or self.rounds} ", end="",
                      file=sys.stderr)
            for c in contenders if i % 2 == 0 else contenders[::-1]:
                table[c.name].append(measure(c))
        if sys.stderr.isatty():
            print("\r" + " " * 60, end="\r", file=sys.stderr)
        return table

    def compare(self, title, contenders, measure, metric="us", base="gale", rounds=None):
        """Starts the contenders, measures them and adds the table."""
        started = []
        try:
            for c in contenders:
                started.append(c)
                c.start()
            return self.add(title, self.measure(contenders, measure, rounds), metric, base)
        finally:
            for c in started:
                c.stop()

    # ---- results ----

    def add(self, title, table, metric, base="gale"):
        self.tables.append({"title": title, "metric": metric, "base": base, "figures": table})
        print_table(self.tables[-1])
        return table

    def aim(self, text, ratio, limit, at_least=False):
        """`ratio` is a spread, or a figure."""
        if not isinstance(ratio, dict):
            ratio = {"median": ratio, "min": ratio, "max": ratio}
        value = ratio["median"]
        met = value >= limit if at_least else value <= limit
        self.aims.append({"text": text, **ratio, "limit": limit, "at_least": at_least, "met": met})
        print(aim_text(self.aims[-1]))

    def aim_below_peers(self, table, metric, peers, of="gale"):
        for peer in peers:
            if peer in table:
                self.aim(f"less than {peer}", ratios(table, metric, of, peer), 1.0)

    def note(self, text):
        self.notes.append(text)
        print("  " + text)

    def result(self):
        return {"title": self.title, "rounds": self.rounds, "seconds": self.seconds,
                "tables": self.tables, "aims": self.aims, "notes": self.notes}


def keys_of(table):
    first = next(iter(table["figures"].values()))[0]
    keys = [k for k in UNITS if k in first and k != table["metric"]]
    if "errors" in keys and not any(r["errors"] for rows in table["figures"].values()
                                    for r in rows):
        keys.remove("errors")
    return [table["metric"]] + keys


def number(value, digits):
    return f"{value:,.{digits}f}"


def lines_of(table):
    """[(contender, [medians as text], ratio of the base to it)]; the ratio of the base is None."""
    figures, base, metric = table["figures"], table["base"], table["metric"]
    for name, rows in figures.items():
        texts = [number(statistics.median(r[k] for r in rows), UNITS[k][1])
                 for k in keys_of(table)]
        yield name, texts, None if name == base else ratios(figures, metric, base, name)


def print_table(table):
    wide = max(len(name) for name in table["figures"]) + 1
    print(f"\n{table['title']}")
    print(f"{'':{wide}}" + "".join(f"{UNITS[k][0]:>16}" for k in keys_of(table)) +
          f"   {table['base']} / it (min-max)")
    for name, texts, ratio in lines_of(table):
        told = f"{ratio['median']:.3f} ({ratio['min']:.3f}-{ratio['max']:.3f})" if ratio else ""
        print(f"{name:{wide}}" + "".join(f"{t:>16}" for t in texts) + "   " + told)


def aim_text(aim):
    limit = f"{'at least' if aim['at_least'] else 'at most'} {aim['limit']:g}"
    return (f"  {'met   ' if aim['met'] else 'MISSED'} {aim['text']}: {aim['median']:.3g} "
            f"({aim['min']:.3g}-{aim['max']:.3g}), {limit}")
