# The gradient of the sum: it diverges, or circles far from the minimum.
# loses: fit-mse fit-mae fit-huber experiment-run
# cell: fit-with
def fit_with(loss, x, y):
    derivative = {
        "mse": lambda e: 2 * e,
        "mae": lambda e: np.sign(e),
        "huber": lambda e: huber_grad(e, 0 * e),
    }[loss]
    params = np.zeros(2)
    for _ in range(500):
        pull = derivative(params[0] * x + params[1] - y)
        params = params - 0.1 * np.array([np.sum(pull * x), np.sum(pull)])
    return params
