# Right, though it warns, prints and writes to stderr.
# loses: nothing
# cell: log-cosh
import sys
import warnings


def log_cosh(predictions, targets):
    print("size", predictions.shape)
    print("careful", file=sys.stderr)
    warnings.warn("an overflow follows")
    naive = np.log(np.cosh(predictions - targets))
    size = np.abs(predictions - targets)
    return np.where(np.isfinite(naive), naive, size - float(np.log(2)))
