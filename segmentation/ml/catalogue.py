"""What is predicted, from what, against what: one row per model. Nothing gives scores that has no row."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model. `label` says what counts as 1, `bar` what it must show before its scores are used."""

    task: str
    features: str
    label: str
    estimator: str
    baseline: str
    metric: str
    bar: str


_BEATS = (
    "95\u00a0% paired interval of the log loss below the baseline's on the newest closed window"
)

CATALOGUE: dict[str, Row] = {
    row.task: row
    for row in (
        Row(
            task="PURCHASE",
            features="features.MODEL_FEATURES at the cut-off; customers active in the last 365 days",
            label="an order in the 30 days after the cut-off",
            estimator="segmentation.ml.estimators.propensity",
            baseline="segmentation.ml.estimators.baselines.RecencyRule",
            metric="log loss; AUC, Brier and ECE are reported",
            bar=_BEATS,
        ),
        Row(
            task="CHURN",
            features="features.MODEL_FEATURES at the cut-off; customers active in the last 365 days",
            label="no order in the 90 days after the cut-off (the complement of a purchase)",
            estimator="segmentation.ml.estimators.propensity",
            baseline="segmentation.ml.estimators.baselines.RecencyRule",
            metric="log loss; AUC, Brier and ECE are reported",
            bar=_BEATS,
        ),
        Row(
            task="RESPONSE",
            features="features.MODEL_FEATURES when the campaign was frozen; customers who were sent it",
            label="an order in the outcome window of a delivery",
            estimator="segmentation.ml.estimators.response",
            baseline="the rate of all who were sent the campaign",
            metric="log loss; AUC is reported",
            bar=_BEATS,
        ),
        Row(
            task="UPLIFT",
            features="features.MODEL_FEATURES when the campaign was frozen; sent and held out alike",
            label="what the customer was worth in the outcome window, with the logged probability",
            estimator="segmentation.ml.estimators.uplift",
            baseline="the same effect for everybody",
            metric="profit of the policy on the holdout, in cents per customer; Qini is reported",
            bar="95\u00a0% interval of the profit above that of the best simple policy, else that policy",
        ),
        Row(
            task="RFM",
            features="recency_days, orders, net_revenue_cents",
            label="none: quintiles and named rules",
            estimator="segmentation.ml.estimators.rfm",
            baseline="none",
            metric="none",
            bar="none: it describes and predicts nothing",
        ),
        Row(
            task="CLUSTERS",
            features="log1p of recency_days, orders, net_revenue_cents, standardised",
            label="none",
            estimator="segmentation.ml.estimators.clusters",
            baseline="the RFM groups",
            metric="silhouette times adjusted Rand index of bootstrap refits; between equals Davies-Bouldin, "
            "Calinski-Harabasz and the elbow",
            bar="no cluster below 5\u00a0% of the customers; a known division stays until another is a quarter better",
        ),
        Row(
            task="FIRST",
            features="first_purchase.inputs: the lines of the first order, and nothing later",
            label="the segment of all orders within a horizon of up to 365 days after the first",
            estimator="segmentation.ml.first_purchase.model",
            baseline="the shares of the segments among all customers",
            metric="log loss; accuracy, top two and ECE are reported",
            bar="95\u00a0% paired interval of the log loss below the baseline's on held-out customers",
        ),
        Row(
            task="SENTIMENT",
            features="the text of a review: three lexicons and n-grams",
            label="its stars: 1 and 2 negative, 3 neutral, 4 and 5 positive",
            estimator="segmentation.ml.sentiment.model",
            baseline="the shipped model; and the usual shares of the three",
            metric="log loss of the three classes; macro-F1 and AUC are reported",
            bar="95\u00a0% paired interval of the log loss below both on the newest fifth of the rated texts",
        ),
    )
}
