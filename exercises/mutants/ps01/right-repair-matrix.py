# Right: the design matrix with a column of ones.
# loses: nothing
# cell: repair
def predict(params, x):
    return np.hstack([x, np.ones_like(x)]) @ params[:, None]


def mse_gradient(residuals, x):
    return (2 / len(x)) * (np.hstack([x, np.ones_like(x)]).T @ residuals)[:, 0]


def descend(params, gradient, learning_rate):
    return params - learning_rate * gradient


def fit_line(x, y, learning_rate=0.1, steps=500):
    params = np.zeros(2)
    for _ in range(steps):
        params = descend(params, mse_gradient(predict(params, x) - y, x), learning_rate)
    return params
