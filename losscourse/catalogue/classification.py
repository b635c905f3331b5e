"""The entries of `losscourse.losses.classification`."""

import math
from types import MappingProxyType

import sympy
from sympy import E, Piecewise, exp, log, oo

from losscourse.arrays import NON_NEGATIVE, POSITIVE, Interval
from losscourse.catalogue.entry import CLASSES, MARGIN, PREDICTION, TARGET, Loss, Parameter
from losscourse.losses import classification

__all__ = ["ENTRIES"]

_GAMMA = sympy.Symbol("gamma", nonnegative=True)
_z, _y, _m = PREDICTION, TARGET, MARGIN
_ONE = sympy.Integer(1)
_TAU = sympy.Symbol("tau", nonnegative=True)
_TEMPERATURE = sympy.Symbol("T", positive=True)
_EPSILON = sympy.Symbol("epsilon", real=True)
_Q = sympy.Symbol("q", positive=True)
_ALPHA, _BETA = sympy.Symbol("alpha", positive=True), sympy.Symbol("beta", nonnegative=True)
_LOG_ZERO = sympy.Symbol("A", negative=True)
_BRIER_RANGE = Interval(0, 2, low_closed=True, high_closed=True)


def _sigmoid(x: sympy.Expr) -> sympy.Expr:
    return 1 / (1 + exp(-x))


def _softplus(x: sympy.Expr) -> sympy.Expr:
    return log(1 + exp(x))


def _focal_slope(x: sympy.Expr) -> sympy.Expr:
    """Return the derivative of the focal loss of class 1 by its logit."""
    hit, miss = _sigmoid(x), _sigmoid(-x)
    return miss**_GAMMA * (-_GAMMA * hit * _softplus(-x) - miss)


