"""The log of what people did about customers at risk, and what came of it.

The log is kept for good, so its stored columns must stay readable.

- `log`: the log itself.
- `customers`: looks up a customer.
- `imports`: reads many outcomes from a file (`files`, `workbook`).
- `commands`: what `churn outcome` does.
"""
