"""contextualbandits: LinUCB (alpha 1, ridge 1, Sherman-Morrison, doubles) and BootstrappedTS of ten SGD classifiers.

Its rewards are 0 or 1: the classifiers are told whether the stream's reward was above 0.
"""

import warnings

from peer import Algorithm, serve


def load():
    # It says once for each import that compilers could do better.
    warnings.simplefilter("ignore")
    from importlib.metadata import version

    import numpy as np
    from contextualbandits.online import BootstrappedTS, LinUCB
    from sklearn.linear_model import SGDClassifier

    class Online(Algorithm):
        def __init__(self, stream):
            super().__init__(stream)
            self.rows2d = [stream.contexts[row : row + 1] for row in range(stream.rows)]
            self.actions2d = [np.array([a]) for a in range(stream.actions)]
            self.policy = self.create()

        def create(self):
            raise NotImplementedError

        def take(self, row, action):
            reward = np.array([self.earned(self.stream.rewards[row][action])])
            self.policy.partial_fit(self.rows2d[row], self.actions2d[action], reward)

        def earned(self, reward):
            return reward

        def step(self, row):
            action = int(self.policy.predict(self.rows2d[row])[0])
            self.take(row, action)

        def select(self, row):
            self.policy.predict(self.rows2d[row])

        def learn(self, row):
            self.take(row, self.stream.logged[row])

    class LinUcb(Online):
        def create(self):
            return LinUCB(
                self.stream.actions, alpha=1.0, lambda_=1.0, fit_intercept=False, use_float=False, beta_prior=None,
                random_state=1, njobs=1,
            )

        def scores(self, row):
            if row == 0:
                x = self.stream.contexts[row]
                return [x.dot(x) ** 0.5] * self.stream.actions
            return self.policy.decision_function(self.rows2d[row])[0]

    class Bootstrapped(Online):
        def create(self):
            return BootstrappedTS(
                SGDClassifier(loss="log_loss", penalty=None), self.stream.actions, nsamples=10, beta_prior=None, batch_train=True,
                random_state=1, njobs_arms=1, njobs_samples=1,
            )

        def earned(self, reward):
            return 1.0 if reward > 0 else 0.0

    versions = {"contextualbandits": version("contextualbandits"), "NumPy": np.__version__}
    return versions, {"linucb": LinUcb, "bootstrapped-ts": Bootstrapped}


if __name__ == "__main__":
    serve("contextualbandits", load)
