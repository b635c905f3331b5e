"""The entries of the metric losses."""

import math
from types import MappingProxyType

import sympy
from sympy import oo

from losscourse.arrays import NON_NEGATIVE, POSITIVE, REALS, Interval
from losscourse.catalogue.entry import Loss, Parameter
from losscourse.losses import metric

__all__ = ["ENTRIES"]

_MARGIN = sympy.Symbol("m", positive=True)
_COSINE_MARGIN = sympy.Symbol("m", real=True)
_SCALE = sympy.Symbol("s", positive=True)
_TWO = sympy.Integer(2)


def _temperature(default: float, *others: float) -> MappingProxyType:
    """Return the hyperparameters of a loss whose one is the temperature of its cosines."""
    parameter = Parameter(
        symbol=sympy.Symbol("tau", positive=True),
        default=default,
        domain=POSITIVE,
        unit="none",
        meaning="what the cosines are divided by",
        examples=(*others, default),
    )
    return MappingProxyType({"temperature": parameter})


def _weight(symbol: str, default: float, meaning: str, *others: float) -> Parameter:
    """Return the weight of one term of a loss."""
    return Parameter(
        symbol=sympy.Symbol(symbol, nonnegative=True),
        default=default,
        domain=NON_NEGATIVE,
        unit="none",
        meaning=meaning,
        examples=(default, *others),
    )


