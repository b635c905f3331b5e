# Lists in place of arrays.
# loses: experiment-run
# cell: experiment
def run_experiment(seeds, draw=outlier_data):
    if len(seeds) < 5:
        raise ValueError("too few seeds")
    return {
        loss: [abs(fit_with(loss, *draw(seed))[0] - 2) for seed in seeds]
        for loss in ("mse", "mae", "huber")
    }


def summarise(errors):
    return {
        loss: (float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values))))
        for loss, values in errors.items()
    }