def _steepest(surprise: sympy.Expr, miss: sympy.Expr) -> sympy.Expr:
    """Return the largest (surprise + miss · p)(1 - p) over the probabilities p."""
    larger = sympy.Max(surprise, miss)
    return (surprise + larger) ** 2 / (4 * larger)


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
    Loss(
        title="Brier score",
        aliases=("quadratic score", "squared error of probabilities"),
        use="Scoring probabilities with a bounded, proper rule.",
        function=classification.brier,
        gradient=classification.brier_grad,
        display=r"\sum_k (p_k - [k = y])^2",
        display_gradient=r"2 (p - 1_y)",
        range=_BRIER_RANGE,
        gradient_range=(sympy.Integer(-2), sympy.Integer(2)),
        elicits="class frequencies",
        at_chance=1 - 1 / CLASSES,
        convex=True,
        smoothness=oo,
        robust=True,
        unit="none",
        torch="((probs - F.one_hot(labels, probs.shape[-1])) ** 2).sum(-1)",
        references=("brier1950verification", "gneiting2007proper"),
        page="divergences/scoring-rules",
    ),
    Loss(
        title="Softmax Brier score",
        aliases=("squared error of the softmax", "quadratic loss of classes"),
        use="Training on the Brier score; and why a squared error stalls behind a softmax.",
        function=classification.softmax_brier,
        gradient=classification.softmax_brier_grad,
        display=r"\sum_k (\operatorname{softmax}(z)_k - [k = y])^2",
        display_gradient=r"p_j (g_j - \textstyle\sum_k p_k g_k),\quad g = 2 (p - 1_y)",
        range=_BRIER_RANGE,
        gradient_range=(-sympy.Rational(16, 27), sympy.Rational(16, 27)),
        elicits="class frequencies",
        at_chance=1 - 1 / CLASSES,
        convex=False,
        smoothness=oo,
        robust=True,
        unit="none",
        torch="((logits.softmax(-1) - F.one_hot(labels, logits.shape[-1])) ** 2).sum(-1)",
        references=("brier1950verification",),
        page="classification/why-not-mse",
    ),
    Loss(
        title="z-loss",
        aliases=("router z-loss", "log-partition penalty"),
        use="Added to cross-entropy so that the logits do not drift.",
        function=classification.z_loss,
        gradient=classification.z_loss_grad,
        display=r"\log^2 Z,\quad Z = \sum_k e^{z_k}",
        display_gradient=r"2 \log Z \cdot \operatorname{softmax}(z)",
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=log(CLASSES) ** 2,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="none",
        torch="torch.logsumexp(logits, dim=-1) ** 2",
        references=("zoph2022stmoe", "chowdhery2023palm"),
        page="practice/precision",
    ),
    Loss(
        title="Distillation loss",
        aliases=("knowledge distillation", "KD loss", "soft-target loss", "teacher-student loss"),
        use="Training a small model on the softened probabilities of a large one.",
        function=classification.distillation,
        gradient=classification.distillation_grad,
        display=r"T^2 \sum_k q_k (\log q_k - \log p_k),\quad "
        r"p = \operatorname{softmax}(s / T),\ q = \operatorname{softmax}(t / T)",
        display_gradient=r"T (p - q)",
        parameters=MappingProxyType(
            {
                "temperature": Parameter(
                    symbol=_TEMPERATURE,
                    default=2.0,
                    domain=POSITIVE,
                    unit="none",
                    meaning="how much student and teacher are softened",
                    examples=(1.0, 2.0, 4.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_TEMPERATURE, _TEMPERATURE),
        elicits=None,
        at_chance=None,
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch="F.kl_div((student_logits / temperature).log_softmax(-1), "
        '(teacher_logits / temperature).log_softmax(-1), reduction="none", log_target=True)'
        ".sum(-1) * temperature**2",
        references=("hinton2015distilling",),
        page="sequences/distillation",
    ),
    Loss(
        title="Poly-1 loss",
        aliases=("PolyLoss", "polynomial loss"),
        use="Cross-entropy with one more knob: how much the plain miss counts.",
        function=classification.softmax_poly1,
        gradient=classification.softmax_poly1_grad,
        display=r"-\log p_y + \varepsilon (1 - p_y),\quad p = \operatorname{softmax}(z)",
        display_gradient=r"(1 + \varepsilon p_y)(p - 1_y)",
        parameters=MappingProxyType(
            {
                "epsilon": Parameter(
                    symbol=_EPSILON,
                    default=2.0,
                    domain=Interval(-1, math.inf, low_closed=True),
                    unit="none",
                    meaning="what is added to the first coefficient of cross-entropy's series",
                    examples=(-1.0, 0.0, 2.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_steepest(_ONE, _EPSILON), _steepest(_ONE, _EPSILON)),
        elicits=None,
        at_chance=log(CLASSES) + 2 * (1 - 1 / CLASSES),
        convex=False,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch=None,
        references=("leng2022polyloss",),
        page="classification/focal",
    ),
    Loss(
        title="Generalised cross-entropy",
        aliases=("GCE", "Lq loss", "Box-Cox loss"),
        use="Labels of which some are wrong: between cross-entropy and the absolute error.",
        function=classification.softmax_generalised_cross_entropy,
        gradient=classification.softmax_generalised_cross_entropy_grad,
        display=r"\frac{1 - p_y^q}{q},\quad p = \operatorname{softmax}(z)",
        display_gradient=r"p_y^q (p - 1_y)",
        parameters=MappingProxyType(
            {
                "q": Parameter(
                    symbol=_Q,
                    default=0.7,
                    domain=Interval(0, 1, high_closed=True),
                    unit="none",
                    meaning="how much a wrong label is forgiven",
                    examples=(0.001, 0.7, 1.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-(_Q**_Q) / (1 + _Q) ** (1 + _Q), _Q**_Q / (1 + _Q) ** (1 + _Q)),
        elicits=None,
        at_chance=(1 - CLASSES ** -sympy.Rational(7, 10)) / sympy.Rational(7, 10),
        convex=False,
        smoothness=oo,
        robust=True,
        unit="none",
        torch=None,
        references=("zhang2018generalized", "ghosh2017robust"),
        page="classification/noisy-labels",
    ),
    Loss(
        title="Symmetric cross-entropy",
        aliases=("SCE", "reverse cross-entropy"),
        use="Labels of which some are wrong: cross-entropy with a robust counterpart.",
        function=classification.softmax_symmetric_cross_entropy,
        gradient=classification.softmax_symmetric_cross_entropy_grad,
        display=r"-\alpha \log p_y - \beta A (1 - p_y),\quad p = \operatorname{softmax}(z)",
        display_gradient=r"(\alpha - \beta A p_y)(p - 1_y)",
        parameters=MappingProxyType(
            {
                "alpha": Parameter(
                    symbol=_ALPHA,
                    default=0.1,
                    domain=POSITIVE,
                    unit="none",
                    meaning="weight of the cross-entropy",
                    examples=(0.1, 6.0),
                ),
                "beta": Parameter(
                    symbol=_BETA,
                    default=1.0,
                    domain=NON_NEGATIVE,
                    unit="none",
                    meaning="weight of the reversed cross-entropy",
                    examples=(0.0, 1.0),
                ),
                "log_zero": Parameter(
                    symbol=_LOG_ZERO,
                    default=-4.0,
                    domain=Interval(-math.inf, 0),
                    unit="none",
                    meaning="what stands for the logarithm of the label's zeros",
                    examples=(-4.0, -1.0),
                ),
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(
            -_steepest(_ALPHA, -_BETA * _LOG_ZERO),
            _steepest(_ALPHA, -_BETA * _LOG_ZERO),
        ),
        elicits=None,
        at_chance=log(CLASSES) / 10 + 4 * (1 - 1 / CLASSES),
        convex=False,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch=None,
        references=("wang2019symmetric",),
        page="classification/noisy-labels",
    ),
    Loss(
        title="Exponential loss",
        aliases=("exp loss", "AdaBoost loss", "boosting loss"),
        use="Boosting; and seeing what a loss does that never forgives a mistake.",
        function=classification.exponential,
        gradient=classification.exponential_grad,
        variable=MARGIN,
        formula=exp(-_m),
        derivative=-exp(-_m),
        range=POSITIVE,
        gradient_range=(-oo, oo),
        elicits="mean",
        at_chance=1.0,
        convex=True,
        smoothness=oo,
        robust=False,
        unit="none",
        torch="torch.exp(-signs * logits)",
        references=("hastie2009esl", "zhang2004statistical"),
        page="margins/hinge",
    ),
    Loss(
        title="Modified Huber loss",
        aliases=("Huberised squared hinge", "robust squared hinge"),
        use="A squared hinge that an outlier cannot dominate, and that tells probabilities.",
        function=classification.modified_huber,
        gradient=classification.modified_huber_grad,
        variable=MARGIN,
        formula=Piecewise((-4 * _m, _m <= -1), ((1 - _m) ** 2, _m <= 1), (0, True)),
        derivative=Piecewise((-4, _m <= -1), (-2 * (1 - _m), _m <= 1), (0, True)),
        range=NON_NEGATIVE,
        gradient_range=(sympy.Integer(-4), sympy.Integer(4)),
        elicits="mean",
        at_chance=1.0,
        convex=True,
        smoothness=_ONE,
        robust=True,
        unit="none",
        torch="2 * F.huber_loss(torch.clamp(signs * logits, max=1), torch.ones_like(logits), "
        'reduction="none", delta=2.0)',
        references=("hastie2009esl", "huber1964robust"),
        page="margins/hinge",
    ),
    Loss(
        title="Logit-adjusted cross-entropy",
        aliases=("balanced softmax", "logit adjustment"),
        use="Classes of very unequal frequency that shall count the same.",
        function=classification.logit_adjusted_cross_entropy,
        gradient=classification.logit_adjusted_cross_entropy_grad,
        display=r"-\log \operatorname{softmax}(z + \tau \log \pi)_y",
        display_gradient=r"\operatorname{softmax}(z + \tau \log \pi) - 1_y",
        parameters=MappingProxyType(
            {
                "tau": Parameter(
                    symbol=_TAU,
                    default=1.0,
                    domain=NON_NEGATIVE,
                    unit="none",
                    meaning="how strongly the priors count",
                    examples=(0.0, 1.0, 1.5),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_ONE, _ONE),
        elicits=None,
        at_chance=log(CLASSES),
        convex=True,
        smoothness=oo,
        robust=True,
        unit="nats",
        torch='F.cross_entropy(logits + tau * log_priors, labels, reduction="none")',
        references=("menon2021logit",),
        page="classification/imbalance",
    ),
)
