"""What people did about customers at risk, and what came of it.

- `log`: the log itself, kept for good.
- `customers`: whether there is such a customer.
- `imports`: many outcomes from a file.
- `commands`: what `churn outcome` does.
"""
