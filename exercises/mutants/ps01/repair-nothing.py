# All four faults stay.
# loses: repair-intercept repair-shape repair-mean repair-sign repair-fit
# cell: repair
def predict(params, x):
    return x @ params[:1]


def mse_gradient(residuals, x):
    return 2 * x.T @ residuals


def descend(params, gradient, learning_rate):
    return params + learning_rate * gradient


def fit_line(x, y, learning_rate=0.1, steps=500):
    params = np.zeros(2)
    for _ in range(steps):
        params = descend(params, mse_gradient(predict(params, x) - y, x), learning_rate)
    return params
