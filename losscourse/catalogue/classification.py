"""The entries of `losscourse.losses.classification`."""

from types import MappingProxyType

import sympy
from sympy import E, exp, log, oo

from losscourse.arrays import NON_NEGATIVE
from losscourse.catalogue.entry import CLASSES, PREDICTION, TARGET, Loss, Parameter
from losscourse.losses import classification

__all__ = ["ENTRIES"]

_GAMMA = sympy.Symbol("gamma", nonnegative=True)
_z, _y = PREDICTION, TARGET
_ONE = sympy.Integer(1)


def _sigmoid(x: sympy.Expr) -> sympy.Expr:
    return 1 / (1 + exp(-x))


def _softplus(x: sympy.Expr) -> sympy.Expr:
    return log(1 + exp(x))


def _focal_slope(x: sympy.Expr) -> sympy.Expr:
    """Return the derivative of the focal loss of class 1 by its logit."""
    hit, miss = _sigmoid(x), _sigmoid(-x)
    return miss**_GAMMA * (-_GAMMA * hit * _softplus(-x) - miss)


_FOCUS = MappingProxyType(
    {
        "gamma": Parameter(
            symbol=_GAMMA,
            default=2.0,
            domain=NON_NEGATIVE,
            unit="none",
            meaning="how fast the weight of an example fades as it is classified well",
            examples=(0.0, 0.5, 2.0, 5.0),
        )
    }
)

ENTRIES = (
    Loss(
        title="Binary cross-entropy",
        aliases=("log loss", "logistic loss", "BCE", "sigmoid cross-entropy"),
        use="Probabilities of one class or of several labels that do not exclude each other.",
        function=classification.sigmoid_binary_cross_entropy,
        gradient=classification.sigmoid_binary_cross_entropy_grad,
        variable=PREDICTION,
        formula=_y * _softplus(-_z) + (1 - _y) * _softplus(_z),
        derivative=_sigmoid(_z) - _y,
        targets=(0.0, 1.0, 0.3),
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits="mean",
        at_chance=log(2),
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch='F.binary_cross_entropy_with_logits(logits, targets, reduction="none")',
        references=("good1952rational", "bishop2006prml"),
        page="classification/binary-cross-entropy",
    ),
    Loss(
        title="Softmax cross-entropy",
        aliases=("categorical cross-entropy", "multinomial log loss"),
        use="Probabilities of classes that exclude each other, from target distributions.",
        function=classification.softmax_cross_entropy,
        gradient=classification.softmax_cross_entropy_grad,
        display=r"-\sum_k y_k \log \operatorname{softmax}(z)_k",
        display_gradient=r"\operatorname{softmax}(z) - y",
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits="class frequencies",
        at_chance=log(CLASSES),
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch='F.cross_entropy(logits, targets, reduction="none")',
        references=("bishop2006prml",),
        page="classification/cross-entropy",
    ),
    Loss(
        title="Softmax cross-entropy of labels",
        aliases=("sparse categorical cross-entropy", "cross-entropy loss"),
        use="Probabilities of classes that exclude each other, from one label per example.",
        function=classification.softmax_cross_entropy_with_integer_labels,
        gradient=classification.softmax_cross_entropy_with_integer_labels_grad,
        display=r"-\log \operatorname{softmax}(z)_y",
        display_gradient=r"\operatorname{softmax}(z) - 1_y",
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits="class frequencies",
        at_chance=log(CLASSES),
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch='F.cross_entropy(logits, labels, reduction="none")',
        references=("bishop2006prml",),
        page="classification/cross-entropy",
    ),
    Loss(
        title="Negative log-likelihood",
        aliases=("NLL", "log score", "surprise"),
        use="Scoring log-probabilities that are at hand already.",
        function=classification.negative_log_likelihood,
        gradient=classification.negative_log_likelihood_grad,
        display=r"-\log p_y",
        display_gradient=r"-1_y",
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, sympy.Integer(0)),
        elicits=None,
        at_chance=log(CLASSES),
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch='F.nll_loss(log_probs, labels, reduction="none")',
        references=("good1952rational",),
        page="classification/cross-entropy",
    ),
    Loss(
        title="Focal loss",
        aliases=("sigmoid focal loss", "binary focal loss"),
        use="Many easy negatives for each positive, as in dense detection.",
        function=classification.sigmoid_focal,
        gradient=classification.sigmoid_focal_grad,
        variable=PREDICTION,
        formula=_y * _sigmoid(-_z) ** _GAMMA * _softplus(-_z)
        + (1 - _y) * _sigmoid(_z) ** _GAMMA * _softplus(_z),
        derivative=_y * _focal_slope(_z) - (1 - _y) * _focal_slope(-_z),
        targets=(0.0, 1.0, 0.3),
        parameters=_FOCUS,
        range=NON_NEGATIVE,
        gradient_range=(-1 - _GAMMA / E, 1 + _GAMMA / E),
        elicits=None,
        at_chance=log(2) / 4,
        convex=False,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch=None,
        references=("lin2017focal",),
        page="classification/focal",
    ),
    Loss(
        title="Softmax focal loss",
        aliases=("multiclass focal loss",),
        use="Classes that exclude each other, most examples easy.",
        function=classification.softmax_focal,
        gradient=classification.softmax_focal_grad,
        display=r"-(1 - p_y)^\gamma \log p_y,\quad p = \operatorname{softmax}(z)",
        display_gradient=r"(1 - p_y)^\gamma (\gamma p_y \log p_y - (1 - p_y))(1_y - r)",
        parameters=_FOCUS,
        range=NON_NEGATIVE,
        gradient_range=(-1 - _GAMMA / E, 1 + _GAMMA / E),
        elicits=None,
        at_chance=(1 - 1 / CLASSES) ** 2 * log(CLASSES),
        convex=False,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch=None,
        references=("lin2017focal",),
        page="classification/focal",
    ),
)
