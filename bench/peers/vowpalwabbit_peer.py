"""Vowpal Wabbit 9: the direct method, a regression for every action, epsilon 0.1, all else as VW has it.

`cb_explore` is VW's own contextual bandit (--cb_explore --cb_type dm). `csoaa` is the same with less: one regression an
action by --csoaa, asked for the cheapest action and told the cost of the one taken, and epsilon drawn here, as the
regressions of --cb_type dm alone; VW has nothing nearer to the other side.

Interfaces, from the one its tutorials use to the fastest there is: `text` gives `Workspace.predict` and `learn` a line;
`example` builds an `Example` from a dict and gives it to both; `glue` calls the classes beneath (pylibvw), which its
documentation advises against, on one example that is refilled with hashed features; `ready` is `glue` with the example
built beforehand: no program can have contexts in this form, so it bounds what an interface could reach.
"""

import sys
import time

from peer import Algorithm, serve


def load():
    import vowpalwabbit
    from random import Random

    import pylibvw

    Glue = pylibvw.vw

    class Vw(Algorithm):
        arguments = ""
        label = ""

        def __init__(self, stream):
            super().__init__(stream)
            self.workspace = vowpalwabbit.Workspace(f"{self.arguments.format(n=stream.actions)} --quiet")
            self.names = [f"f{i}" for i in range(stream.features)]
            self.lists = stream.contexts.tolist()
            self.random = Random(1).random
            self.prepare()

        def prepare(self):
            pass

    class CbExplore:
        arguments = "--cb_explore {n} --cb_type dm --epsilon 0.1"

        def draw(self, shares):
            left = self.random()
            for action, share in enumerate(shares):
                left -= share
                if left < 0:
                    return action, share
            return action, share

        def label_of(self, row, drawn):
            action, share = drawn
            return f"{action + 1}:{-self.stream.rewards[row][action]}:{share}"

        def drawn_of(self, example):
            return self.draw(example.get_action_scores())

        def drawn_from(self, prediction):
            return self.draw(prediction)

        def logged_label(self, row):
            return self.label_of(row, (self.stream.logged[row], 0.125))

    class Csoaa:
        arguments = "--csoaa {n}"

        def draw(self, best):
            return int(self.random() * self.stream.actions) if self.random() < 0.1 else best - 1

        def label_of(self, row, action):
            return f"{action + 1}:{-self.stream.rewards[row][action]}"

        def drawn_of(self, example):
            return self.draw(example.get_costsensitive_prediction())

        def drawn_from(self, prediction):
            return self.draw(prediction)

        def logged_label(self, row):
            return self.label_of(row, self.stream.logged[row])

    class Text(Vw):
        def line(self, row):
            return " |c " + " ".join([f"{name}:{value}" for name, value in zip(self.names, self.lists[row])])

        def step(self, row):
            line = self.line(row)
            drawn = self.drawn_from(self.workspace.predict(line))
            self.workspace.learn(self.label_of(row, drawn) + line)

        def select(self, row):
            self.drawn_from(self.workspace.predict(self.line(row)))

        def learn(self, row):
            self.workspace.learn(self.logged_label(row) + self.line(row))

    class Example(Vw):
        def built(self, row):
            return self.workspace.example({"c": list(zip(self.names, self.lists[row]))})

        def step(self, row):
            example = self.built(row)
            drawn = self.drawn_from(self.workspace.predict(example))
            example.set_label_string(self.label_of(row, drawn))
            self.workspace.learn(example)
            self.workspace.finish_example(example)

        def select(self, row):
            example = self.built(row)
            self.drawn_from(self.workspace.predict(example))
            self.workspace.finish_example(example)

        def learn(self, row):
            example = self.built(row)
            example.set_label_string(self.logged_label(row))
            self.workspace.learn(example)
            self.workspace.finish_example(example)

    class OnGlue(Vw):
        def prepare(self):
            workspace = self.workspace
            self.hash = workspace.hash_space("c")
            self.slots = [workspace.hash_feature(name, self.hash) for name in self.names]
            self.kind = workspace.get_label_type().value
            self.example = pylibvw.example(workspace, self.kind)

        def step(self, row):
            workspace, example = self.workspace, self.example
            example.push_namespace(99)
            example.push_feature_list(workspace, 99, self.hash, list(zip(self.slots, self.lists[row])))
            Glue.setup_example(workspace, example)
            Glue.predict(workspace, example)
            example.set_label_string(workspace, self.label_of(row, self.drawn_of(example)), self.kind)
            Glue.learn(workspace, example)
            # Without it the next prediction would be of the labelled action alone.
            example.set_label_string(workspace, "", self.kind)
            Glue.unsetup_example(workspace, example)
            example.pop_namespace()

        def select(self, row):
            workspace, example = self.workspace, self.example
            example.push_namespace(99)
            example.push_feature_list(workspace, 99, self.hash, list(zip(self.slots, self.lists[row])))
            Glue.setup_example(workspace, example)
            Glue.predict(workspace, example)
            self.drawn_of(example)
            Glue.unsetup_example(workspace, example)
            example.pop_namespace()

    class Ready(Text):
        def prepare(self):
            self.kind = self.workspace.get_label_type().value
            self.built = [self.workspace.parse(self.line(row)) for row in range(self.stream.rows)]

        def step(self, row):
            workspace, example = self.workspace, self.built[row]
            Glue.predict(workspace, example)
            pylibvw.example.set_label_string(
                example, workspace, self.label_of(row, self.drawn_of(example)), self.kind
            )
            Glue.learn(workspace, example)
            pylibvw.example.set_label_string(example, workspace, "", self.kind)

    algorithms = {}
    for interface in (Text, Example, OnGlue, Ready):
        for kind in (CbExplore, Csoaa):
            # The mixin's settings before the interface's empty ones.
            made = type(kind.__name__ + interface.__name__, (kind, interface), {})
            name = {"Text": "text", "Example": "example", "OnGlue": "glue", "Ready": "ready"}[interface.__name__]
            algorithms[f"{'cb_explore' if kind is CbExplore else 'csoaa'}-{name}"] = made

    class Batch(Algorithm):
        """VW's own driver, in C++ from a cache file to the last update: what the command line does once it runs."""

        arguments = ""

        def __init__(self, stream):
            super().__init__(stream)
            self.caches = {}

        def lines(self, row):
            raise NotImplementedError

        def cache(self, examples):
            if examples not in self.caches:
                path = f"{sys.argv[1]}-{type(self).__name__}-{examples}"
                with open(f"{path}.txt", "w") as file:
                    file.writelines(self.lines(i % self.stream.rows) for i in range(examples))
                self.caches[examples] = path
                self.drive(examples, "-k")
            return self.caches[examples]

        def drive(self, examples, more=""):
            path = self.cache(examples)
            arguments = f"{self.arguments.format(n=self.stream.actions)} --quiet -d {path}.txt --cache_file {path}.cache"
            workspace = vowpalwabbit.Workspace(f"{arguments} {more}")
            learned = workspace.get_weighted_examples()
            workspace.finish()
            if learned != examples:
                raise RuntimeError(f"{learned} of {examples} examples were learned")

        def run(self, do, examples):
            self.cache(1)
            self.cache(examples + 1)
            start = time.perf_counter_ns()
            self.drive(1)
            middle = time.perf_counter_ns()
            self.drive(examples + 1)
            end = time.perf_counter_ns()
            # Less what starting it costs.
            return (end - middle) - (middle - start)

        def context(self, row):
            values = self.stream.contexts[row].tolist()
            return " ".join(f"f{i}:{value}" for i, value in enumerate(values))

    class BatchCbExplore(Batch):
        arguments = "--cb_explore {n} --cb_type dm --epsilon 0.1"

        def lines(self, row):
            action = self.stream.logged[row]
            return f"{action + 1}:{-self.stream.rewards[row][action]}:0.125 |c {self.context(row)}\n"

    class BatchIps(BatchCbExplore):
        arguments = "--cb_explore {n} --cb_type ips --epsilon 0.1"

    class BatchCsoaa(Batch):
        arguments = "--csoaa {n}"

        def lines(self, row):
            action = self.stream.logged[row]
            return f"{action + 1}:{-self.stream.rewards[row][action]} |c {self.context(row)}\n"

    class BatchAdf(Batch):
        arguments = "--cb_explore_adf --cb_type dm --epsilon 0.1 -q CA --ignore_linear C"

        def lines(self, row):
            action = self.stream.logged[row]
            text = f"shared |C {self.context(row)}\n"
            for a in range(self.stream.actions):
                label = f"0:{-self.stream.rewards[row][a]}:0.125 " if a == action else ""
                text += f"{label}|A a{a}\n"
            return text + "\n"

    algorithms["batch-cb_explore-dm"] = BatchCbExplore
    algorithms["batch-cb_explore-ips"] = BatchIps
    algorithms["batch-cb_explore_adf-dm"] = BatchAdf
    algorithms["batch-csoaa"] = BatchCsoaa
    return {"Vowpal Wabbit": vowpalwabbit.__version__}, algorithms


if __name__ == "__main__":
    serve("vowpalwabbit", load)
