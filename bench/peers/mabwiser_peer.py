"""MABWiser: LinUCB (alpha 1) and LinTS (alpha 0.25), ridge 1, one row a call."""

from peer import Algorithm, serve


def load():
    from importlib.metadata import version

    from mabwiser.mab import MAB, LearningPolicy

    class Mab(Algorithm):
        def __init__(self, stream):
            super().__init__(stream)
            self.rows2d = [stream.contexts[row : row + 1] for row in range(stream.rows)]
            self.fitted = False
            self.mab = None

        def policy(self):
            raise NotImplementedError

        def arms(self):
            return list(range(self.stream.actions))

        def take(self, row, action):
            reward = self.stream.rewards[row][action]
            if self.fitted:
                self.mab.partial_fit([action], [reward], self.rows2d[row])
            else:
                self.mab = MAB(self.arms(), self.policy(), seed=1)
                self.mab.fit([action], [reward], self.rows2d[row])
                self.fitted = True

        def step(self, row):
            action = self.mab.predict(self.rows2d[row]) if self.fitted else 0
            self.take(row, action)

        def select(self, row):
            self.mab.predict(self.rows2d[row])

        def learn(self, row):
            self.take(row, self.stream.logged[row])

        def scores(self, row):
            if not self.fitted:
                # It must have seen a row before it predicts: an untrained one scores sqrt(x'x).
                x = self.stream.contexts[row]
                return [x.dot(x) ** 0.5] * self.stream.actions
            expectations = self.mab.predict_expectations(self.rows2d[row])
            return [expectations[arm] for arm in self.arms()]

    class LinUcb(Mab):
        def policy(self):
            return LearningPolicy.LinUCB(alpha=1.0, l2_lambda=1.0)

    class LinTs(Mab):
        def policy(self):
            return LearningPolicy.LinTS(alpha=0.25, l2_lambda=1.0)

    return {"MABWiser": version("mabwiser")}, {"linucb": LinUcb, "lints": LinTs}


if __name__ == "__main__":
    serve("mabwiser", load)
