# Stopped after twenty steps.
# loses: fit-mse fit-mae fit-huber
# cell: fit-with
def fit_with(loss, x, y):
    derivative = {
        "mse": lambda e: 2 * e,
        "mae": lambda e: np.sign(e),
        "huber": lambda e: huber_grad(e, 0 * e),
    }[loss]
    params = np.zeros(2)
    for _ in range(20):
        pull = derivative(params[0] * x + params[1] - y)
        params = params - 0.1 * np.array([np.mean(pull * x), np.mean(pull)])
    return params
