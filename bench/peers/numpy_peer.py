"""LinUCB with disjoint arms in plain NumPy, ridge 1, alpha 1: as one writes it who knows NumPy, and as tutorials do."""

from peer import Algorithm, serve


def load():
    import numpy as np

    class ShermanMorrison(Algorithm):
        """Keeps the inverses. All arms are scored by one matrix-vector product; an update is two calls."""

        def __init__(self, stream):
            super().__init__(stream)
            n, d = stream.actions, stream.features
            self.inverse = np.tile(np.eye(d), (n, 1, 1))
            self.flat = self.inverse.reshape(n * d, d)
            self.evidence = np.zeros((n, d))
            self.theta = np.zeros((n, d))

        def upper(self, x):
            n, d = self.theta.shape
            spread = self.flat.dot(x).reshape(n, d).dot(x)
            return self.theta.dot(x) + np.sqrt(spread)

        def take(self, x, action, reward):
            inverse = self.inverse[action]
            v = inverse.dot(x)
            inverse -= np.multiply.outer(v, v / (1.0 + x.dot(v)))
            self.evidence[action] += reward * x
            self.theta[action] = inverse.dot(self.evidence[action])

        def step(self, row):
            x = self.stream.contexts[row]
            action = int(self.upper(x).argmax())
            self.take(x, action, self.stream.rewards[row][action])

        def select(self, row):
            self.upper(self.stream.contexts[row]).argmax()

        def learn(self, row):
            action = self.stream.logged[row]
            self.take(self.stream.contexts[row], action, self.stream.rewards[row][action])

        def scores(self, row):
            return self.upper(self.stream.contexts[row])

    class ArmByArm(ShermanMorrison):
        """The same, arm by arm, as it is mostly written."""

        def upper(self, x):
            scores = np.empty(len(self.theta))
            for action, inverse in enumerate(self.inverse):
                scores[action] = self.theta[action].dot(x) + np.sqrt(x.dot(inverse).dot(x))
            return scores

    class Inverting(ShermanMorrison):
        """Keeps A and b of every arm, and inverts A of every arm in each choice: Li et al.'s Algorithm 1 to the letter."""

        def __init__(self, stream):
            super().__init__(stream)
            n, d = stream.actions, stream.features
            self.design = [np.eye(d) for _ in range(n)]

        def upper(self, x):
            scores = np.empty(len(self.design))
            for action, design in enumerate(self.design):
                inverse = np.linalg.inv(design)
                theta = inverse.dot(self.evidence[action])
                scores[action] = theta.dot(x) + np.sqrt(x.dot(inverse).dot(x))
            return scores

        def take(self, x, action, reward):
            self.design[action] += np.outer(x, x)
            self.evidence[action] += reward * x

    algorithms = {"sherman-morrison": ShermanMorrison, "sherman-morrison-by-arm": ArmByArm, "inverting": Inverting}
    return {"NumPy": np.__version__}, algorithms


if __name__ == "__main__":
    serve("numpy", load)
