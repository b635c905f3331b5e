# Any number of seeds will do.
# loses: experiment-run
# cell: experiment
def run_experiment(seeds, draw=outlier_data):
    return {
        loss: np.array([abs(fit_with(loss, *draw(seed))[0] - 2) for seed in seeds])
        for loss in ("mse", "mae", "huber")
    }


def summarise(errors):
    return {
        loss: (float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values))))
        for loss, values in errors.items()
    }
