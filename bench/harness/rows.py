"""rows.py - the rows of the benchmark by name; a module of bench/rows registers its own."""
ROWS = {}


def row(name, title, rounds=None):
    """Registers measure(row); `rounds` overrides the default where more are wanted."""
    def register(measure):
        ROWS[name] = (title, measure, rounds)
        return measure
    return register
