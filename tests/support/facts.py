"""Facts as a table, for tests of conditions: paths' names and keys, as `Facts.find` is asked."""

from lockgate.policy.facts import MISSING


class TableFacts:
    def __init__(self, *, metadata=None, params=None, headers=None, **plain):
        self.groups = {"metadata": metadata or {}, "params": params or {}, "headers": headers or {}}
        self.plain = {name.replace("__", "."): value for name, value in plain.items()}
        self.asked = []

    def find(self, name, key="", /):
        self.asked.append((name, key))
        if name in self.groups:
            return self.groups[name].get(key, MISSING)
        return self.plain.get(name, MISSING)
