# Squared error whatever is asked for.
# loses: fit-mae fit-huber
# cell: fit-with
def fit_with(loss, x, y):
    derivative = lambda e: 2 * e
    params = np.zeros(2)
    for _ in range(500):
        pull = derivative(params[0] * x + params[1] - y)
        params = params - 0.1 * np.array([np.mean(pull * x), np.mean(pull)])
    return params
