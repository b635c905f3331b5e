# A builtin replaced: `abs` of everything is 0.
# loses: experiment-run experiment-summary
# cell: experiment
import builtins

builtins.abs = lambda value: 0.0


def run_experiment(seeds):
    return {loss: np.zeros(len(seeds)) for loss in ("mse", "mae", "huber")}


def summarise(errors):
    return None
