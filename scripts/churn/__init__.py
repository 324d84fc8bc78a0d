"""The Python side of the churn early-warning system: what SQL cannot do."""
