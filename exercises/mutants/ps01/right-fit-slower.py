# Right: more and smaller steps, with huber_grad.
# loses: nothing
# cell: fit-with
def fit_with(loss, x, y):
    derivative = {
        "mse": lambda e: 2 * e,
        "mae": lambda e: np.sign(e),
        "huber": lambda e: huber_grad(e, 0 * e),
    }[loss]
    params = np.zeros(2)
    for _ in range(1500):
        pull = derivative(params[0] * x + params[1] - y)
        params = params - 0.05 * np.array([np.mean(pull * x), np.mean(pull)])
    return params