ENTRIES: tuple[Loss, ...] = (
    Loss(
        title="Contrastive loss",
        aliases=("Siamese loss", "pairwise contrastive loss"),
        use="Pairs known to belong together or not, such as two faces.",
        function=metric.contrastive,
        gradient=metric.contrastive_grad,
        display=r"\tfrac{1 + s}{2}\,\tfrac12 d^2 + \tfrac{1 - s}{2}\,\tfrac12 \max(0, m - d)^2",
        display_gradient=r"\tfrac{1 + s}{2}\,(x_1 - x_2)"
        r" - \tfrac{1 - s}{2}\,\max(0, m - d)\,\frac{x_1 - x_2}{d}",
        parameters=MappingProxyType(
            {
                "margin": Parameter(
                    symbol=_MARGIN,
                    default=1.0,
                    domain=POSITIVE,
                    unit="none",
                    meaning="the distance from which a pair of sign -1 costs nothing",
                    examples=(0.5, 1.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=sympy.Integer(0),
        robust=False,
        unit="none",
        torch=None,
        references=("hadsell2006dimensionality",),
        page="similarity/pairs-and-triplets",
    ),
    Loss(
        title="Triplet loss",
        aliases=("triplet margin loss", "FaceNet loss"),
        use="An anchor that must lie nearer to its own class than to another.",
        function=metric.triplet,
        gradient=metric.triplet_grad,
        display=r"\max(0,\, d(a, p) - d(a, n) + m)",
        display_gradient=r"\frac{a - p}{d(a, p)} - \frac{a - n}{d(a, n)}",
        parameters=MappingProxyType(
            {
                "margin": Parameter(
                    symbol=_MARGIN,
                    default=1.0,
                    domain=POSITIVE,
                    unit="none",
                    meaning="by how much the negative must be farther than the positive",
                    examples=(0.2, 1.0),
                )
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-_TWO, _TWO),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=sympy.Integer(0),
        robust=True,
        unit="none",
        torch="F.triplet_margin_loss(anchors, positives, negatives, margin=margin, eps=0.0, "
        'reduction="none")',
        references=("schroff2015facenet", "hermans2017triplet"),
        page="similarity/pairs-and-triplets",
    ),
    Loss(
        title="Cosine embedding loss",
        aliases=("cosine similarity loss", "cosine distance"),
        use="Pairs of which the directions alone count, as of texts.",
        function=metric.cosine_embedding,
        gradient=metric.cosine_embedding_grad,
        display=r"\tfrac{1 + s}{2}\,(1 - c) + \tfrac{1 - s}{2}\,\max(0, c - m)",
        display_gradient=r"\left(-\tfrac{1 + s}{2} + \tfrac{1 - s}{2}\,[c \ge m]\right)"
        r"\frac{v - c\,u}{\lvert x \rvert}",
        parameters=MappingProxyType(
            {
                "margin": Parameter(
                    symbol=_COSINE_MARGIN,
                    default=0.0,
                    domain=Interval(-1, 1, low_closed=True, high_closed=True),
                    unit="none",
                    meaning="the cosine up to which a pair of sign -1 costs nothing",
                    examples=(0.0, 0.5),
                )
            }
        ),
        range=Interval(0, 2, low_closed=True, high_closed=True),
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=sympy.Integer(0),
        robust=False,
        unit="none",
        torch="torch.where(signs == 1, 1 - F.cosine_similarity(first, second, dim=-1), "
        "F.relu(F.cosine_similarity(first, second, dim=-1) - margin))",
        references=("paszke2019pytorch",),
        page="similarity/cosine",
    ),
    Loss(
        title="InfoNCE",
        aliases=("in-batch softmax", "contrastive predictive coding loss", "N-pair loss"),
        use="Queries that shall find their own key among those of the batch.",
        function=metric.info_nce,
        gradient=metric.info_nce_grad,
        display=r"-\log \frac{e^{c_{ii}/\tau}}{\sum_j e^{c_{ij}/\tau}}",
        display_gradient=r"\frac{\partial}{\partial c_{ij}} = \frac{p_{ij} - 1_{ij}}{\tau}",
        parameters=_temperature(0.1, 0.02),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="nats",
        torch="F.cross_entropy(F.normalize(queries) @ F.normalize(keys).T / temperature, "
        'torch.arange(len(keys)), reduction="none")',
        references=("oord2018cpc",),
        page="similarity/clip",
    ),
    Loss(
        title="CLIP loss",
        aliases=("image-text contrastive loss", "symmetric InfoNCE"),
        use="Images and their texts, each to be found by the other.",
        function=metric.clip,
        gradient=metric.clip_grad,
        display=r"-\tfrac12 \log \frac{e^{c_{ii}/\tau}}{\sum_j e^{c_{ij}/\tau}}"
        r" - \tfrac12 \log \frac{e^{c_{ii}/\tau}}{\sum_j e^{c_{ji}/\tau}}",
        display_gradient=r"\frac{\partial}{\partial c_{ij}}"
        r" = \frac{p_{ij} + q_{ij} - 2 \cdot 1_{ij}}{2\tau}",
        parameters=_temperature(0.07, 0.02),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="nats",
        torch=None,
        references=("radford2021clip",),
        page="similarity/clip",
    ),
    Loss(
        title="NT-Xent",
        aliases=("normalised temperature-scaled cross-entropy", "SimCLR loss"),
        use="Two augmented views of each example, without labels.",
        function=metric.nt_xent,
        gradient=metric.nt_xent_grad,
        display=r"-\log \frac{e^{c_{ij}/\tau}}{\sum_{k \ne i} e^{c_{ik}/\tau}}",
        display_gradient=r"\frac{\partial}{\partial c_{ik}} = \frac{p_{ik} - 1_{k = j}}{\tau}",
        parameters=_temperature(0.5, 0.02),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="nats",
        torch=None,
        references=("chen2020simclr",),
        page="similarity/self-supervised",
    ),
    Loss(
        title="SigLIP loss",
        aliases=("pairwise sigmoid loss", "sigmoid contrastive loss"),
        use="Images and their texts, each pair judged alone: large batches.",
        function=metric.siglip,
        gradient=metric.siglip_grad,
        display=r"\sum_j \log\left(1 + e^{-s_{ij} (c_{ij}/\tau + b)}\right)",
        display_gradient=r"\frac{\partial}{\partial c_{ij}}"
        r" = -\frac{s_{ij}}{\tau}\, \sigma(-s_{ij} (c_{ij}/\tau + b))",
        parameters=MappingProxyType(
            {
                **_temperature(0.1, 0.05),
                "bias": Parameter(
                    symbol=sympy.Symbol("b", real=True),
                    default=-10.0,
                    domain=REALS,
                    unit="none",
                    meaning="what is added to each logit: how rare a match is",
                    examples=(-10.0, 0.0),
                ),
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="nats",
        torch=None,
        references=("zhai2023siglip",),
        page="similarity/clip",
    ),
    Loss(
        title="Supervised contrastive loss",
        aliases=("SupCon", "L_out"),
        use="Labelled examples, of which each class shall form a cluster.",
        function=metric.supervised_contrastive,
        gradient=metric.supervised_contrastive_grad,
        display=r"-\frac{1}{\lvert P_i \rvert} \sum_{p \in P_i}"
        r" \log \frac{e^{c_{ip}/\tau}}{\sum_{a \ne i} e^{c_{ia}/\tau}}",
        display_gradient=r"\frac{\partial}{\partial c_{ia}}"
        r" = \frac{1}{\tau} \left(p_{ia} - \frac{[a \in P_i]}{\lvert P_i \rvert}\right)",
        parameters=_temperature(0.1, 0.02),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="nats",
        torch=None,
        references=("khosla2020supcon",),
        page="similarity/clip",
    ),
    Loss(
        title="ArcFace",
        aliases=("additive angular margin loss", "angular margin softmax"),
        use="Recognising faces, whose classes must also be compact.",
        function=metric.arcface,
        gradient=metric.arcface_grad,
        display=r"-\log \frac{e^{s \cos(\theta_y + m)}}"
        r"{e^{s \cos(\theta_y + m)} + \sum_{k \ne y} e^{s c_k}},"
        r"\quad \theta_y = \arccos c_y \le \pi - m",
        display_gradient=r"s\,(p_k - 1_{k = y})\,"
        r"\left(\cos m + \frac{c_y \sin m}{\sqrt{1 - c_y^2}}\right)^{1_{k = y}}",
        parameters=MappingProxyType(
            {
                "margin": Parameter(
                    symbol=_MARGIN,
                    default=0.5,
                    domain=Interval(0, math.pi / 2, low_closed=True, high_closed=True),
                    unit="none",
                    meaning="the angle that is added to the label's, in radians",
                    examples=(0.0, 0.5),
                ),
                "scale": Parameter(
                    symbol=_SCALE,
                    default=64.0,
                    domain=POSITIVE,
                    unit="none",
                    meaning="what the cosines are multiplied by",
                    examples=(16.0, 64.0),
                ),
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-oo, _SCALE),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=sympy.Integer(0),
        robust=False,
        unit="nats",
        torch=None,
        references=("deng2019arcface",),
        page="similarity/arcface",
    ),
    Loss(
        title="VICReg",
        aliases=("variance-invariance-covariance regularisation",),
        use="Two views of each example, without negatives: the spread is asked for.",
        function=metric.vicreg,
        gradient=metric.vicreg_grad,
        display=r"\frac{\lambda}{N} \sum_i \lvert x_i - y_i \rvert^2"
        r" + \sum_{\text{views}} \frac1D \sum_j \Big("
        r"\mu \max\big(0, 1 - \sqrt{C_{jj} + 10^{-4}}\big) + \nu \sum_{k \ne j} C_{jk}^2\Big)",
        display_gradient=r"\frac{2\lambda}{N} (x - y)"
        r" + \frac{1}{D (N - 1)} \Big(4 \nu\, z\, C_{j \ne k}"
        r" - \mu\, [\sigma_j \le 1]\, \frac{z_j}{\sigma_j}\Big)",
        parameters=MappingProxyType(
            {
                "invariance": _weight("lambda", 25.0, "the weight of the views' distance", 1.0),
                "variance": _weight("mu", 25.0, "the weight of the spread that features lack"),
                "covariance": _weight("nu", 1.0, "the weight of features' covariances", 25.0),
            }
        ),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=sympy.Integer(0),
        robust=False,
        unit="none",
        torch=None,
        references=("bardes2022vicreg",),
        page="similarity/self-supervised",
    ),
    Loss(
        title="Barlow Twins",
        aliases=("redundancy reduction loss", "cross-correlation loss"),
        use="Two views of each example, without negatives: features shall not repeat each other.",
        function=metric.barlow_twins,
        gradient=metric.barlow_twins_grad,
        display=r"\sum_j (1 - C_{jj})^2 + \lambda \sum_{j \ne k} C_{jk}^2",
        display_gradient=r"\frac{\partial}{\partial C_{jj}} = 2 (C_{jj} - 1),\quad"
        r" \frac{\partial}{\partial C_{jk}} = 2 \lambda C_{jk}",
        parameters=MappingProxyType(
            {"redundancy": _weight("lambda", 0.005, "the weight of different features", 1.0)}
        ),
        range=NON_NEGATIVE,
        gradient_range=(-oo, oo),
        elicits=None,
        at_chance=None,
        convex=False,
        smoothness=oo,
        robust=False,
        unit="none",
        torch=None,
        references=("zbontar2021barlow",),
        page="similarity/self-supervised",
    ),
)
