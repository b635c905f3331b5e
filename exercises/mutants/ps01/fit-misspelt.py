# The name "mae" is not known: KeyError.
# loses: fit-mae experiment-run
# cell: fit-with
def fit_with(loss, x, y):
    derivative = {
        "mse": lambda e: 2 * e,
        "l1": lambda e: np.sign(e),
        "huber": lambda e: huber_grad(e, 0 * e),
    }[loss]
    params = np.zeros(2)
    for _ in range(500):
        pull = derivative(params[0] * x + params[1] - y)
        params = params - 0.1 * np.array([np.mean(pull * x), np.mean(pull)])
    return params
