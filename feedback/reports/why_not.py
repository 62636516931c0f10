"""What is not compared for a kind of model, and why: said where the comparison would stand."""

from __future__ import annotations

from segmentation.enums import Task


FAIRNESS = {
    Task.CLUSTERS: "Clusters predict nothing of anybody, so there is no error to compare by group. What is made of a declared "
    "field is not among their features.",
    Task.FIRST_PURCHASE: "It names one of several segments, none of which is better than another, so there is nobody selected "
    "to compare by group. A declared country is not read.",
    Task.RECOMMEND: "It orders products for each customer and chooses no customers, so there is nobody selected to compare by "
    "group. It reads purchases and nothing about a person.",
    Task.SENTIMENT: "It reads texts and not who wrote them, so groups of customers are not compared.",
}
"""Why groups are not compared at all."""

NO_OUTCOME = {
    Task.UPLIFT: "Nobody is both mailed and not, so errors cannot be told by group: only who is selected is compared.",
    Task.LIFETIME: "Selected means the best fifth by expected spend; found, those of them who ordered.",
}
"""What of the comparison means something else, or is left out."""

WAYS = {
    Task.RESPONSE: "Learned anew from all closed campaigns at every training: they are few, and none is forgotten. A warm start "
    "or a blend needs past windows to be compared on, which campaigns are too few for.",
    Task.UPLIFT: "Learned anew from all closed campaigns at every training: effects are small, and every round is needed to tell "
    "them from noise. A warm start would learn from the newest alone.",
    Task.LIFETIME: "Learned anew from all past windows at every training. A window of a year leaves none that the model before "
    "has not seen part of, so there is nothing to compare a warm start or a blend on.",
    Task.CLUSTERS: "Fitted anew every four weeks; clusters keep their number and name where most customers are the same.",
    Task.FIRST_PURCHASE: "Fitted anew every four weeks, because its segments are; two versions have no common truth.",
    Task.RECOMMEND: "The weights are learned anew every four weeks; how products go together is learned at every run.",
    Task.SENTIMENT: "Learned anew from all rated texts, and mixed with the shipped model by how many there are: old and new "
    "texts count alike.",
}
"""Why one way of retraining stands alone."""
